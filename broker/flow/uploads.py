"""What back ends upload before they name it, and what each of them may name.

A hash is no secret, and who learns one must not have another's file sent as its own: a back end names what it uploaded
itself, and files of messages addressed to it. What is not kept and what is another's look the same from outside.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from broker.errors import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker.flow.node import Node
    from broker.ports import Transaction


async def keep_file(node: Node, data: bytes, *, backend: str) -> bool:
    """Keep bytes that a later message of this back end will name; whether it uploads them for the first time.

    Raises: Unavailable.
    """
    digest = hashlib.sha256(data).hexdigest()
    async with node.store.transaction() as tx:
        await tx.put_content(data)
        fresh = await tx.add_upload(backend, digest, node.clock.now())
        await tx.write_entry(node.entry("content.kept", digest, "kept", actor=backend, content_sha256=digest))
    return fresh


async def need_named(tx: Transaction, backend: str, named: Iterable[tuple[str, str]]) -> None:
    """Let a back end name these: (where it does so, SHA-256). Raises: Refused (not-uploaded), with all it may not."""
    problems = tuple([_strange(path, digest) for path, digest in named if not await tx.may_name(backend, digest)])
    if problems:
        raise Refused(problems)


def _strange(path: str, digest: str) -> Problem:
    rule = "a back end names what it uploaded, and files of messages to it"
    return Problem("not-uploaded", "You uploaded no bytes with this SHA-256.", path, value=digest[:80], rule=rule)
