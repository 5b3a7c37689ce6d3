"""What the cases of a dispatcher are handed, and what most of them do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.mock_eu.conformance.model import demand, until

if TYPE_CHECKING:
    from adapters.mock_eu.conformance.cue import Cue
    from adapters.mock_eu.conformance.desk import Archive, Desk
    from adapters.mock_eu.conformance.world import Filed, Said, World


@dataclass(frozen=True, slots=True)
class Second:
    """Another case system behind the same dispatcher: its API key, and a catalogue whose applications are its own."""

    key: str = ""
    catalog: str = ""


@dataclass(frozen=True, slots=True)
class DispatcherKit:
    """`patience`: seconds that the dispatcher may take for one thing."""

    world: World
    desk: Desk
    cue: Cue
    patience: float
    second: Second = Second()

    async def listed(self, filed: Filed, versions: int = 1) -> list[dict[str, Any]]:
        """The rows of an application, once the dispatcher lists so many. Raises: Failed."""

        async def look() -> list[dict[str, Any]]:
            rows = await self.desk.rows(filed.id)
            return rows if len(rows) >= versions else []

        broken = f"getApplications does not list {versions} version(s) of an application that the platform sent"
        return list(await until(look, self.patience, broken))

    async def fetched(self, filed: Filed) -> Archive:
        """The archive of an application, once it is listed. Raises: Failed."""
        await self.listed(filed)
        return await self.desk.archive(filed.id)

    async def verdict(self, message_id: str) -> Said:
        """The dispatcher's validation of a message of the platform. Raises: Failed."""

        async def look() -> list[Said]:
            return self.world.verdicts(message_id)

        broken = "no ValidationResult came back for a message of the platform"
        found: list[Said] = await until(look, self.patience, broken)
        return found[0]

    async def validated(self, message_id: str) -> None:
        """Raises: Failed, unless the dispatcher says of the message that it was validated."""
        verdict = await self.verdict(message_id)
        told = verdict.content.get("validated")
        demand(told is True, f"ValidationResult: validated is {told!r} for a valid message: {verdict.content}")

    async def told(self, kind: str, filed: Filed) -> Said:
        """A message of one type about an application that reached the platform. Raises: Failed."""

        async def look() -> list[Said]:
            return self.world.said(kind, filed.id)

        broken = f"no {kind} about the application reached the platform"
        found: list[Said] = await until(look, self.patience, broken)
        return found[-1]

    async def accepted(self, kind: str, filed: Filed) -> Said:
        """As `told`, and the platform validated it. Raises: Failed."""
        said = await self.told(kind, filed)
        await self.judged(said)
        return said

    async def judged(self, said: Said) -> None:
        """Raises: Failed, unless the platform validated what the nation said."""

        async def look() -> dict[str, Any] | None:
            return self.world.judgement(said.message_id)

        judged = await until(look, self.patience, f"the platform did not get round to the {said.type}")
        demand(judged["validated"], f"{said.type}: the platform does not validate it: {judged.get('error')}"[:600])

    def first(self, filed: Filed, kind: str = "ApplicationSubmitted") -> str:
        """The MessageId under which the platform sent the application."""
        return self.world.sent(filed.id, kind)[0].header.message_id
