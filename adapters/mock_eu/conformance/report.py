"""The results as text, JSON, JUnit XML, HTML, and in the form of the Interoperability Test Bed."""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

from adapters.mock_eu.conformance.gitb import as_gitb
from adapters.mock_eu.conformance.model import Ending, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MARKS: Final = {Ending.PASSED: "ok  ", Ending.FAILED: "FAIL", Ending.SKIPPED: "SKIP", Ending.ERROR: "ERR "}
_STYLE: Final = (
    "body{font-family:sans-serif;max-width:70em;margin:2em auto}table{border-collapse:collapse;width:100%}"
    "td,th{border:1px solid #888;padding:.3em .5em;text-align:left;vertical-align:top}"
)


def as_text(role: str, results: Sequence[Result]) -> str:
    """For people at a terminal: one line per case, what is broken beneath it, the sum last."""
    lines = []
    for result in results:
        lines.append(f"{_MARKS[result.ending]} {result.case.id}: {result.case.title} [{result.case.passage}]")
        lines += [f"     {result.text}"] if result.text else []
    return "\n".join([*lines, f"{role}: {_sum(results)}"]) + "\n"


def as_json(role: str, results: Sequence[Result]) -> str:
    """For programs."""
    rows = [
        {
            "id": result.case.id,
            "title": result.case.title,
            "passage": result.case.passage,
            "ending": result.ending,
            "text": result.text,
            "seconds": result.seconds,
        }
        for result in results
    ]
    document = {"role": role, "passed": passed(results), "counts": _counts(results), "cases": rows}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def as_junit(role: str, results: Sequence[Result]) -> str:
    """For test servers."""
    counts = _counts(results)
    numbers = f'tests="{len(results)}" failures="{counts[Ending.FAILED]}" skipped="{counts[Ending.SKIPPED]}"'
    head = f'<testsuite name={quoteattr(f"hdeu conformance {role}")} {numbers} errors="{counts[Ending.ERROR]}">'
    cases = "".join(_junit_case(result) for result in results)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>{head}{cases}</testsuite></testsuites>\n'


def as_html(role: str, results: Sequence[Result]) -> str:
    """For people who get it by mail."""
    rows = "".join(
        f"<tr><td>{escape(result.case.id)}</td><td>{_marked(result)}</td><td>{escape(result.case.title)}</td>"
        f"<td>{escape(result.case.passage)}</td><td>{escape(result.text)}</td></tr>"
        for result in results
    )
    title = f"Conformance of a {escape(role)}"
    heads = "".join(
        f'<th scope="col">{name}</th>' for name in ("case", "ending", "title", "passage", "what is broken or missing")
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>Measured against the MOCK EU node: {_sum(results)}.</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></html>\n"
    )


def _marked(result: Result) -> str:
    return str(result.ending) if result.ending is Ending.PASSED else f"<strong>{result.ending}</strong>"


FORMATS: Final[dict[str, Callable[[str, Sequence[Result]], str]]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "html": as_html,
    "gitb": as_gitb,
}


def passed(results: Sequence[Result]) -> bool:
    """Whether there was something to try and all of it held."""
    return bool(results) and all(result.ending is Ending.PASSED for result in results)


def _counts(results: Sequence[Result]) -> dict[str, int]:
    found = Counter(result.ending for result in results)
    return {ending: found[ending] for ending in Ending}


def _sum(results: Sequence[Result]) -> str:
    told = ", ".join(f"{count} {ending}" for ending, count in _counts(results).items() if count)
    return f"{len(results)} cases: {told}" if results else "no case was tried"


def _junit_case(result: Result) -> str:
    name = f"classname={quoteattr(result.case.group)} name={quoteattr(f'{result.case.id} {result.case.title}')}"
    text = xml_escape(f"{result.text} [{result.case.passage}]")
    inner = {
        Ending.PASSED: "",
        Ending.FAILED: f"<failure>{text}</failure>",
        Ending.SKIPPED: f"<skipped>{text}</skipped>",
        Ending.ERROR: f"<error>{text}</error>",
    }[result.ending]
    return f'<testcase {name} time="{result.seconds}">{inner}</testcase>'
