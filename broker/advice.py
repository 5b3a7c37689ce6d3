"""What to do next, for each problem whose maker does not say it better itself. By code; the codes are public."""

from __future__ import annotations

from typing import Final

_WRITE_ANEW: Final = "Write the document anew with a tool that writes this format, and send it again."
_SPLIT: Final = "Send files as attachments, or less in one message."
_REPACK: Final = "Pack the archive anew, with plain names and deflate, and send it again."
_VALIDATE: Final = "Correct it; `hdeu validate` tells all problems of a document at once."

ADVICE: Final[dict[str, str]] = {
    "not-xml": _WRITE_ANEW,
    "not-json": _WRITE_ANEW,
    "bad-encoding": "Write UTF-8 and declare no other encoding.",
    "bad-character": "Leave control characters out of names.",
    "too-deep": "Nest less: no document of the schemas is that deep.",
    "document-too-large": _SPLIT,
    "payload-too-large": _SPLIT,
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
    "attachment-changed": "Send the file whose SHA-256 the document names.",
    "no-wire-form": "Settle it outside of HealthData@EU, or wait for a release that has a form for it.",
}
