"""Who is at the door of an access point."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from adapters.mock_eu.settings import Nation, Settings


def nation_of(request: web.Request, settings: Settings) -> Nation:
    """The nation that the path names. Raises: web.HTTPNotFound."""
    found = settings.nations.get(request.match_info["nation"])
    if found is None:
        raise web.HTTPNotFound(text=f"This mock has no such nation: there are {', '.join(settings.nations)}.\n")
    return found


def authenticated(request: web.Request, nation: Nation) -> bool:
    """Whether HTTP Basic names the nation's plugin user with its password."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, f"{nation.user}:{nation.password}".encode())
