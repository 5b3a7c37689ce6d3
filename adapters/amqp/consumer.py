"""Consume a queue until cancelled, through lost connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, MessageProcessError

from adapters.amqp.connection import CONNECT_SECONDS, translated
from adapters.amqp.listening import Listening
from broker.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel, AbstractRobustQueue

    from adapters.amqp.connection import Rabbit

    Handle = Callable[[AbstractIncomingMessage], Awaitable[None]]

_log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0
GRACE_SECONDS: Final = 10.0


async def consume(
    rabbit: Rabbit,
    queue: str,
    handle: Handle,
    *,
    prefetch: int,
    grace: float = GRACE_SECONDS,
    listening: Listening | None = None,
) -> None:
    """Call `handle` for each message, at most `prefetch` at once, until cancelled; `listening` is told how it goes.

    `handle` answers for its message (ack or nack) and raises nothing. When cancelled, no new message is taken
    and those at work get `grace` seconds to end; the rest goes back to the queue.
    """
    running: set[asyncio.Task[None]] = set()
    seen = listening or Listening()

    async def start(message: AbstractIncomingMessage) -> None:
        # aiormq cancels its own callbacks when a channel closes; work under way must not end with the connection.
        task = asyncio.create_task(_guarded(handle, message, queue))
        running.add(task)
        seen.began(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(seen.ended)

    channel = await _opened(rabbit, prefetch)
    declared: AbstractRobustQueue | None = None
    tag = ""
    try:
        declared, tag = await _subscribed(rabbit, channel, queue, start)
        seen.attached(channel, tag)
        await asyncio.Event().wait()
    finally:
        seen.detached()
        await _wind_down(rabbit, channel, declared, tag, running, grace)


async def settle(message: AbstractIncomingMessage, *, requeue: bool = False) -> None:
    """Ack, or nack with `requeue`. If the connection it came by is gone, the server delivers it again by itself."""
    try:
        await (message.nack(requeue=True) if requeue else message.ack())
    except (MessageProcessError, *CONNECTION_EXCEPTIONS) as error:
        _log.info("rabbitmq.not_settled", error=type(error).__name__)


async def _opened(rabbit: Rabbit, prefetch: int) -> AbstractRobustChannel:
    while True:
        try:
            return await rabbit.channel(prefetch)
        except Unavailable as error:
            _log.warning("rabbitmq.consume_waits", detail=error.detail)
            await asyncio.sleep(RETRY_SECONDS)


async def _subscribed(
    rabbit: Rabbit, channel: AbstractRobustChannel, queue: str, start: Handle
) -> tuple[AbstractRobustQueue, str]:
    spec = rabbit.topology.queue(queue)
    while True:
        try:
            async with translated(f"consume {queue}", CONNECT_SECONDS):
                declared = await channel.declare_queue(queue, durable=True, arguments=dict(spec.arguments))
                # Remembered with the queue: if somebody deletes it, aio-pika brings it back bound.
                for exchange, key in spec.bindings:
                    await declared.bind(exchange, key)
                return declared, await declared.consume(start)
        except Unavailable as error:
            _log.warning("rabbitmq.consume_waits", queue=queue, detail=error.detail)
            await asyncio.sleep(RETRY_SECONDS)


async def _guarded(handle: Handle, message: AbstractIncomingMessage, queue: str) -> None:
    try:
        await handle(message)
    except Exception as error:  # noqa: BLE001 - one message must never stop the ones behind it
        _log.error("rabbitmq.handler_failed", queue=queue, error=type(error).__name__)
        await settle(message, requeue=True)


async def _wind_down(
    rabbit: Rabbit,
    channel: AbstractRobustChannel,
    queue: AbstractRobustQueue | None,
    tag: str,
    running: set[asyncio.Task[None]],
    grace: float,
) -> None:
    try:
        if queue is not None and not rabbit.closed:
            async with translated("stop consuming", CONNECT_SECONDS):
                await queue.cancel(tag)
    except Unavailable:
        _log.info("rabbitmq.cancel_failed")
    if running:
        await asyncio.wait(running, timeout=grace)
    for task in tuple(running):
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    if rabbit.closed:
        return
    try:
        async with translated("close the channel", CONNECT_SECONDS):
            await channel.close()
    except Unavailable:
        _log.info("rabbitmq.channel_close_failed")
