"""What a complete form has: the rules against the schema, the examples against the rules, one field away at a time."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from lxml import etree

from broker.errors import ConfigurationError, Problem
from broker.translation.completeness import NEWEST, Rule, RuleSet, load_rules, missing
from broker.translation.translator import EnvelopeContext
from tests.support.sides import SCHEMAS, side, translator

DATA = Path(__file__).parents[2] / "data"
MODEL = side("eu/1/eu.xsd").model
RULES = load_rules(SCHEMAS / "completeness", NEWEST)
ACCESS, REQUEST = DATA / "eu-1/ApplicationSubmitted.xml", DATA / "eu-1/variants/DataRequest.xml"
EU = "{urn:hdeu:eu:1}"
#: Every field of every rule, by form.
DUE = [
    (form, rule, field)
    for form in ("access", "request")
    for rule in RULES.rules
    for field in rule.fields
    if rule.form in {"", form}
]
EACH = [(form, rule, field) for form, rule, field in DUE if rule.how != "one"]
ONE = [(form, rule, field) for form, rule, field in DUE if rule.how == "one"]
TICKED = [(form, rule, field) for form, rule, field in DUE if field in rule.ticks]


def form_of(kind: str) -> etree._Element:
    return etree.parse(str(ACCESS if kind == "access" else REQUEST)).getroot()


def paths(root: etree._Element, rules: RuleSet = RULES) -> list[str]:
    return [problem.path for problem in missing(root, rules)]


def steps(field: str) -> str:
    return "/".join(f"{EU}{step.removesuffix('[]')}" for step in f"content/{field}".split("/"))


def take_away(root: etree._Element, field: str) -> int:
    found = root.findall(steps(field))
    for element in found:
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    return len(found)


@pytest.mark.parametrize("name", ["release-6", "release-7"])
def test_every_field_of_the_rules_stands_in_the_schema_and_repeats_where_they_say_so(name: str) -> None:
    for rule in load_rules(SCHEMAS / "completeness", name).rules:
        for field in (*rule.fields, *(rule.when.fields if rule.when else ())):
            around, path = field.split("/")[:-1], "content"
            for step in around:
                path += f"/{step.removesuffix('[]')}"
                element = MODEL.at("ApplicationSubmitted", path)
                assert element is not None, field
                assert element.repeats is step.endswith("[]"), field
            assert MODEL.at("ApplicationSubmitted", f"{path}/{field.split('/')[-1]}") is not None, field
        assert rule.source


def test_the_newer_release_asks_for_all_that_the_older_one_asks_for() -> None:
    older = load_rules(SCHEMAS / "completeness", "release-6")
    assert RULES.rules[: len(older.rules)] == older.rules
    assert len(RULES.rules) > len(older.rules)


@pytest.mark.parametrize("kind", ["access", "request"])
def test_a_full_example_lacks_nothing(kind: str) -> None:
    root = form_of(kind)
    side("eu/1/eu.xsd").gate.assertValid(root)
    assert paths(root) == []


@pytest.mark.parametrize("path", sorted((DATA / "eu-1/variants").glob("*.xml")), ids=lambda path: path.stem)
def test_an_example_of_another_applicant_lacks_nothing(path: Path) -> None:
    assert paths(etree.parse(str(path)).getroot()) == []


def test_a_full_national_example_lacks_nothing() -> None:
    dossier = etree.parse(str(DATA / "fr-hdh-1/ApplicationOriginated.xml")).getroot()
    assert paths(translator().read("fr-hdh-1", dossier, envelope=EnvelopeContext()).root) == []


def holders(root: etree._Element, field: str) -> list[etree._Element]:
    """What a field stands in, made where it is not there."""
    found = [root[-1]]
    for step in field.split("/")[:-1]:
        name = f"{EU}{step.removesuffix('[]')}"
        found = [below for one in found for below in (one.findall(name) or [etree.SubElement(one, name)])]
    return found


def give(root: etree._Element, field: str, text: str = "said", *, below: str = "") -> int:
    """Put a text into a field wherever it may stand, nothing else with it; how many there are."""
    take_away(root, field)
    around = holders(root, field)
    for one in around:
        made = etree.SubElement(one, f"{EU}{field.rpartition('/')[2]}")
        (etree.SubElement(made, f"{EU}{below}") if below else made).text = text
    return len(around)


def made_due(root: etree._Element, rule: Rule, question: int = 0) -> None:
    """Answer a question that the rule depends on so that its fields are due."""
    when = rule.when
    if when is not None and when.keys:
        give(root, when.fields[question], min(when.keys), below="key")
    elif when is not None:
        give(root, when.fields[question], "true" if when.ticked else "said")


def told(root: etree._Element, *fields: str) -> list[str]:
    """Paths of these fields that are said to be missing."""
    wanted = {"content/" + field.replace("[]", "") for field in fields}
    return [path for path in paths(root) if plain(path) in wanted]


def plain(path: str) -> str:
    return "/".join(step.partition("[")[0] for step in path.split("/"))


@pytest.mark.parametrize(("kind", "rule", "field"), EACH, ids=[f"{kind}-{field}" for kind, _, field in EACH])
def test_a_field_that_is_due_is_told_when_it_is_not_given(kind: str, rule: Rule, field: str) -> None:
    root = form_of(kind)
    made_due(root, rule)
    due = give(root, field, "true" if field in rule.ticks else "said")
    assert told(root, field) == []
    take_away(root, field)
    assert len(told(root, field)) == due > 0


@pytest.mark.parametrize(("kind", "rule", "field"), ONE, ids=[f"{kind}-{field}" for kind, _, field in ONE])
def test_one_of_several_fields_is_due_and_each_of_them_will_do(kind: str, rule: Rule, field: str) -> None:
    root = form_of(kind)
    made_due(root, rule)
    for other in rule.fields:
        take_away(root, other)
    due = len(holders(root, rule.fields[0]))
    assert len(told(root, rule.fields[0])) == due > 0
    give(root, field, "true" if field in rule.ticks else "said")
    assert told(root, rule.fields[0]) == []


@pytest.mark.parametrize(("kind", "rule", "field"), TICKED, ids=[f"{kind}-{field}" for kind, _, field in TICKED])
@pytest.mark.parametrize("text", ["false", "0", " "])
def test_a_tick_that_was_not_set_is_no_answer(kind: str, rule: Rule, field: str, text: str) -> None:
    root = form_of(kind)
    made_due(root, rule)
    for other in rule.fields:
        take_away(root, other)
    give(root, field, text)
    assert told(root, rule.fields[0])


def test_a_field_that_can_say_no_counts_only_when_it_is_ticked() -> None:
    alternatives = {field for rule in RULES.rules if rule.how == "one" for field in rule.fields}
    ticks = {field for rule in RULES.rules for field in rule.ticks}
    for field in alternatives:
        element = MODEL.at("ApplicationSubmitted", f"content/{field.replace('[]', '')}")
        assert element is not None
        assert (element.text is not None and element.text.base == "boolean") == (field in ticks), field


SEVERAL = [(rule, number) for rule in RULES.rules if rule.when for number in range(1, len(rule.when.fields))]


@pytest.mark.parametrize(("rule", "question"), SEVERAL)
def test_each_question_that_may_be_asked_makes_its_fields_due(rule: Rule, question: int) -> None:
    root = form_of("access")
    assert rule.when is not None
    for field in (*rule.fields, *rule.when.fields):
        take_away(root, field)
    assert told(root, rule.fields[0]) == []
    made_due(root, rule, question)
    assert told(root, rule.fields[0])


def test_a_condition_makes_a_field_due_and_nothing_else() -> None:
    root = form_of("request")
    take_away(root, "form/section4/rangeOfAmountOfFinancing")
    assert paths(root) == ["content/form/section4/rangeOfAmountOfFinancing"]
    (covered,) = root.findall(steps("form/section4/isTheProjectFinanciallyCovered/key"))
    covered.text = "b"
    assert paths(root) == []


def test_a_condition_is_asked_in_the_same_entry() -> None:
    root = form_of("request")
    content = root.find(steps("form"))
    assert content is not None
    second = copy.deepcopy(root.findall(steps("form/section6"))[0])
    root.findall(steps("form/section6"))[-1].addnext(second)
    for name in ("optOutOfTheMechanismProvidedInTheNationalLaw", "providedJustificationException"):
        found = second.find(f"{EU}{name}")
        assert found is not None
        second.remove(found)
    assert paths(root) == []
    take_away(root, "form/section6/providedJustificationException")
    assert paths(root) == ["content/form/section6[1]/providedJustificationException"]


def test_one_of_several_is_enough() -> None:
    root = form_of("request")
    take_away(root, "form/section2/summaryOfTheProject")
    assert paths(root) == ["content/form/section2/summaryOfTheProject"]
    reason = etree.SubElement(
        root.findall(steps("form/section2"))[0], f"{EU}theNatureOfTheProjectDoesNotLetYouProvideASummaryReason"
    )
    reason.text = "secret"
    assert paths(root) == []


def test_a_tabulation_plan_may_stand_in_either_place() -> None:
    root = form_of("request")
    plans = root.findall(steps("form/section6/tabulationPlanArray"))
    take_away(root, "form/section6/tabulationPlanArray")
    assert paths(root) == ["content/form/section6[1]/tabulationPlanArray"]
    root.findall(steps("form"))[0].extend(plans)
    assert paths(root) == []


@pytest.mark.parametrize("text", ["false", "0", "", "  "])
def test_a_confirmation_that_was_not_given_is_missing(text: str) -> None:
    root = form_of("request")
    root.findall(steps("form/section8/acceptHealthDataBody"))[0].text = text
    assert paths(root) == ["content/form/section8/acceptHealthDataBody"]


@pytest.mark.parametrize("text", ["", " \n ", "\t"])
def test_an_empty_answer_is_no_answer(text: str) -> None:
    root = form_of("access")
    root.findall(steps("form/section2/projectName"))[0].text = text
    assert paths(root) == ["content/form/section2/projectName"]


def test_a_form_of_no_known_kind_lacks_its_kind() -> None:
    root = form_of("access")
    root.findall(steps("application_type"))[0].text = "SOMETHING_ELSE"
    (problem,) = missing(root, RULES)
    assert problem == Problem(
        code="incomplete",
        detail=problem.detail,
        path="content/application_type",
        rule="completeness, Release 7: section 1: kind of the form",
        hint=problem.hint,
    )


def test_an_empty_application_lacks_everything_once() -> None:
    root = etree.fromstring(f'<ApplicationSubmitted xmlns="{EU[1:-1]}"><content/></ApplicationSubmitted>')
    told = paths(root)
    assert {"content/application_type", "content/title", "content/form/section6"} <= set(told)
    assert len(told) == len(set(told))


def test_what_carries_no_form_lacks_none() -> None:
    assert paths(etree.parse(str(DATA / "eu-1/StatusUpdate.xml")).getroot()) == []


def test_no_problem_quotes_what_the_form_says() -> None:
    root = form_of("access")
    take_away(root, "form/section3/legalPersonName")
    assert all(not problem.value for problem in missing(root, RULES))


@pytest.mark.parametrize("name", ["release-99", "../codelists/purposes"])
def test_rules_that_are_not_there_are_a_matter_of_configuration(name: str) -> None:
    with pytest.raises(ConfigurationError):
        load_rules(SCHEMAS / "completeness", name)


@pytest.mark.parametrize(
    "row",
    [
        'how = "some"',
        'form = "permit"',
        'ticks = ["version"]',
        'when = { other = "title" }',
        'when = { field = "title" }',
    ],
)
def test_a_rule_of_an_unknown_kind_is_not_taken(tmp_path: Path, row: str) -> None:
    text = f'release = "1"\nsource = "x"\n[[rule]]\nfields = ["title"]\nsource = "x"\n{row}\n'
    (tmp_path / "one.toml").write_text(text)
    with pytest.raises(ConfigurationError):
        load_rules(tmp_path, "one")


def test_a_tick_may_be_said_in_figures() -> None:
    rule = next(one for one in RULES.rules if one.how == "true" and not one.when and "[]" not in one.fields[0])
    root = form_of(rule.form or "access")
    for text, due in (("1", []), ("true", []), ("0", ["content/" + rule.fields[0]])):
        give(root, rule.fields[0], text)
        assert told(root, rule.fields[0]) == due


def test_of_alternatives_in_each_entry_only_an_entry_without_any_lacks_one() -> None:
    rule = Rule(("datasets[]/title", "datasets[]/catalog_id"), "either of them", how="one")
    root = form_of("access")
    content = root.find(f"{EU}content")
    assert content is not None
    for one in content.findall(f"{EU}datasets"):
        content.remove(one)
    for name in ("title", "catalog_id", ""):
        entry = etree.SubElement(content, f"{EU}datasets")
        if name:
            etree.SubElement(entry, f"{EU}{name}").text = "said"
    assert paths(root, RuleSet("7", "of a test", (rule,))) == ["content/datasets[3]/title"]
