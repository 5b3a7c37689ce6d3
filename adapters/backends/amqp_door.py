"""The door for back ends that publish over AMQP: `hdeu.out` is read, and acked only when the message is kept.

RabbitMQ lets a connection set no `user_id` but its own, so a `user_id` that is there is authenticated. One that is
missing, or that is not the back end in the routing key, is nobody's message: it is kept aside for a person.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import NAMESPACE_URL, uuid5

import structlog
from aio_pika import DeliveryMode, Message
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential,
    wait_random,
)

from adapters.amqp.consumer import consume, settle
from adapters.amqp.listening import Listening
from adapters.amqp.tolerant import REPLACEMENT
from adapters.amqp.topology import NATIONAL_IN, OUT, dead_queue, in_queue
from adapters.backends.amqp import routing_key
from adapters.backends.envelope import TYPE_PREFIX, source
from broker.errors import BrokerError, Conflict, Forbidden, Problem, Refused, TranslationError, Unavailable
from broker.flow.arrival import REDELIVERED, Arrival
from broker.model.messages import Door, MessageType
from broker.payloads import Payload

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

    from adapters.amqp.connection import Rabbit
    from adapters.amqp.consumer import Handle

Keep = Callable[[Arrival], Awaitable[object]]
Quarantine = Callable[[Arrival, Problem], Awaitable[object]]
#: Parks the delivery of this id to this back end; False if there is none.
GiveBack = Callable[[str, str], Awaitable[bool]]
#: Told again and again how many seconds ago the door was last well.
Beat = Callable[[float], None]

T = TypeVar("T")
_log = structlog.get_logger()
_GIVEN_BACK: Final = Problem("given-back", "the back end gave it back too often", rule="x-delivery-limit")

#: Headers of the sender that are kept with the message, up to this many characters each.
KEPT_HEADERS: Final = ("ce-", "hdeu-", "traceparent")
HEADER_LENGTH: Final = 512
PLAIN_ENCODINGS: Final = frozenset({"", "identity", "utf-8"})


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """How many messages are at work at once, and how long one waits for the store.

    Times in seconds: first `first_pause`, doubled up to `longest_pause`; after `patience` (below RabbitMQ's
    consumer time-out of 30 minutes) the message goes back to the queue.
    """

    prefetch: int = 16
    first_pause: float = 0.5
    longest_pause: float = 30.0
    patience: float = 900.0
    grace: float = 10.0  #: for messages at work when the door closes
    look: float = 1.0  #: between two looks at its consumers


def unwatched(silent: float) -> None:
    """Nobody looks."""


class AmqpDoor:
    """Reads `hdeu.out` and dead letters; hands each message over once and answers for it."""

    def __init__(
        self,
        rabbit: Rabbit,
        *,
        backends: frozenset[str],
        keep: Keep,
        quarantine: Quarantine,
        give_back: GiveBack,
        node: str,
        settings: DoorSettings | None = None,
        beat: Beat = unwatched,
    ) -> None:
        self._rabbit = rabbit
        self._backends = backends
        self._keep = keep
        self._quarantine = quarantine
        self._give_back = give_back
        self._node = node
        self._settings = settings or DoorSettings()
        self._beat = beat
        self._returned = {dead_queue(in_queue(name)): name for name in sorted(backends)}
        self._listening = {queue: Listening() for queue in (OUT, dead_queue(OUT), *self._returned)}
        self._lines: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """Until cancelled; comes back by itself after a lost connection."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._consume(OUT, self._on_message, self._settings.prefetch))
            group.create_task(self._consume(dead_queue(OUT), self._on_dead, 1))
            for queue, name in self._returned.items():
                group.create_task(self._consume(queue, partial(self._on_returned, name), 1))
            group.create_task(self._watch())

    async def _consume(self, queue: str, handle: Handle, prefetch: int) -> None:
        listening = self._listening[queue]
        await consume(self._rabbit, queue, handle, prefetch=prefetch, grace=self._settings.grace, listening=listening)

    async def _watch(self) -> None:
        """Tell how long ago all consumers were last well; an idle one is well."""
        while True:
            self._beat(max([await one.silent() for one in self._listening.values()]))
            await asyncio.sleep(self._settings.look)

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        await self._answering(message, self._receive)

    async def _on_dead(self, message: AbstractIncomingMessage) -> None:
        await self._answering(message, self._bury)

    async def _on_returned(self, backend: str, message: AbstractIncomingMessage) -> None:
        await self._answering(message, partial(self._take_back, backend))

    async def _answering(
        self, message: AbstractIncomingMessage, act: Callable[[AbstractIncomingMessage], Awaitable[None]]
    ) -> None:
        try:
            await act(message)
        except Unavailable as error:
            _log.warning("door.gave_back", door=Door.AMQP, code=error.code)
            await settle(message, requeue=True)
        except Exception as error:  # noqa: BLE001 - a fault of ours: the delivery limit sets the message aside
            _log.error("door.failed", door=Door.AMQP, error=type(error).__name__)
            await asyncio.sleep(self._pause(message))
            await settle(message, requeue=True)
        else:
            await settle(message)

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        key = message.routing_key or ""
        arrival = arrival_of(message, key)
        problem = examine(message, key, self._backends)
        if problem is not None:
            await self._set_aside(replace(arrival, key=_content_key(message.body)), problem)
            await self._refuse(message, (problem,))
            return
        try:
            async with self._lines[arrival.party]:  # first come, first kept: what was published in order stays in order
                await self._patiently(self._keep, arrival)
        except (Refused, TranslationError, Conflict, Forbidden) as error:
            await self._refuse(message, problems_of(error))

    async def _bury(self, message: AbstractIncomingMessage) -> None:
        problem = Problem(
            "delivery-limit",
            "The message was delivered too often without being kept",
            rule="x-delivery-limit",
            hint="Find out from the logs what failed, then release the message.",
        )
        key = routing_key_before_death(message)
        proven = examine(message, key, self._backends) is None
        arrival = arrival_of(message, key)
        await self._set_aside(arrival if proven else replace(arrival, key=_content_key(message.body)), problem)

    async def _take_back(self, backend: str, message: AbstractIncomingMessage) -> None:
        """A delivery of ours goes before a person; what is none is kept, so that nothing is dropped."""
        known = await self._patiently(self._give_back, backend, message.message_id or "")
        if not known:
            arrival = arrival_of(message, routing_key_before_death(message))
            await self._set_aside(replace(arrival, party=backend, key=_content_key(message.body)), _GIVEN_BACK)

    async def _set_aside(self, arrival: Arrival, problem: Problem) -> None:
        _log.warning("door.set_aside", door=Door.AMQP, party=arrival.party, code=problem.code)
        try:
            await self._patiently(self._quarantine, arrival, problem)
        except Conflict:
            other = replace(arrival, key=_content_key(arrival.data))
            await self._patiently(self._quarantine, other, problem)

    async def _refuse(self, message: AbstractIncomingMessage, problems: tuple[Problem, ...]) -> None:
        _log.info("door.refused", door=Door.AMQP, party=message.user_id, code=problems[0].code if problems else "")
        if message.user_id:
            await self._patiently(self._notify, message.user_id, error_notice(message, problems, node=self._node))

    async def _notify(self, user: str, notice: Message) -> None:
        try:
            await self._rabbit.publish(
                notice, exchange=NATIONAL_IN, routing_key=routing_key(user, MessageType.ERROR_NOTICE)
            )
        except Unavailable as error:
            if error.facts.get("reason") != "unroutable":
                raise
            _log.warning("door.nobody_to_tell", door=Door.AMQP, party=user)

    async def _patiently(self, act: Callable[..., Awaitable[T]], *args: object) -> T:
        """Hold the message back while something is unavailable: unacked messages are the back-pressure."""

        async def once() -> T:
            return await act(*args)

        return await AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            wait=wait_exponential(multiplier=self._settings.first_pause, max=self._settings.longest_pause)
            + wait_random(0, self._settings.first_pause),
            stop=stop_after_delay(self._settings.patience),
            before_sleep=_log_wait,
            reraise=True,
        )(once)

    def _pause(self, message: AbstractIncomingMessage) -> float:
        count = message.headers.get("x-delivery-count", 0)
        doublings = min(count, 10) if isinstance(count, int) else 0
        return min(self._settings.first_pause * 2.0**doublings, self._settings.longest_pause)


