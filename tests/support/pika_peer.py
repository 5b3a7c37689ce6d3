"""A back end that shares no code with ours: pika, blocking, as an integrator would write it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pika

if TYPE_CHECKING:
    from types import TracebackType

SECONDS = 20.0


@dataclass(frozen=True)
class Received:
    routing_key: str
    properties: pika.BasicProperties
    body: bytes


class Peer:
    """`with Peer(url, "hdh") as peer`: publishes as that user, reads its own queue."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self._connection.channel()
        self.channel.confirm_delivery()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection.is_open:
            self._connection.close()

    def publish(self, body: bytes, message_id: str | None, *, key: str = "", **properties: Any) -> None:
        """Publish and wait for the confirm. Properties given as None are left out."""
        given = {
            "user_id": self.name,
            "message_id": message_id,
            "content_type": "application/xml",
            "delivery_mode": 2,
            **properties,
        }
        self.channel.basic_publish(
            "hdeu.national.out",
            key or f"{self.name}.StatusUpdate",
            body,
            pika.BasicProperties(**{name: value for name, value in given.items() if value is not None}),
            mandatory=True,
        )

    def receive(self, queue: str = "", *, seconds: float = SECONDS) -> Received:
        """The next message of its queue, acked."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            method, properties, body = self.channel.basic_get(queue or f"hdeu.in.{self.name}", auto_ack=True)
            if method is not None:
                return Received(method.routing_key, properties, body)
            self._connection.sleep(0.05)
        raise TimeoutError(f"nothing in the queue of {self.name}")
