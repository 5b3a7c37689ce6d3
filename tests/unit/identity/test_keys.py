"""Keys are made once, readable by their owner only, and named by RFC 7638."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.identity.keys import ensure_key, generate, init_keys, load_key, load_ring, rotate_keys, thumbprint
from broker.errors import ConfigurationError


def test_the_thumbprint_is_that_of_rfc_8037_appendix_a_3() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "sig"}
    assert thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_keys_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path, algorithm: str) -> None:
    ring = init_keys(tmp_path / "keys", algorithm)
    assert init_keys(tmp_path / "keys", algorithm).jwks() == ring.jwks()
    files = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert files == ["current.pem", "journal.pem", "next.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert ring.current.algorithm == algorithm


def test_the_published_set_holds_no_private_part(tmp_path: Path) -> None:
    published = init_keys(tmp_path, "ES256").jwks()
    assert all({"kid", "kty", "alg", "use"} <= set(key) and "d" not in key for key in published["keys"])
    assert "PRIVATE" not in json.dumps(published)


def test_rotation_moves_every_key_one_place_on_and_leaves_the_journal_key(tmp_path: Path) -> None:
    first, journal = init_keys(tmp_path), load_key(tmp_path / "journal.pem").id
    second = rotate_keys(tmp_path)
    assert second.previous is not None
    assert (second.previous.id, second.current.id) == (first.current.id, first.next.id)
    assert second.next.id not in {first.current.id, first.next.id}
    assert load_key(tmp_path / "journal.pem").id == journal
    third = rotate_keys(tmp_path)
    assert first.current.id not in {key["kid"] for key in third.jwks()["keys"]}


def test_a_rotation_that_stopped_half_way_is_completed_by_the_next_start(tmp_path: Path) -> None:
    first = init_keys(tmp_path)
    (tmp_path / "current.pem").replace(tmp_path / "previous.pem")
    again = init_keys(tmp_path)
    assert again.previous is not None
    assert again.previous.id == first.current.id
    assert again.next.id == first.next.id


def test_two_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: ensure_key(tmp_path / "current.pem").id, range(16)))
    assert len(ids) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["current.pem"]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    init_keys(tmp_path)
    (tmp_path / "current.pem").chmod(0o640)
    with pytest.raises(ConfigurationError, match="0600"):
        load_ring(tmp_path)


def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    pem = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"not a key", pem):
        path = tmp_path / "current.pem"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(ConfigurationError) as caught:
            load_key(path)
        assert "not a key" not in caught.value.detail
        assert str(tmp_path) not in caught.value.detail


def test_a_missing_key_and_an_unknown_algorithm_are_configuration_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"current\.pem"):
        load_ring(tmp_path)
    with pytest.raises(ConfigurationError, match="EdDSA, ES256"):
        generate("RS256")
