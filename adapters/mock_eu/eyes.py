"""What a scenario sees and does: the mock's REST, and a dispatcher's REST where one is named."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp

if TYPE_CHECKING:
    from adapters.mock_eu.settings import Nation

ABSENT: Final = "absent"
_PAGE: Final = 100


class ScenarioError(RuntimeError):
    """A step could not be done; the text says what was answered."""


@dataclass(slots=True)
class MockEyes:
    """The mock, as a tester sees it."""

    session: aiohttp.ClientSession
    url: str
    nation: Nation

    async def messages(self, after: int) -> list[dict[str, Any]]:
        """What came to lie at the nation's access point after that number."""
        found = await self._get(f"/access-points/{self.nation.code}/messages?after={after}")
        return list(found["messages"])

    async def arm(self, order: dict[str, Any]) -> str:
        """The fault's id."""
        return str((await self.post("/faults", order))["id"])

    async def faults(self) -> dict[str, dict[str, Any]]:
        """By id."""
        return {each["id"]: each for each in (await self._get("/faults"))["faults"]}

    async def disarm(self) -> None:
        """All."""
        async with self.session.delete(f"{self.url}/faults") as response:
            await _checked(response, 204)

    async def leg(self, application: str, nation: str) -> dict[str, Any]:
        """What the platform has of a nation."""
        found = await self._get(f"/applicant/applications/{application}")
        return dict(found["nations"].get(nation) or {})

    async def post(self, path: str, body: Any) -> dict[str, Any]:
        """The applicant's side, and faults."""
        async with self.session.post(self.url + path, json=body) as response:
            await _checked(response, 201, 202)
            return dict(await response.json())

    async def set_retention(self, members: dict[str, Any]) -> None:
        """What the access point keeps for how long."""
        await self._retention("PUT", "", members)

    async def reset_retention(self) -> None:
        """As configured."""
        await self._retention("DELETE", "", {})

    async def run_retention(self, minutes: float) -> dict[str, Any]:
        """What a run takes that much later."""
        return dict(json.loads(await self._retention("POST", "/runs", {"minutes": minutes})))

    async def _retention(self, method: str, path: str, body: dict[str, Any]) -> bytes:
        url = f"{self.url}/access-points/{self.nation.code}/retention{path}"
        async with self.session.request(method, url, json=body) as response:
            await _checked(response, 200, 204)
            return await response.read()

    async def ext(self, method: str, path: str) -> tuple[int, bytes]:
        """The access point's REST, as its own user."""
        auth = aiohttp.encode_basic_auth(self.nation.user, self.nation.password)
        url = f"{self.url}/{self.nation.code}/domibus/ext/{path}"
        async with self.session.request(method, url, headers={"Authorization": auth}) as response:
            return response.status, await response.read()

    async def _get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self.url + path) as response:
            await _checked(response, 200)
            return dict(await response.json())


@dataclass(slots=True)
class NodeEyes:
    """A dispatcher that has the staff API of `schemas/openapi.yaml`."""

    session: aiohttp.ClientSession
    url: str
    token: str
    backend_token: str = ""
    newest: str = ""

    async def begin(self) -> None:
        """Only what comes after this counts; a list need not be in the order of its ids."""
        self.newest = max((row["id"] for row in (await self._page())["messages"]), default="")

    async def messages(self) -> list[dict[str, Any]]:
        """New messages, oldest first."""
        found: list[dict[str, Any]] = []
        before = ""
        while True:
            page = await self._page(before)
            fresh = [row for row in page["messages"] if row["id"] > self.newest]
            found += fresh
            before = page["next"]
            if not fresh or not before:
                return found[::-1]

    async def submit(self, document: bytes) -> int:
        """As a back end; the status of the answer."""
        headers = {
            "Authorization": f"Bearer {self.backend_token}",
            "Content-Type": "application/xml",
            "Idempotency-Key": secrets.token_hex(8),
        }
        async with self.session.post(f"{self.url}/api/v1/messages", data=document, headers=headers) as response:
            return response.status

    async def noted(self, message_id: str, what: str) -> list[str]:
        """What the timeline says under this word: after who wrote it, and before the facts."""
        timeline = (await self._get(f"/api/v1/messages/{message_id}"))["timeline"]
        return [[*event["detail"].split(", "), ""][1] for event in timeline if event["what"] == what]

    async def waits_until(self, message_id: str) -> datetime | None:
        """When it is tried again, or when silence becomes a state; None if nothing will happen by itself."""
        view = await self._get(f"/api/v1/messages/{message_id}")
        tries = [(view.get("waiting") or {}).get("next_attempt_at")]
        moments = [at for at in (*tries, *(way["due_at"] for way in view["exchanges"])) if at]
        return max((datetime.fromisoformat(at) for at in moments), default=None)

    async def _page(self, before: str = "") -> dict[str, Any]:
        """Of the list, newest first; `next` is what to ask `before` for those behind them."""
        return await self._get(f"/api/v1/messages?limit={_PAGE}" + (f"&before={before}" if before else ""))

    async def _get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self.url + path, headers={"Authorization": f"Bearer {self.token}"}) as response:
            await _checked(response, 200)
            return dict(await response.json())


async def _checked(response: aiohttp.ClientResponse, *wanted: int) -> None:
    if response.status not in wanted:
        raise ScenarioError(f"{response.method} {response.url.path}: {response.status} {(await response.text())[:300]}")


def state_of(row: dict[str, Any]) -> str:
    """A dispatcher's state, with the outcome where it has one."""
    return f"{row['state']}({row['outcome']})" if row.get("outcome") else str(row["state"])
