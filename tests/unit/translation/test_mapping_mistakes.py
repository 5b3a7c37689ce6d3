"""What somebody gets wrong who edits a mapping: each is named with file, line and the way out, in plain words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from broker.errors import ConfigurationError
from broker.translation import counts, mapping_lock
from broker.translation.mapping_file import load_profile
from broker.translation.translator import Translator
from tests.support.sides import SCHEMAS, copied_schemas

PROFILE = "fr-hdh-1"
REASONS = '"content/reasons" = { copy = "Instruction/decision/motifs" }'
CONDITION = '{ with = "Instruction/decision/condition" }'
ONLY = 'only = ["FRANCE", "FR", "fr", "France"]'
NO_PLACE = '{ annex = "no counterpart in the French file" }'
TITLE = 'split = ["Demande/intitule", "Demande/acronyme"]'
PUBLIC = '{ recode = "Demande/rt/secteurPublic", table = "oui-non" }'
RECEIVED = '"Entete/evenement" = "ACCUSE_RECEPTION"'
ACK = 'parts = ["envelope", "acknowledgement"]'
ANNEX = 'annex = { entry = "AnnexeEU/champ", path = "chemin" }'


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    return copied_schemas(tmp_path, locked=False)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    copy = tmp_path / PROFILE
    shutil.copytree(SCHEMAS / "mappings" / PROFILE, copy)
    return copy


def changed(file: Path, old: str, new: str) -> int:
    """Replace the first place of a text; the number of its line."""
    text = file.read_text(encoding="utf-8")
    assert old in text, old
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def said_on_reading(mapping: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_profile(mapping)
    return str(caught.value)


def said_on_building(schemas: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        Translator.load(schemas, profiles=[PROFILE])
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("decision", REASONS, f"{REASONS}\n{REASONS}", "'content/reasons' stands in line 20 already; leave one"),
        ("decision", REASONS, REASONS.replace("copy", "copie"), "unknown entry 'copie'; did you mean 'copy'?"),
        ("decision", REASONS, '"content/reasons" = "x"', "this must be a table, { … }"),
        ("decision", REASONS, '"content/reasons" = { copy = ["x"] }', "'copy' must be a text"),
        ("decision", REASONS, '"content/reasons" = { copy = 5 }', "'copy' must be a text"),
        ("decision", REASONS, REASONS.replace(" }", ', by = ", " }'), "a 'copy' has no 'by'; it may have 'text', "),
        ("decision", REASONS, REASONS.replace(" }", ', before = ["", "x"] }'), "a 'copy' has no 'before'"),
        ("decision", REASONS, REASONS.replace(" }", ', anchor = "content/kind" }'), "a 'copy' has no 'anchor'"),
        ("decision", REASONS, REASONS.replace(" }", ', review = "why" }'), "the line has no 'otherwise'"),
        ("decision", REASONS, REASONS.replace('"content/reasons"', "“content/reasons”"), "straight here"),
        ("decision", CONDITION, '{ with = ["x"] }', "'with' must be a text"),
        ("decision", CONDITION, '"x"', "this must be a table, { … }"),
        ("decision", 'key = "content/purposes/key"', 'key = ["content/purposes/key"]', "'key' must be a text"),
        ("decision", "[groups]", "[group]", "unknown entry 'group'; did you mean 'groups'?"),
        ("decision", 'family = "decision"', 'family = "decisions"', "the family 'decision'; call it so"),
        ("application", PUBLIC, PUBLIC.replace("recode", "copy"), "a 'copy' has no 'table'"),
        ("application", PUBLIC, PUBLIC.replace(" }", ', text = "yes-no-fr" }'), "a 'recode' has no 'text'"),
        ("application", 'resume", readers = true', 'resume", readers = "yes"', "must be true or false"),
        ("application", NO_PLACE, "{ annex = true }", "'annex' must be a text"),
        ("application", TITLE, 'split = "x"', "'split' must be a list of"),
        ("application", 'before = ["", " — acronyme : "]', 'before = " — "', "'before' must be a list of texts"),
        ("application", ONLY, 'only = "FRANCE"', "'only' must be a list of texts"),
        ("tables/oui-non", '"b" = "NON"', '"b" = "NON"\n"b" = "OUI"', "'b' stands in line 6 already"),
        ("tables/oui-non", "[rows]", "[row]", "unknown entry 'row'; did you mean 'rows'?"),
        ("tables/oui-non", "[rows]", '[severals]\nc = ["PEUT"]\n[rows]', "unknown entry 'severals'; did you mean"),
        ("tables/oui-non", "[rows]", '[several]\nc = "PEUT"\n[rows]', "'c' must be a list of texts"),
        ("tables/oui-non", '"b" = "NON"', '"b" = ["NON"]', "'b' must be a text"),
        ("messages", 'language = "fr"', 'langage = "fr"', "unknown entry 'langage'; did you mean 'language'?"),
        ("messages", 'language = "fr"', 'language = "FR"', "the code of a language in small letters"),
        ("messages", 'version = "2026-11"', 'version = "../2026"', "'version' must be a text of letters, digits"),
        ("messages", 'entry = "AnnexeEU/champ", path = "chemin"', 'entry = "x"', "'annex' must be a table, { entry = "),
        ("messages", ANNEX, 'annex = "AnnexeEU/champ"', "'annex' must be a table, { entry = "),
        ("messages", f"when = {{ {RECEIVED} }}", 'when = "ACCUSE_RECEPTION"', "'when' must be a table of leaves"),
        ("messages", RECEIVED, '"Entete/evenement" = 3', "'when' must be a table of leaves"),
        ("messages", ACK, 'parts = "envelope"', "'parts' must be a list of texts"),
        ("messages", ACK, 'parts = ["acknowledgment"]', "no acknowledgment.toml; did you mean 'acknowledgement'?"),
        ("messages", f'{ACK}\ncontext = "all"', f'{ACK}\ncontext = "every"', ', or "all"'),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_is_named_where_it_stands(mapping: Path, file: str, old: str, new: str, said: str) -> None:
    at = changed(mapping / f"{file}.toml", old, new)
    fault = said_on_reading(mapping)
    assert fault.startswith(f"{PROFILE}/{file}.toml:")
    assert said in fault
    assert at <= int(fault.split(":")[1]) <= at + 1 + new.count("\n")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("decision", "decision/motifs", "decision/motif", "is no leaf of Dossier; did you mean 'Instruction/"),
        ("decision", '"Instruction/decision/motifs"', '"Instruction/decision"', "it has others within, name one of"),
        ("application", 'table = "oui-non"', 'table = "oui-nom"', "no table 'oui-nom'; did you mean 'oui-non'?"),
        ("application", 'text = "day-month-year"', 'text = "yes-no-fr"', "writes 'oui', which is no value of "),
        ("application", 'text = "day-month-year"', 'text = "date"', "there are day-month-year, day-dot-month, "),
        ("messages", RECEIVED, '"Entete/evenement" = "ACCUSE_RECEPTIONS"', "did you mean 'ACCUSE_RECEPTION'?"),
        ("messages", RECEIVED, '"content/kind" = "X"', "'when' names 'content/kind', which is no single leaf"),
        ("messages", 'when_eu = { "content/status" = "', 'when_eu = { "content/status" = "X', "'when_eu' asks for 'X"),
        ("messages", 'path = "chemin"', 'path = "chemins"', "; did you mean 'chemin'?"),
        ("messages", 'entry = "AnnexeEU/champ"', 'entry = "AnnexeEU"', "'AnnexeEU' is no repeated leaf of Dossier"),
        ("messages", 'spoken = "lang"', 'spoken = "langue"', "'spoken': 'langue' is no attribute of "),
        ("messages", 'said = "status"', 'said = "statut"', "'said': 'statut' is no attribute of"),
        ("messages", "envelope/language", "envelope/languages", "'original': 'envelope/languages' is no single leaf"),
        ("messages", "form_translations/translation", "form_translation/translation", "is no repeated element of"),
        ("messages", 'schema = "fr/1/hdh.xsd"', 'schema = "fr/1/hdhh.xsd"', "there is no schema 'fr/1/hdhh.xsd' below"),
    ],
)  # fmt: skip
def test_what_the_schemas_do_not_have_is_named_with_what_may_be_meant(
    schemas: Path, file: str, old: str, new: str, said: str
) -> None:
    changed(schemas / "mappings" / PROFILE / f"{file}.toml", old, new)
    faults = said_on_building(schemas)
    assert any(fault.startswith(f"{PROFILE}/{file}.toml:") and said in fault for fault in faults), faults


def test_a_message_that_is_never_reached_is_named_with_the_one_that_hides_it(schemas: Path) -> None:
    file = schemas / "mappings" / PROFILE / "messages.toml"
    text = file.read_text(encoding="utf-8")
    entry = next(one for one in text.split("\n\n") if RECEIVED in one)
    at = changed(file, entry, f"{entry}\n\n{entry}")
    hidden = at + entry.count("\n") + 2
    told = f"this ApplicationAck is never reached: {PROFILE}/messages.toml:{at} fits first; put the special one first"
    assert said_on_building(schemas) == [f"{PROFILE}/messages.toml:{hidden}: {told}"]


def test_a_file_that_no_message_is_made_of_is_named(mapping: Path) -> None:
    shutil.copy(mapping / "decision.toml", mapping / "decision-new.toml")
    assert said_on_reading(mapping).startswith(f"{PROFILE}/decision-new.toml:1: no message is made of this family")


def test_a_folder_without_messages_is_named(schemas: Path) -> None:
    (schemas / "mappings" / PROFILE / "messages.toml").unlink()
    assert said_on_building(schemas) == [f"{PROFILE}/messages.toml:1: no such mapping file"]


@pytest.mark.parametrize(("encoding", "line", "byte"), [("latin-1", 2, "0xe9"), ("utf-16", 1, "0xff")])
def test_a_file_in_another_encoding_is_named_with_the_line_of_the_first_such_byte(
    mapping: Path, encoding: str, line: int, byte: str
) -> None:
    (mapping / "status.toml").write_bytes("# Statut\n# Déjà vu\n".encode(encoding))
    assert said_on_reading(mapping) == (
        f"{PROFILE}/status.toml:{line}: byte {byte} is not UTF-8; save the file with the encoding UTF-8"
    )


def test_a_byte_order_mark_before_a_mapping_changes_nothing(mapping: Path) -> None:
    before = mapping_lock.lock_of(load_profile(mapping))
    file = mapping / "decision.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert mapping_lock.lock_of(load_profile(mapping)) == before


@pytest.mark.parametrize("lock", ["{", "[]", '{"decision": 5}'])
def test_a_broken_lock_is_named(schemas: Path, lock: str) -> None:
    (schemas / "mappings" / PROFILE / "2026-11.lock.json").write_text(lock, encoding="utf-8")
    assert said_on_building(schemas) == [
        f"{PROFILE}/2026-11.lock.json:1: this is no lock; put back the file that was published with version 2026-11"
    ]


def test_the_build_of_a_copy_can_be_tried(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(schemas / "mappings/fi-findata-1")
    shutil.rmtree(schemas / "mappings/rems-1")
    assert counts.main([str(schemas)]) == 0
    assert "fr-hdh-1  in all" in capsys.readouterr().out
    changed(schemas / "mappings" / PROFILE / "decision.toml", "decision/motifs", "decision/motif")
    assert counts.main([str(schemas)]) == 1
    assert f"{PROFILE}/decision.toml:20: " in capsys.readouterr().err


def test_who_publishes_a_broken_mapping_or_none_is_told(mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mapping_lock.main([]) == 2
    assert capsys.readouterr().err == "usage: python -m broker.translation.mapping_lock DIRECTORY\n"
    changed(mapping / "decision.toml", REASONS, REASONS.replace("copy", "copie"))
    assert mapping_lock.main([str(mapping)]) == 1
    assert f"{PROFILE}/decision.toml:20: " in capsys.readouterr().err