def examine(message: AbstractIncomingMessage, key: str, backends: frozenset[str]) -> Problem | None:
    """What is wrong with the message's address and properties: the first problem, or None."""
    claimed, _, kind = key.partition(".")
    encoding = (message.content_encoding or "").lower()
    checks = (
        (not message.user_id, "user-id-missing", "user_id", "Set user_id to the name you connect with."),
        (message.user_id not in backends, "unknown-backend", "user_id", "Ask the operator to set this back end up."),
        (message.user_id != claimed, "routing-key-not-yours", "routing-key", "Publish as <your name>.<message type>."),
        (not kind, "routing-key-malformed", "routing-key", "Publish as <your name>.<message type>."),
        (not message.message_id, "message-id-missing", "message_id", "Set message_id, new for each message."),
        (REPLACEMENT in (message.message_id or ""), "message-id-malformed", "message_id", "Write it in UTF-8."),
        (not message.content_type, "content-type-missing", "content_type", "Set content_type, as application/xml."),
        (encoding not in PLAIN_ENCODINGS, "content-encoding-unsupported", "content_encoding", "Send it plain."),
    )
    for wrong, code, path, hint in checks:
        if wrong:
            return Problem(code, f"{path} of the AMQP message is not acceptable", path=path, rule=code, hint=hint)
    return None


