"""What a Domibus pushes to a back end, typed by hand after its interface, and nothing of the product in it."""

from __future__ import annotations

import base64

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ENVELOPE = '<e:Envelope xmlns:e="{soap}"><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>'
WSPLUGIN = "http://eu.domibus.wsplugin/"
USER_MESSAGE = """<UserMessage mpc="urn:example:defaultMPC">
 <MessageInfo><Timestamp>2026-08-11T09:22:22</Timestamp><MessageId>{message_id}</MessageId></MessageInfo>
 <PartyInfo><From><PartyId type="urn:example:type">{from_party}</PartyId><Role>urn:example:initiator</Role></From>
  <To><PartyId>hdeu:mock:ap:fr</PartyId><Role>urn:example:responder</Role></To></PartyInfo>
 <CollaborationInfo><Service type="tc1">bdx:noprocess</Service><Action>{action}</Action>
  <ConversationId>c-1</ConversationId></CollaborationInfo>
 <MessageProperties><Property name="originalSender">urn:example:C1</Property></MessageProperties>
 <PayloadInfo><PartInfo href="cid:message"><PartProperties><Property name="MimeType">{media_type}</Property>
 </PartProperties></PartInfo></PayloadInfo>
</UserMessage>"""


def envelope(body: str, header: str = "") -> bytes:
    return ENVELOPE.format(soap=SOAP, header=header, body=body).encode()


def told(operation: str, *message_ids: str, namespace: str = "eu.domibus", status: str = "", name: str = "") -> bytes:
    """A notification by ids; `deleteBatch` calls them messageIds."""
    child = name or ("messageIds" if operation == "deleteBatch" else "messageID")
    ids = "".join(f"<{child}>{message_id}</{child}>" for message_id in message_ids)
    state = f"<messageStatus>{status}</messageStatus>" if status else ""
    return envelope(f'<n:{operation} xmlns:n="{namespace}">{ids}{state}</n:{operation}>')


def whole(message_id: str, data: bytes, media_type: str = "application/json", **facts: str) -> bytes:
    """SUBMIT_MESSAGE: the message itself, inline; the header's children are in no namespace."""
    usual = {"from_party": "hdeu:mock:ap:central", "action": "TC1Leg1", **facts}
    user_message = USER_MESSAGE.format(message_id=message_id, media_type=media_type, **usual)
    header = f'<n:Messaging xmlns:n="eu.domibus">{user_message}</n:Messaging>'
    value = base64.b64encode(data).decode()
    attributes = f'payloadId="cid:message" mimeType="{media_type}" payloadName="x"'
    payload = f"<payload {attributes}><value>{value}</value></payload>"
    return envelope(f'<n:submitRequest xmlns:n="eu.domibus">{payload}</n:submitRequest>', header)


RELATED = 'multipart/related; type="application/xop+xml"; start="root"; boundary=B'


def related(*parts: bytes) -> bytes:
    """SUBMIT_MESSAGE by MTOM, with the message's one part as often as given."""
    include = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:part@x"/>'
    root = whole("m-1", b"x").replace(b"<value>eA==</value>", f"<value>{include}</value>".encode())
    sections = [b"Content-Type: application/xop+xml\r\nContent-ID: <root>\r\n\r\n" + root]
    sections += [b"Content-Type: application/json\r\nContent-ID: <part@x>\r\n\r\n" + part for part in parts]
    return b"--B\r\n" + b"\r\n--B\r\n".join(sections) + b"\r\n--B--\r\n"
