"""Between wire JSON and eu-1 trees, by the shapes of the XSD and nothing else.

An object is an element with children, an array an element that repeats, a scalar a text. Four shapes are the wire's
own: a choice is `{key, value}` or a plain text (then the value stands alone); a multilingual text is
`{language: text}`; translations are `{language: form}`; a question may be answered by a text or by a list of files.

What the XSD does not know, and any value that does not have the shape it asks for, is not bent: its JSON text is
kept with its JSON Pointer, and comes back to its place on the way out. Three things say the same and are written in
one way: `null` and an empty array are absence, a number where a text is due is that text, and `{value}` without a key
is the plain text.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lxml import etree

from broker.errors import Problem, TranslationError
from broker.translation.codecs.json_text import Number, number, read_text, refuse, whole_number, write_text
from broker.translation.white_space import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.schema_parts import Element, SimpleType

_NUMERIC: Final = {"decimal", "integer", "nonNegativeInteger", "positiveInteger"}
_MISFIT: Final = object()
_FURTHEST: Final = 40  #: digits before or behind the point that an exponent is written out to
_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}").fullmatch  #: RFC 6901 section 4; no array here is longer


class _Plain(str):
    """A choice that is said by its value alone."""

    __slots__ = ()


@dataclass(slots=True)
class Kept:
    """What did not fit: JSON Pointer and value, in the order in which it was met."""

    fields: list[tuple[str, Any]] = field(default_factory=list)

    def add(self, pointer: str, value: Any) -> None:
        """Keep one value. Raises: Refused, `bad-character`, if its name cannot stand in XML at all."""
        if not is_xml(pointer):
            refuse("bad-character", "A name has a character that XML does not have.", value=ascii(pointer)[:80])
        self.fields.append((pointer, value))


def escaped(name: str) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def fill(parent: etree._Element, declared: Element, value: Any, pointer: str, kept: Kept) -> None:
    """Write an object's members below `parent`, in the order of the schema. Raises: Refused, `bad-character`."""
    if not isinstance(value, dict):
        kept.add(pointer, value)
        return
    for child in declared.children:
        if value.get(child.name) is not None:
            _append(parent, child, value[child.name], f"{pointer}/{escaped(child.name)}", kept)
    for name in value:
        if declared.child(name) is None and value[name] is not None:
            kept.add(f"{pointer}/{escaped(name)}", value[name])


def _append(parent: etree._Element, declared: Element, value: Any, pointer: str, kept: Kept) -> None:
    if not declared.repeats:
        _append_one(parent, declared, value, pointer, kept)
    elif not isinstance(value, list):
        kept.add(pointer, value)
    else:
        for index, item in enumerate(value):
            _append_one(parent, declared, item, f"{pointer}/{index}", kept)


def _append_one(parent: etree._Element, declared: Element, value: Any, pointer: str, kept: Kept) -> None:
    if declared.is_leaf:
        _append_leaf(parent, declared, value, pointer, kept)
    elif isinstance(value, (dict, list)) or _takes_text(declared, value):
        _append_branch(parent, declared, value, pointer, kept)
    else:
        kept.add(pointer, value)


def _append_branch(parent: etree._Element, declared: Element, value: Any, pointer: str, kept: Kept) -> None:
    by_language = _by_language(declared)
    if isinstance(value, list) and not _is_text_or_files(declared):
        kept.add(pointer, value)
        return
    element = _element(parent, declared.name)
    if by_language is not None and isinstance(value, dict):
        _fill_languages(element, by_language, value, pointer, kept)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _append_one(element, declared.children[1], item, f"{pointer}/{index}", kept)
    elif isinstance(value, dict) and not _is_text_or_files(declared):
        fill(element, declared, value, pointer, kept)
    elif isinstance(value, dict):
        parent.remove(element)
        kept.add(pointer, value)
    else:
        name = "value" if declared.child("value") is not None else "text"
        _element(element, name).text = value


def _takes_text(declared: Element, value: Any) -> bool:
    return isinstance(value, str) and is_xml(value) and (_is_choice(declared) or _is_text_or_files(declared))


