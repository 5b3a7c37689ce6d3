"""The carry of a whole way: of one hop its own, of two hops both with the names of their hops.

A carry belongs to the document that it completes: what a hop did not send is given back to the same hop, gone the other
way. Which hop that is, a carry of two hops says by name, and a carry of one by the side that it belongs to and the
profile of the mapping that kept it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from broker.errors import Problem, TranslationError
from broker.translation.carry import FORMAT, Carry, read_carry, unreadable
from broker.translation.codecs.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Hop(NamedTuple):
    """A translation by one mapping."""

    source: str
    target: str

    @property
    def back(self) -> Hop:
        """The same hop, gone the other way."""
        return Hop(self.target, self.source)

    @property
    def is_mapped(self) -> bool:
        """Whether one of its ends is a national profile: a codec sends all or reports it, and keeps nothing."""
        return not {self.source, self.target} <= {"eu-1", *WIRES}

    @property
    def side(self) -> str:
        """The profile of the document that a carry for this hop completes."""
        return self.target


def together(carries: Sequence[tuple[Hop, bytes]]) -> bytes:
    """What the hops of a way did not send, in one: empty if nothing, and of a single hop its own as it is."""
    if len(carries) < 2 or not any(carry for _, carry in carries):  # noqa: PLR2004 - a single hop
        return b"".join(carry for _, carry in carries)
    hops = [
        {"from": hop.source, "to": hop.target, "carry": json.loads(carry) if carry else None} for hop, carry in carries
    ]
    return json.dumps({"format": FORMAT, "hops": hops}, ensure_ascii=False, separators=(",", ":")).encode()


def shared_out(data: bytes | None, hops: Sequence[Hop]) -> dict[Hop, bytes]:
    """What each hop of a way is given of a carry.

    Raises: TranslationError (carry-unreadable, carry-of-another-way).
    """
    if not data:
        return {}
    try:
        document = json.loads(data)
        found = _of_two(document) if "hops" in document else None
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(error) from error
    return _by_side(data, hops) if found is None else _by_name(found, hops)


def _of_two(document: dict[str, Any]) -> dict[Hop, bytes]:
    """By hop on the way back."""
    if document["format"] != FORMAT:
        raise ValueError(document["format"])
    return {
        Hop(one["from"], one["to"]).back: json.dumps(one["carry"], ensure_ascii=False).encode() if one["carry"] else b""
        for one in document["hops"]
    }


def _by_name(found: dict[Hop, bytes], hops: Sequence[Hop]) -> dict[Hop, bytes]:
    if not hops or not found.keys() >= set(hops):
        raise _of_another_way(f"what is left of {_named(found)}", hops)
    return {hop: found[hop] for hop in hops}


def _by_side(data: bytes, hops: Sequence[Hop]) -> dict[Hop, bytes]:
    carry = read_carry(data)
    hop = next((hop for hop in hops if carry and _is_of(carry, hop)), None)
    if hop is None:
        raise _of_another_way(_what(carry), hops)
    return {hop: data}


def _is_of(carry: Carry, hop: Hop) -> bool:
    return hop.side == carry.side and (not carry.profile or carry.profile in hop)


def _what(carry: Carry | None) -> str:
    if carry is None:
        return "nothing"
    kept_by = f", kept by the mapping of {carry.profile}" if carry.profile not in {"", carry.side} else ""
    return f"what completes a document of {carry.side}{kept_by}"


def _named(hops: Iterable[Hop]) -> str:
    return ", ".join(f"{hop.target} to {hop.source}" for hop in hops)


def _of_another_way(what: str, hops: Sequence[Hop]) -> TranslationError:
    wanted = " and ".join(f"{hop.source} to {hop.target}" for hop in hops) or "no mapping"
    detail = f"The carry holds {what}; this way goes by {wanted}."
    return TranslationError((Problem("carry-of-another-way", detail, value=what[:_LIMIT]),))


_LIMIT = 80
