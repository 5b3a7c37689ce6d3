"""The National Dispatcher's REST, as a case system reads it (D6.4: getApplications, getApplication)."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from adapters.mock_eu.conformance.model import Failed, demand

_OK: Final = 200
_METADATA: Final = "application_metadata.json"
_FILES: Final = "application_file.zip"


@dataclass(frozen=True, slots=True)
class Archive:
    """What getApplication gave: the metadata as document and as bytes, and the applicant's files by entry name."""

    metadata: dict[str, Any]
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Desk:
    """`base` is the address that `/applications` follows."""

    base: str
    key: str
    session: aiohttp.ClientSession

    async def get(self, path: str, key: str | None = None) -> tuple[int, str, bytes]:
        """Status, content type and body; `key` instead of the right one, "" for none."""
        given = self.key if key is None else key
        headers = {"X-API-key": given} if given else {}
        async with self.session.get(f"{self.base}{path}", headers=headers) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def applications(self) -> list[dict[str, Any]]:
        """The answer of getApplications. Raises: Failed."""
        status, _, body = await self.get("/applications")
        demand(status == _OK, f"getApplications: HTTP {status} instead of 200")
        rows = _json("getApplications", body)
        demand(isinstance(rows, list), "getApplications: the answer is no JSON array")
        demand(all(isinstance(row, dict) for row in rows), "getApplications: a row is no JSON object")
        return list(rows)

    async def rows(self, application_id: str) -> list[dict[str, Any]]:
        """The rows of one application, by version."""
        found = [row for row in await self.applications() if row.get("application_id") == application_id]
        return sorted(found, key=lambda row: str(row.get("version")))

    async def archive(self, application_id: str) -> Archive:
        """The answer of getApplication. Raises: Failed."""
        status, _, body = await self.get(f"/applications/{application_id}")
        demand(status == _OK, f"getApplication: HTTP {status} instead of 200")
        entries = _unzip("getApplication: the answer", body)
        demand(_METADATA in entries, f"getApplication: the ZIP has no {_METADATA}")
        metadata = _json(f"getApplication: {_METADATA}", entries[_METADATA])
        demand(isinstance(metadata, dict), f"getApplication: {_METADATA} is no JSON object")
        files = _unzip(f"getApplication: {_FILES}", entries[_FILES]) if _FILES in entries else {}
        return Archive(metadata, files)


def _json(what: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Failed(f"{what} is no JSON") from error


def _unzip(what: str, data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise Failed(f"{what} is no readable ZIP") from error
