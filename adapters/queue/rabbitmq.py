"""Tickets over RabbitMQ: `hdeu.work.prepare` and `hdeu.work.deliver`, whose messages are ids and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aio_pika import DeliveryMode, Message

from adapters.amqp.consumer import consume, settle
from adapters.amqp.topology import work_queue

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

    from adapters.amqp.connection import Rabbit
    from broker.model.work import WorkKind
    from broker.ports import TicketHandler

_log = structlog.get_logger()


class RabbitTickets:
    """The `Tickets` port on a shared connection; whoever made the connection closes it."""

    def __init__(self, rabbit: Rabbit) -> None:
        self._rabbit = rabbit

    async def put(self, kind: WorkKind, subject: str) -> None:
        """Publish the id, persistent and confirmed. Raises: Unavailable."""
        message = Message(subject.encode(), content_type="text/plain", delivery_mode=DeliveryMode.PERSISTENT)
        await self._rabbit.publish(message, exchange="", routing_key=work_queue(kind))

    async def consume(self, kind: WorkKind, handler: TicketHandler, *, concurrency: int) -> None:
        """Call the handler for each ticket until cancelled; ack when it returns or raises."""

        async def handle(message: AbstractIncomingMessage) -> None:
            try:
                await handler(message.body.decode("ascii", "replace"))
            except Exception as error:  # noqa: BLE001 - the row keeps what is left to do; the ticket is spent
                _log.error("ticket.handler_failed", kind=kind, error=type(error).__name__)
            await settle(message)

        await consume(self._rabbit, work_queue(kind), handle, prefetch=concurrency)

    async def ping(self) -> None:
        """Raises: Unavailable."""
        await self._rabbit.ping()

    async def close(self) -> None:
        """Nothing of its own to close."""
