"""The story: one application for France and Finland, from filing to permits; then a dossier lodged in France.

Every success is read from the receiver: an office's file, or the platform's log. A party that dies ends the story, and
the step in which it died is named.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp

from adapters.demo.applicant import Applicant, NodeEyes, titled
from adapters.demo.lodging import lodged, publish_once
from adapters.demo.processes import NotNowError, Parties, StepFailedError, run_hdeu
from adapters.demo.stage import FINLAND, FRANCE, LANDS, Land, Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


@dataclass(slots=True)
class Story:
    """One run. `patience`: seconds that a step may take.

    `calm` is held while a person acts; who takes a party away holds it too, as a person acts on a page that answers.
    """

    stage: Stage
    session: aiohttp.ClientSession
    say: Callable[[str], None]
    patience: float = 30.0
    parties: Parties = field(default_factory=Parties)
    eyes: dict[str, NodeEyes] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    shown: set[tuple[str, str, str]] = field(default_factory=set)
    step: str = ""
    calm: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def applicant(self) -> Applicant:
        """At the platform."""
        return Applicant(self.session, self.stage.url("mock-eu"))

    async def until(self, step: str, look: Callable[[], Awaitable[Any]]) -> Any:
        """Wait until `look` finds something. Raises: StepFailedError, naming the step."""
        self.step = step
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            self.parties.check(step)
            try:
                if found := await look():
                    self.say(f"✔ {step}")
                    await self.show()
                    return found
            except (aiohttp.ClientError, TimeoutError, ConnectionError, NotNowError):
                pass
            await asyncio.sleep(0.1)
        raise StepFailedError(f"{step}: did not happen within {self.patience:.0f} s")

    async def open(self) -> None:
        """Start all parties, and have tokens made while they start."""
        self.parties.start(self.stage.mock())
        tokens = asyncio.gather(*(self._tokens(land) for land in LANDS))
        await self.until("the mock EU node is up", partial(self._answers, f"{self.stage.url('mock-eu')}/healthz"))
        await tokens
        for land in LANDS:
            await self._pin(land)
            self.parties.start(self.stage.node(land))
        for land in LANDS:
            url = f"{self.stage.url(land.node)}/readyz"
            await self.until(f"the node {land.node} is ready", partial(self._answers, url))
        for land in self.stage.workers:
            self.parties.start(self.stage.worker(land))
            url = f"http://127.0.0.1:{self.stage.ports[f'{land.node}.worker']}/readyz"
            await self.until(f"the second process of {land.node} is ready", partial(self._answers, url))
        for land in LANDS:
            self.parties.start(self.stage.back_end(land, self.tokens[land.backend]))

    async def _tokens(self, land: Land) -> None:
        """The first command makes the node's keys."""
        env = self.stage.node_env(land)
        named = ("--role", "backend", "--backend", land.backend)
        self.tokens[land.backend] = await run_hdeu("keys", "token", *named, env=env)
        token = await run_hdeu("keys", "token", "--role", "reader", "--subject", "demo", env=env)
        self.eyes[land.node] = NodeEyes(self.session, self.stage.url(land.node), token)

    async def _pin(self, land: Land) -> None:
        """The operator asks the central access point for its certificate once, before the node first starts."""
        async with self.session.get(f"{self.stage.url('mock-eu')}/certificate") as response:
            certificate = await response.read()
        pin = self.stage.pin(land)
        pin.parent.mkdir(parents=True, exist_ok=True)
        pin.write_bytes(certificate)

    async def _answers(self, url: str) -> bool:
        async with self.session.get(url) as response:
            return response.status == 200  # noqa: PLR2004 -- HTTP OK

    async def show(self) -> None:
        """Say which messages are new, or in a new state."""
        for name, eyes in self.eyes.items():
            if name not in self.parties.by_name:
                continue
            try:
                rows = await eyes.messages(limit="30")
            except (aiohttp.ClientError, StepFailedError, TimeoutError):
                continue
            for row in reversed(rows):
                mark = (name, row["id"], row["state"])
                if mark not in self.shown:
                    self.shown.add(mark)
                    self.say(f"    {name:<8} {row['type'] or '…':<24} {row['state']}")

    async def leg(self, application: str, land: Land) -> dict[str, Any]:
        """A nation's leg as the platform has it."""
        return dict((await self.applicant.look(application))["nations"].get(land.nation) or {})

    async def act_one(self, form: dict[str, Any], attachments: list[Path]) -> str:
        """As today: filed at the platform, fetched by both nations, decided by each alone."""
        form = titled(form)
        async with self.calm:
            filed = await self.applicant.file(form, attachments)
        application = str(filed["application_id"])
        self.say(f"application {application} is filed for {', '.join(filed['nations'])}")
        for land in LANDS:
            await self._intake(application, land, form["title"])
        version = await self._answer_questions(application, form)
        for land in LANDS:
            await self._fees(application, land, version)
        await self._decisions(application)
        for land in LANDS:
            await self._acceptance(application, land)
        await self._news(application)
        return application

    async def _intake(self, application: str, land: Land, title: str) -> None:
        async def handed_over() -> bool:
            files = self.stage.received(land, "ApplicationSubmitted")
            return any(application in (text := file.read_text()) and title in text for file in files)

        async def validated() -> bool:
            said = (await self.leg(application, land)).get("validation")
            if said and said["validated"] is not True:
                raise StepFailedError(f"{land.node} says not validated: {said['errors']}")
            return bool(said)

        async def asked() -> bool:
            leg = await self.leg(application, land)
            return bool(leg.get("ack")) and bool(leg.get("questions"))

        await self.until(f"{land.backend} has the application on file", handed_over)
        await self.until(f"{land.node} says that it is validated", validated)
        await self.until(f"{land.backend} acknowledges, opens and asks", asked)

    async def _answer_questions(self, application: str, form: dict[str, Any]) -> int:
        answer = f"{form['title']}: each component is needed, see the research plan ({secrets.token_hex(4)})."
        changed = json.loads(json.dumps(form))
        changed["form"].setdefault("section5", {})["whyTheDataIsNeeded"] = answer
        async with self.calm:
            version = int((await self.applicant.amend(application, changed))["version"])
        self.say(f"the applicant answers with version {version}")
        for land in LANDS:

            async def answered(land: Land = land) -> bool:
                return any(answer in file.read_text() for file in self.stage.received(land, "AdditionalInformation"))

            await self.until(f"{land.backend} has the answer, version {version}, on file", answered)
        return version

    async def _fees(self, application: str, land: Land, version: int) -> None:
        async def estimated() -> bool:
            leg = await self.leg(application, land)
            return bool(leg.get("fee_estimate")) and leg["status"] == "PROCESSING"

        await self.until(f"{land.backend} works on version {version} and estimates the fees", estimated)
        async with self.calm:
            await self.applicant.answer_fees(application, land.nation, "ACCEPT")

    async def _decisions(self, application: str) -> None:
        async def decided() -> bool:
            return bool((await self.leg(application, FINLAND)).get("decision"))

        async def waiting() -> str:
            rows = await self.eyes["france"].messages(state="SIGN_OFF", type="DecisionIssued")
            return str(rows[0]["id"]) if rows else ""

        async def decided_in_part() -> bool:
            leg = await self.leg(application, FRANCE)
            return bool(leg.get("decision")) and bool(leg.get("structured"))

        await self.until("Finland grants", decided)
        message = await self.until("France grants in part, and the decision waits for a sign-off", waiting)
        if (await self.leg(application, FRANCE)).get("decision"):
            raise StepFailedError("the partial grant left France before anyone signed it off")
        env = self.stage.node_env(FRANCE)
        reason = "the structured decision goes along"
        async with self.calm:
            await run_hdeu("messages", "sign-off", message, "--reason", reason, env=env)
        await self.until("signed off, the partial grant arrives with the structured rest", decided_in_part)

    async def _acceptance(self, application: str, land: Land) -> None:
        async def permitted() -> bool:
            return bool((await self.leg(application, land)).get("permit"))

        async def has_it() -> bool:
            sent = self.stage.folder / land.backend / "sent"
            leg = await self.leg(application, land)
            number = leg["permit"].get("permitId", "")
            return bool(number) and any(number in file.read_text() for file in sent.glob("*.xml"))

        async with self.calm:
            await self.applicant.answer_decision(application, land.nation, "ACCEPT")
        await self.until(f"{land.backend}'s permit is at the platform", permitted)

        async def has_the_paper() -> bool:
            [file] = (await self.leg(application, land))["permit"]["files"]
            signed = self.stage.folder / land.backend / "sent" / f"{file['sha256']}.pdf"
            return await self.applicant.download(application, file["sha256"]) == signed.read_bytes()

        await self.until(f"it is the permit that {land.backend} wrote", has_it)
        await self.until(f"and the applicant downloads it as {land.backend} signed it, byte for byte", has_the_paper)

    async def _news(self, application: str) -> None:
        for land, words in (
            (FRANCE, (">FI<", "natureDecision>AUTORISATION<")),
            (FINLAND, (">FR<", "ratkaisu>osittain-myonteinen<")),
        ):

            async def heard(land: Land = land, words: tuple[str, ...] = words) -> bool:
                told = [file.read_text() for file in self.stage.received(land, "PeerStatus")]
                return any(application in text and all(word in text for word in words) for text in told)

            await self.until(f"{land.backend} heard of the other's decision", heard)

            async def granted(land: Land = land) -> bool:
                legs = [leg for case in await self._cases(land, application) for leg in case["legs"]]
                return [leg["state"] for leg in legs] == ["GRANTED"]

            await self.until(f"and it changed nothing of {land.node}'s own leg", granted)

    async def _cases(self, land: Land, application: str) -> list[dict[str, Any]]:
        eyes = self.eyes[land.node]
        cases = [await eyes.case(row["key"]) for row in await eyes.cases()]
        return [case for case in cases if any(alias["value"] == application for alias in case["aliases"])]

    async def act_two(self, *, doors: tuple[str, ...] = ("http", "cli")) -> None:
        """The law's other route (Art. 67(3)): lodged in France, forwarded to the platform, which informs Finland."""
        template = self.stage.received(FRANCE, "ApplicationSubmitted")[0].read_bytes()
        for door in doors:
            title = f"Dossier déposé en France · {secrets.token_hex(4)}"
            number = f"HDH-EX-{secrets.randbelow(10**6):06d}-L"
            document = lodged(template, number=number, title=title)
            await self._lodge(door, document)
            await self._forwarded(door, title)

    async def _lodge(self, door: str, document: bytes) -> None:
        key = secrets.token_hex(8)
        doors = {"http": self._lodge_http, "cli": self._lodge_cli, "amqp": self._lodge_amqp}

        async def lodged_once() -> bool:
            await doors[door](document, key)
            return True

        await self.until(f"a dossier is lodged by {door}", lodged_once)

    async def _lodge_http(self, document: bytes, key: str) -> None:
        headers = {
            "Authorization": f"Bearer {self.tokens['hdh']}",
            "Idempotency-Key": key,
            "Content-Type": "application/xml",
        }
        url = f"{self.stage.url('france')}/api/v1/messages"
        async with self.session.post(url, data=document, headers=headers) as response:
            if response.status >= 500:  # noqa: PLR2004 -- HTTP: the server's own trouble
                raise NotNowError(f"lodging over HTTP: {response.status}")
            if response.status != 202:  # noqa: PLR2004 -- HTTP Accepted
                raise StepFailedError(f"lodging over HTTP: {response.status} {(await response.text())[:500]}")

    async def _lodge_cli(self, document: bytes, key: str) -> None:
        file = self.stage.folder / f"lodged-{key}.xml"
        file.write_bytes(document)
        async with self.calm:
            await run_hdeu("messages", "submit", "--backend", "hdh", str(file), env=self.stage.node_env(FRANCE))

    async def _lodge_amqp(self, document: bytes, key: str) -> None:
        if self.stage.amqp is None:
            raise StepFailedError("no office speaks AMQP here")
        await publish_once(*self.stage.amqp["hdh"], document=document, key=key)

    async def _forwarded(self, door: str, title: str) -> None:
        async def platform_has_it() -> str:
            found = [one for one in await self.applicant.all() if one["title"] == title]
            return str(found[0]["application_id"]) if found else ""

        application = await self.until(f"lodged by {door}: the platform has it under an id of its own", platform_has_it)

        async def finland_has_it() -> bool:
            files = self.stage.received(FINLAND, "ApplicationSubmitted")
            return any(application in file.read_text() for file in files)

        async def france_knows_it() -> bool:
            return bool(await self._cases(FRANCE, application))

        async def france_hears() -> bool:
            return any(application in file.read_text() for file in self.stage.received(FRANCE, "PeerStatus"))

        await self.until("Finland is informed", finland_has_it)
        await self.until("France learned the platform's id", france_knows_it)

        async def french_states() -> list[str]:
            return [leg["state"] for case in await self._cases(FRANCE, application) for leg in case["legs"]]

        await self.until("France sees news of Finland", france_hears)
        states = await self.until("France shows its own leg", french_states)
        if states != ["ORIGINATED"]:
            raise StepFailedError(f"news changed the French leg: {states}")

    async def receipts(self) -> None:
        """Of everything that went to the platform there is a receipt, signed by whom the node has pinned."""
        for land in LANDS:

            async def all_proven(land: Land = land) -> bool:
                eyes = self.eyes[land.node]
                rows = [row for row in await eyes.messages(limit="100") if row["direction"] == "outbound"]
                ways = [way for row in rows for way in (await eyes.message(row["id"]))["exchanges"]]
                found = {way["receipt"] for way in ways if way["addressee"] == "cp"}
                return found == {"proven"}

            await self.until(f"every receipt of {land.node} is proven by the platform's certificate", all_proven)

    async def verify(self) -> None:
        """Both journals hold."""
        await asyncio.gather(*(run_hdeu("audit", "verify", env=self.stage.node_env(land)) for land in LANDS))
        for land in LANDS:
            self.say(f"✔ the journal of {land.node} holds")


def tell(line: str) -> None:
    """To the terminal, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
