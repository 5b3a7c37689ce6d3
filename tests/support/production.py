"""The story in its production shape: each node on a PostgreSQL database and a RabbitMQ vhost of its own."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from adapters.amqp.connection import connect
from adapters.amqp.topology import Topology
from adapters.demo.processes import free_port, run_hdeu
from adapters.demo.stage import FRANCE, LANDS, Land, Stage, free_ports

if TYPE_CHECKING:
    from tests.support.rabbitmq import RabbitNode

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
BROKER = "hdeu"
DONE = frozenset({"ENDED", "ACKNOWLEDGED", "DELIVERED"})


def example_form() -> dict[str, Any]:
    return dict(json.loads((CONFIG / "demo" / "application_metadata.json").read_text("utf-8")))


def example_attachments() -> list[Path]:
    return sorted((CONFIG / "demo" / "attachments").iterdir())


@dataclass(frozen=True)
class Production:
    """Vhosts and databases of one run on running servers."""

    rabbit: RabbitNode
    postgres_url: str  #: of any database there, as superuser
    run: str

    def vhost(self, land: Land) -> str:
        return f"{self.run}-{land.node}"

    def database(self, land: Land) -> str:
        """The database's address."""
        return f"{self.postgres_url.rpartition('/')[0]}/{self.run}_{land.node}"

    def amqp(self, land: Land, user: str) -> str:
        return self.rabbit.url(user, self.vhost(land))

    async def prepare(self) -> None:
        """Users with the rights of config/definitions.json, vhosts with their queues, empty databases."""
        for land in LANDS:
            await asyncio.to_thread(self._allow, land)
            declared = await connect(self.amqp(land, BROKER), Topology((land.backend,)))
            await declared.close()
            with psycopg.connect(self.postgres_url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {self.run}_{land.node}")

    def _allow(self, land: Land) -> None:
        definitions = json.loads((CONFIG / "definitions.json").read_text("utf-8"))
        vhost = urllib.parse.quote(self.vhost(land), safe="")
        self.rabbit.add_vhost(self.vhost(land))
        for user in (BROKER, land.backend):
            self.rabbit.add_user(user)
        for kind, members in (("permissions", ("configure",)), ("topic_permissions", ("exchange",))):
            for row in definitions[kind]:
                if row["user"] in {BROKER, land.backend}:
                    rights = {name: row[name] for name in (*members, "write", "read")}
                    self.rabbit.api("PUT", f"/api/{kind.replace('_', '-')}/{vhost}/{row['user']}", rights)

    def stage(self, folder: Path, *, mock_url: str, mock_port: int, **settings: str) -> Stage:
        """The stage of a story; `settings` go to both nodes."""
        ports = {**free_ports(), "mock-eu": mock_port, "france.worker": free_port()}
        extra = {land.node: {**self._node(land), **settings} for land in LANDS}
        offices = {land.backend: (self.amqp(land, land.backend), land.backend) for land in LANDS}
        return Stage(folder, CONFIG, ports, extra, mock_url=mock_url, amqp=offices, workers=(FRANCE,))

    def _node(self, land: Land) -> dict[str, str]:
        return {
            "HDEU_DATABASE__URL": self.database(land),
            "HDEU_QUEUE__URL": self.amqp(land, BROKER),
            f"HDEU_BACKENDS__{land.backend.upper()}__KIND": "amqp",
        }

    async def install(self, stage: Stage) -> None:
        """What an operator does before the first start: tables, and the node's keys."""
        for land in LANDS:
            await run_hdeu("keys", "init", env=stage.node_env(land))
            await run_hdeu("migrate", env=stage.node_env(land))

    def rows(self, land: Land, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database(land), connect_timeout=5) as connection:
            return connection.execute(statement, values).fetchall()

    def work(self, land: Land) -> int:
        """Work rows that are still to be done."""
        return int(self.rows(land, "SELECT count(*) FROM works")[0][0])

    def unsettled(self, land: Land) -> Counter[tuple[str, str]]:
        """Exchanges on which something is still to happen, by type and state; and what is not sealed yet."""
        waiting = Counter(
            (str(type_), str(state))
            for type_, state in self.rows(land, "SELECT type, state FROM exchanges")
            if state not in DONE
        )
        waiting["work", "due"] = self.work(land)
        waiting["journal", "unsealed"] = int(self.rows(land, "SELECT count(*) FROM journal WHERE number IS NULL")[0][0])
        return +waiting

    async def settled(self, seconds: float) -> None:
        """Wait until nothing is left to do at either node. Raises: AssertionError, saying what is."""
        end = time.monotonic() + seconds
        while left := {land.node: dict(waiting) for land in LANDS if (waiting := self.unsettled(land))}:
            assert time.monotonic() < end, f"not settled within {seconds} s: {left}"
            await asyncio.sleep(0.3)
