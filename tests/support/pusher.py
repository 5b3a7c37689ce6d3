"""Pushes to a running node as the national access point does."""

from __future__ import annotations

import base64
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.running_node import Answer, Running

USER, PASSWORD = "domibus", "Push-fr-Only-2026!"
SOAP_XML = "application/soap+xml; charset=utf-8"


def push(node: Running, body: bytes, content_type: str = SOAP_XML, password: str = PASSWORD) -> Answer:
    credentials = base64.b64encode(f"{USER}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": content_type}
    return node.call("POST", "/access-point/push", body, headers)


def push_at_once(node: Running, bodies: list[bytes]) -> list[Answer]:
    """All of them at the same moment."""
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: push(node, body), bodies))


def operations(node: Running, operation: str, message_id: str = "") -> list[dict[str, Any]]:
    """What the access point was asked, of one message or of all, oldest first."""
    wanted = urllib.parse.urlencode({"operation": operation} | ({"message_id": message_id} if message_id else {}))
    return list(node.call("GET", f"{node.mock}/log?{wanted}").json["entries"])


def pushed_only(node: Running) -> None:
    """The node never asks for what is pending."""
    assert operations(node, "listPendingMessages") == []
