"""What the wire form of a message cannot say of this very document, and which of it has legal meaning.

The wire form's own list (`schemas/eu/r7/wire-forms.toml`) names the leaves; this looks which of them are there. Two
leaves of a decision are said less exactly rather than lost: the moment as its day, and the kind as `Positive` or
`Negative`. A plain grant or refusal is what those words mean by themselves; any other kind is downgraded by them
(D6.4 section 9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.translation.report import LegalFactLoss

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from broker.translation.legal import LegalFacts

#: Kinds that `Positive` and `Negative` mean when nothing is added (Art. 68(3), 69).
PLAIN_KINDS: Final = frozenset({"PERMIT_GRANTED", "PERMIT_REFUSED", "REQUEST_APPROVED", "REQUEST_REFUSED"})
_KIND: Final = "content/kind"
_MOMENT: Final = "content/issuedAt"


def wire_losses(root: etree._Element, lossy: Iterable[str], legal: LegalFacts) -> tuple[LegalFactLoss, ...]:
    """The legal facts of this document that `lossy` leaves of its wire form drop or downgrade."""
    return tuple(LegalFactLoss(fact, path, what) for path, what in _present(root, lossy) if (fact := legal.of(path)))


def _present(root: etree._Element, lossy: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in lossy:
        texts = [leaf.text for leaf in root.iterfind("/".join(f"{{*}}{step}" for step in path.split("/"))) if leaf.text]
        if texts and not _said_all_the_same(path, texts):
            yield path, "downgraded" if path == _KIND else "dropped"


def _said_all_the_same(path: str, texts: list[str]) -> bool:
    return path == _MOMENT or (path == _KIND and PLAIN_KINDS.issuperset(texts))
