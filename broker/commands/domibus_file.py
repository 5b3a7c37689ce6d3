"""The traps of `domibus.properties`: how often its workers run, and switches that lose what we count on.

A property that the file does not name has Domibus's own default (`domibus-default.properties`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

from broker.commands.cron import longest_wait
from broker.commands.findings import Finding, fails, unknown, works
from broker.commands.pmode_legs import shortest_retry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lxml import etree

_RETRY: Final = "domibus.msh.retry.cron"
_RETENTION: Final = "domibus.retentionWorker.cronExpression"
_MOST: Final = "domibus.retentionWorker.message.retention.downloaded.max.delete"
_LOSES: Final = "domibus.sendMessage.failure.delete.payload"
_OPEN: Final = "domibus.auth.unsecureLoginAllowed"
_EXPIRES: Final = "domibus.plugin.passwordPolicy.expiration"
_AUDIT: Final = "domibus.nonrepudiation.audit.active"
_TOLD: Final = "domibus.plugin.notification.active"
_PATTERN: Final = "domibus.sendMessage.messageIdPattern"
_DEFAULTS: Final = {
    _AUDIT: "true",
    _TOLD: "true",
    _PATTERN: r"^[\x20-\x7E]*$",
    _RETRY: "0/30 * * * * ?",
    _RETENTION: "0 0/1 * * * ?",
    _MOST: "50",
    _LOSES: "false",
    _OPEN: "true",
    _EXPIRES: "90",
}
#: Switch → the finding, what is lost where it is off, and what holds where it is on.
_SWITCHES: Final = {
    _AUDIT: ("kept receipts", "signed receipts are not kept, and cannot be fetched", "signed receipts are kept"),
    _TOLD: (
        "status notifications",
        "the plugin is not told when a message arrived or failed, and can push nothing of it",
        "the plugin is told when a message arrived or failed",
    ),
}
_USUAL_RETRY: Final = 180.0  #: seconds: `12;4;CONSTANT`, where no PMode is given
_HOUR: Final = 3600.0


def domibus_findings(
    found: Mapping[str, str] | None, pmode: etree._Element | None, node: str = "node"
) -> list[Finding]:
    """What the file says of the workers, of failed messages, of receipts, ids, strangers and the user's password.

    `node` is the node's name, which stands in its message ids.
    """
    if found is None:
        return [unknown("domibus.properties", "give the access point's file with --domibus domibus.properties")]

    def said(name: str) -> str:
        return found.get(name) or _DEFAULTS[name]

    switches = [_switched_on(said, name, *words) for name, words in _SWITCHES.items()]
    return [
        _retry(said, pmode),
        _retention(said),
        _restoring(said),
        *switches,
        _message_ids(said, node),
        _strangers(said),
        _password(said),
    ]


def _retry(said: Callable[[str], str], pmode: etree._Element | None) -> Finding:
    name, expression = "retry worker", said(_RETRY)
    wait, wanted = longest_wait(expression), shortest_retry(pmode) or _USUAL_RETRY
    if wait is None:
        return unknown(name, f"{_RETRY}={expression} is not read here: it should run each 30 seconds")
    if wait > wanted:
        return fails(
            name,
            f"it runs each {wait:g} seconds, and the PMode wants a try each {wanted:g}: tries are left out and "
            f"messages fail early: set {_RETRY}={_DEFAULTS[_RETRY]}",
        )
    return works(name, f"it runs each {wait:g} seconds")


def _retention(said: Callable[[str], str]) -> Finding:
    name, expression = "retention worker", said(_RETENTION)
    wait = longest_wait(expression)
    if wait is None:
        return unknown(name, f"{_RETENTION}={expression} is not read here: it should run each minute")
    if wait > _HOUR:
        return fails(
            name,
            f"it runs each {wait:g} seconds and deletes at most {said(_MOST)} messages at a time: personal data stay "
            f"longer than the PMode says: set {_RETENTION}={_DEFAULTS[_RETENTION]}",
        )
    return works(name, f"it runs each {wait:g} seconds and deletes at most {said(_MOST)} messages at a time")


def _restoring(said: Callable[[str], str]) -> Finding:
    name = "restoring"
    if said(_LOSES).lower() == "true":
        return fails(name, f"what could not be sent loses its payload and can never be restored: set {_LOSES}=false")
    return works(name, "what could not be sent keeps its payload")


def _switched_on(said: Callable[[str], str], name: str, finding: str, lost: str, fine: str) -> Finding:
    if said(name).lower() == "false":
        return fails(finding, f"{lost}: set {name}=true")
    return works(finding, fine)


def _message_ids(said: Callable[[str], str], node: str) -> Finding:
    """Ours are a UUID and the node's name; a properties file doubles its backslashes."""
    name, pattern = "message ids", said(_PATTERN).replace("\\\\", "\\")
    try:
        fits = re.search(pattern, f"{UUID(int=0)}@{node}")
    except re.error:
        return unknown(name, f"{_PATTERN}={pattern} is not read here: it must let UUID@{node} pass")
    if fits is None:
        return fails(name, f"{_PATTERN}={pattern} refuses every id of ours (UUID@{node}): set {_DEFAULTS[_PATTERN]}")
    return works(name, f"UUID@{node} passes")


def _strangers(said: Callable[[str], str]) -> Finding:
    name = "anonymous login (file)"
    if said(_OPEN).lower() != "false":
        return fails(name, f"anybody may send and fetch, by Domibus's own default: set {_OPEN}=false")
    return works(name, "credentials are asked for")


def _password(said: Callable[[str], str]) -> Finding:
    name, days = "plugin user's password", said(_EXPIRES)
    if days == "0":
        return works(name, "it does not expire")
    return unknown(
        name, f"it expires {days} days after it was set ({_EXPIRES}), and then every call is refused: note the day"
    )
