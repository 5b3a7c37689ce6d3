"""The answers in the forms of a REMS application as facts, after the binding of the installation, and back.

What a field cannot say (an option that is not bound, a text that is empty) is left where it was: in the form on the
way in, among the facts on the way out. An empty value means in REMS that nobody answered.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from broker.translation.codecs.json_tree import escaped
from broker.translation.codecs.rems.binding import TEXTS
from broker.translation.codecs.rems.facts import is_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from broker.translation.codecs.rems.binding import Field, Form
    from broker.translation.codecs.rems.facts import Facts

VALUE: Final = "field/value"
ANNEX: Final = "annex"
_UNSEEN: Final = re.compile(r"[ ,]")


def take(bound: Field, value: Any) -> Facts | None:
    """What an answer says, by paths below the form; None, if it cannot be read as the binding says."""
    if bound.type == "table":
        return _take_table(bound, value)
    if not isinstance(value, str) or not is_xml(value):
        return None
    if bound.type in TEXTS:
        return {bound.name: value} if value else {}
    if bound.type == "attachment":
        return {f"{bound.name}[{at}].id": one for at, one in enumerate(value.split(","), 1)} if value else {}
    return _take_options(bound, value)


def _take_options(bound: Field, value: str) -> Facts | None:
    ours = {theirs: key for key, theirs in bound.options.items()}
    several = bound.type == "multiselect"
    keys = (value.split(" ") if several else [value]) if value else []
    if any(not key or (ours and key not in ours) for key in keys):
        return None
    return {(f"{bound.name}[{at}]" if several else bound.name): ours.get(key, key) for at, key in enumerate(keys, 1)}


def _take_table(bound: Field, value: Any) -> Facts | None:
    ours = {theirs: name for name, theirs in bound.columns.items()}
    facts: Facts = {}
    for at, row in enumerate(value if isinstance(value, list) else [None], 1):
        cells = [_column_and_text(cell) for cell in row] if isinstance(row, list) else [None]
        said = dict(filter(None, cells))
        if len(said) < len(cells) or not said.keys() <= ours.keys():
            return None
        facts.update({_cell(bound, at, ours[column]): text for column, text in said.items() if text})
    return facts


def _column_and_text(cell: Any) -> tuple[str, str] | None:
    """None, if it is no cell of a table of REMS."""
    if not isinstance(cell, dict) or set(cell) != {"column", "value"}:
        return None
    column, text = cell["column"], cell["value"]
    return (column, text) if isinstance(column, str) and isinstance(text, str) and is_xml(text) else None


def _cell(bound: Field, row: int, name: str) -> str:
    return f"{_stem(bound)}[{row}]{_ending(bound, name)}"


def _stem(bound: Field) -> str:
    """What stands before the number of a row."""
    return "annex.entry" if bound.name == ANNEX else bound.name


def _ending(bound: Field, name: str) -> str:
    """What stands behind it, for one column."""
    if bound.name == ANNEX:
        return "@path" if name == "path" else ""
    return "" if name == "value" else f".{name}"


def heights(form: Form, facts: Facts) -> dict[str, int]:
    """How many rows there are below the path of each table; the facts stand in the order of a document."""
    stems = {_stem(bound) for bound in form.all_fields if bound.type == "table"}
    last: dict[str, str] = {}
    for path, text in facts.items():
        stem, bracket, rest = path.partition("[")
        if bracket and text and stem in stems:
            last[stem] = rest
    return {stem: int(rest.partition("]")[0]) for stem, rest in last.items()}


def put(bound: Field, facts: Facts, rows: Mapping[str, int]) -> Any:
    """The answer that says what is taken out of `facts`; None, if there is nothing to say. `rows` are its heights."""
    if bound.type == "table":
        return _put_table(bound, facts, rows.get(_stem(bound), 0))
    if bound.type in TEXTS:
        return facts.pop(bound.name) if facts.get(bound.name) else None
    if bound.type == "option":
        key = _theirs(bound, facts.get(bound.name))
        return facts.pop(bound.name) and key if key else None
    ending, between = (".id", ",") if bound.type == "attachment" else ("", " ")
    paths = _run(f"{bound.name}[{{}}]{ending}", facts)
    keys = [_theirs(bound, facts[path]) for path in paths]
    if not keys or any(not key or _UNSEEN.search(key) for key in keys):
        return None
    for path in paths:
        del facts[path]
    return between.join(key for key in keys if key)


def _theirs(bound: Field, key: str | None) -> str | None:
    return bound.options.get(key or "") if bound.options else key


def _run(template: str, facts: Facts) -> list[str]:
    paths: list[str] = []
    while (path := template.format(len(paths) + 1)) in facts:
        paths.append(path)
    return paths


def _put_table(bound: Field, facts: Facts, height: int) -> list[list[dict[str, str]]] | None:
    stem, endings = _stem(bound), [(_ending(bound, name), column) for name, column in bound.columns.items()]
    rows = []
    for at in range(1, height + 1):
        head = f"{stem}[{at}]"
        rows.append([{"column": column, "value": _taken(facts, head + ending)} for ending, column in endings])
    while rows and not any(cell["value"] for cell in rows[-1]):
        rows.pop()
    return rows or None


def _taken(facts: Facts, path: str) -> str:
    """A text; an empty one stays where it is."""
    text = facts.get(path, "")
    if text:
        del facts[path]
    return text


def answers(form: Form, application: dict[str, Any]) -> Iterator[tuple[Field, dict[str, Any], str]]:
    """The bound fields of a form that the application has, with what stands there and its JSON Pointer below it.

    A field that stands there twice says two things: it is none of them.
    """
    found = list(_bound(form, application))
    count = Counter(bound.name for bound, _, _ in found)
    yield from (one for one in found if count[one[0].name] == 1)


def _bound(form: Form, application: dict[str, Any]) -> Iterator[tuple[Field, dict[str, Any], str]]:
    for at, one in enumerate(objects(application.get("application/forms"))):
        if one.get("form/id") == form.id:
            for number, there in enumerate(objects(one.get("form/fields"))):
                bound = form.named(str(there.get("field/id")))
                if bound is not None:
                    step = f"/{escaped('application/forms')}/{at}/{escaped('form/fields')}/{number}"
                    yield bound, there, f"{step}/{escaped(VALUE)}"


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of an array; what is none stands as an empty one, so that places stay."""
    return [one if isinstance(one, dict) else {} for one in value] if isinstance(value, list) else []


