"""One connection of a node to RabbitMQ, shared by tickets and back ends.

aio-pika's robust connection comes back by itself after a cut or a restart of the server. It resends nothing:
what was not confirmed raises `Unavailable`, and the row behind it is tried again by its owner.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aio_pika
import structlog
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    ChannelPreconditionFailed,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential, wait_random
from yarl import URL

from adapters.amqp.tolerant import install
from adapters.amqp.topology import OUT, Topology, declare
from broker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika import Message
    from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection

_log = structlog.get_logger()

#: Seconds, as aio-pika reads them from the address; a dead peer is noticed after two missed heartbeats.
TUNING: Final = {"heartbeat": "10", "reconnect_interval": "1", "fail_fast": "1"}
CONNECT_SECONDS: Final = 10.0
PUBLISH_SECONDS: Final = 10.0
PING_SECONDS: Final = 3.0


def tuned(url: str, name: str = "") -> URL:
    """The address with our tuning; what it says itself stays."""
    given = URL(url)
    return given.with_query({**TUNING, **({"name": name} if name else {}), **given.query})


@asynccontextmanager
async def translated(doing: str, seconds: float) -> AsyncIterator[None]:
    """Run the body within a deadline; whatever the driver raises becomes `Unavailable`.

    aiormq also cancels those who wait on a connection that it loses: that is no cancellation of ours.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except PublishError as error:
        raise Unavailable(f"{doing}: no queue takes it", reason="unroutable") from error
    except DeliveryError as error:
        raise Unavailable(f"{doing}: the queue is full or refuses", reason="not-confirmed") from error
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        raise Unavailable(f"{doing}: RabbitMQ does not answer ({type(error).__name__})", reason="no-answer") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Unavailable(f"{doing}: the connection was lost", reason="no-answer") from error


class Rabbit:
    """The connection, its publisher channel, and the declared topology. Make one with `connect`."""

    def __init__(self, connection: AbstractRobustConnection, topology: Topology) -> None:
        self.topology = topology
        self._connection = connection
        self._publisher: AbstractRobustChannel | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self._declaring: asyncio.Task[None] | None = None
        connection.reconnect_callbacks.add(self._on_reconnect)

    async def publish(self, message: Message, *, exchange: str, routing_key: str) -> None:
        """Publish, mandatory, and wait for the confirm.

        Raises: Unavailable: not confirmed. It may have arrived all the same: try again with the same message id.
        """
        async with translated(f"publish to {exchange or routing_key}", PUBLISH_SECONDS):
            channel = await self._publishing()
            await (await channel.get_underlay_channel()).basic_publish(
                message.body,
                exchange=exchange,
                routing_key=routing_key,
                properties=message.properties,
                mandatory=True,
            )

    async def channel(self, prefetch: int) -> AbstractRobustChannel:
        """A channel to consume on. Raises: Unavailable."""
        async with translated("open a channel", CONNECT_SECONDS):
            channel = await self._open()
            await channel.set_qos(prefetch_count=prefetch)
        return channel

    async def ping(self) -> None:
        """Ask for a queue that must be there, with a deadline: a queue without a leader would never answer.

        Raises: Unavailable.
        """
        async with translated("ping", PING_SECONDS):
            channel = await self._open()
            try:
                await channel.declare_queue(OUT, passive=True, robust=False)
            finally:
                await _close_quietly(channel)

    @property
    def closed(self) -> bool:
        """Whether `close` was called: a lost connection is not closed, it comes back."""
        return self._closed

    async def close(self) -> None:
        """Close; what waits for a confirm raises `Unavailable`."""
        self._closed = True
        if self._declaring is not None:
            self._declaring.cancel()
        await self._connection.close()

    async def declare(self) -> None:
        """Declare the topology. Raises: Unavailable; ConfigurationError, if a queue has other arguments."""
        try:
            channel = await self._open()
            await declare(channel, self.topology)
        except ChannelPreconditionFailed as error:
            raise ConfigurationError(
                f"A queue or exchange of RabbitMQ was declared otherwise: {error}. Empty it, delete it, start again."
            ) from error
        except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
            raise Unavailable(f"The queues cannot be declared ({type(error).__name__}: {error})") from error
        await _close_quietly(channel)

    async def _publishing(self) -> AbstractRobustChannel:
        async with self._opening:
            if self._publisher is None:
                self._publisher = await self._open()
        return self._publisher

    async def _open(self) -> AbstractRobustChannel:
        channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.initialize()
        return channel

    def _on_reconnect(self, *_: object) -> None:
        # A server that lost its data has no queues any more; the callback itself must not wait for the connection.
        self._declaring = asyncio.create_task(self._declare_again())

    async def _declare_again(self) -> None:
        try:
            await self.declare()
            _log.info("rabbitmq.reconnected")
        except (Unavailable, ConfigurationError) as error:
            _log.warning("rabbitmq.not_declared", code=error.code)


async def _close_quietly(channel: AbstractRobustChannel) -> None:
    try:
        async with asyncio.timeout(PING_SECONDS):
            await channel.close()
    except (TimeoutError, *CONNECTION_EXCEPTIONS):
        _log.debug("rabbitmq.channel_close_failed")


async def connect(url: str, topology: Topology, *, name: str = "hdeu", patience: float = 30.0) -> Rabbit:
    """Connect and declare the topology; a server that is still starting is waited for, `patience` seconds long.

    Raises: ConfigurationError (credentials, permissions, other arguments), Unavailable.
    """
    install()
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_exponential(multiplier=0.2, max=2.0) + wait_random(0, 0.2),
        stop=stop_after_delay(patience),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            return await _connect(tuned(url, name), topology)
    raise Unavailable  # pragma: no cover - tenacity returned or raised


async def _connect(url: URL, topology: Topology) -> Rabbit:
    try:
        connection = await aio_pika.connect_robust(url, timeout=CONNECT_SECONDS)
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise ConfigurationError("RabbitMQ refuses the user or password of HDEU_QUEUE__URL") from error
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        raise Unavailable(f"RabbitMQ cannot be reached ({type(error).__name__})") from error
    rabbit = Rabbit(connection, topology)
    try:
        await rabbit.declare()
    except BaseException:
        await rabbit.close()
        raise
    return rabbit
