"""The binding file: which field of which form of a REMS installation has which of our names, checked against the forms.

[[form]]
id = 3                                             # form/id
application_type = "DATA_ACCESS_APPLICATION"
reference = "hdeu-ref"                             # the field that the broker writes: identifier and version
[form.fields]
"section2.projectName" = { field = "fld1", type = "text" }
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from broker.errors import ConfigurationError
from broker.translation.codecs.rems.facts import leaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from broker.translation.schema_parts import Element

#: Types of REMS whose value is one text.
TEXTS: Final = frozenset({"text", "texta", "email", "phone-number", "date", "ip-address"})
TYPES: Final = TEXTS | {"option", "multiselect", "attachment", "table"}
#: Types of REMS that ask for nothing.
_SILENT: Final = frozenset({"label", "header", "description"})
_KEYS: Final = frozenset({"field", "type", "options", "columns"})
_FORM_KEYS: Final = frozenset({"id", "application_type", "reference", "annex", "fields"})
#: What the annex table has instead of the names of a form.
ANNEX_COLUMNS: Final = ("path", "value")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: our name for it, its id in REMS, its type, and what its options or columns are called."""

    name: str
    id: str
    type: str
    options: Mapping[str, str] = field(default_factory=dict)  #: our key: key in REMS; empty: the same keys
    columns: Mapping[str, str] = field(default_factory=dict)  #: our name below the row: column in REMS


@dataclass(frozen=True, slots=True)
class Form:
    """A form, and the kind of application that it is for."""

    id: int
    application_type: str
    reference: str
    fields: tuple[Field, ...]
    annex: Field | None = None
    _by_id: dict[str, Field] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_id.update((one.id, one) for one in self.all_fields)

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """The fields, and the annex if there is one."""
        return self.fields if self.annex is None else (*self.fields, self.annex)

    def named(self, identifier: str) -> Field | None:
        """The field with this id in REMS, if it is bound."""
        return self._by_id.get(identifier)


@dataclass(frozen=True, slots=True)
class Binding:
    """All bound forms of an installation."""

    forms: tuple[Form, ...]
    file: str = ""

    def form(self, identifier: object) -> Form | None:
        """The form with this id."""
        return next((one for one in self.forms if one.id == identifier), None)

    def for_type(self, application_type: str) -> Form | None:
        """The form for this kind of application."""
        return next((one for one in self.forms if one.application_type == application_type), None)


