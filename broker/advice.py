"""What to do next, for each problem whose maker does not say it better itself. By code; the codes are public."""

from __future__ import annotations

from typing import Final

_WRITE_ANEW: Final = "Write the document anew with a tool that writes this format, and send it again."
_SPLIT: Final = "Send files as attachments, or less in one message."
_REPACK: Final = "Pack the archive anew, with plain names and deflate, and send it again."
_LOOK: Final = "Look at its bytes (`hdeu messages bytes ID`), then at the log of what sent it."
_BETWEEN: Final = "Look for a proxy or a login page in between, and at the address that is configured."
_WRITER: Final = "Look at its bytes (`hdeu messages bytes ID`), and tell whoever wrote it which rule it breaks."
_CUT: Final = "Look for a time-out or a limit on the way (proxy, firewall), and at the access point's log."
_INTERFACE: Final = "Compare release and plug-in of the access point with docs/access-point.md."
_ASK_SENDER: Final = "Ask the sender for less in one message, or for several messages."
_VALIDATE: Final = "Correct it; `hdeu validate` tells all problems of a document at once."

ADVICE: Final[dict[str, str]] = {
    "not-xml": _WRITE_ANEW,
    "not-json": _WRITE_ANEW,
    "bad-base64": "Encode it as RFC 4648 section 4 says.",
    "bad-encoding": "Write UTF-8 and declare no other encoding.",
    "bad-character": "Leave out what XML has no place for: control characters, and halves of surrogate pairs.",
    "too-deep": "Nest less: no document of the schemas is that deep.",
    "document-too-large": _SPLIT,
    "payload-too-large": _SPLIT,
    "content-encoding-unsupported": "Send it plain, or packed by a coding that the answer's Accept-Encoding names.",
    "body-unreadable": "Send it plain, or packed as Content-Encoding says; look for a proxy that changes bodies.",
    "unsupported-media-type": "Say what it is: application/json or application/zip on the wire, XML from a back end.",
    "missing-part": "Send the part that the path names.",
    "bad-shape": "Give the value the shape that the wire form has at this place.",
    "duplicate-key": "Name each member of an object once.",
    "unknown-message-type": "Use a type of the message catalogue.",
    "wrong-wire-form": "Send this type in the form that schemas/eu/r7/wire-forms.toml names for it.",
    "bad-zip": _REPACK,
    "zip-bomb": "Leave out what fills the archive up, or send less in one.",
    "zip-path": _REPACK,
    "zip-duplicate": "Name each entry once.",
    "zip-encrypted": "Send the archive without a password.",
    "zip-nested": "Send each file by itself, not packed again.",
    "attachment-too-large": "Send a file of 1 MB at most.",
    "wrong-root": "Begin the document with an element that the schema has, in its namespace.",
    "wrong-namespace": "Put the element into the namespace of the schema.",
    "unknown-element": _VALIDATE,
    "unknown-attribute": _VALIDATE,
    "missing-element": _VALIDATE,
    "missing-attribute": _VALIDATE,
    "misplaced-element": _VALIDATE,
    "repeated-element": "Leave one of them.",
    "unexpected-text": _VALIDATE,
    "forbidden-type": "Leave xsi:type out.",
    "bad-value": _VALIDATE,
    "schema-violation": _VALIDATE,
    "unknown-message": "Use an event of the profile with the element that belongs to it.",
    "unexpected-element": _VALIDATE,
    "unexpected-attribute": _VALIDATE,
    "duplicate-language": "Write each text once in each language.",
    "text-and-files": "Answer by a text or by files.",
    "two-values": "Leave one of the values.",
    "missing-attachment": "Upload the file first: PUT /api/v1/attachments/{sha256}.",
    "not-uploaded": "PUT the bytes to /api/v1/attachments/{sha256} with your own token, then send the message again.",
    "duplicate-attachment": "Give each file an id of its own; names may be equal.",
    "attachment-changed": "Send the file whose SHA-256 the document names.",
    "soap-empty": _CUT,
    "soap-html": _BETWEEN,
    "soap-not-xml": _BETWEEN,
    "soap-encoding": "Have it written in UTF-8, or the proxy stopped that writes it anew.",
    "soap-truncated": _CUT,
    "soap-malformed": _WRITER,
    "soap-dtd": "Have it written without DOCTYPE; the Domibus WS plugin writes none.",
    "soap-entity": "Have it written without entities; the Domibus WS plugin writes none.",
    "soap-too-deep": _WRITER,
    "soap-too-large": "Have files sent as payloads; the envelope itself names them only.",
    "soap-version": "Set the other side to SOAP 1.2: the WS plugin, not the old back-end plug-in.",
    "soap-other-root": _BETWEEN,
    "soap-no-operation": _INTERFACE,
    "soap-two-operations": _INTERFACE,
    "soap-other-operation": _INTERFACE,
    "soap-header-missing": _INTERFACE,
    "soap-value-missing": _WRITER,
    "soap-message-id": _INTERFACE,
    "soap-status": _INTERFACE,
    "mime-boundary-missing": _WRITER,
    "mime-boundary-unknown": _BETWEEN,
    "mime-empty": _WRITER,
    "mime-header": _WRITER,
    "mime-part-doubled": _WRITER,
    "mime-part-missing": _WRITER,
    "mime-too-many-parts": _ASK_SENDER,
    "mime-transfer-encoding": "Have its parts sent in binary: MTOM knows no other form.",
    "mime-truncated": _CUT,
    "payload-missing": "Ask the sender whether the part belongs to the message, and for the message anew with it.",
    "answer-too-large": _ASK_SENDER,
    "answer-bomb": "Ask what stands at the address that is configured: no access point answers so.",
    "other-message": "Look at the access point's log for two messages of one id, and for a proxy that caches.",
    "unreadable-answer": _LOOK,
    "given-back": "Find out from the back end why it does not take it, then retry the message.",
    "no-wire-form": "Settle it outside of HealthData@EU, or wait for a release that has a form for it.",
}
