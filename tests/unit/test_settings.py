"""A configuration that cannot be right is refused at the start, with the key that is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from broker.errors import ConfigurationError
from broker.settings import AccessPointSection, Settings, load_settings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HDEU_CONFIG", raising=False)


def with_webhook(monkeypatch: pytest.MonkeyPatch, environment: str, url: str) -> None:
    monkeypatch.setenv("HDEU_ENVIRONMENT", environment)
    monkeypatch.setenv("HDEU_BACKENDS__HDH__KIND", "webhook")
    monkeypatch.setenv("HDEU_BACKENDS__HDH__PROFILE", "fr-hdh-1")
    monkeypatch.setenv("HDEU_BACKENDS__HDH__URL", url)


def test_in_production_no_document_crosses_a_network_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with_webhook(monkeypatch, "production", "http://cases.example.org/in")
    with pytest.raises(ConfigurationError, match=r"backends\.hdh\.url"):
        load_settings()


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ("production", "https://cases.example.org/in"),
        ("production", "http://127.0.0.1:9000/in"),
        ("production", "http://[::1]:9000/in"),
        ("development", "http://cases.example.org/in"),
    ],
)
def test_encrypted_local_and_trial_webhooks_are_taken(
    monkeypatch: pytest.MonkeyPatch, environment: str, url: str
) -> None:
    with_webhook(monkeypatch, environment, url)
    assert load_settings().backends["hdh"].url == url


def test_the_mock_is_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_ENVIRONMENT", "production")
    monkeypatch.setenv("HDEU_ACCESS_POINT__CENTRAL_PARTY", "mock-eu")
    with pytest.raises(ConfigurationError, match="mock EU node"):
        load_settings()


def test_every_wrong_key_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_API__PORT", "http")
    monkeypatch.setenv("HDEU_WORK__LEASE", "long")
    with pytest.raises(ConfigurationError) as told:
        load_settings()
    assert {line.partition(":")[0] for line in str(told.value).splitlines()} == {"api.port", "work.lease"}


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("HDEU_DATABASE_URL", "HDEU_DATABASE__URL"),
        ("HDEU_WROK__SWEEP", "HDEU_WORK__SWEEP"),
        ("HDEU_API_PORT", "HDEU_API__PORT"),
        ("HDEU_ACCESS_POINT_PASSWORD", "HDEU_ACCESS_POINT__PASSWORD"),
        ("HDEU_BACKEND__HDH__SECRET", "HDEU_BACKENDS__HDH__SECRET"),
        ("hdeu_enviroment", "HDEU_ENVIRONMENT"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "8080")
    with pytest.raises(ConfigurationError) as told:
        load_settings()
    assert str(told.value) == f"{variable.upper()}: no setting is called so; the nearest is {meant}"


def test_a_variable_that_is_like_no_setting_is_refused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_COLOUR", "green")
    with pytest.raises(ConfigurationError, match=r"^HDEU_COLOUR: no setting is called so$"):
        load_settings()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[labour]\nsweep = 1", "labour: no setting is called so"),
        ("[work]\nsweap = 1", "work.sweap: no setting is called so; the nearest is work.sweep"),
        (
            '[backends.hdh]\nkind = "pull"\nprofile = "fr-hdh-1"\ncatalog = []',
            "backends.hdh.catalog: no setting is called so; the nearest is backends.hdh.catalogs",
        ),
        (
            '[[clients]]\nname = "a"\nkeyhash = "x"\nkey_hash = "x"',
            "clients.0.keyhash: no setting is called so; the nearest is clients.0.key_hash",
        ),
    ],
)
def test_a_misspelt_key_of_the_file_is_refused_with_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    file = tmp_path / "node.toml"
    file.write_text(written, "utf-8")
    monkeypatch.setenv("HDEU_CONFIG", str(file))
    with pytest.raises(ConfigurationError) as told:
        load_settings()
    assert str(told.value) == said


def test_misspelt_variables_and_wrong_values_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_DATADIR", "/srv")
    monkeypatch.setenv("HDEU_WORK__LEASE", "long")
    with pytest.raises(ConfigurationError) as told:
        load_settings()
    assert [line.partition(":")[0] for line in str(told.value).splitlines()] == ["HDEU_DATADIR", "work.lease"]


def test_what_kubernetes_says_of_services_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("HDEU", "HDEU_API", "HDEU_MOCK_EU"):
        monkeypatch.setenv(f"{service}_SERVICE_HOST", "10.0.0.7")
        monkeypatch.setenv(f"{service}_SERVICE_PORT", "8080")
        monkeypatch.setenv(f"{service}_SERVICE_PORT_HTTP", "8080")
        monkeypatch.setenv(f"{service}_PORT", "tcp://10.0.0.7:8080")
        for name, value in (
            ("", "tcp://10.0.0.7:8080"),
            ("_PROTO", "tcp"),
            ("_PORT", "8080"),
            ("_ADDR", "10.0.0.7"),
        ):
            monkeypatch.setenv(f"{service}_PORT_8080_TCP{name}", value)
    assert load_settings().api.port == 8080


@pytest.mark.parametrize("name", ["embedded", "france", "finland", "eu-https"])
def test_every_shipped_configuration_can_be_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_CONFIG", str(Path(__file__).parents[2] / "config" / f"{name}.toml"))
    assert load_settings().access_point.kind == ("eu-https" if name == "eu-https" else "domibus-ws")


GOOD = {"kind": "eu-https", "url": "https://there.example.org/eu-https", "party": "a", "central_party": "b"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"party": ""}, "party, central_party"),
        ({"central_party": "a"}, "party, central_party"),
        ({"url": "http://there.example.org/eu-https"}, "url: eu-https goes over https"),
        ({"jwks_url": "http://there.example.org/keys"}, "jwks_url: eu-https goes over https"),
        ({"counterpart": "body"}, "poll: a body hands its messages over itself"),
        ({"kind": "domibus-ws", "counterpart": "body"}, "by eu-https only"),
    ],
)
def test_eu_https_is_refused_where_it_could_not_be_trusted(changes: dict[str, str], said: str) -> None:
    section = AccessPointSection.model_validate(GOOD)
    assert Settings(access_point=section).access_point.kind == "eu-https"
    with pytest.raises(ValidationError, match=said):
        Settings(access_point=AccessPointSection.model_validate({**GOOD, **changes}))


def test_a_client_is_confined_to_a_back_end_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with_webhook(monkeypatch, "development", "https://cases.example.org/in")
    for backend, known in (("hdh", True), ("", True), ("hdx", False)):
        monkeypatch.setenv("HDEU_CLIENTS", f'[{{"name": "daams", "key_hash": "x", "backend": "{backend}"}}]')
        if known:
            assert load_settings().clients[0].backend == backend
        else:
            with pytest.raises(ConfigurationError, match="hdx is no back end of this node"):
                load_settings()


def test_what_is_wrong_with_the_whole_is_said_in_plain_words(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    both = "".join(f'[backends.{name}]\nkind = "pull"\nprofile = "fr-hdh-1"\n' for name in "ab")
    file.write_text(f'[node]\nname = "fr"\n{both}', "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert str(caught.value) == "backends: only one back end can be the default"


def test_a_file_that_was_read_once_is_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("[api]\nport = 9123\n", "utf-8")
    before = dict(os.environ)
    assert load_settings(file).api.port == 9123
    assert load_settings().api.port == Settings().api.port == 8080
    assert dict(os.environ) == before


UNUSABLE = {
    "and there is no such file": lambda _: None,
    "which is a directory: name the file in it": lambda file: file.mkdir(),
    "which is not TOML: Expected '=' after a key in a key/value pair (at line 2, column 6)": lambda file: (
        file.write_text("# a node\nport 1\n", "utf-8")
    ),
    "which is not UTF-8 (line 2): TOML is written in UTF-8": lambda file: file.write_bytes(b"# a node\n# caf\xe9\n"),
    "which cannot be read: Not a directory": lambda file: (file.parent.rmdir(), file.parent.write_text("", "utf-8")),
}


@pytest.mark.parametrize("problem", UNUSABLE)
def test_a_file_that_cannot_be_used_is_told_by_what_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    file = tmp_path / "folder" / "node.toml"
    file.parent.mkdir()
    UNUSABLE[problem](file)
    monkeypatch.setenv("HDEU_CONFIG", "urn:example:another")
    with pytest.raises(ConfigurationError) as told:
        load_settings(str(file))
    assert str(told.value) == f"--config names {file}, {problem}"
    monkeypatch.setenv("HDEU_CONFIG", str(file))
    with pytest.raises(ConfigurationError) as told:
        load_settings()
    assert str(told.value) == f"HDEU_CONFIG names {file}, {problem}"


def test_a_file_that_may_not_be_read_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigurationError, match=r"^--config names .*, which cannot be read: Permission denied$"):
        load_settings(tmp_path / "node.toml")


def test_an_empty_option_is_no_file_and_an_empty_variable_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDEU_CONFIG", "")
    assert load_settings() == Settings()
    with pytest.raises(ConfigurationError, match=r"^--config names no file$"):
        load_settings("")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("[api]\nport = 9124\n", "utf-8-sig")
    assert load_settings(file).api.port == 9124
