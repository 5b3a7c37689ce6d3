"""What became of every field of a message, spelled out when somebody asks: over the whole way to the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from broker.translation.between import onto_wire

if TYPE_CHECKING:
    from broker.flow.node import Node


def spelled_out(node: Node, kept: bytes, went_out: bytes) -> bytes:
    """A kept report as JSON, `schemas/report.schema.json`; `went_out` is the eu-1 document behind what was sent.

    Raises: TranslationError (report-unreadable).
    """
    report = node.translator.report(kept)
    if not went_out:
        return report.to_bytes()
    root = node.documents.parse(went_out)
    whole = onto_wire(report, root, node.translator.legal, node.codec, version=node.wire.profile)
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
