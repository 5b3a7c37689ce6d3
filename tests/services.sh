#!/bin/sh
# Installs the servers that the tests start for themselves, and the foreign programs (peers) that they are tested with.
# It starts none: tests run private instances on free ports.
set -eu

root=${SERVICES_ROOT:-}
policy=$root/usr/sbin/policy-rc.d

has_file() {
    for found in "$@"; do
        [ -x "$found" ] && return 0
    done
    return 1
}

missing=
has_file "$root"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server || missing="$missing rabbitmq-server"
has_file "$root"/usr/lib/postgresql/*/bin/initdb || missing="$missing postgresql"
has_file "$root"/usr/bin/chromium || missing="$missing chromium"
has_file "$root"/usr/bin/soapcpp2 || missing="$missing gsoap"
has_file "$root"/usr/bin/amqp-publish || missing="$missing amqp-tools"
has_file "$root"/usr/bin/g++ || missing="$missing g++"
has_file "$root"/usr/bin/openssl || missing="$missing openssl"
has_file "$root"/usr/bin/node || missing="$missing nodejs"
has_file "$root"/usr/bin/npm || missing="$missing npm"
[ -e "$root"/usr/include/stdsoap2.h ] || missing="$missing libgsoap-dev"
[ -n "$missing" ] || exit 0

give_up() {
    echo "services: $1; install these Debian packages and run again:$missing" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || give_up "there is no apt-get here"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || give_up "neither root nor sudo without a password"
    as_root=sudo
fi

# Debian starts what it installs unless policy-rc.d says 101. One that is already there is its owner's and stays.
if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi

echo "services: installing$missing"
$as_root apt-get -q update || give_up "apt-get update failed"
# shellcheck disable=SC2086 # the list is split into its words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing ||
    give_up "apt-get install failed"
