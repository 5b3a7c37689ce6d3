"""A small case system that pulls from a National Dispatcher, as `--on-step` of the conformance kit.

`daams.py URL KEY FOLDER [HABIT]`, one order as JSON on stdin. A habit breaks one thing that real systems have broken.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DOES_NOT = 3
FIRST_DATASET, REFUSES_SECOND, SENDS_NO_KEY = "first dataset only", "refuses a second version", "sends no key"
BARE_NAMES, GIVES_UP, TRUSTS_ORDER, UNSIGNED = "bare file names", "gives up", "last row wins", "unsigned decisions"
WHAT = {"decide": "updateApplicationDecision", "extend": "setDueDates", "change-status": "changeStatus"}


@dataclass(frozen=True)
class System:
    """One case system with its files."""

    url: str
    key: str
    folder: Path
    habit: str = ""

    def pull(self) -> None:
        for row in json.loads(self._call("GET", "")):
            try:
                self._take(row)
            except (OSError, zipfile.BadZipFile, KeyError, ValueError):
                if self.habit == GIVES_UP:
                    raise

    def show(self, application: str) -> dict[str, Any]:
        """The highest version, as the caseworker sees it."""
        kept = [json.loads(path.read_text("utf-8")) for path in self.folder.glob(f"{application}-*.json")]
        if not kept:
            return {}
        newest = max(kept, key=lambda one: one["taken" if self.habit == TRUSTS_ORDER else "version"])
        return {**newest, "versions": sorted(one["version"] for one in kept)}

    def tell(self, step: str, order: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat()
        signer = {"firstName": "Alex", "lastName": "Example", "jobTitle": "Head"}
        bodies: dict[str, dict[str, Any]] = {
            "acknowledge": {"statusId": "SUBMITTED", "statusDescription": "Received", "dateAcknowledged": now},
            "change-status": {"status": "PRE_SCREENING"},
            "extend": {},
            "decide": {"decision": order.get("decision"), "timestamp": now, "user": signer},
            "request-info": {"date": now, "form": {"sections": [{"number": "5", "fields": {"why": "Say more."}}]}},
        }
        if step not in bodies:
            sys.stderr.write(f"no {step} here")
            raise SystemExit(DOES_NOT)
        body = {"applicationId": order["application_id"], **bodies[step]}
        if self.habit == UNSIGNED:
            body.pop("user", None)
        operation = WHAT.get(step, "requestInfo" if step == "request-info" else step)
        self._call("POST", f"/{order['application_id']}/{operation}", json.dumps(body).encode())

    def _take(self, row: dict[str, Any]) -> None:
        application, number = row["application_id"], row["version"]
        place = self.folder / f"{application}-{number}.json"
        if self.habit == REFUSES_SECOND and list(self.folder.glob(f"{application}-*.json")):
            return
        kept = json.loads(place.read_text("utf-8")) if place.exists() else self._fetch(application, number)
        temporary = place.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps({**kept, "status": row["status"]}), "utf-8")
        temporary.rename(place)

    def _fetch(self, application: str, number: int) -> dict[str, Any]:
        with zipfile.ZipFile(io.BytesIO(self._call("GET", f"/{application}?version={number}"))) as outer:
            document = json.loads(outer.read("application_metadata.json"))
            with zipfile.ZipFile(io.BytesIO(outer.read("application_file.zip"))) as inner:
                files = {name: hashlib.sha256(inner.read(name)).hexdigest() for name in inner.namelist()}
        datasets = [dataset["dataset_id"] for dataset in document["datasets"]]
        bare = {name.partition("_")[2]: digest for name, digest in files.items()}
        return {
            "version": number,
            "taken": len(list(self.folder.glob(f"{application}-*.json"))),
            "title": document["title"],
            "application_type": document["application_type"],
            "form": document["form"],
            "datasets": datasets[:1] if self.habit == FIRST_DATASET else datasets,
            "attachments": bare if self.habit == BARE_NAMES else files,
        }

    def _call(self, method: str, path: str, data: bytes | None = None) -> bytes:
        headers = {} if self.habit == SENDS_NO_KEY else {"X-API-key": self.key}
        address = f"{self.url}/applications{path}"
        request = urllib.request.Request(address, data, headers, method=method)  # noqa: S310 - the kit
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return bytes(answer.read())


def main(url: str, key: str, folder: str, habit: str = "") -> int:
    order = json.load(sys.stdin)
    system = System(url, key, Path(folder), habit)
    if order["step"] == "show":
        json.dump(system.show(order["application_id"]), sys.stdout)
    elif order["step"] == "pull":
        try:
            system.pull()
        except urllib.error.URLError as error:
            sys.stderr.write(f"not now: {error}")  # it is asked again at the next pull
    else:
        system.tell(order["step"], order)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
