"""A choice that is said in words alone (Release 7 says it as a plain text): nothing goes by a key, the words are shown.

The label of a choice that has its key explains it, and stays here. Words without a key are all that was said.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from broker.translation.translator import Translation
from tests.support.documents import canonical
from tests.support.examples import way_of

EXAMPLE = Path(__file__).parents[2] / "data" / "eu-1" / "ApplicationSubmitted.xml"
PURPOSE = "content/form/section2/purposeForWhichDataWillBeUsed"
AREA = "content/form/section2/areaOfResearch"
WAY = way_of("eu-1 to fr-hdh-1")
FRENCH = "{urn:hdeu:fr:hdh:1}"


def application(*, without: str) -> etree._Element:
    """The example; every answer at this path is said in the words `in words` alone."""
    root = etree.parse(EXAMPLE, etree.XMLParser(remove_blank_text=True)).getroot()
    answers = root.findall("/".join(f"{{*}}{step}" for step in without.split("/")))
    assert answers
    for answer in answers:
        namespace = etree.QName(answer).namespace
        answer[:] = [etree.Element(f"{{{namespace}}}value")]
        answer[0].text = "in words"
    return root


def annex(done: Translation) -> dict[str, str | None]:
    entries = done.root.iterfind("{*}AnnexeEU/{*}champ")
    return {one.get("chemin", ""): one.text for one in entries}


@pytest.mark.parametrize(("path", "entry"), [(PURPOSE, f"{PURPOSE}[+1]/value"), (AREA, f"{AREA}/value")])
def test_words_without_a_key_are_shown_and_come_home(path: str, entry: str) -> None:
    source = application(without=path)
    there = WAY.there(deepcopy(source))
    assert annex(there)[entry] == "in words"
    rows = [row for row in there.report.fields() if row["source"].startswith(path)]
    assert {(row["fate"], row["reason"].partition(":")[0]) for row in rows} == {("annex", "said in words alone")}
    assert b"in words" not in there.carry
    assert canonical(WAY.home(there.root, there.carry).root) == canonical(source)


def test_the_label_of_a_choice_with_its_key_stays_here() -> None:
    root = etree.parse(EXAMPLE, etree.XMLParser(remove_blank_text=True)).getroot()
    there = WAY.there(root)
    rows = {row["source"]: row["fate"] for row in there.report.fields()}
    assert rows[f"{PURPOSE}[1]/value"] == "carried"
    assert not [path for path in annex(there) if path.startswith(PURPOSE) and path.endswith("/value")]
    assert not [loss for loss in there.sign_off if loss.path.endswith("/value")]


def test_a_fact_with_legal_meaning_in_words_alone_asks_for_a_person() -> None:
    lost = [(loss.id, loss.path, loss.what) for loss in WAY.there(application(without=PURPOSE)).sign_off]
    assert ("purpose", f"{PURPOSE}[1]/value", "downgraded") in lost
    assert not [one for one in WAY.there(application(without=AREA)).sign_off if one.path.startswith(AREA)]


@pytest.mark.parametrize("by", ["its field", "the annex"])
def test_who_gives_the_key_has_the_words_kept_and_not_put_beside_it(by: str) -> None:
    there = WAY.there(application(without=AREA))
    changed = deepcopy(there.root)
    entry = next(one for one in changed.iter(f"{FRENCH}champ") if one.get("chemin") == f"{AREA}/value")
    if by == "the annex":
        key = etree.Element(entry.tag, chemin=f"{AREA}/key")
        key.text = "c"
        entry.addnext(key)
    else:
        purposes = changed.find("{*}Demande/{*}objectifs")
        assert purposes is not None
        area = etree.Element(f"{FRENCH}domaine")
        etree.SubElement(area, f"{FRENCH}code").text = "c"
        purposes.addnext(area)
    assert WAY.target.gate.validate(changed), WAY.target.gate.error_log
    home = WAY.home(changed, there.carry)
    answer = home.root.find("/".join(f"{{*}}{step}" for step in AREA.split("/")))
    assert answer is not None
    assert [(etree.QName(one).localname, one.text) for one in answer] == [("key", "c")]
    assert "annex-path" in {problem.code for problem in home.problems}
    again = WAY.there(home.root, home.carry)
    assert "in words" in annex(again).values()
    assert by == "the annex" or canonical(again.root) == canonical(changed)
