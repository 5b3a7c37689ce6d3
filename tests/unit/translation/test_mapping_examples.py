"""The page about the mapping language: each example is parsed, found in the mappings, and does what the page says."""

from __future__ import annotations

import re
import shutil
import tomllib
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from broker.errors import ConfigurationError
from broker.translation import mapping_entries
from broker.translation.mapping_file import KINDS
from broker.translation.translator import EnvelopeContext, Translator
from tests.support.sides import SCHEMAS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "mapping-language.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
MAPPINGS = SCHEMAS / "mappings"
ABSENT = "(absent)"


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def quoted() -> list[tuple[str, str]]:
    """Examples that name the file they are taken from."""
    heads = [(re.match(r"# (\S+\.toml)\n", text), text) for text in blocks("toml")]
    return [(head[1], text[head.end() :]) for head, text in heads if head]


def parsed(text: str) -> dict[str, object]:
    """A block as TOML; a leaf that has a line and a group stands in two tables of its file."""
    lines = text.splitlines(keepends=True)
    groups = [line for line in lines if re.match(r'"[^"]+" = \{ (with|key) =', line)]
    rest = "".join(line for line in lines if line not in groups)
    return {**tomllib.loads(rest), **tomllib.loads("".join(groups))}


def test_every_example_of_the_page_is_toml() -> None:
    assert len(blocks("toml")) > 10
    for text in blocks("toml"):
        assert parsed(text), text


@pytest.mark.parametrize(("file", "text"), quoted(), ids=[f"{number}-{row[0]}" for number, row in enumerate(quoted())])
def test_an_example_stands_in_the_mapping_that_it_names(file: str, text: str) -> None:
    shipped = (MAPPINGS / file).read_text("utf-8").splitlines()
    assert [line for line in text.splitlines() if line not in shipped] == []


def test_the_page_explains_every_word_of_the_language() -> None:
    for word in (
        *KINDS,
        *mapping_entries.FAMILY,
        *mapping_entries.MESSAGE,
        "otherwise",
        "alone",
        "anchor",
        "only",
        "national_key",
        "ambiguous",
        "several",
    ):
        assert re.search(rf"\b{word}\b", PAGE), word


@cache
def translator() -> Translator:
    return Translator.load(SCHEMAS)


def place(root: etree._Element, path: str) -> etree._Element | None:
    return root.find("/".join(f"{{*}}{step}" for step in path.split("/")))


def annexed(profile: str, root: etree._Element, path: str) -> str:
    annex = translator().compiled(profile).profile.annex
    assert annex is not None
    entries = root.findall("/".join(f"{{*}}{step}" for step in annex.entry.split("/")))
    return next((one.text or "" for one in entries if one.get(annex.path) == path), ABSENT)


def said(profile: str, root: etree._Element, path: str) -> str:
    if path.startswith("annex "):
        return annexed(profile, root, path.removeprefix("annex "))
    found = place(root, path)
    return ABSENT if found is None else found.text or ""


@pytest.mark.parametrize("text", blocks("effect"))
def test_an_effect_is_what_the_translation_does_there_and_back(text: str) -> None:
    head, *rows = text.splitlines()
    profile, message = head.split()
    facts = [tuple(row.rsplit(": ", 1)) for row in rows]
    if not facts[0][0].startswith(("content/", "envelope/")):
        effect_of_reading(profile, message, facts)
        return
    given = [(path, value) for path, value in facts if path.startswith(("content/", "envelope/"))]
    document = etree.parse(str(ROOT / "tests/data/eu-1" / f"{message}.xml")).getroot()
    for path, value in given:
        element = place(document, path)
        assert element is not None, path
        element.text = value
    written = translator().write(profile, document)
    for path, value in facts[len(given) :]:
        assert said(profile, written.root, path) == value, path
    back = translator().read(profile, written.root, envelope=EnvelopeContext(), carry=written.carry)
    for path, value in given:
        assert said(profile, back.root, path) == value, path


def effect_of_reading(profile: str, message: str, facts: list[tuple[str, ...]]) -> None:
    """The same where the national side speaks first; it comes home."""
    given = [(path, value) for path, value in facts if not path.startswith(("content/", "problem ", "sign-off "))]
    document = etree.parse(str(ROOT / "tests/data" / profile / f"{message}.xml")).getroot()
    for path, value in given:
        element = place(document, path)
        assert element is not None, path
        element.text = value
    back = translator().read(profile, document, envelope=EnvelopeContext())
    named = {f"problem {problem.code}: {problem.path}" for problem in back.problems}
    named |= {f"sign-off {loss.id}: {loss.path}" for loss in back.sign_off}
    assert named == {": ".join(row) for row in facts if row[0].startswith(("problem ", "sign-off "))}
    for path, value in facts:
        if path.startswith("content/"):
            assert said(profile, back.root, path) == value, path
    home = translator().write(profile, back.root, carry=back.carry)
    for path, value in given:
        assert said(profile, home.root, path) == value, path


@pytest.mark.parametrize("text", blocks("mistake"))
def test_a_mistake_is_told_in_the_words_of_the_page(tmp_path: Path, text: str) -> None:
    schemas = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, schemas)
    head, *rows = text.splitlines()
    name = head.removeprefix("in ")
    before, after, told = (["".join(row[2:]) for row in rows if row.startswith(mark)] for mark in "-+!")
    file = schemas / "mappings" / name
    was = file.read_text("utf-8")
    assert was.count(before[0]) == 1
    change = (f"{before[0]}\n", "") if not after else (before[0], after[0])
    file.write_text(was.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        Translator.load(schemas, profiles=[name.partition("/")[0]])
    assert told
    assert not set(told) - set(str(error.value).splitlines())