def _is_choice(declared: Element) -> bool:
    return [child.name for child in declared.children] == ["key", "value"]


def _is_text_or_files(declared: Element) -> bool:
    return [child.name for child in declared.children] == ["text", "attachment"]


def _by_language(declared: Element) -> Element | None:
    only = declared.children[0] if len(declared.children) == 1 else None
    named = only is not None and only.repeats and [a.name for a in only.attributes][:1] == ["lang"]
    return only if named else None


def _fill_languages(element: etree._Element, each: Element, value: dict[str, Any], pointer: str, kept: Kept) -> None:
    language = each.attributes[0].type
    for name, inner in value.items():
        at = f"{pointer}/{escaped(name)}"
        fits = isinstance(inner, str) and is_xml(inner) if each.is_leaf else isinstance(inner, dict)
        if not fits or not language.fits(name):
            kept.add(at, inner)
            continue
        child = _element(element, each.name, {"lang": name})
        if each.is_leaf:
            child.text = inner
        else:
            fill(child, each, inner, at, kept)


def _append_leaf(parent: etree._Element, declared: Element, value: Any, pointer: str, kept: Kept) -> None:
    inner, attributes = _apart(declared, value) if declared.attributes else (value, {})
    text = _text(declared.text, inner)
    if text is _MISFIT or _MISFIT in attributes.values():
        kept.add(pointer, value)
        return
    _element(parent, declared.name, attributes).text = text


def _apart(declared: Element, value: Any) -> tuple[Any, dict[str, Any]]:
    if not isinstance(value, dict) or set(value) != {"value", *(a.name for a in declared.attributes)}:
        return None, {}
    return value["value"], {one.name: _text(one.type, value[one.name]) for one in declared.attributes}


def _text(type_: SimpleType | None, value: Any) -> Any:
    if type_ is None or isinstance(value, (dict, list)) or value is None:
        return _MISFIT
    if isinstance(value, bool):
        return ("true" if value else "false") if type_.base == "boolean" else _MISFIT
    if type_.base == "boolean":
        return _MISFIT
    spellings = (value,) if isinstance(value, str) else _spellings(value)
    return next((text for text in spellings if is_xml(text) and type_.fits(text)), _MISFIT)


def _spellings(value: float | Number) -> Iterator[str]:
    """How XML may say a number: as it is spelled, else without exponent, else without the zeros of a whole one."""
    text = value.text if isinstance(value, Number) else repr(value)
    yield text
    try:
        said = Decimal(text)
    except ArithmeticError:  # an exponent that no computer has room for
        return
    if abs(said.adjusted()) <= _FURTHEST:
        plain = format(said, "f")
        yield plain
        if said == said.to_integral_value():
            yield plain.partition(".")[0]


def is_xml(text: str) -> bool:
    """Whether every character is one that XML 1.0 has."""
    return all(
        char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char >= "\U00010000"
        for char in text
    )


def _element(parent: etree._Element, name: str, attributes: dict[str, str] | None = None) -> etree._Element:
    return etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}", attributes or {})


def value_of(element: etree._Element, declared: Element) -> Any:
    """The JSON of an element: the way back of `fill`.

    Raises: TranslationError, for what the schema allows and the wire has no shape for: `duplicate-language`, a text
    twice in one language; `text-and-files`, a question that is answered by both.
    """
    if declared.text is not None:
        return _leaf_value(element, declared)
    each = _by_language(declared)
    if each is not None:
        return _languages(element, each)
    if _is_text_or_files(declared):
        return _text_or_files(element, declared)
    if _is_choice(declared) and [etree.QName(child).localname for child in element] == ["value"]:
        return _Plain(element[0].text or "")
    return dict(_members(element, declared))


def _languages(element: etree._Element, each: Element) -> dict[str, Any]:
    found = {}
    for child in element:
        language = trimmed(child.get("lang") or "")
        if language in found:
            _impossible("duplicate-language", "A text stands twice in one language.", language)
        found[language] = _scalar(child.text or "", each) if each.is_leaf else value_of(child, each)
    return found


