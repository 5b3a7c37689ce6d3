"""Runs scenarios against a mock that is running, and looks at how they end."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import countries, examples
from adapters.mock_eu.eyes import MockEyes, NodeEyes, ScenarioError
from adapters.mock_eu.pairs import DIRECTIONS, paired

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from adapters.mock_eu.pairs import Shown
    from adapters.mock_eu.scenario import End, Leg, Noted, Scenario, Step

NO_TYPE: Final = "a message without a type"
_LOOK = 0.1  # seconds between two looks


@dataclass(slots=True)
class Finding:
    """How one scenario ended; `wrong` is empty where everything is as it must be."""

    scenario: Scenario
    wrong: list[str] = field(default_factory=list)
    seen: dict[str, list[str]] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)


def right(finding: Finding) -> bool:
    """Whether everything is as the scenario says."""
    return not finding.wrong


class Run:
    """One run of one scenario; `awaited` is what ends it before its time is over."""

    def __init__(
        self,
        scenario: Scenario,
        mock: MockEyes,
        node: NodeEyes | None,
        *,
        awaited: Callable[[Finding], bool] = right,
    ) -> None:
        self._scenario, self._mock, self._node, self._awaited = scenario, mock, node, awaited
        self._application, self._after = "", 0
        self._earlier = frozenset[str]()
        self._armed: dict[str, tuple[str, int | str]] = {}
        self._acts: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "arm": self._arm,
            "disarm": self._disarm,
            "file": self._file,
            "applicant": self._applicant,
            "post": self._post,
            "until": self._until,
            "restore": self._restore,
            "receipt": self._receipt,
            "health": self._health,
            "retention": self._retention,
            "later": self._later,
            "struck": self._struck,
            "wait": self._wait,
        }

    async def play(self) -> Finding:
        """Do the steps, wait for the end, see whether it holds, and put the faults away."""
        await self._mock.disarm()
        lying = await self._mock.messages(0)
        self._after = max((row["seq"] for row in lying), default=0)
        self._earlier = frozenset(row["message_id"] for row in lying)
        if self._node is not None:
            await self._node.begin()
        try:
            for number, step in enumerate(self._scenario.steps, 1):
                await self._do(number, step)
            return await self._end()
        except ScenarioError as error:
            return Finding(self._scenario, [str(error)])
        finally:
            await self._mock.disarm()
            await self._mock.reset_retention()

    async def _do(self, number: int, step: Step) -> None:
        try:
            await self._acts[step.do](step.given)
        except ScenarioError as error:
            raise ScenarioError(f"step {number}, {step.do}: {error}") from error

    async def _end(self) -> Finding:
        """As soon as what is awaited is there, and still is after the quiet time."""
        deadline = asyncio.get_running_loop().time() + self._scenario.seconds
        while True:
            finding = await self._look()
            if self._awaited(finding):
                await asyncio.sleep(self._scenario.quiet)
                finding = await self._look()
                if self._awaited(finding):
                    return finding
            if asyncio.get_running_loop().time() > deadline:
                return finding
            await asyncio.sleep(_LOOK)

    async def _look(self) -> Finding:
        finding = Finding(self._scenario)
        shown = await self._shown()
        finding.wrong += _unexpected(shown, self._scenario.ends)
        for end in self._scenario.ends:
            seen = [one.state for one in shown if (one.side, one.type) == (end.side, end.type)]
            finding.seen[f"{end.side} {end.type}"] = seen
            wanted = [self._comparable(state) for state in end.states]
            if seen != wanted:
                finding.wrong.append(f"{end.type or NO_TYPE} from the {end.side}: {seen} instead of {wanted}")
            elif end.waits:
                finding.wrong += await self._endless(end)
        for leg in self._scenario.legs:
            finding.wrong += _differences(leg, await self._mock.leg(self._application, leg.nation))
        await self._read_notes(finding)
        await self._count(finding)
        return finding

    async def _read_notes(self, finding: Finding) -> None:
        """A dispatcher must be there to have written anything down."""
        for noted in self._scenario.noted if self._node is not None else ():
            seen = await self._says(noted)
            if seen != list(noted.says):
                told = f"{noted.what} of {noted.type} from the {noted.side}"
                finding.wrong.append(f"{told}: {seen} instead of {list(noted.says)}")

    async def _endless(self, end: End) -> list[str]:
        """Waiting is an end only where something will happen by itself, and the dispatcher says when."""
        rows = await self._there(end.side, end.type)
        ends = {row["id"]: await self._node.waits_until(row["id"]) for row in rows} if self._node else {}
        return [
            f"{end.type} from the {end.side}: {id_} waits, and nothing says until when"
            for id_, until in ends.items()
            if until is None or until <= datetime.now(UTC)
        ]

    async def _says(self, noted: Noted) -> list[str]:
        assert self._node is not None  # noqa: S101 -- asked before
        rows = await self._there(noted.side, noted.type)
        return [said for row in rows for said in await self._node.noted(row["id"], noted.what)]

    async def _there(self, side: str, type_: str) -> list[dict[str, Any]]:
        """What the dispatcher has of one type from one side."""
        wanted = (DIRECTIONS[side], type_)
        rows = await self._node.messages() if self._node else []
        return [one for one in rows if (one["direction"], one["type"]) == wanted]

    async def _count(self, finding: Finding) -> None:
        faults = await self._mock.faults()
        for id_, (name, wanted) in self._armed.items():
            fired = faults[id_]["fired"] if id_ in faults else 0
            finding.fired[name] = fired
            if fired != wanted and not (wanted == "some" and fired):
                finding.wrong.append(f"the fault {name} fired {fired} times instead of {wanted}")

    async def _states(self, side: str, type_: str) -> list[str]:
        """Of every message of a type from a side, in the order in which they arose."""
        return [one.state for one in await self._shown() if (one.side, one.type) == (side, type_)]

    async def _shown(self) -> list[Shown]:
        """Every message since the start, on either side, with a type or without; no late news of an earlier one."""
        kept = None if self._node is None else await self._node.messages()
        shown = paired(await self._mock.messages(self._after), kept)
        return [one for one in shown if one.id not in self._earlier]

    def _comparable(self, state: str) -> str:
        """Without a dispatcher to look at, only the access point's half counts."""
        return state if self._node is not None else state.partition(" / ")[0]

    # steps

    async def _arm(self, given: dict[str, Any]) -> None:
        order = {"nation": self._scenario.nation, **{name: value for name, value in given.items() if name != "fired"}}
        self._armed[await self._mock.arm(order)] = (given["name"], given.get("fired", 1))

    async def _disarm(self, _: dict[str, Any]) -> None:
        finding = Finding(self._scenario)
        await self._count(finding)
        if finding.wrong:
            raise ScenarioError("; ".join(finding.wrong))
        self._armed.clear()
        await self._mock.disarm()

    async def _file(self, given: dict[str, Any]) -> None:
        form = examples.form(given.get("form", "access"))
        nations = given.get("nations", [self._scenario.nation])
        form["datasets"] = [each for each in form["datasets"] if countries.of_dataset(each) in nations]
        form["title"] = f"{form['title']} {secrets.token_hex(4)}"
        self._application = str((await self._mock.post("/applicant/applications", form))["application_id"])

    async def _applicant(self, given: dict[str, Any]) -> None:
        body = {"nation": self._scenario.nation, **given.get("body", {})}
        await self._mock.post(f"/applicant/applications/{self._application}/{given['call']}", body)

    async def _post(self, given: dict[str, Any]) -> None:
        if self._node is None:
            raise ScenarioError("a back end's document needs a dispatcher (--dispatcher)")
        text = (self._scenario.path.parent / given["document"]).read_text("utf-8")
        given_here = {"{application}": self._application, "{random}": str(secrets.randbelow(10**9))}
        for mark, value in given_here.items():
            text = text.replace(mark, value)
        status = await self._node.submit(text.encode())
        if status != given.get("status", 202):
            raise ScenarioError(f"the dispatcher answered {status}")

    async def _retention(self, given: dict[str, Any]) -> None:
        await self._mock.set_retention(given)

    async def _later(self, given: dict[str, Any]) -> None:
        """The retention worker runs as if it were later, and takes so many messages."""
        ours = {row["message_id"] for row in await self._mock.messages(self._after)}
        took: dict[str, list[str]] = {"deleted": [], "forgotten": []}
        while any((run := await self._mock.run_retention(given["minutes"])).values()):
            took = {name: [*ids, *run[name]] for name, ids in took.items()}
        for name in took:
            ids = sorted(ours.intersection(took[name]))
            if name in given and len(ids) != given[name]:
                raise ScenarioError(f"{len(ids)} messages were {name} instead of {given[name]}: {ids}")

    async def _struck(self, given: dict[str, Any]) -> None:
        """Waits, at most `seconds`, until a fault has struck so often."""
        deadline = asyncio.get_running_loop().time() + self._scenario.seconds
        while (fired := await self._fired(given["name"])) < given.get("times", 1):
            if asyncio.get_running_loop().time() > deadline:
                raise ScenarioError(f"the fault {given['name']} fired {fired} times instead of {given.get('times', 1)}")
            await asyncio.sleep(_LOOK)

    async def _fired(self, name: str) -> int:
        return sum(fault["fired"] for fault in (await self._mock.faults()).values() if fault["name"] == name)

    async def _until(self, given: dict[str, Any]) -> None:
        wanted = [self._comparable(state) for state in given["states"]]
        deadline = asyncio.get_running_loop().time() + self._scenario.seconds
        while (seen := await self._states(given["from"], given["type"])) != wanted:
            if asyncio.get_running_loop().time() > deadline:
                raise ScenarioError(f"{given['type']}: {seen} instead of {wanted}")
            await asyncio.sleep(_LOOK)

    async def _restore(self, given: dict[str, Any]) -> None:
        message_id = await self._one(given["type"])
        status, body = await self._mock.ext("PUT", f"monitoring/messages/failed/{message_id}/restore")
        if status != 200:  # noqa: PLR2004 -- HTTP OK
            raise ScenarioError(f"{status} {body.decode()[:200]}")

    async def _receipt(self, given: dict[str, Any]) -> None:
        message_id = await self._one(given["type"])
        status, _ = await self._mock.ext("GET", f"messages/usermessages/{message_id}/signalEnvelope")
        if status != given.get("status", 200):
            raise ScenarioError(f"the receipt: {status}")

    async def _health(self, given: dict[str, Any]) -> None:
        status, body = await self._mock.ext("GET", "monitoring/application/status")
        if status != 200 or given["says"] not in body.decode():  # noqa: PLR2004 -- HTTP OK
            raise ScenarioError(f"the access point says {status} {body.decode()[:200]}")

    async def _wait(self, given: dict[str, Any]) -> None:
        await asyncio.sleep(given["seconds"])

    async def _one(self, type_: str) -> str:
        """The id of the newest message of a type that the nation submitted."""
        found = [
            row for row in await self._mock.messages(self._after) if row["from"] == "nation" and row["type"] == type_
        ]
        if not found:
            raise ScenarioError(f"the nation submitted no {type_}")
        return str(found[-1]["message_id"])


def _unexpected(shown: Iterable[Shown], ends: Iterable[End]) -> list[str]:
    """What no `[[end]]` speaks of, each by its id."""
    expected = {(end.side, end.type) for end in ends}
    return [
        f"{one.type or NO_TYPE} from the {one.side} is not expected: {one.id} is {one.state}"
        for one in shown
        if (one.side, one.type) not in expected
    ]


def _differences(leg: Leg, seen: dict[str, Any]) -> list[str]:
    wrong = []
    if leg.status and seen.get("status") != leg.status:
        wrong.append(f"leg {leg.nation}: status {seen.get('status')} instead of {leg.status}")
    validated = (seen.get("validation") or {}).get("validated")
    if leg.validated is not None and validated is not leg.validated:
        wrong.append(f"leg {leg.nation}: validated {validated} instead of {leg.validated}")
    wrong += [f"leg {leg.nation}: no {name}" for name in leg.has if not seen.get(name)]
    return wrong + [f"leg {leg.nation}: has {name}" for name in leg.lacks if seen.get(name)]
