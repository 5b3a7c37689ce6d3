"""Our WSDL and XSDs against a table of the Domibus WS plugin that was typed for this test alone.

A wrong WSDL would agree with itself: adapter, mock and zeep may all follow it. Names, namespaces and order
therefore stand here a second time.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

FOLDER = Path(__file__).parents[2] / "schemas" / "domibus"
BODY = "http://eu.domibus.wsplugin/"
HEADER = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP12 = "{http://schemas.xmlsoap.org/wsdl/soap12/}"

# operation: request element, response element, fault, direction of the header
OPERATIONS = {
    "submitMessage": ("submitRequest", "submitResponse", "SubmitMessageFault", "input"),
    "listPendingMessages": (
        "listPendingMessagesRequest",
        "listPendingMessagesResponse",
        "listPendingMessagesFault",
        "",
    ),
    "retrieveMessage": ("retrieveMessageRequest", "retrieveMessageResponse", "RetrieveMessageFault", "output"),
    "markMessageAsDownloaded": (
        "markMessageAsDownloadedRequest",
        "markMessageAsDownloadedResponse",
        "MarkMessageAsDownloadedFault",
        "output",
    ),
    "getStatus": ("statusRequest", "getStatusResponse", "StatusFault", ""),
    "getStatusWithAccessPointRole": ("statusRequestWithAccessPointRole", "getStatusResponse", "StatusFault", ""),
    "getMessageErrors": ("getErrorsRequest", "getMessageErrorsResponse", "getMessageErrorsFault", ""),
    "getMessageErrorsWithAccessPointRole": (
        "getErrorsRequestWithAccessPointRole",
        "getMessageErrorsResponse",
        "getMessageErrorsFault",
        "",
    ),
    "listPushFailedMessages": (
        "listPushFailedMessagesRequest",
        "listPushFailedMessagesResponse",
        "listPushFailedMessagesFault",
        "",
    ),
    "rePushFailedMessages": ("rePushFailedMessagesRequest", None, "rePushFailedMessagesFault", ""),
}
# element: children in order, ? optional, * repeated
ELEMENTS = {
    "submitRequest": "bodyload? payload*",
    "submitResponse": "messageID* messageEntityID*",
    "listPendingMessagesRequest": "messageId? conversationId? refToMessageId? fromPartyId? finalRecipient?"
    " originalSender? receivedFrom? receivedTo?",
    "listPendingMessagesResponse": "messageID*",
    "retrieveMessageRequest": "messageID",
    "retrieveMessageResponse": "bodyload? payload*",
    "markMessageAsDownloadedRequest": "messageID",
    "markMessageAsDownloadedResponse": "messageID",
    "statusRequest": "messageID",
    "statusRequestWithAccessPointRole": "messageID accessPointRole",
    "getErrorsRequest": "messageID",
    "getErrorsRequestWithAccessPointRole": "messageID accessPointRole",
    "getMessageErrorsResponse": "item*",
    "listPushFailedMessagesRequest": "messageId? finalRecipient? originalSender? receivedFrom? receivedTo?",
    "listPushFailedMessagesResponse": "messageID*",
    "rePushFailedMessagesRequest": "messageID*",
    "FaultDetail": "code message",
}
TYPES = {
    "LargePayloadType": "value",
    "errorResultImpl": "domibusErrorCode? errorDetail? messageInErrorId? mshRole? notified? timestamp?",
}
STATUSES = (
    "READY_TO_SEND READY_TO_PULL BEING_PULLED SEND_ENQUEUED SEND_IN_PROGRESS WAITING_FOR_RECEIPT ACKNOWLEDGED"
    " ACKNOWLEDGED_WITH_WARNING SEND_ATTEMPT_FAILED SEND_FAILURE NOT_FOUND WAITING_FOR_RETRY RECEIVED"
    " RECEIVED_WITH_WARNINGS DELETED DOWNLOADED"
)
# header: xsd:all means any order, so only names and cardinalities count
HEADER_TYPES = {
    "UserMessage": "MessageInfo? PartyInfo CollaborationInfo MessageProperties? PayloadInfo? ProcessingType? @mpc",
    "MessageInfo": "Timestamp? MessageId? RefToMessageId?",
    "PartyInfo": "From To?",
    "Party": "PartyId Role",
    "CollaborationInfo": "AgreementRef? Service Action ConversationId?",
    "MessageProperties": "Property*",
    "PayloadInfo": "PartInfo*",
    "PartInfo": "PartProperties? @href",
    "PartProperties": "Property*",
    "Property": "@name @type",
    "PartyId": "@type",
    "Service": "@type",
    "AgreementRef": "@type @pmode",
}


def schema(name: str) -> etree._Element:
    return etree.parse(FOLDER / name).getroot()


def body_type(name: str) -> etree._Element:
    root = schema("wsplugin-body.xsd")
    element = root.find(f"{XS}element[@name='{name}']")
    inline = element.find(f"{XS}complexType")
    if inline is not None:
        return inline
    return root.find(f"{XS}complexType[@name='{element.get('type').partition(':')[2]}']")


def children(type_: etree._Element) -> list[str]:
    """Names with ? and *; the first `*` needs no minimum, since both 0..n and 1..n are repeated."""
    found = []
    for element in type_.iter(f"{XS}element"):
        many = element.get("maxOccurs") == "unbounded"
        optional = element.get("minOccurs") == "0"
        found.append(element.get("name") + ("*" if many else "?" if optional else ""))
    return found


def attributes(type_: etree._Element) -> list[str]:
    return [f"@{attribute.get('name')}" for attribute in type_.iter(f"{XS}attribute")]


def test_the_body_schema_qualifies_elements_and_leaves_children_unqualified() -> None:
    root = schema("wsplugin-body.xsd")
    assert root.get("targetNamespace") == BODY
    assert root.get("elementFormDefault") == "unqualified"
    assert {element.get("name") for element in root.findall(f"{XS}element")} == {*ELEMENTS, "getStatusResponse"}


@pytest.mark.parametrize("name", ELEMENTS)
def test_an_element_has_its_children_in_order(name: str) -> None:
    assert children(body_type(name)) == ELEMENTS[name].split()


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_its_children_in_order(name: str) -> None:
    assert children(schema("wsplugin-body.xsd").find(f"{XS}complexType[@name='{name}']")) == TYPES[name].split()


def test_payloads_roles_and_the_mark_have_their_attributes_and_values() -> None:
    root = schema("wsplugin-body.xsd")
    payload = root.find(f"{XS}complexType[@name='LargePayloadType']")
    assert attributes(payload) == ["@payloadId", "@contentType"]
    assert payload.find(f".//{XS}element").get("type") == "xs:base64Binary"
    mark = body_type("retrieveMessageRequest").find(f"{XS}attribute")
    assert (mark.get("name"), mark.get("type"), mark.get("default")) == ("markAsDownloaded", "xs:string", "true")
    values = {
        type_.get("name"): " ".join(item.get("value") for item in type_.iter(f"{XS}enumeration"))
        for type_ in root.findall(f"{XS}simpleType")
    }
    assert values["accessPointRole"] == "SENDING RECEIVING"
    assert values["messageStatus"] == STATUSES


def test_the_header_schema_qualifies_everything() -> None:
    root = schema("ebms-header.xsd")
    assert root.get("targetNamespace") == HEADER
    assert root.get("elementFormDefault") == "qualified"
    messaging = root.find(f"{XS}element[@name='Messaging']")
    assert children(messaging.find(f"{XS}complexType")) == ["UserMessage?"]
    assert attributes(messaging) == ["@mustUnderstand"]


@pytest.mark.parametrize("name", HEADER_TYPES)
def test_a_header_type_has_its_names(name: str) -> None:
    type_ = schema("ebms-header.xsd").find(f"{XS}complexType[@name='{name}']")
    assert sorted(children(type_) + attributes(type_)) == sorted(HEADER_TYPES[name].split())


def test_the_wsdl_has_service_port_and_binding_under_their_names() -> None:
    root = schema("wsplugin.wsdl")
    assert root.get("targetNamespace") == BODY
    assert root.find(f"{WSDL}service").get("name") == "WebServicePlugin"
    assert root.find(f"{WSDL}service/{WSDL}port").get("name") == "WEBSERVICEPLUGIN_PORT"
    assert root.find(f"{WSDL}portType").get("name") == "WebServicePluginInterface"
    assert root.find(f"{WSDL}binding/{SOAP12}binding").get("style") == "document"
    assert {item.get("soapAction") for item in root.iter(f"{SOAP12}operation")} == {""}
    locations = [item.get("schemaLocation") for item in root.iter(f"{XS}import")]
    assert locations == ["wsplugin-body.xsd", "ebms-header.xsd"], "relative, so that no client asks the internet"


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_its_messages_fault_and_header(name: str) -> None:
    root = schema("wsplugin.wsdl")
    request, response, fault, header = OPERATIONS[name]
    operation = root.find(f"{WSDL}portType/{WSDL}operation[@name='{name}']")
    bound = root.find(f"{WSDL}binding/{WSDL}operation[@name='{name}']")
    assert parts(root, operation.find(f"{WSDL}input")).get("body") == f"tns:{request}"
    assert parts(root, operation.find(f"{WSDL}output")).get("body") == (f"tns:{response}" if response else None)
    assert operation.find(f"{WSDL}fault").get("name") == fault
    assert parts(root, operation.find(f"{WSDL}fault")) == {fault: "tns:FaultDetail"}
    for direction in ("input", "output"):
        headers = bound.findall(f"{WSDL}{direction}/{SOAP12}header")
        assert len(headers) == (1 if direction == header else 0)
        assert all(parts(root, item)[item.get("part")] == "eb:Messaging" for item in headers)


def test_the_wsdl_has_no_other_operation() -> None:
    names = [item.get("name") for item in schema("wsplugin.wsdl").findall(f"{WSDL}portType/{WSDL}operation")]
    assert names == list(OPERATIONS)


def parts(root: etree._Element, reference: etree._Element) -> dict[str, str]:
    message = root.find(f"{WSDL}message[@name='{reference.get('message').partition(':')[2]}']")
    return {part.get("name"): part.get("element") for part in message.findall(f"{WSDL}part")}
