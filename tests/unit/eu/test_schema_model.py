"""The plain model of an XSD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from broker.translation.schema_model import SchemaModel

import pytest

from broker.errors import ConfigurationError
from broker.translation.schema_model import load_schema

XSD = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:x" targetNamespace="urn:x">{}</xs:schema>'
TWO = '<xs:sequence><xs:element name="a" type="xs:string"/><xs:element name="b" type="xs:date"/></xs:sequence>'


def written(tmp_path: Path, inner: Any) -> Any:
    path = tmp_path / "x.xsd"
    path.write_text(XSD.format(inner))
    return path


def leaf(model: SchemaModel, root: Any, path: Any) -> Any:
    return next(found for found in model.leaves(root) if found.path == path)


def test_leaves_come_in_the_order_of_the_schema(model: SchemaModel) -> None:
    paths = [found.path for found in model.leaves("StatusUpdate") if found.path.startswith("content/")]
    assert paths == [
        "content/applicationId",
        "content/status",
        "content/date",
        "content/reason",
        "content/unknown/field",
        "content/unknown/field/@path",
    ]


def test_a_leaf_below_something_that_repeats_repeats(model: SchemaModel) -> None:
    assert leaf(model, "ApplicationSubmitted", "content/form/section6/country_id").repeats
    assert not leaf(model, "ApplicationSubmitted", "content/form/section2/projectName").repeats


def test_a_leaf_is_required_only_if_all_above_it_are(model: SchemaModel) -> None:
    assert not leaf(model, "PermitIssued", "content/issuingHdab/name").optional
    assert leaf(model, "PermitIssued", "content/duration/start").optional


def test_an_attribute_is_a_leaf_of_its_own(model: SchemaModel) -> None:
    found = leaf(model, "ApplicationSubmitted", "content/datasets/title/text/@lang")
    assert found.is_attribute
    assert found.type.fits("fr")
    assert not found.type.fits("français")


def test_a_leaf_names_file_and_line_of_its_declaration(model: SchemaModel) -> None:
    assert leaf(model, "StatusUpdate", "content/status").source.startswith("dialogue.xsd:")


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("content/status", "PROCESSING", "PROCESSED"),
        ("content/date", "2026-08-03T16:06:16.461529238Z", "2026-08-03T16:06:16"),
        ("envelope/version", "12", "-1"),
        ("envelope/testFlag", "true", "yes"),
        ("envelope/sender/nationId", "FI", "fi"),
    ],
)
def test_a_leaf_knows_what_its_text_may_be(model: SchemaModel, path: Any, good: Any, bad: Any) -> None:
    type_ = leaf(model, "StatusUpdate", path).type
    assert type_.fits(good)
    assert not type_.fits(bad)


def test_a_date_that_no_calendar_has_does_not_fit(model: SchemaModel) -> None:
    assert not leaf(model, "ExtensionNotice", "content/newDueDate").type.fits("2027-02-30")


def test_alternatives_exclude_each_other_and_are_optional(tmp_path: Path) -> None:
    inner = (
        '<xs:element name="r"><xs:complexType><xs:choice maxOccurs="3"><xs:element name="a" type="xs:string"/>'
        '<xs:element name="b" type="xs:string"/></xs:choice></xs:complexType></xs:element>'
    )
    first, second = load_schema(written(tmp_path, inner)).element("r").children
    assert first.choice == second.choice is not None
    assert first.optional
    assert first.repeats


def test_a_group_and_a_reference_stand_for_what_they_name(tmp_path: Path) -> None:
    inner = (
        f'<xs:group name="g">{TWO}</xs:group><xs:element name="c" type="xs:int"/>'
        '<xs:element name="r"><xs:complexType><xs:sequence><xs:group ref="g"/>'
        '<xs:element ref="c" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
    )
    assert [found.path for found in load_schema(written(tmp_path, inner)).leaves("r")] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "inner",
    [
        '<xs:element name="r"><xs:complexType><xs:sequence><xs:any/></xs:sequence></xs:complexType></xs:element>',
        '<xs:import namespace="urn:y"/>',
        '<xs:element name="r"><xs:simpleType><xs:list itemType="xs:token"/></xs:simpleType></xs:element>',
    ],
)
def test_what_could_hide_a_leaf_is_refused_with_file_and_line(tmp_path: Path, inner: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"x\.xsd:1"):
        load_schema(written(tmp_path, inner))


def test_a_type_that_contains_itself_is_refused(tmp_path: Path) -> None:
    inner = (
        '<xs:complexType name="t"><xs:sequence><xs:element name="r" type="t"/></xs:sequence></xs:complexType>'
        '<xs:element name="r" type="t"/>'
    )
    with pytest.raises(ConfigurationError, match="contains itself"):
        load_schema(written(tmp_path, inner))


def test_a_schema_that_is_not_there_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        load_schema(tmp_path / "none.xsd")
