"""The results as the Interoperability Test Bed writes them: a ConformanceStatementReport of its GITB TRL.

Source: `gitb_tr.xsd` and `gitb_core.xsd` (namespaces http://www.gitb.com/tr/v1/ and http://www.gitb.com/core/v1/). What
the Test Bed calls incomplete is what proves nothing here: skipped, or an error of the kit. No test bed has issued it,
and the report says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.mock_eu.conformance.model import Ending, Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

TR: Final = "http://www.gitb.com/tr/v1/"
CORE: Final = "http://www.gitb.com/core/v1/"
_PREFIXES: Final = {"tr": TR, "gitb": CORE}
_SUCCESS, _FAILURE, _UNDEFINED = "SUCCESS", "FAILURE", "UNDEFINED"
_RESULTS: Final = {
    Ending.PASSED: _SUCCESS,
    Ending.FAILED: _FAILURE,
    Ending.SKIPPED: _UNDEFINED,
    Ending.ERROR: _UNDEFINED,
}
_ACTORS: Final = {"dispatcher": "National Dispatcher", "daams": "Case system (DAAMS)"}
_NOTE: Final = "Measured against the MOCK EU node. Not issued by the Interoperability Test Bed."


def as_gitb(role: str, results: Sequence[Result], *, organisation: str = "not named", system: str = "not named") -> str:
    """For test beds and their archives. Raises: ValueError, if there is no result: the format has no such report."""
    if not results:
        raise ValueError("a conformance statement needs at least one case")
    root = etree.Element(f"{{{TR}}}ConformanceStatementReport", nsmap=_PREFIXES)
    _add(_add(root, "metadata"), "reportTime", _moment(max(_ended(result) for result in results)))
    statement = _add(root, "statement")
    _definition(statement, role, organisation, system)
    _summary(statement, results)
    _overview(statement, results)
    details = _add(statement, "testDetails")
    for result in results:
        _case(details, result)
    return etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8").decode()


def _definition(statement: etree._Element, role: str, organisation: str, system: str) -> None:
    definition = _add(statement, "definition")
    party = _add(definition, "party")
    for kind, name in (("organisation", organisation), ("system", system)):
        _add(_add(party, kind), "name", name)
    described = {
        "domain": ("HealthData@EU, by the MOCK EU node", _NOTE),
        "specification": ("National Dispatcher", "TEHDAS2 D6.4 and D7.3; each test case names its passage."),
        "actor": (_ACTORS[role], ""),
    }
    for kind, (name, description) in described.items():
        item = _add(definition, kind)
        _add(item, "name", name)
        if description:
            _add(item, "description", description)


def _summary(statement: etree._Element, results: Sequence[Result]) -> None:
    summary, found = _add(statement, "summary"), [_RESULTS[result.ending] for result in results]
    _add(summary, "status", _together(results))
    for name, word in (("succeeded", _SUCCESS), ("failed", _FAILURE), ("incomplete", _UNDEFINED)):
        _add(summary, name, str(found.count(word)))


def _overview(statement: etree._Element, results: Sequence[Result]) -> None:
    """A test suite for each group of cases."""
    overview = _add(statement, "testOverview")
    for group in dict.fromkeys(result.case.group for result in results):
        inside = [result for result in results if result.case.group == group]
        suite = _add(overview, "testSuite")
        _core(_add(suite, "metadata"), "name", group)
        _add(suite, "result", _together(inside))
        cases = _add(suite, "testCases")
        for result in inside:
            case = _add(cases, "testCase")
            case.set("ref", result.case.id)
            _metadata(case, result)
            _add(case, "result", _RESULTS[result.ending])


def _case(details: etree._Element, result: Result) -> None:
    case = _add(details, "testCase")
    case.set("id", result.case.id)
    _metadata(case, result)
    _add(case, "startTime", _moment(result.started))
    _add(case, "endTime", _moment(_ended(result)))
    _add(case, "result", _RESULTS[result.ending])
    if result.text:
        _add(case, "message", f"{result.ending}: {result.text}")


def _metadata(parent: etree._Element, result: Result) -> None:
    """The passage of the specification has a place of its own."""
    metadata = _add(parent, "metadata")
    _core(metadata, "name", result.case.id)
    _core(metadata, "description", result.case.title)
    _core(_core(metadata, "specification"), "reference", result.case.passage)


def _together(results: Sequence[Result]) -> str:
    found = {_RESULTS[result.ending] for result in results}
    return next(word for word in (_FAILURE, _UNDEFINED, _SUCCESS) if word in found)


def _ended(result: Result) -> datetime:
    return result.started + timedelta(seconds=result.seconds)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _add(parent: etree._Element, name: str, text: str = "") -> etree._Element:
    return _child(parent, f"{{{TR}}}{name}", text)


def _core(parent: etree._Element, name: str, text: str = "") -> etree._Element:
    return _child(parent, f"{{{CORE}}}{name}", text)


def _child(parent: etree._Element, tag: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, tag)
    element.text = text or None
    return element
