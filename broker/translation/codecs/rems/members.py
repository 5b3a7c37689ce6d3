"""Members of a REMS document that are facts by themselves: taken out on the way in, set again on the way out.

A member is taken only if what is written again would be the same JSON value; everything else stays where it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from broker.translation.codecs.json_text import read_text, write_text
from broker.translation.codecs.rems.facts import is_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from broker.translation.codecs.rems.facts import Facts

_EVENT_APPLICATION: Final = "event/application"
LODGED: Final = "rems"
EXTERNAL: Final = "rems-external"
_HEAD: Final = {
    "head.eventId": "event/id",
    "head.eventTime": "event/time",
    "head.actor": "event/actor",
    "head.public": "event/public",
    "head.requestId": "application/request-id",
}
_APPLICATION: Final = {
    "application.description": ("application/description",),
    "application.firstSubmitted": ("application/first-submitted",),
    "application.applicant": ("application/applicant", "name"),
}
_OPINIONS: Final = {"application.event/decided": "application/decision", "application.event/voted": "vote/value"}
_RESOURCE: Final = {"id": "resource/ext-id"}
_ATTACHMENT: Final = {
    "id": "attachment/id",
    "name": "attachment/filename",
    "mediaType": "attachment/type",
    "size": "hdeu/size",
    "sha256": "hdeu/sha256",
}
_TITLE: Final = "catalogue-item/title"
_NUMBERS: Final = frozenset({"event/id", "application/id", "attachment/id", "hdeu/size"})
_TRUTHS: Final = frozenset({"event/public"})
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}")
_ROWS: Final = (
    ("application.resource", "application/resources", _RESOURCE),
    ("application.attachment", "application/attachments", _ATTACHMENT),
)


def text_of(value: Any) -> str | None:
    """The text of a scalar; None, if it is none or XML has no such text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, (str, int)) else None
    return text if text is not None and is_xml(text) else None


def value_of(member: str, text: str) -> Any:
    """The JSON value of a member: a number or a truth value where REMS has one and the text is one, else the text."""
    if member in _TRUTHS and text in ("true", "false"):
        return text == "true"
    return int(text) if member in _NUMBERS and _NUMBER.fullmatch(text) else text


def _is_same(member: str, value: Any, text: str | None) -> bool:
    again = None if text is None else value_of(member, text)
    return type(again) is type(value) and again == value


def take_head(document: dict[str, Any]) -> Facts:
    """What the event and its numbers say."""
    facts: Facts = {}
    for path, name in _HEAD.items():
        facts.update(_take(document, name, path))
    is_number = isinstance(document.get("application/id"), int)
    numbers = [_take(document, "application/id", LODGED) if is_number else {}]
    application = document.get(_EVENT_APPLICATION)
    if isinstance(application, dict) and isinstance(application.get("application/external-id"), str):
        numbers.append(_take_text(application, "application/external-id", EXTERNAL))
    for at, (scheme, text) in enumerate([pair for number in numbers for pair in number.items()], 1):
        facts.update({f"head.number[{at}]": text, f"head.number[{at}]@scheme": scheme})
    return facts


def left(document: dict[str, Any]) -> list[str]:
    """The members of an event that are there and were not taken: REMS never gives them such a value."""
    return [name for name in (*_HEAD.values(), "application/id") if document.get(name) is not None]


def _take(place: dict[str, Any], name: str, path: str) -> Facts:
    text = text_of(place.get(name))
    if text is None or not _is_same(name, place[name], text):
        return {}
    del place[name]
    return {path: text}


def _take_text(place: dict[str, Any], name: str, path: str) -> Facts:
    value = place.get(name)
    if not isinstance(value, str) or not is_xml(value):
        return {}
    del place[name]
    return {path: value}


def put_head(document: dict[str, Any], facts: Facts) -> None:
    """The way back of `take_head`."""
    for path, name in _HEAD.items():
        if path in facts:
            document[name] = value_of(name, facts.pop(path))
    for scheme in (LODGED, EXTERNAL):
        at = 1 if "head.number[1]" in facts else 2
        if facts.get(f"head.number[{at}]@scheme") != scheme:
            continue
        text = facts[f"head.number[{at}]"]
        if scheme == LODGED and isinstance(value_of("application/id", text), int):
            document["application/id"] = int(text)
        elif scheme == EXTERNAL and (at == 1 or "application/id" in document):
            document.setdefault(_EVENT_APPLICATION, {})["application/external-id"] = text
        else:
            return
        del facts[f"head.number[{at}]"], facts[f"head.number[{at}]@scheme"]


