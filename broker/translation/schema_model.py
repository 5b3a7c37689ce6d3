"""Read an XSD into a plain model: which elements there are, in which order, how often, and what their texts may be.

Codecs and the mapping engine work from it, so that every leaf they speak of comes from the schema and never from
a list of their own. The subset that our schemas keep to is read; anything beyond it is refused with file and line,
so that no leaf is overlooked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.errors import ConfigurationError
from broker.translation.schema_parts import Attribute, Element, LeafPath, SchemaModel, SimpleType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Attribute", "Element", "LeafPath", "SchemaModel", "SimpleType", "load_schema"]

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_COUNTED: Final = {"minInclusive", "maxInclusive", "minExclusive", "maxExclusive"}
_IGNORED: Final = {f"{_XS}annotation", f"{_XS}include"}


def load_schema(path: Path) -> SchemaModel:
    """Read an XSD and what it includes. Raises: ConfigurationError, naming file and line of what is not understood."""
    declared = _Declared()
    _collect(path.resolve(), declared)
    reader = _Reader(declared)
    roots = {name: reader.element(node, seen=()) for name, node in declared.elements.items()}
    return SchemaModel(declared.namespace, roots)


@dataclass(slots=True)
class _Declared:
    """Global declarations, by kind and name, over all included files."""

    namespace: str = ""
    elements: dict[str, etree._Element] = field(default_factory=dict)
    complex_types: dict[str, etree._Element] = field(default_factory=dict)
    simple_types: dict[str, etree._Element] = field(default_factory=dict)
    groups: dict[str, etree._Element] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    def by_tag(self, tag: str) -> dict[str, etree._Element] | None:
        """Where declarations of a kind are kept."""
        return {
            f"{_XS}element": self.elements,
            f"{_XS}complexType": self.complex_types,
            f"{_XS}simpleType": self.simple_types,
            f"{_XS}group": self.groups,
        }.get(tag)


def _collect(path: Path, declared: _Declared) -> None:
    if str(path) in declared.files:
        return
    declared.files.add(str(path))
    try:
        root = etree.parse(str(path), _parser()).getroot()
    except (OSError, etree.XMLSyntaxError) as error:
        raise ConfigurationError(f"The schema {path.name} cannot be read: {error}") from error
    declared.namespace = root.get("targetNamespace") or declared.namespace
    for node in _children(root):
        kept = declared.by_tag(_tag(node))
        if kept is not None:
            kept[node.get("name", "")] = node
        elif _tag(node) not in _IGNORED:
            raise _beyond(node)
        elif _tag(node) == f"{_XS}include":
            _collect((path.parent / node.get("schemaLocation", "")).resolve(), declared)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _children(node: etree._Element) -> Iterator[etree._Element]:
    return iter(node.iterchildren(tag=etree.Element))


def _tag(node: etree._Element) -> str:
    return str(node.tag)


def _beyond(node: etree._Element) -> ConfigurationError:
    return ConfigurationError(f"{_place(node)}: {etree.QName(node).localname} is beyond the XSD that is read here.")


def _place(node: etree._Element) -> str:
    file = str(node.getroottree().docinfo.URL or "").rpartition("/")[2]
    return f"{file}:{node.sourceline}"


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _occurs(node: etree._Element) -> tuple[int, int | None]:
    highest = node.get("maxOccurs", "1")
    return int(node.get("minOccurs", "1")), None if highest == "unbounded" else int(highest)


@dataclass(slots=True)
class _Reader:
    """Turns declarations into parts, types into the elements that have them. A named type is read once."""

    declared: _Declared
    choices: int = 0
    simple_types: dict[str, SimpleType] = field(default_factory=dict)
    complex_types: dict[str, Element] = field(default_factory=dict)  #: a nameless element of the type

    def element(self, node: etree._Element, *, seen: tuple[str, ...]) -> Element:
        lowest, highest = _occurs(node)
        ref = node.get("ref")
        if ref is not None:
            target = self._found(self.declared.elements, ref, node)
            return replace(self.element(target, seen=seen), min_occurs=lowest, max_occurs=highest, _by_name={})
        bare = Element(node.get("name", ""), _local(node.get("type", "")), lowest, highest, source=_place(node))
        return self._typed(bare, node, seen=seen)

    def _typed(self, bare: Element, node: etree._Element, *, seen: tuple[str, ...]) -> Element:
        name = node.get("type")
        if name is not None and _local(name) in self.declared.complex_types:
            return self._with_type(bare, _local(name), node, seen=seen)
        inner = next(self._inline(node), None)
        if name is None and inner is not None and _tag(inner) == f"{_XS}complexType":
            return self._complex(bare, inner, seen=seen)
        return replace(bare, text=self._simple_of(name, inner, node), _by_name={})

    def _with_type(self, bare: Element, name: str, node: etree._Element, *, seen: tuple[str, ...]) -> Element:
        if name in seen:
            raise ConfigurationError(f"{_place(node)}: the type {name} contains itself.")
        if name not in self.complex_types:
            declared = self.declared.complex_types[name]
            self.complex_types[name] = self._complex(Element("", ""), declared, seen=(*seen, name))
        read = self.complex_types[name]
        return replace(bare, children=read.children, attributes=read.attributes, text=read.text, _by_name={})

    def _inline(self, node: etree._Element) -> Iterator[etree._Element]:
        return (child for child in _children(node) if _tag(child) in {f"{_XS}complexType", f"{_XS}simpleType"})

    def _simple_of(self, name: str | None, inner: etree._Element | None, node: etree._Element) -> SimpleType:
        if name is not None:
            return self.simple(name, node)
        if inner is None:
            raise _beyond(node)
        return self._restricted(inner)

    def simple(self, name: str, node: etree._Element) -> SimpleType:
        """A named simple type: one of ours, or a built-in."""
        own = self.declared.simple_types.get(_local(name))
        if own is not None:
            if _local(name) not in self.simple_types:
                self.simple_types[_local(name)] = self._restricted(own)
            return self.simple_types[_local(name)]
        if ":" not in name:
            raise ConfigurationError(f"{_place(node)}: no type is called {name}.")
        return SimpleType(_local(name), _local(name))

    def _restricted(self, node: etree._Element) -> SimpleType:
        restriction = node.find(f"{_XS}restriction")
        if restriction is None:
            raise _beyond(node)
        base_name = restriction.get("base")
        inner = restriction.find(f"{_XS}simpleType")
        base = self.simple(base_name, restriction) if base_name else self._restricted(_required(inner, restriction))
        return _with_facets(replace(base, name=node.get("name") or base.name), restriction)

    def _complex(self, bare: Element, node: etree._Element, *, seen: tuple[str, ...]) -> Element:
        element = replace(bare, _by_name={})
        for part in _children(node):
            element = self._part(element, part, seen=seen)
        return element

    def _part(self, element: Element, part: etree._Element, *, seen: tuple[str, ...]) -> Element:
        match etree.QName(part).localname:
            case "annotation":
                return element
            case "sequence" | "all" | "choice" | "group":
                added = tuple(self._particles(part, seen=seen, choice=None, optional=False, many=False))
                return replace(element, children=element.children + added, _by_name={})
            case "attribute":
                return replace(element, attributes=(*element.attributes, self._attribute(part)), _by_name={})
            case "complexContent" | "simpleContent":
                return self._derived(element, next(_children(part)), seen=seen)
            case _:
                raise _beyond(part)

    def _derived(self, element: Element, extension: etree._Element, *, seen: tuple[str, ...]) -> Element:
        if _tag(extension) != f"{_XS}extension":
            raise _beyond(extension)
        base = extension.get("base", "")
        if _local(base) in self.declared.complex_types:
            element = self._with_type(element, _local(base), extension, seen=seen)
        else:
            element = replace(element, text=self.simple(base, extension), _by_name={})
        return self._complex(element, extension, seen=seen)

    def _attribute(self, node: etree._Element) -> Attribute:
        inner = next(self._inline(node), None)
        type_ = self._simple_of(node.get("type"), inner, node)
        return Attribute(node.get("name", ""), type_, node.get("use") == "required")

    def _particles(
        self, group: etree._Element, *, seen: tuple[str, ...], choice: int | None, optional: bool, many: bool
    ) -> Iterator[Element]:
        lowest, highest = _occurs(group)
        optional, many = optional or lowest == 0, many or highest != 1
        if _tag(group) == f"{_XS}group":
            group = self._found(self.declared.groups, group.get("ref", ""), group)
        if _tag(group) == f"{_XS}choice":
            self.choices += 1
            choice, optional = self.choices, True
        for part in _children(group):
            match etree.QName(part).localname:
                case "annotation":
                    continue
                case "element":
                    yield _placed(self.element(part, seen=seen), choice=choice, optional=optional, many=many)
                case "sequence" | "choice" | "all" | "group":
                    yield from self._particles(part, seen=seen, choice=choice, optional=optional, many=many)
                case _:
                    raise _beyond(part)

    def _found(self, kept: dict[str, etree._Element], name: str, node: etree._Element) -> etree._Element:
        try:
            return kept[_local(name)]
        except KeyError:
            raise ConfigurationError(f"{_place(node)}: nothing is called {name}.") from None


def _required(node: etree._Element | None, above: etree._Element) -> etree._Element:
    if node is None:
        raise _beyond(above)
    return node


def _placed(element: Element, *, choice: int | None, optional: bool, many: bool) -> Element:
    lowest = 0 if optional else element.min_occurs
    highest = None if many else element.max_occurs
    return replace(element, min_occurs=lowest, max_occurs=highest, choice=choice, _by_name={})


def _with_facets(base: SimpleType, restriction: etree._Element) -> SimpleType:
    patterns = [facet.get("value", "") for facet in restriction.findall(f"{_XS}pattern")]
    values = tuple(facet.get("value", "") for facet in restriction.findall(f"{_XS}enumeration"))
    lengths = {etree.QName(f).localname: int(f.get("value", "0")) for f in _children(restriction) if "ength" in _tag(f)}
    bounds = [(etree.QName(f).localname, f.get("value", "")) for f in _children(restriction)]
    exact = lengths.get("length")
    return replace(
        base,
        enumeration=values or base.enumeration,
        patterns=(*base.patterns, "|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else base.patterns,
        min_length=lengths.get("minLength", exact or base.min_length),
        max_length=lengths.get("maxLength", exact if exact is not None else base.max_length),
        bounds=(*base.bounds, *((facet, value) for facet, value in bounds if facet in _COUNTED)),
    )
