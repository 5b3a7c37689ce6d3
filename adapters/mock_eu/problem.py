"""What the mock's own API says when something must be changed, as application/problem+json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping


class Problem(Exception):
    """Something that the caller must change."""

    def __init__(self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers

    def response(self) -> web.Response:
        """As application/problem+json."""
        document = {
            "type": f"urn:hdeu:mock:problem:{self.code}",
            "title": self.code.replace("-", " "),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        kind = "application/problem+json"
        return web.json_response(document, status=self.status, content_type=kind, headers=self.headers)
