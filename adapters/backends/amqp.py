"""Deliver to a back end over AMQP: publish to `hdeu.national.in`, persistent, mandatory, confirmed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aio_pika import DeliveryMode, Message

from adapters.amqp.topology import NATIONAL_IN
from adapters.backends.envelope import headers
from broker.model.messages import MessageType

if TYPE_CHECKING:
    from adapters.amqp.connection import Rabbit
    from broker.ports import Delivery

CLAIM_CHECK: Final = "application/vnd.hdeu.claim-check+json"
CLAIM_CHECK_ABOVE: Final = 256 * 1024  #: bytes
#: Notices have short keys of their own; everything else goes by its message type.
KEYS: Final[dict[str, str]] = {MessageType.ERROR_NOTICE: "error", MessageType.OUTCOME_NOTICE: "outcome"}


def routing_key(backend: str, message_type: str) -> str:
    """`<backend>.<type>`, or `<backend>.error` and `<backend>.outcome` for notices."""
    return f"{backend}.{KEYS.get(message_type, message_type)}"


class AmqpBackend:
    """The `Backend` port over a shared connection. A confirm says that RabbitMQ keeps it, not that it was read."""

    def __init__(self, name: str, rabbit: Rabbit, *, node: str, api_base: str) -> None:
        self.name = name
        self._rabbit = rabbit
        self._node = node
        self._api_base = api_base.rstrip("/")

    async def deliver(self, delivery: Delivery) -> bool:
        """Publish under the delivery's id; False: handed over, not yet acknowledged. Raises: Unavailable."""
        await self._rabbit.publish(
            self._message(delivery), exchange=NATIONAL_IN, routing_key=routing_key(self.name, delivery.type)
        )
        return False

    async def close(self) -> None:
        """The connection belongs to whoever made it."""

    def _message(self, delivery: Delivery) -> Message:
        claimed = len(delivery.document) > CLAIM_CHECK_ABOVE
        named = dict(headers(delivery, node=self._node))
        if claimed:
            named["hdeu-content-type"] = delivery.content_type
        return Message(
            self._claim(delivery) if claimed else delivery.document,
            content_type=CLAIM_CHECK if claimed else delivery.content_type,
            message_id=delivery.id,
            delivery_mode=DeliveryMode.PERSISTENT,
            headers={**named},
        )

    def _claim(self, delivery: Delivery) -> bytes:
        return json.dumps(
            {
                "href": f"{self._api_base}/api/v1/contents/{delivery.sha256}",
                "sha256": delivery.sha256,
                "size": len(delivery.document),
            }
        ).encode()