def field_of(application: dict[str, Any], form: Form, identifier: str) -> dict[str, Any] | None:
    """The field with this id, as the application has it."""
    for one in objects(application.get("application/forms")):
        if one.get("form/id") == form.id:
            return next((f for f in objects(one.get("form/fields")) if f.get("field/id") == identifier), None)
    return None


def form_for(application: dict[str, Any], form: Form) -> dict[str, Any]:
    """The form, as the application has it; made, if it does not."""
    forms: list[dict[str, Any]] = application.setdefault("application/forms", [])
    one = next((found for found in objects(forms) if found.get("form/id") == form.id), None)
    if one is None:
        forms.append(one := {"form/id": form.id})
    return one


class Sheet:
    """The fields of a form in an application, by id; `place` makes one that is not there."""

    def __init__(self, application: dict[str, Any], form: Form) -> None:
        self._fields: list[Any] = form_for(application, form).setdefault("form/fields", [])
        known = [there for there in reversed(self._fields) if isinstance(there, dict)]
        self._by_id: dict[str, dict[str, Any]] = {str(there.get("field/id")): there for there in known}

    def there(self, identifier: str) -> dict[str, Any] | None:
        """The field, if the application has it."""
        return self._by_id.get(identifier)

    def place(self, identifier: str) -> dict[str, Any]:
        """The field."""
        if identifier not in self._by_id:
            self._by_id[identifier] = {"field/id": identifier}
            self._fields.append(self._by_id[identifier])
        return self._by_id[identifier]


def prune(application: dict[str, Any], form: Form) -> None:
    """Take away what the binding alone says: fields and forms that are nothing but an id."""
    forms = application.get("application/forms", [])
    for one in [found for found in objects(forms) if found.get("form/id") == form.id]:
        fields = one.get("form/fields")
        if isinstance(fields, list) and all(isinstance(there, dict) for there in fields):
            one["form/fields"] = [
                there for there in fields if not isinstance(there, dict) or set(there) != {"field/id"}
            ]
        if set(one) <= {"form/id", "form/fields"} and not one.get("form/fields"):
            forms.remove(one)
    if not forms and "application/forms" in application:
        del application["application/forms"]


def files(application: dict[str, Any], form: Form | None) -> set[str]:
    """The ids of the files that answers name."""
    found = () if form is None else answers(form, application)
    given = [there.get(VALUE) for bound, there, _ in found if bound.type == "attachment"]
    return {one for value in given if isinstance(value, str) for one in value.split(",")}