def arrival_of(message: AbstractIncomingMessage, key: str) -> Arrival:
    """The message as a door hands it over; its party is the authenticated user, empty if there was none."""
    return Arrival(
        door=Door.AMQP,
        party=message.user_id or "",
        key=message.message_id or _content_key(message.body),
        data=message.body,
        content_type=message.content_type or "",
        headers=_headers(message, key),
    )


def routing_key_before_death(message: AbstractIncomingMessage) -> str:
    """The key that a dead-lettered message was published with: RabbitMQ puts its own record first."""
    deaths: Any = message.headers.get("x-death")
    try:
        return str(deaths[0]["routing-keys"][0])
    except (TypeError, LookupError):
        return ""


def problems_of(error: BrokerError) -> tuple[Problem, ...]:
    """The error's own problems, or the error as one."""
    if isinstance(error, (Refused, TranslationError)):
        return error.problems
    return (Problem(error.code, error.detail),)


def error_notice(message: AbstractIncomingMessage, problems: tuple[Problem, ...], *, node: str) -> Message:
    """The `<backend>.error` message: which message, and what is wrong. Its id is the same for every redelivery."""
    cause = message.message_id or _content_key(message.body)
    notice_id = str(
        uuid5(NAMESPACE_URL, f"{source(node)}/{message.user_id}/{cause}/{_content_key(message.body)}/error")
    )
    key = message.message_id or ""
    body = {"key": key, "message_id": key, "problems": [problem.as_dict() for problem in problems]}
    return Message(
        json.dumps(body, ensure_ascii=False).encode(),
        content_type="application/json",
        message_id=notice_id,
        correlation_id=message.message_id,
        delivery_mode=DeliveryMode.PERSISTENT,
        headers={
            "ce-specversion": "1.0",
            "ce-id": notice_id,
            "ce-source": source(node),
            "ce-type": f"{TYPE_PREFIX}{MessageType.ERROR_NOTICE}",
            "hdeu-causation": cause,
        },
    )


def _headers(message: AbstractIncomingMessage, key: str) -> dict[str, str]:
    again = "true" if message.redelivered else ""
    properties = {"routing-key": key, "message-id": message.message_id or "", REDELIVERED: again}
    sent = {
        name.lower(): value[:HEADER_LENGTH]
        for name, value in message.headers.items()
        if name.lower().startswith(KEPT_HEADERS) and isinstance(value, str)
    }
    return {**sent, **{name: value for name, value in properties.items() if value}}


def _content_key(data: bytes | Payload) -> str:
    return f"sha256:{Payload.of(data).sha256}"


def _log_wait(state: RetryCallState) -> None:
    _log.warning("door.waits", door=Door.AMQP, attempt=state.attempt_number)
