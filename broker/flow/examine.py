"""Look at the files of a message before anybody is handed them: types, sizes, content, and what a scanner says.

A part of a user message that no wire form has a place for is kept, and a person must say whether it matters.

What breaks a rule of the form is refused, what only a person can judge is parked until somebody signs it off, with a
reason. A scanner that is silent holds the message back, and after the budget of the work a person is asked.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from broker.errors import Problem, Unavailable
from broker.flow.outcomes import Later, Park, Refuse, Stop
from broker.model.exchanges import Direction
from broker.payloads import Payload
from broker.translation.files.rules import FOR_A_PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from broker.flow.node import Node
    from broker.flow.passage import Passage

_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
#: What is prepared from the beginning once a person has looked at it and signed it off.
TO_LOOK_AT: Final = FOR_A_PERSON | {"unread-part"}
#: How a problem calls it, name, and bytes.
File = tuple[str, str, Payload]


async def examine(node: Node, passage: Passage) -> Passage | Stop:
    """The same passage, if nothing stands against its files."""
    files = await _files(node, passage)
    problems = tuple(
        problem
        for key, name, payload in files
        for problem in node.files.problems(name, payload, path=f"attachments/{key}")
    )
    against_rules = tuple(problem for problem in problems if problem.code not in FOR_A_PERSON)
    if against_rules:
        return Refuse(against_rules)
    if passage.exchange.signed_off_at:
        return _as_agreed(passage)
    unread = _unread(passage)
    if problems or unread:
        what = "parts that nobody reads" if unread else "the attachments"
        return Park(f"a person must look at {what}", (*unread, *problems))
    return await _scanned(node, passage, files)


def _unread(passage: Passage) -> tuple[Problem, ...]:
    """What came beside the document and is no file that it names: no wire form of today says what is meant by it."""
    message = passage.message
    files = {one.sha256 for one in message.attachments}
    return tuple(
        _not_read(number, part.cid)
        for number, part in enumerate(message.parts, start=1)
        if number != message.document_number and not (part.is_file and part.sha256 in files)
    )


def _not_read(number: int, cid: str) -> Problem:
    detail = "A part came beside the document, and nothing here reads it."
    hint = f"Look at it (`hdeu messages bytes ID --part {number}`), then sign the message off with a reason, or not."
    return Problem("unread-part", detail, f"parts/{number}", "cid:message, and the files that it names", cid[:80], hint)


async def _files(node: Node, passage: Passage) -> Sequence[File]:
    """What came in the message, or what it may name: the rest is refused where it would be sent."""
    if passage.exchange.direction is Direction.INBOUND:
        named = passage.message.attachments
        came = zip(named, passage.files, strict=True)
        return [(shown(one.id, number), one.name, payload) for number, (one, (_, payload)) in enumerate(came)]
    wanted = [one for one in passage.known.attachments if one.sha256]
    if not wanted:
        return []
    async with node.store.transaction() as tx:
        numbered = [
            (number, one) for number, one in enumerate(wanted) if await tx.may_name(passage.message.party, one.sha256)
        ]
        payloads = await tx.payloads(*(one.sha256 for _, one in numbered))
    return [
        (shown(one.id, number), one.name, payload) for (number, one), payload in zip(numbered, payloads, strict=True)
    ]


def shown(identifier: str, number: int) -> str:
    """The id where it is one; where a name stands in its place, the number: names of files name people."""
    return identifier if _ID.fullmatch(identifier) else str(number)


def _as_agreed(passage: Passage) -> Passage:
    """A person agreed to these files and to nothing else: what comes later in the message is not signed off."""
    return replace(passage, exchange=replace(passage.exchange, signed_off_by="", signed_off_at=None))


async def _scanned(node: Node, passage: Passage, files: Sequence[File]) -> Passage | Stop:
    if node.scanner is None:
        return passage
    try:
        found = [(key, await node.scanner.scan(payload.whole())) for key, _, payload in files]
    except Unavailable as error:
        return _later(node, passage, error)
    problems = tuple(_infected(key, name) for key, name in found if name)
    return Park("the malware scanner warns of an attachment", problems) if problems else passage


def _later(node: Node, passage: Passage, error: Unavailable) -> Stop:
    waited = node.clock.now() - passage.message.kept_at
    if waited > timedelta(seconds=node.retry.budget):
        hint = "Mend the scanner (`hdeu doctor`), then retry the message."
        return Park("the malware scanner does not answer", (Problem(error.code, error.detail, hint=hint),))
    return Later(node.retry.delay(_tries(waited, node.retry.base), node.random), error.detail, error.code)


def _tries(waited: timedelta, base: float) -> int:
    """About how often it was tried within this time, if each pause is twice the one before."""
    return int(waited.total_seconds() / max(base, 1)).bit_length() + 1


def _infected(key: str, name: str) -> Problem:
    hint = "Ask the sender for a clean file; sign the message off only if you know the warning to be wrong."
    where = f"attachments/{key}"
    return Problem("attachment-infected", "The malware scanner warns.", where, value=name[:80], hint=hint)