def load_binding(path: Path, form: Element) -> Binding:
    """Read a binding file; `form` is the declaration of the element that holds the names.

    Raises: ConfigurationError, one line per fault: `<file>:<line>: …`.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rows = tomllib.loads(text).get("form", [])
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path.name}:1: the binding file cannot be read: {error}") from error
    faults = [f"{path.name}:{_line(text, word)}: {detail}" for word, detail in _faults(rows, form)]
    if faults:
        raise ConfigurationError("\n".join(faults))
    return Binding(tuple(_form(row) for row in rows), path.name)


def _line(text: str, word: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.lstrip().startswith((f'"{word}"', word))), 1)


def _faults(rows: list[dict[str, Any]], form: Element) -> Iterator[tuple[str, str]]:
    if not rows:
        yield "form", "the file binds no [[form]]"
    for row in rows:
        for key in sorted({"id", "application_type", "reference"} - set(row)):
            yield "[[form]]", f"a form says no {key!r}"
        for key in sorted(set(row) - _FORM_KEYS):
            yield key, f"unknown entry {key!r}"
        yield from _twice(row)
        for name, bound in row.get("fields", {}).items():
            yield from ((name, f"{name!r}: {detail}") for detail in _field_faults(name, bound, form))
        if "annex" in row and set(row["annex"].get("columns", {})) != set(ANNEX_COLUMNS):
            yield "annex", "'annex' is a table with the columns path and value"


def _twice(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seen = {row.get("reference"): "reference"}
    for name, bound in row.get("fields", {}).items():
        identifier = bound.get("field") if isinstance(bound, dict) else None
        if identifier in seen:
            yield name, f"{name!r}: the field {identifier!r} is bound already, to {seen[identifier]!r}"
        seen[identifier] = name


def _field_faults(name: str, bound: Any, form: Element) -> Iterator[str]:
    if not isinstance(bound, dict) or set(bound) - _KEYS or not {"field", "type"} <= set(bound):
        yield f"say field and type, and no more than {', '.join(sorted(_KEYS))}"
        return
    declared = _declared(form, name)
    if declared is None:
        yield "no field of the form is called that"
    elif bound["type"] not in TYPES:
        yield f"REMS has no type {bound['type']!r} that could be bound"
    elif bound["type"] == "table":
        yield from _column_faults(declared, bound.get("columns", {}))
    elif not _suits(declared, bound["type"]):
        yield f"a field of type {bound['type']!r} cannot hold it"


def _declared(form: Element, name: str) -> Element | None:
    place: Element | None = form
    for step in name.split("."):
        place = place.child(step) if place is not None else None
        if place is not None and place.repeats and not name.endswith(step):
            return None
    return place


def _suits(declared: Element, kind: str) -> bool:
    if kind == "multiselect":
        return declared.repeats and declared.is_leaf
    if kind == "attachment":
        return declared.repeats and [child.name for child in declared.children] == ["id"]
    return declared.is_leaf and not declared.repeats


def _column_faults(declared: Element, columns: Mapping[str, str]) -> Iterator[str]:
    if not declared.repeats:
        yield "it does not repeat, so it is no table"
    elif not columns:
        yield "a table names its columns"
    elif declared.is_leaf:
        if list(columns) != ["value"]:
            yield "its one column is called value"
    else:
        yield from (f"a row has no {name!r}" for name in columns if leaf(declared, name) is None)


def _form(row: dict[str, Any]) -> Form:
    fields = tuple(_bound(name, bound) for name, bound in row.get("fields", {}).items())
    annex = _bound("annex", {"type": "table", **row["annex"]}) if "annex" in row else None
    return Form(int(row["id"]), str(row["application_type"]), str(row["reference"]), fields, annex)


def _bound(name: str, bound: dict[str, Any]) -> Field:
    options = {str(ours): str(theirs) for ours, theirs in bound.get("options", {}).items()}
    return Field(name, str(bound["field"]), str(bound["type"]), options, dict(bound.get("columns", {})))


def check_forms(binding: Binding, definitions: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Where a binding and the form definitions of REMS (`/api/forms/<id>`, JSON) disagree, one line each."""
    known = {definition.get("form/id"): definition for definition in definitions}
    found: list[str] = []
    for form in binding.forms:
        definition = known.get(form.id)
        if definition is None:
            found.append(f"{binding.file}: form {form.id}: REMS has no form with this id")
        else:
            found += [f"{binding.file}: form {form.id}, {detail}" for detail in _differences(form, definition)]
    return tuple(found)


def _differences(form: Form, definition: Mapping[str, Any]) -> Iterator[str]:
    fields = {str(one.get("field/id")): one for one in definition.get("form/fields", ())}
    for bound in (Field("reference", form.reference, "text"), *form.all_fields):
        there = fields.get(bound.id)
        if there is None:
            yield f"{bound.name}: the form has no field {bound.id!r}"
        elif there.get("field/type") != bound.type:
            yield f"{bound.name}: field {bound.id!r} is of type {there.get('field/type')!r}, not {bound.type!r}"
        else:
            yield from (f"{bound.name}: field {bound.id!r} {detail}" for detail in _keys(bound, there))
    named = {form.reference, *(bound.id for bound in form.all_fields)}
    for identifier, there in fields.items():
        asks = there.get("field/type") not in _SILENT and not there.get("field/optional", False)
        if asks and identifier not in named:
            yield f"field {identifier!r} is mandatory and not bound"


def _keys(bound: Field, there: Mapping[str, Any]) -> Iterator[str]:
    for what, wanted, found in (
        ("option", bound.options.values(), there.get("field/options", ())),
        ("column", bound.columns.values(), there.get("field/columns", ())),
    ):
        keys = {str(one.get("key")) for one in found}
        yield from (f"has no {what} {key!r}" for key in wanted if key not in keys)
    if bound.options:
        own = set(bound.options.values())
        free = (str(one.get("key")) for one in there.get("field/options", ()))
        yield from (f"has the option {key!r}, which is not bound" for key in free if key not in own)
