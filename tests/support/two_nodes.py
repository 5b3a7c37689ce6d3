"""A French and a Finnish node that speak eu-https with each other, as processes; and what stands between them."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.access_point.eu_https import documents, tokens
from adapters.access_point.eu_https.tokens import Asked, Between
from adapters.demo.processes import Parties
from adapters.demo.stage import FINLAND, FRANCE, Land, Stage, free_ports
from adapters.identity.keys import NodeKey, load_key
from broker.ports import Part, UserMessage
from tests.support.running_node import DATA, ROOT, START_SECONDS, Answer, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTIES = {FRANCE.node: "urn:example:node:fr", FINLAND.node: "urn:example:node:fi"}
FR_TO_FI = Between(issuer=PARTIES[FRANCE.node], audience=PARTIES[FINLAND.node])
#: What each loss waits for before it breaks the connection.
BEFORE_COMMIT, AFTER_COMMIT = "before", "after"


def settings(stage: Stage, land: Land, other: Land, url: str) -> dict[str, str]:
    """What makes a node of the shipped configuration speak with the other one directly."""
    return {
        f"HDEU_BACKENDS__{land.backend.upper()}__KIND": "pull",
        "HDEU_ACCESS_POINT__KIND": "eu-https",
        "HDEU_ACCESS_POINT__COUNTERPART": "body",
        "HDEU_ACCESS_POINT__URL": url or f"{stage.url(other.node)}/eu-https",
        "HDEU_ACCESS_POINT__JWKS_URL": f"{stage.url(other.node)}/eu-https/keys",
        "HDEU_ACCESS_POINT__PARTY": PARTIES[land.node],
        "HDEU_ACCESS_POINT__CENTRAL_PARTY": PARTIES[other.node],
        "HDEU_ACCESS_POINT__POLL": "false",
        "HDEU_ACCESS_POINT__TIMEOUT": "5",
        "HDEU_WORK__BACKOFF_BASE": "0.1",
        "HDEU_WORK__SIGNED_RECEIPTS": "0.2",
        "HDEU_WORK__SWEEP": "0.2",
        "HDEU_WORK__LEASE": "5",  # what was in hand when a node was killed is taken up again after it
    }


@dataclass
class Pair:
    """Both nodes, and the losses on the way from France to Finland."""

    france: Running
    finland: Running
    way: Way

    @property
    def key(self) -> NodeKey:
        """What France signs with."""
        return load_key(self.france.stage.folder / FRANCE.node / "keys" / "current.pem")

    def url(self, message_id: str) -> str:
        return f"{self.finland.api}/eu-https/messages/{message_id}"

    def token(self, message_id: str, body: bytes, *, operation: str = "submit", between: Between = FR_TO_FI) -> str:
        asked, token_id = Asked(operation, message_id), secrets.token_urlsafe(18)
        return tokens.request_token(self.key, asked, body, between, now=datetime.now(UTC), token_id=token_id)

    def hand_over(self, message_id: str, body: bytes, *, token: str = "", **headers: str) -> Answer:
        """As France, in France's name; `token` another than the right one."""
        bearer = token or self.token(message_id, body)
        usual = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        return self.finland.call("POST", self.url(message_id), body, {**usual, **headers})

    def ask(self, message_id: str) -> Answer:
        """What became of a message, asked as France."""
        bearer = self.token(message_id, b"", operation="status")
        return self.finland.call("GET", self.url(message_id), headers={"Authorization": f"Bearer {bearer}"})


def enforcement(mark: str, **changes: Any) -> bytes:
    """A measure of the French body as eu-r7 has it; `mark` tells one from another."""
    document = json.loads((DATA / "eu-r7" / "EnforcementRecord.json").read_text("utf-8"))
    document["envelope"] |= {"messageId": mark, **changes}
    return json.dumps(document).encode()


def as_message(message_id: str, data: bytes, **changes: Any) -> bytes:
    header = {"service": "bdx:noprocess", "service_type": "tc1", "action": "TC1Leg1", **changes}
    return documents.written(UserMessage(message_id, (Part.of("cid:message", "application/json", data),), **header))


@dataclass
class Way:
    """Passes on what goes from one port to another, and loses one submit where it is told to."""

    target: int
    lose: str = ""  #: BEFORE_COMMIT: the submit never arrives; AFTER_COMMIT: its answer never comes back
    fired: int = 0
    _server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _pass(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self.target)) as server:
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()
            while data := client.recv(65536):
                if self.lose == BEFORE_COMMIT and data.startswith(b"POST "):
                    self._break()
                    return
                server.sendall(data)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self.lose == AFTER_COMMIT and data.startswith(b"HTTP/1.1 201"):
                    self._break()
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    def _break(self) -> None:
        self.lose = ""
        self.fired += 1


@contextmanager
def two_nodes(folder: Path, **more: str) -> Iterator[Pair]:
    """Both running and ready: each has proven itself to the other. `more` settings go to both."""
    stage, parties = Stage(folder, ROOT / "config", free_ports(), {}), Parties()
    way = Way(stage.ports[FINLAND.node])
    threading.Thread(target=way.run, daemon=True).start()
    stage.extra[FRANCE.node] = settings(stage, FRANCE, FINLAND, f"http://127.0.0.1:{way.port}/eu-https") | more
    stage.extra[FINLAND.node] = settings(stage, FINLAND, FRANCE, "") | more
    pair = Pair(Running(stage, parties), Running(stage, parties, land=FINLAND), way)
    try:
        for land in (FRANCE, FINLAND):
            parties.start(stage.node(land))
        for node in (pair.france, pair.finland):
            node.until(lambda node=node: is_ready(node), START_SECONDS)
        yield pair
        assert pair.france.pid
        assert pair.finland.pid
    finally:
        parties.stop()
        way.close()


def is_ready(node: Running) -> bool:
    assert node.pid
    try:
        return node.call("GET", f"{node.ops}/readyz").status == 200
    except OSError:
        return False
