"""A message as the JSON that travels: ids, header values, and parts in base64.

No party stands in it: who sent a message is what the key says that signed the request.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from broker.errors import Problem, Refused
from broker.model.messages import document_place
from broker.ports import Part, UserMessage
from broker.translation.codecs import json_text

if TYPE_CHECKING:
    from adapters.access_point.eu_https.settings import Limits

MEDIA_TYPE: Final = "application/json"
_TEXTS: Final = (
    "conversation_id",
    "ref_to_message_id",
    "agreement",
    "service",
    "service_type",
    "action",
    "from_role",
    "to_role",
    "timestamp",
)
_LONGEST_TEXT: Final = 1024
_MESSAGE_ID: Final = re.compile(r"(?! )[ -.0-~]{1,255}(?<! )")
_MOST_PARTS: Final = 64
_MOST_PROPERTIES: Final = 64


def written(message: UserMessage) -> bytes:
    """The message as JSON; the same message gives the same bytes."""
    texts = {name: getattr(message, name) for name in _TEXTS}
    parts = [
        {"href": part.href, "media_type": part.media_type, "data": base64.b64encode(part.data).decode("ascii")}
        for part in message.parts
    ]
    given = {"message_id": message.message_id, **{name: text for name, text in texts.items() if text}}
    return json_text.write({**given, "properties": dict(sorted(message.properties.items())), "parts": parts})


def read(body: bytes, limits: Limits) -> UserMessage:
    """The message that JSON says. Members that are not known are passed over.

    Raises: Refused (`not-json`, `bad-encoding`, `duplicate-key`, `too-deep`, `bad-shape`, `missing-part`, `bad-base64`,
    `payload-too-large`).
    """
    value = json_text.read(body)
    if not isinstance(value, dict):
        json_text.refuse("bad-shape", "The message is a JSON object.")
    return UserMessage(
        message_id=_message_id(value),
        parts=_parts(value.get("parts"), limits),
        properties=_properties(value.get("properties", {})),
        **{name: _text(value.get(name, ""), f"/{name}") for name in _TEXTS},
    )


def main_part(message: UserMessage) -> Part | None:
    """The business document."""
    parts = message.parts
    return parts[document_place([part.href for part in parts])] if parts else None


def is_message_id(given: Any) -> TypeGuard[str]:
    """Whether a value could be a MessageId: 1 to 255 printable ASCII characters without a slash, no blank around."""
    return isinstance(given, str) and _MESSAGE_ID.fullmatch(given) is not None


def _message_id(value: dict[str, Any]) -> str:
    given = value.get("message_id")
    if not is_message_id(given):
        json_text.refuse(
            "bad-shape", "message_id is a text of 1 to 255 printable characters, without a slash.", "/message_id"
        )
    return given


def _text(given: Any, path: str) -> str:
    if not isinstance(given, str) or len(given) > _LONGEST_TEXT:
        json_text.refuse("bad-shape", f"A text of at most {_LONGEST_TEXT} characters belongs here.", path)
    return given


def _properties(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or len(given) > _MOST_PROPERTIES:
        json_text.refuse("bad-shape", f"properties is an object of at most {_MOST_PROPERTIES} texts.", "/properties")
    return {_text(name, "/properties"): _text(value, "/properties") for name, value in given.items()}


def _parts(given: Any, limits: Limits) -> tuple[Part, ...]:
    if not isinstance(given, list) or len(given) > _MOST_PARTS:
        json_text.refuse("bad-shape", f"parts is a list of at most {_MOST_PARTS} objects.", "/parts")
    if not given:
        json_text.refuse("missing-part", "A message has at least one part.", "/parts")
    parts = tuple(_part(one, f"/parts/{number}") for number, one in enumerate(given))
    if sum(part.payload.size for part in parts) > limits.payload:
        json_text.refuse("payload-too-large", f"The parts have more than {limits.payload} bytes.", "/parts")
    if len({part.href.lower() for part in parts}) < len(parts):
        json_text.refuse("bad-shape", "Each part has a href of its own.", "/parts")
    return parts


def _part(given: Any, path: str) -> Part:
    if not isinstance(given, dict):
        json_text.refuse("bad-shape", "A part is a JSON object.", path)
    href, media_type = (_text(given.get(name), f"{path}/{name}") for name in ("href", "media_type"))
    return Part.of(href, media_type, _decoded(given.get("data"), f"{path}/data"))


def _decoded(given: Any, path: str) -> bytes:
    if not isinstance(given, str):
        json_text.refuse("bad-shape", "data is a text.", path)
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise Refused((Problem("bad-base64", "The data of a part is not base64.", path=path),)) from None
