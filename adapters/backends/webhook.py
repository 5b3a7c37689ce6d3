"""Deliver to a back end by HTTP POST: the document as body, its facts as headers, signed.

`hdeu-signature` is `sha256=` and the HMAC-SHA256 of the body in lower-case hexadecimal, under a secret that
the back end and this node share.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from adapters.backends.envelope import headers
from adapters.http_bodies import first_bytes
from broker.errors import Problem, Refused, Unavailable

if TYPE_CHECKING:
    from broker.ports import Delivery

#: Client errors that say "later", not "never".
LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
READ_AT_MOST: Final = 64 * 1024  #: bytes of an answer, where its body matters
#: What the body of a 2xx answer says went wrong; nothing where all is well.
Failures = Callable[[bytes], tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where and how to call. Times in seconds; `tries` are within one delivery, the work row counts its own."""

    url: str
    secret: bytes
    timeout: float = 10.0
    tries: int = 3
    first_pause: float = 0.3


def signature(secret: bytes, body: bytes) -> str:
    """The value of `hdeu-signature`."""
    return "sha256=" + hmac.new(secret, body, "sha256").hexdigest()


class WebhookBackend:
    """The `Backend` port over HTTP. A 2xx answer is the back end's acknowledgement."""

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        *,
        session: aiohttp.ClientSession,
        node: str,
        failures: Failures | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._session = session
        self._node = node
        self._failures = failures

    async def deliver(self, delivery: Delivery) -> bool:
        """POST it; True once the back end said 2xx.

        Raises: Unavailable (408, 425, 429, 5xx, time-out, no connection), Refused (any other answer, and a 2xx whose
        body says that it failed, where such a body is known).
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            wait=wait_exponential(multiplier=self._settings.first_pause, max=5.0)
            + wait_random(0, self._settings.first_pause),
            stop=stop_after_attempt(self._settings.tries),
            reraise=True,
        )
        await retrying(self._post, delivery)
        return True

    async def close(self) -> None:
        """The session belongs to whoever made it."""

    async def _post(self, delivery: Delivery) -> None:
        try:
            async with self._session.post(
                self._settings.url,
                data=delivery.document,
                headers=self._headers(delivery),
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
                allow_redirects=False,
            ) as answer:
                status = answer.status
                said = await first_bytes(answer, READ_AT_MOST) if self._failures else b""
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"The back end {self.name} does not answer ({type(error).__name__})") from error
        self._judge(status)
        if self._failures and (problems := self._failures(said)):
            raise Refused(problems)

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        return {
            **headers(delivery, node=self._node),
            "content-type": delivery.content_type,
            "hdeu-signature": signature(self._settings.secret, delivery.document),
        }

    def _judge(self, status: int) -> None:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"The back end {self.name} answered {status}", status=status)
        raise Refused(
            (
                Problem(
                    "backend-refused",
                    f"The back end {self.name} answered {status}",
                    value=str(status),
                    hint="Ask the operator of the back end why, then retry the exchange.",
                ),
            )
        )
