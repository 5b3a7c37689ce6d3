"""Words for what xmlschema finds: a stable code, a path that a person can follow, the rule that is broken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lxml import etree
from xmlschema import XMLSchemaChildrenValidationError
from xmlschema.validators import XsdElement, XsdGroup

from adapters.xml.places import place, shortened
from broker.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xmlschema import XMLSchemaValidationError

_RULE_LENGTH: Final = 200
_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ATTRIBUTE: Final = re.compile(r"missing required attribute '([^']+)'|'([^']+)' attribute not allowed")
_FACETS: Final = {
    "XsdEnumerationFacets": "enumeration",
    "XsdPatternFacets": "pattern",
    "XsdMinLengthFacet": "minLength",
    "XsdMaxLengthFacet": "maxLength",
    "XsdMinInclusiveFacet": "minInclusive",
    "XsdMaxInclusiveFacet": "maxInclusive",
}


def problems_of(error: XMLSchemaValidationError) -> tuple[Problem, ...]:
    """One error of xmlschema in our words."""
    element: etree._Element | None = error.elem  # type: ignore[assignment] # the worker hands lxml trees in
    reason = shortened(error.reason or error.message, 300)
    if element is None:
        return (Problem("schema-violation", reason),)
    if isinstance(error, XMLSchemaChildrenValidationError):
        return (_of_children(error, element),)
    words = _BY_VALIDATOR.get(type(error.validator).__name__, _of_value)
    return (words(error, element, reason),)


def _of_root(_error: XMLSchemaValidationError, element: etree._Element, _reason: str) -> Problem:
    name = shortened(etree.QName(element).localname)
    space = shortened(etree.QName(element).namespace or "")
    return Problem(
        "wrong-root",
        f"The schema has no document that begins with {name} in the namespace {space or '(none)'}.",
        f"/{name}",
        "global element",
        space,
        "Use the namespace and the message names of the profile.",
    )


def _of_text(_error: XMLSchemaValidationError, element: etree._Element, reason: str) -> Problem:
    if "cannot substitute" in reason:
        marked = next((inner for inner in element if inner.get(_XSI_TYPE)), element)
        detail = "Another type is put in the place of the schema's."
        return Problem("forbidden-type", detail, f"{place(marked)}/@xsi:type", "type of the element")
    return Problem("unexpected-text", reason, place(element), "element content", shortened(element.text or ""))


def _of_simple(_error: XMLSchemaValidationError, element: etree._Element, reason: str) -> Problem:
    if "blocked" in reason:
        return Problem("forbidden-type", reason, f"{place(element)}/@xsi:type", "block")
    if "nillable" in reason:
        return Problem("unknown-attribute", reason, f"{place(element)}/@xsi:nil", "nillable")
    inner = next(iter(element), element)
    return Problem("unknown-element", reason, place(inner), "simple content")


def _of_attribute(error: XMLSchemaValidationError, element: etree._Element, reason: str) -> Problem:
    found = _ATTRIBUTE.search(error.reason or "")
    missing, surplus = found.groups() if found else (None, None)
    code = "missing-attribute" if missing else "unknown-attribute"
    return Problem(code, reason, f"{place(element)}/@{shortened(missing or surplus or '')}", "attributes")


def _of_value(error: XMLSchemaValidationError, element: etree._Element, reason: str) -> Problem:
    validator = error.validator
    facet = _FACETS.get(type(validator).__name__, "type")
    at = _attribute_of(error, element)
    rule = shortened(f"{facet} {_allowed(facet, validator, error)}", _RULE_LENGTH)
    value = error.obj if isinstance(error.obj, str) else element.text or ""
    return Problem("bad-value", reason, place(element) + at, rule, shortened(value))


def _attribute_of(error: XMLSchemaValidationError, element: etree._Element) -> str:
    found = re.match(r"attribute ([^=]+)='", error.reason or "")
    if found is not None:
        return f"/@{shortened(found.group(1))}"
    names = [name for name, value in element.attrib.items() if value == error.obj and not (element.text or "").strip()]
    return f"/@{etree.QName(names[0]).localname}" if len(names) == 1 else ""


def _allowed(facet: str, validator: object, error: XMLSchemaValidationError) -> str:
    if facet == "enumeration":
        return " ".join(str(value) for value in getattr(validator, "enumeration", ()))
    if facet == "pattern":
        return " ".join(getattr(pattern, "pattern", str(pattern)) for pattern in _sources(validator))
    if facet == "type":
        name = getattr(validator, "local_name", "") or getattr(validator, "name", "")
        return f"xs:{name}" if name else shortened(error.reason or "")
    return str(getattr(validator, "value", ""))


def _sources(validator: object) -> Iterable[object]:
    return tuple(getattr(validator, "regexps", ()))


def _of_children(error: XMLSchemaChildrenValidationError, element: etree._Element) -> Problem:
    tag = error.invalid_tag
    expected = [wanted for wanted in error.expected or () if isinstance(wanted, XsdElement)]
    if tag is None:
        return _missing(element, expected[0].local_name) if expected else _vague(error, element)
    known = _names_in(error.validator)
    if tag not in known:
        return _unknown(element, tag, known)
    present = {child.tag for child in element}
    absent = [wanted for wanted in expected if wanted.min_occurs and wanted.name not in present]
    return _missing(element, absent[0].local_name) if absent else _misplaced(element, tag, error.particle)


def _names_in(validator: object) -> set[str]:
    elements = validator.iter_elements() if isinstance(validator, XsdGroup) else ()
    return {one.name for one in elements if one.name}


def _vague(error: XMLSchemaChildrenValidationError, element: etree._Element) -> Problem:
    return Problem("schema-violation", shortened(error.reason or "", 300), place(element), "content")


def _missing(element: etree._Element, name: str) -> Problem:
    at = f"{place(element)}/{name}"
    return Problem("missing-element", f"{name} is required here.", at, "sequence", hint=f"Add {name} in its place.")


def _unknown(element: etree._Element, tag: str, known: set[str]) -> Problem:
    name = etree.QName(tag)
    shown = shortened(name.localname)
    at = f"{place(element)}/{shown}"
    namespaces = {etree.QName(k).namespace for k in known if k and etree.QName(k).localname == name.localname}
    if namespaces:
        wanted = " or ".join(sorted(n or "(none)" for n in namespaces))
        return Problem(
            "wrong-namespace", f"{shown} belongs to {wanted}.", at, "sequence", shortened(name.namespace or "")
        )
    return Problem("unknown-element", f"The schema has no {shown} here.", at, "sequence")


def _misplaced(element: etree._Element, tag: str, particle: object) -> Problem:
    twins = [child for child in element if child.tag == tag]
    most = getattr(particle, "max_occurs", None)
    name = etree.QName(tag).localname
    if most is not None and len(twins) > most:
        detail = f"{name} stands here {len(twins)} times; {most} is allowed."
        return Problem("repeated-element", detail, place(twins[most]), f"maxOccurs {most}")
    return Problem("misplaced-element", f"{name} does not stand in its order.", place(twins[-1]), "sequence")


_BY_VALIDATOR: Final = {
    "XMLSchema10": _of_root,
    "XsdAttributeGroup": _of_attribute,
    "XsdGroup": _of_text,
    "XsdElement": _of_simple,
}
