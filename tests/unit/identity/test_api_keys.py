"""API keys are kept as salted hashes and found in constant time."""

import pytest

from adapters.identity.api_keys import ApiKeys, hash_key
from broker.errors import ConfigurationError, Unauthenticated
from broker.model.identity import Role

SALT = bytes(range(16))


def test_a_client_is_known_by_its_key() -> None:
    clients = ApiKeys({"daams": hash_key("key-one", salt=SALT), "catalogue": hash_key("key-two", salt=SALT[::-1])})
    assert clients.identify("key-two").subject == "catalogue"
    assert clients.identify("key-one").roles == {Role.DISPATCHER_CLIENT}


@pytest.mark.parametrize("key", ["", "key-on", "key-one ", "KEY-ONE", "key-one" + "x" * 300, "\udce9"])
def test_a_near_miss_is_nobody(key: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        ApiKeys({"daams": hash_key("key-one", salt=SALT)}).identify(key)
    assert "key-on" not in caught.value.detail


def test_without_clients_every_key_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        ApiKeys({}).identify("anything")


def test_the_kept_form_does_not_show_the_key_and_depends_on_the_salt() -> None:
    kept = hash_key("key-one", salt=SALT)
    assert "key-one" not in kept
    assert kept != hash_key("key-one", salt=SALT[::-1])


@pytest.mark.parametrize("kept", ["key-one", "", "sha256$00$00", "md5$" + "0" * 32 + "$" + "0" * 64])
def test_another_kept_form_is_a_configuration_error_that_does_not_show_it(kept: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ApiKeys({"daams": kept})
    assert not kept or kept not in caught.value.detail
