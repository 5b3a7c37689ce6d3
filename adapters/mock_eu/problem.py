"""What the mock's own API says when something must be changed, as application/problem+json."""

from __future__ import annotations

from aiohttp import web


class Problem(Exception):
    """Something that the caller must change."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail

    def response(self) -> web.Response:
        """As application/problem+json."""
        document = {
            "type": f"urn:hdeu:mock:problem:{self.code}",
            "title": self.code.replace("-", " "),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        return web.json_response(document, status=self.status, content_type="application/problem+json")
