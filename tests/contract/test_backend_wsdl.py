"""Our WSDL and XSD of the push interface against a table of it that was typed for this test alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tests.support.pushes import told, whole

FOLDER = Path(__file__).parents[2] / "schemas" / "domibus"
XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP12 = "{http://schemas.xmlsoap.org/wsdl/soap12/}"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
# operation, which is also the element: children in order, ? optional, * repeated
OPERATIONS = {
    "submitRequest": "bodyload? payload*",
    "sendSuccess": "messageID",
    "sendFailure": "messageID",
    "receiveSuccess": "messageID",
    "receiveFailure": "messageID",
    "delete": "messageID",
    "deleteBatch": "messageIds*",
    "messageStatusChange": "messageID messageStatus",
}


def xsd() -> etree._Element:
    return etree.parse(FOLDER / "backend.xsd").getroot()


def wsdl() -> etree._Element:
    return etree.parse(FOLDER / "backend.wsdl").getroot()


def children(name: str) -> list[str]:
    root = xsd()
    element = root.find(f"{XS}element[@name='{name}']")
    inline = element.find(f"{XS}complexType")
    type_ = inline if inline is not None else root.find(f"{XS}complexType[@name='{element.get('type')[2:]}']")
    marks = {("0", "unbounded"): "*", ("1", "unbounded"): "*", ("0", "1"): "?", ("1", "1"): ""}
    return [
        child.get("name") + marks[child.get("minOccurs", "1"), child.get("maxOccurs", "1")]
        for child in type_.iter(f"{XS}element")
    ]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_its_element_with_its_children_in_order(name: str) -> None:
    assert children(name) == OPERATIONS[name].split()


def test_the_namespace_is_a_name_and_children_have_none() -> None:
    root = xsd()
    assert root.get("targetNamespace") == "eu.domibus"
    assert root.get("elementFormDefault") == "unqualified"
    assert children("BackendFaultDetail") == ["code", "message"]
    payload = root.find(f"{XS}complexType[@name='LargePayloadType']")
    assert [one.get("name") for one in payload.iter(f"{XS}attribute")] == [
        "payloadId",
        "contentType",
        "mimeType",
        "payloadName",
    ]


def test_the_wsdl_has_these_operations_under_their_names_and_no_other() -> None:
    root = wsdl()
    assert root.get("targetNamespace") == "eu.domibus"
    assert root.find(f"{WSDL}service").get("name") == "BackendService"
    assert root.find(f"{WSDL}service/{WSDL}port").get("name") == "BACKEND_PORT"
    port = root.find(f"{WSDL}portType")
    assert port.get("name") == "BackendInterface"
    assert [one.get("name") for one in port.findall(f"{WSDL}operation")] == list(OPERATIONS)
    assert {one.get("soapAction") for one in root.iter(f"{SOAP12}operation")} == {""}
    assert [one.get("schemaLocation") for one in root.iter(f"{XS}import")] == ["backend.xsd"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_answered_with_an_empty_body_or_the_one_fault(name: str) -> None:
    root = wsdl()
    operation = root.find(f"{WSDL}portType/{WSDL}operation[@name='{name}']")
    bound = root.find(f"{WSDL}binding/{WSDL}operation[@name='{name}']")
    assert parts(root, operation.find(f"{WSDL}input")).get("body") == f"tns:{name}"
    assert parts(root, operation.find(f"{WSDL}output")) == {}
    assert parts(root, operation.find(f"{WSDL}fault")) == {"BackendFault": "tns:BackendFaultDetail"}
    headers = bound.findall(f"{WSDL}input/{SOAP12}header")
    assert [parts(root, one)[one.get("part")] for one in headers] == (
        ["tns:Messaging"] if name == "submitRequest" else []
    )


def parts(root: etree._Element, reference: etree._Element) -> dict[str, str]:
    message = root.find(f"{WSDL}message[@name='{reference.get('message').partition(':')[2]}']")
    return {part.get("name"): part.get("element") for part in message.findall(f"{WSDL}part")}


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_the_tests_push_is_valid(name: str) -> None:
    schema = etree.XMLSchema(etree.parse(FOLDER / "backend.xsd"))
    status = "ACKNOWLEDGED" if name == "messageStatusChange" else ""
    body = whole("m-1", b"x") if name == "submitRequest" else told(name, "m-1", status=status)
    envelope = etree.fromstring(body)
    for element in (*envelope.find(f"{SOAP}Header"), *envelope.find(f"{SOAP}Body")):
        schema.assertValid(etree.fromstring(etree.tostring(element)))