def take_opinion(document: dict[str, Any]) -> Facts:
    """What a decider or voter thinks; it is no decision."""
    name = _OPINIONS.get(str(document.get("event/type")))
    return _take_text(document, name, "said.outcome") if name else {}


def put_opinion(document: dict[str, Any], facts: Facts) -> None:
    """The way back of `take_opinion`."""
    name = _OPINIONS.get(str(document.get("event/type")))
    if name and "said.outcome" in facts:
        document[name] = facts.pop("said.outcome")


def take_application(application: dict[str, Any], is_used: Callable[[str], bool]) -> Facts:
    """What the application says outside its forms; of attachments those alone of which `is_used` says so."""
    facts: Facts = {}
    for path, steps in _APPLICATION.items():
        place = application if len(steps) == 1 else application.get(steps[0])
        if isinstance(place, dict):
            facts.update(_take_text(place, steps[-1], path))
            if len(steps) > 1 and not place and path in facts:
                del application[steps[0]]
    for stem, name, members in _ROWS:
        rows = application.get(name)
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            taken = rows if name.endswith("resources") else [r for r in rows if is_used(str(r.get("attachment/id")))]
            facts.update(pair for at, row in enumerate(taken, 1) for pair in _row(f"{stem}[{at}]", row, members))
            _leave(application, name, [row for row in rows if row not in taken])
    return facts


def _leave(application: dict[str, Any], name: str, rows: list[Any]) -> None:
    if rows:
        application[name] = rows
    else:
        del application[name]


def _row(path: str, row: dict[str, Any], members: dict[str, str]) -> Iterator[tuple[str, str]]:
    rest = dict(row)
    for name, member in members.items():
        text = text_of(rest.get(member))
        if text is not None and _is_same(member, rest[member], text):
            yield f"{path}.{name}", text
            del rest[member]
    titles = rest.get(_TITLE)
    if isinstance(titles, dict) and titles and all(isinstance(t, str) and is_xml(t) for t in titles.values()):
        for at, (language, text) in enumerate(rest.pop(_TITLE).items(), 1):
            yield from ((f"{path}.title[{at}]", text), (f"{path}.title[{at}]@lang", language))
    for at, (name, value) in enumerate(rest.items(), 1):
        yield from ((f"{path}.detail[{at}]", write_text(value)), (f"{path}.detail[{at}]@name", name))


def put_application(application: dict[str, Any], facts: Facts) -> None:
    """The way back of `take_application`; what a list of REMS cannot say stays among the facts."""
    for path, steps in _APPLICATION.items():
        if path in facts:
            place = application if len(steps) == 1 else application.setdefault(steps[0], {})
            place[steps[-1]] = facts.pop(path)
    for stem, name, members in _ROWS:
        rows: list[dict[str, Any]] = []
        while any(path.startswith(f"{stem}[{len(rows) + 1}]") for path in facts):
            rows.append(_unrow(f"{stem}[{len(rows) + 1}]", facts, members))
        while rows and not rows[-1]:
            rows.pop()
        if rows:
            application[name] = [*application.get(name, []), *rows]


def _unrow(path: str, facts: Facts, members: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, member in members.items():
        if f"{path}.{name}" in facts:
            row[member] = value_of(member, facts.pop(f"{path}.{name}"))
    if titles := _pairs(f"{path}.title", "lang", facts, lambda _: True):
        row[_TITLE] = titles
    taken = {*members.values(), *row}
    details = _pairs(f"{path}.detail", "name", facts, lambda pair: pair[0] not in taken and _is_json(pair[1]))
    row.update({name: read_text(text) for name, text in details.items()})
    return row


def _pairs(stem: str, attribute: str, facts: Facts, fits: Callable[[tuple[str, str]], bool]) -> dict[str, str]:
    """The texts by attribute, taken out of the facts; nothing, if a JSON object could not say them all."""
    places: list[str] = []
    while (place := f"{stem}[{len(places) + 1}]") in facts:
        places.append(place)
    found = [(facts[f"{place}@{attribute}"], facts[place]) for place in places]
    if len({name for name, _ in found}) < len(found) or not all(map(fits, found)):
        return {}
    for place in places:
        del facts[place], facts[f"{place}@{attribute}"]
    return dict(found)


def _is_json(text: str) -> bool:
    try:
        return write_text(read_text(text)) == text
    except (ValueError, RecursionError):
        return False
