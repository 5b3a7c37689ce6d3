"""Exchanges and queues of the vhost: names, arguments, bindings, and how to declare them.

The same names stand in `config/definitions.json` and `schemas/asyncapi.yaml`; tests hold the three together.
Every queue is a durable quorum queue that refuses (`reject-publish`) when full and moves a message that was delivered
too often to `<queue>.dead`, at least once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aio_pika import ExchangeType

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel

    from broker.model.work import WorkKind

NATIONAL_OUT: Final = "hdeu.national.out"  #: topic; back ends publish `<backend>.<type>`
NATIONAL_IN: Final = "hdeu.national.in"  #: topic; the broker publishes `<backend>.<type>`, `.error`, `.outcome`
DEAD_LETTERS: Final = "hdeu.dead"  #: direct; routing key is the queue in which the message died
OUT: Final = "hdeu.out"
EXCHANGES: Final = {
    NATIONAL_OUT: ExchangeType.TOPIC,
    NATIONAL_IN: ExchangeType.TOPIC,
    DEAD_LETTERS: ExchangeType.DIRECT,
}

DELIVERY_LIMIT: Final = 20  #: deliveries of one message before it counts as dead
MAX_LENGTH: Final = 100_000  #: messages in one queue before it refuses more
DECLARE_SECONDS: Final = 30.0


def work_queue(kind: WorkKind) -> str:
    """Where tickets of this kind wait."""
    return f"hdeu.work.{kind}"


def in_queue(backend: str) -> str:
    """Where a back end finds what is meant for it."""
    return f"hdeu.in.{backend}"


def dead_queue(queue: str) -> str:
    """Where messages that died in `queue` are kept."""
    return f"{queue}.dead"


@dataclass(frozen=True, slots=True)
class Queue:
    """One quorum queue and its bindings (exchange, routing key)."""

    name: str
    arguments: dict[str, Any]
    bindings: tuple[tuple[str, str], ...] = ()


def _live(name: str, bindings: tuple[tuple[str, str], ...], max_length: int) -> Queue:
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD_LETTERS,
            "x-dead-letter-routing-key": name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-max-length": max_length,
        },
        bindings,
    )


def _dead(name: str, max_length: int) -> Queue:
    # RabbitMQ 4 limits deliveries to 20 by default and then drops: a reader that waits for its database must not lose.
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}
    full = {"x-overflow": "reject-publish", "x-max-length": max_length}
    return Queue(dead_queue(name), arguments | full, ((DEAD_LETTERS, name),))


@dataclass(frozen=True, slots=True)
class Topology:
    """The queues of one node: tickets, `hdeu.out`, and one `hdeu.in.<backend>` each; dead letters beside them."""

    backends: tuple[str, ...] = ()
    max_length: int = MAX_LENGTH

    @property
    def queues(self) -> tuple[Queue, ...]:
        """Dead-letter queues first: nothing may die before there is a place for it."""
        bound: list[tuple[str, tuple[tuple[str, str], ...]]] = [
            ("hdeu.work.prepare", ()),
            ("hdeu.work.deliver", ()),
            (OUT, ((NATIONAL_OUT, "#"),)),
            *((in_queue(name), ((NATIONAL_IN, f"{name}.#"),)) for name in self.backends),
        ]
        dead = (_dead(name, self.max_length) for name, _ in bound)
        return (*dead, *(_live(name, bindings, self.max_length) for name, bindings in bound))

    def queue(self, name: str) -> Queue:
        """The queue of this name."""
        return next(queue for queue in self.queues if queue.name == name)


async def declare(channel: AbstractChannel, topology: Topology) -> None:
    """Declare all of it; what is there already with the same arguments stays as it is.

    Raises: aio_pika.exceptions.AMQPError (ChannelPreconditionFailed, where a queue has other arguments), TimeoutError.
    """
    for name, kind in EXCHANGES.items():
        await channel.declare_exchange(name, kind, durable=True, timeout=DECLARE_SECONDS)
    for queue in topology.queues:
        declared = await channel.declare_queue(
            queue.name, durable=True, arguments=dict(queue.arguments), timeout=DECLARE_SECONDS
        )
        for exchange, key in queue.bindings:
            await declared.bind(exchange, key, timeout=DECLARE_SECONDS)
