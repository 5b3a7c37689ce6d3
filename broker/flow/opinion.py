"""Ask the remote validator before a message goes out, where one is configured (D7.3 section 7.2, step 1).

The local verdict stands already: what is not valid by it never came this far. A remote *not valid* parks the message
with both verdicts, until a person settles it. Silence holds nothing up: the local verdict is then all there is.
Of an application, which travels as an archive, the document is judged; the files beside it are not for its rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.errors import Unavailable
from broker.flow.node import log
from broker.flow.outcomes import Park
from broker.translation.codecs.eu_r7 import APPLICATION_PART, ZIP
from broker.translation.codecs.zip_parts import ZipLimits, read_zip

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.model.exchanges import Exchange
    from broker.payloads import Payload

#: What such an exchange is parked for, and nothing else.
DISPUTED: Final = frozenset({"remote-invalid"})
_BREAKER: Final = "remote validator"


async def opinion(node: Node, exchange: Exchange, document: Payload) -> Park | None:
    """Why the message must wait for a person; None: it may go."""
    if node.validator is None or exchange.signed_off_at:
        return None
    breaker, asked_at = node.breakers.of(_BREAKER), node.clock.now()
    if breaker.blocked(asked_at):
        return None
    try:
        verdict = await node.validator.judge(_judged(exchange.content_type, document.whole()))
    except Unavailable as silence:
        breaker.failed(node.clock.now())
        log.warning("validator.silent", exchange_id=exchange.id, code=silence.code)
        node.observe("validate", "silent", (node.clock.now() - asked_at).total_seconds())
        return None
    breaker.succeeded()
    node.observe("validate", "done" if verdict.valid else "parked", (node.clock.now() - asked_at).total_seconds())
    if verdict.valid:
        return None
    return Park(f"two validators disagree: not valid by {verdict.by}; valid by {node.judged_by}", verdict.problems)


def _judged(content_type: str, payload: bytes) -> bytes:
    """The document in a payload."""
    if content_type != ZIP:
        return payload
    return read_zip(payload, ZipLimits(), only=frozenset({APPLICATION_PART}))[APPLICATION_PART]
