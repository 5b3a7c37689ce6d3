"""Every wire form by its profile: how its codec is loaded, and as what its payloads are told apart on a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.translation.codecs.eu_pilot import MEDIA_TYPE, EuPilotCodec
from broker.translation.codecs.eu_r7 import JSON, ZIP, EuR7Codec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from broker.translation.codecs.codec import Codec

PILOT: Final = "eu-pilot"
#: The codec of each wire profile, from the schemas folder. Raises: ConfigurationError.
WIRES: Final[Mapping[str, Callable[[Path], Codec]]] = {"eu-r7": EuR7Codec.load, PILOT: EuPilotCodec.load}


def media_type_of(profile: str, data: bytes) -> str:
    """As what a payload travels: of Release 7 a ZIP by its first bytes, else JSON."""
    if profile == PILOT:
        return MEDIA_TYPE
    return ZIP if data.startswith(b"PK") else JSON