def _text_or_files(element: etree._Element, declared: Element) -> Any:
    names = {etree.QName(child).localname for child in element}
    if len(names) > 1:
        _impossible("text-and-files", "A question is answered by a text or by files, not by both.", declared.name)
    if "text" in names:
        return element[0].text or ""
    return [value_of(child, declared.children[1]) for child in element]


def _impossible(code: str, detail: str, value: str) -> NoReturn:
    raise TranslationError((Problem(code, detail, value=value),))


def _leaf_value(element: etree._Element, declared: Element) -> Any:
    scalar = _scalar(element.text or "", declared)
    if not declared.attributes:
        return scalar
    return {**{a.name: element.get(a.name, "") for a in declared.attributes}, "value": scalar}


def _scalar(text: str, declared: Element) -> Any:
    base = declared.text.base if declared.text is not None else "string"
    if base == "boolean":
        return trimmed(text) in {"true", "1"}
    return _decimal(trimmed(text)) if base in _NUMERIC else text


def _decimal(text: str) -> float | Number:
    """As XML spells it, in the spelling of JSON: no plus, no zeros in front, a digit on each side of the point."""
    whole, point, rest = text.lstrip("+-").partition(".")
    sign, digits = "-" if text.startswith("-") else "", whole.lstrip("0") or "0"
    return number(f"{sign}{digits}.{rest or '0'}") if point else whole_number(sign + digits)


def _members(element: etree._Element, declared: Element) -> Iterator[tuple[str, Any]]:
    present: dict[str, list[etree._Element]] = {}
    for child in element:
        present.setdefault(etree.QName(child).localname, []).append(child)
    for child_declared in declared.children:
        found = present.get(child_declared.name)
        if found is not None:
            values = [value_of(child, child_declared) for child in found]
            yield child_declared.name, values if child_declared.repeats else values[0]


def put_back(document: dict[str, Any], pointer: str, text: str) -> bool:
    """Set a kept value in its place; False where that place is gone. Members of arrays are put in at their index."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    place: Any = document
    made: tuple[Any, str] | None = None
    for step, following in itertools.pairwise(steps):
        made = made or ((place, step) if isinstance(place, dict) and step not in place else None)
        place = _below(place, step, following)
    done = bool(steps) and _set(place, steps[-1], read_text(text))
    if made is not None and not done:
        del made[0][made[1]]  # nothing stays behind of a place that could not be made
    return done


def put_all_back(document: dict[str, Any], content: etree._Element) -> tuple[str, ...]:
    """Set every kept field of a message in its place; the pointers of those whose place, or whole part, is gone."""
    fields = [(one.get("path", ""), one.text or "null") for one in content.iterfind("{*}unknown/{*}field")]
    parts = frozenset(document)
    return tuple(
        pointer
        for pointer, text in fields
        if pointer[1:].partition("/")[0] not in parts or not put_back(document, pointer, text)
    )


def _is_index(step: str) -> bool:
    return _INDEX(step) is not None


def _below(place: Any, step: str, following: str) -> Any:
    if isinstance(place, dict):
        place.setdefault(step, [] if _is_index(following) else {})
    elif not (isinstance(place, list) and _is_index(step) and int(step) < len(place)):
        return None
    at = step if isinstance(place, dict) else int(step)
    if isinstance(place[at], _Plain):
        place[at] = {"value": str(place[at])}  # it has other members, too
    return place[at]


def _set(place: Any, step: str, value: Any) -> bool:
    if isinstance(place, dict):
        place[step] = value
        return True
    if isinstance(place, list) and _is_index(step) and int(step) <= len(place):
        place.insert(int(step), value)
        return True
    return False


def keep_in(content: etree._Element, kept: Kept) -> None:
    """Write the one container, at the end of the content, if there is anything to keep."""
    if kept.fields:
        container = _element(content, "unknown")
        for pointer, value in kept.fields:
            _element(container, "field", {"path": pointer}).text = write_text(value)
