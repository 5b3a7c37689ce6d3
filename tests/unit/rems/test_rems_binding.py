"""The binding file: what it may say, and how it is held against the forms of an installation."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ConfigurationError
from broker.translation.codecs.rems.codec import RemsCodec
from tests.support.sides import SCHEMAS

FORMS = Path(__file__).parents[2] / "data" / "rems-1" / "forms"
PURPOSE = "section2.purposeForWhichDataWillBeUsed: field 's2-purposeForWhichDataWillBeUsed'"
HEAD = '[[form]]\nid = 3\napplication_type = "DATA_ACCESS_APPLICATION"\nreference = "ref"\n\n[form.fields]\n'


def definitions() -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(FORMS.glob("form-*.json"))]


def load(folder: Path, text: str) -> RemsCodec:
    file = folder / "binding.toml"
    file.write_text(text, encoding="utf-8")
    return RemsCodec.load(SCHEMAS, file)


def test_the_example_binds_every_field_of_the_form_and_agrees_with_its_definitions(codec: RemsCodec) -> None:
    assert codec.differences(definitions()) == ()
    form = codec.by.model.roots["ApplicationSubmitted"].child("application").child("form")  # type: ignore[union-attr]  # the schema has them
    named = {one.name.split(".")[0] for bound in codec.by.binding.forms for one in bound.fields}
    assert named == {child.name for child in form.children}  # type: ignore[union-attr]  # as above


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "binding.toml:1: the file binds no [[form]]"),
        ("[[form]]\nid = 3\n", "binding.toml:1: a form says no 'application_type'"),
        ("x = [", "binding.toml:1: the binding file cannot be read"),
        (HEAD + '"section2.project" = { field = "a", type = "text" }', "binding.toml:7: 'section2.project': no field"),
        (
            HEAD + '"section2.projectName" = { field = "a" }',
            "binding.toml:7: 'section2.projectName': say field and type",
        ),
        (
            HEAD + '"section2.projectName" = { field = "a", type = "label" }',
            "binding.toml:7: 'section2.projectName': REMS has no type 'label' that could be bound",
        ),
        (
            HEAD + '"section2.projectName" = { field = "a", type = "attachment" }',
            "binding.toml:7: 'section2.projectName': a field of type 'attachment' cannot hold it",
        ),
        (
            HEAD + '"section2.projectName" = { field = "ref", type = "text" }',
            "binding.toml:7: 'section2.projectName': the field 'ref' is bound already, to 'reference'",
        ),
        (
            HEAD + '"section6" = { field = "a", type = "table", columns = { country = "c" } }',
            "binding.toml:7: 'section6': a row has no 'country'",
        ),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, text)
    assert any(line.startswith(fault) for line in error.value.detail.split("\n")), error.value.detail


def changed(change: str) -> list[dict[str, Any]]:
    forms = copy.deepcopy(definitions())
    fields = {one["field/id"]: one for one in forms[0]["form/fields"]}
    match change:
        case "gone":
            forms[0]["form/fields"].remove(fields["s2-projectName"])
        case "type":
            fields["s2-projectName"]["field/type"] = "texta"
        case "mandatory":
            forms[0]["form/fields"].append({"field/id": "fld1", "field/type": "text", "field/optional": False})
        case "option":
            fields["s2-purposeForWhichDataWillBeUsed"]["field/options"].pop()
        case "new option":
            fields["s2-purposeForWhichDataWillBeUsed"]["field/options"].append({"key": "leisure"})
        case "column":
            fields["hdeu-annex"]["field/columns"].pop()
        case _:
            forms[0]["form/id"] = 77
    return forms


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("gone", "form 1, section2.projectName: the form has no field 's2-projectName'"),
        ("type", "form 1, section2.projectName: field 's2-projectName' is of type 'texta', not 'text'"),
        ("mandatory", "form 1, field 'fld1' is mandatory and not bound"),
        ("option", f"form 1, {PURPOSE} has no option 'improving-care'"),
        ("new option", f"form 1, {PURPOSE} has the option 'leisure', which is not bound"),
        ("column", "form 1, annex: field 'hdeu-annex' has no column 'value'"),
        ("form", "form 1: REMS has no form with this id"),
    ],
)
def test_a_form_that_differs_is_named_with_its_place(codec: RemsCodec, change: str, told: str) -> None:
    assert codec.differences(changed(change)) == (f"binding.toml: {told}",)
