"""The applicant at the platform, and the eyes of the story: REST to the mock EU node and to the nodes."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.demo.processes import NotNowError, StepFailedError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Applicant:
    """Files, amends, answers and accepts at the mock's applicant side."""

    session: aiohttp.ClientSession
    mock: str

    async def file(self, form: dict[str, Any], attachments: list[Path]) -> dict[str, Any]:
        """File an application with its attachments; the platform's answer."""
        body = aiohttp.FormData()
        body.add_field("metadata", json.dumps(form), content_type="application/json")
        for path in attachments:
            body.add_field("data", path.read_bytes(), filename=path.name, content_type="application/pdf")
        return await self._post("", data=body)

    async def amend(self, application: str, form: dict[str, Any]) -> dict[str, Any]:
        """A new version, which answers every open question."""
        return await self._post(f"/{application}/versions", json=form)

    async def answer_fees(self, application: str, nation: str, response: str) -> dict[str, Any]:
        """Accept, reduce or reject a nation's fee estimate."""
        return await self._post(f"/{application}/fee-responses", json={"nation": nation, "response": response})

    async def answer_decision(self, application: str, nation: str, response: str) -> dict[str, Any]:
        """Accept or reject a nation's decision."""
        return await self._post(f"/{application}/responses", json={"nation": nation, "response": response})

    async def look(self, application: str) -> dict[str, Any]:
        """The application with every nation's leg."""
        async with self.session.get(f"{self.mock}/applicant/applications/{application}") as response:
            return dict(await response.json()) if response.ok else {"nations": {}}

    async def download(self, application: str, sha256: str) -> bytes:
        """A file that a nation sent with a decision or permit; empty where there is none yet."""
        async with self.session.get(f"{self.mock}/applicant/applications/{application}/files/{sha256}") as response:
            return await response.read() if response.ok else b""

    async def all(self) -> list[dict[str, Any]]:
        """Every application that the platform has."""
        async with self.session.get(f"{self.mock}/applicant/applications") as response:
            return list((await response.json())["applications"])

    async def _post(self, path: str, **body: Any) -> dict[str, Any]:
        async with self.session.post(f"{self.mock}/applicant/applications{path}", **body) as response:
            text = await response.text()
            if not response.ok:
                raise StepFailedError(f"the platform answered {response.status} to POST {path or '/'}: {text[:300]}")
            return dict(json.loads(text))


@dataclass(frozen=True, slots=True)
class NodeEyes:
    """What staff see of one node."""

    session: aiohttp.ClientSession
    url: str
    token: str

    async def messages(self, **query: str) -> list[dict[str, Any]]:
        """The newest messages."""
        return list((await self._get("/api/v1/messages", query))["messages"])

    async def message(self, message_id: str) -> dict[str, Any]:
        """One message with its timeline."""
        return await self._get(f"/api/v1/messages/{message_id}", {})

    async def cases(self) -> list[dict[str, Any]]:
        """The newest cases."""
        return list((await self._get("/api/v1/cases", {}))["cases"])

    async def case(self, key: str) -> dict[str, Any]:
        """One case with its legs."""
        return await self._get(f"/api/v1/cases/{key}", {})

    async def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.get(f"{self.url}{path}", params=query, headers=headers) as response:
            if response.status >= 500:  # noqa: PLR2004 -- HTTP: the server's own trouble
                raise NotNowError(f"{self.url}{path} answered {response.status}")
            if not response.ok:
                raise StepFailedError(f"{self.url}{path} answered {response.status}: {(await response.text())[:300]}")
            return dict(await response.json())


def titled(form: dict[str, Any]) -> dict[str, Any]:
    """The form under a title of this run, so that nothing can be canned."""
    return {**form, "title": f"{form.get('title', 'Application')} · {secrets.token_hex(4)}"}
