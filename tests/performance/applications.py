"""Full-size applications: every field of every section, 5 datasets, 3 countries, 20 persons; or as many as fill a size.

Made from the hand-written example: its groups are repeated under new keys, and what it leaves open is filled with the
first text that fits the type. Always the same bytes.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

from lxml import etree

from broker.data_files import schemas_dir
from broker.translation.schema_model import load_schema
from broker.translation.schema_parts import Element, SchemaModel, SimpleType

EXAMPLE = Path(__file__).parents[1] / "data" / "eu-1" / "ApplicationSubmitted.xml"
COUNTRIES = ("FRANCE", "FINLAND", "ITALY")
DATASETS, PERSONS = 5, 20
#: Left as the example has it: the container of unknown wire fields, and nothing else.
_NOT_FILLED = frozenset({"unknown"})
_SENTENCES = (
    "Les données ne quittent pas l'environnement de traitement sécurisé ; seuls des résultats agrégés sont exportés.",
    "Kohortti poimitaan rekisteristä vuosilta 2015-2025, ja tiedot yhdistetään pseudonymisoituina.",
    "Outcomes after stroke are compared between regions, adjusted for age, sex and severity at admission.",
    "Répondu pour cet exemple.",
)
_CANDIDATES = (
    *_SENTENCES,
    "2027-03-01",
    "2027-03-01T09:30:15Z",
    "true",
    "12",
    "fr",
    "FR",
    "FRANCE",
    "application/pdf",
    "exemple@example.org",
    "0" * 64,
)


def full_size() -> etree._Element:
    """One application as large as a real one may be."""
    return _application(datasets=DATASETS, persons=PERSONS)


def of_size(size: int) -> bytes:
    """An application of nearly so many bytes: more datasets, more persons, each like those of the example."""
    base = len(_bytes(full_size()))
    grown = len(_bytes(_application(datasets=2 * DATASETS, persons=2 * PERSONS)))
    times = 1 + (size - base) // (grown - base)
    while len(data := _bytes(_application(datasets=times * DATASETS, persons=times * PERSONS))) > size:
        times -= 1
    return data


def leaves(root: etree._Element) -> int:
    """Elements with text and attributes."""
    return sum(len(element.attrib) + (not len(element)) for element in root.iter())


def share(root: etree._Element) -> float:
    """Which part of the schema's leaves is in the document."""
    paths = {leaf.path for leaf in _model().leaves("ApplicationSubmitted")}
    return len(paths & {path for element in root.iter() for path in _paths(element)}) / len(paths)


def _paths(element: etree._Element) -> list[str]:
    names = [etree.QName(above).localname for above in (element, *element.iterancestors())]
    path = "/".join(reversed(names[:-1]))
    return [path, *(f"{path}/@{name}" for name in map(str, element.attrib))]


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _model() -> SchemaModel:
    return load_schema(schemas_dir() / "eu" / "1" / "eu.xsd")


def _application(*, datasets: int, persons: int) -> etree._Element:
    root = etree.parse(str(EXAMPLE), etree.XMLParser(remove_blank_text=True)).getroot()
    model = _model()
    _fill(root, model.roots["ApplicationSubmitted"], model.namespace)
    content = root[1]
    _repeat(content, "datasets", ["dataset_id"], [f"urn:example:dataset:{number}" for number in range(datasets)])
    _repeat(content, "form/section6", ["country_id"], list(COUNTRIES))
    names = [f"personne-{number}@example.org" for number in range(persons)]
    _repeat(content, "form/section8/peopleWhoWillBeProcessingTheData", ["emailAddress"], names)
    etree.indent(root)
    return root


def _repeat(content: etree._Element, path: str, key: list[str], values: list[str]) -> None:
    """As many instances as there are keys, in turn like those that the example has."""
    space = f"{{{etree.QName(content).namespace}}}"
    steps = [space + step for step in path.split("/")]
    found = content.findall("/".join(steps))
    around = found[0].getparent()
    if around is None:
        raise AssertionError(path)
    at = around.index(found[0])
    made = [deepcopy(found[number % len(found)]) for number in range(len(values))]
    for instance, value in zip(made, values, strict=True):
        named = instance.find("/".join(space + step for step in key))
        if named is not None:
            named.text = value
    for instance in found:
        around.remove(instance)
    around[at:at] = made


def _fill(element: etree._Element, declared: Element, namespace: str) -> None:
    """Give it every attribute and child that its declaration knows, where it has none."""
    if declared.name in _NOT_FILLED:
        return
    for attribute in declared.attributes:
        if attribute.name not in element.attrib:
            element.set(attribute.name, _text(attribute.type))
    chosen = {child.choice for child in declared.children if _has(element, child, namespace)}
    at = 0
    for child in declared.children:
        present = element.findall(f"{{{namespace}}}{child.name}")
        if not present and child.name not in _NOT_FILLED and (child.choice is None or child.choice not in chosen):
            present = [etree.Element(f"{{{namespace}}}{child.name}")]
            element.insert(at, present[0])
            if child.text is not None:
                present[0].text = _text(child.text, len(child.name))
            chosen.add(child.choice)
        at += len(present)
        for one in present:
            _fill(one, child, namespace)


def _has(element: etree._Element, child: Element, namespace: str) -> bool:
    return element.find(f"{{{namespace}}}{child.name}") is not None


def _text(type_: SimpleType, number: int = 0) -> str:
    """The first text that fits; sentences in turn."""
    if type_.enumeration:
        return type_.enumeration[0]
    turn = number % len(_SENTENCES)
    candidates = (*_SENTENCES[turn:], *_CANDIDATES)
    return next(text for text in candidates if type_.fits(text))
