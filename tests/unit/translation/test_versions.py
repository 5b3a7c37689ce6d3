"""Versions of a mapping side by side: each message is read by the one that it was translated with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lxml import etree

from broker.errors import ConfigurationError, TranslationError
from broker.translation.mapping_file import load_profile
from broker.translation.mapping_lock import write_lock
from broker.translation.translator import EnvelopeContext, Translator
from tests.support.documents import canonical
from tests.support.sides import SCHEMAS, copied_schemas

NAME = "fi-findata-1"
OLD, NEW = "2026-11", "2027-03"
LINE = '"content/reason" = { copy = "sisalto/perustelu" }'
ANNEXED = '"content/reason" = { annex = "of late" }'
EXAMPLE = Path(__file__).parents[2] / "data" / "eu-1" / "StatusUpdate.xml"
REASON = "Évaluation commencée"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """Two versions: in the new one a field that used to be copied goes to the annex."""
    copy = copied_schemas(tmp_path)
    present, former = copy / "mappings" / NAME, copy / "mappings" / f"{NAME}@{OLD}"
    shutil.copytree(present, former)
    (present / f"{OLD}.lock.json").unlink()
    replace(present / "messages.toml", f'version = "{OLD}"', f'version = "{NEW}"')
    replace(
        present / "status.toml",
        LINE,
        f'{ANNEXED}\n\n[national]\n"sisalto/perustelu" = {{ carried = "x", source = "y" }}',
    )
    lines = (present / "status.toml").read_text("utf-8").splitlines()
    moved = [line for line in lines if line.startswith('"content/unknown')]
    kept = [line for line in lines if line not in moved]
    (present / "status.toml").write_text(
        "\n".join([*kept[: kept.index(ANNEXED)], *moved, *kept[kept.index(ANNEXED) :]])
    )
    return copy


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), encoding="utf-8")


def example() -> etree._Element:
    root = etree.parse(str(EXAMPLE), etree.XMLParser(remove_blank_text=True)).getroot()
    reason = root.find("{*}content/{*}reason")
    if reason is None:
        content = root.find("{*}content")
        assert content is not None
        reason = etree.SubElement(content, f"{{{etree.QName(root).namespace}}}reason")
    reason.text = REASON
    return root


def test_a_message_is_written_by_the_present_version_or_by_the_one_that_is_named(schemas: Path) -> None:
    translator = Translator.load(schemas, profiles=[NAME])
    assert translator.profiles == (NAME,)
    present, former = translator.write(NAME, example()), translator.write(f"{NAME}@{OLD}", example())
    assert (present.mapping, former.mapping) == (f"{NAME}@{NEW}", f"{NAME}@{OLD}")
    assert present.root.findtext("{*}sisalto/{*}perustelu") is None
    assert former.root.findtext("{*}sisalto/{*}perustelu") == REASON
    home = translator.read(f"{NAME}@{OLD}", former.root, envelope=EnvelopeContext(), carry=former.carry)
    assert canonical(home.root) == canonical(example())


def test_a_report_that_was_kept_is_spelled_out_by_the_version_it_was_made_with(schemas: Path) -> None:
    kept = Translator.load(SCHEMAS, profiles=[NAME]).write(NAME, example()).report.compact()
    later = Translator.load(schemas, profiles=[NAME])
    rows = {str(row["source"]): row for row in later.report(kept).fields()}
    assert (rows["content/reason"]["fate"], rows["content/reason"]["version"]) == ("copied", f"{NAME}/status@{OLD}")
    shutil.rmtree(schemas / "mappings" / f"{NAME}@{OLD}")
    with pytest.raises(TranslationError) as error:
        Translator.load(schemas, profiles=[NAME]).report(kept)
    assert [problem.code for problem in error.value.problems] == ["report-unreadable"]


def test_a_former_version_never_changes(schemas: Path) -> None:
    file = schemas / "mappings" / f"{NAME}@{OLD}" / "status.toml"
    replace(file, LINE, ANNEXED)
    with pytest.raises(ConfigurationError, match=rf"{NAME}@{OLD}/status.toml:\d+: eu content/reason: not as published"):
        Translator.load(schemas, profiles=[NAME])


def test_a_former_version_was_published(schemas: Path) -> None:
    (schemas / "mappings" / f"{NAME}@{OLD}" / f"{OLD}.lock.json").unlink()
    with pytest.raises(ConfigurationError, match="has no lock: it was never published"):
        Translator.load(schemas, profiles=[NAME])


def test_a_version_stands_once(schemas: Path) -> None:
    former = schemas / "mappings" / f"{NAME}@{OLD}"
    shutil.rmtree(schemas / "mappings" / NAME)
    shutil.copytree(former, schemas / "mappings" / NAME)
    with pytest.raises(ConfigurationError, match=f"{NAME}@{OLD} stands in {NAME} already"):
        Translator.load(schemas, profiles=[NAME])


def test_a_folder_is_named_as_what_it_holds(schemas: Path) -> None:
    former = schemas / "mappings" / f"{NAME}@{OLD}"
    former.rename(former.with_name(f"{NAME}@2025-01"))
    with pytest.raises(ConfigurationError, match=f"the folder holds {NAME}@{OLD}; call it {NAME} or {NAME}@{OLD}"):
        Translator.load(schemas, profiles=[NAME])


def test_a_new_version_is_published_by_its_lock(schemas: Path) -> None:
    present = schemas / "mappings" / NAME
    write_lock(load_profile(present), present)
    Translator.load(schemas, profiles=[NAME])
    replace(present / "status.toml", ANNEXED, ANNEXED.replace("annex", "carried").replace(" }", ', source = "z" }'))
    with pytest.raises(ConfigurationError, match=f"not as published in version {NEW}"):
        Translator.load(schemas, profiles=[NAME])
