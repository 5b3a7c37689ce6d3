"""What one message of ours wrote, read from the database afterwards: the floor writes as many bytes, as often."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psycopg

#: Every row of one message, in the order of its tables.
_ROWS = {
    "message": "SELECT row_to_json(t)::text FROM messages t WHERE id = %(message)s",
    "exchange": "SELECT row_to_json(t)::text FROM exchanges t WHERE message_id = %(message)s",
    "attempts": "SELECT row_to_json(t)::text FROM attempts t WHERE subject IN (%(message)s, %(exchange)s) ORDER BY id",
    "leg": "SELECT row_to_json(t)::text FROM legs t WHERE case_key = %(case)s",
    "clocks": "SELECT row_to_json(t)::text FROM clocks t WHERE case_key = %(case)s",
    "journal": (
        "SELECT row_to_json(t)::text FROM journal t WHERE target IN (%(message)s, %(exchange)s, %(case)s)"
        " AND action <> 'case.opened' ORDER BY at, id"
    ),
}
_LAST = (
    "SELECT message_id AS message, id AS exchange, case_key AS case, document_sha256, report_sha256, pivot_sha256,"
    " carry_sha256 FROM exchanges WHERE state = 'SUBMITTED' ORDER BY id DESC LIMIT 1"
)
_CONTENTS = ("pivot_sha256", "document_sha256", "report_sha256", "carry_sha256")


def written_by_one(database: str) -> tuple[dict[str, list[str]], list[bytes]]:
    """Rows by table as JSON text, and the contents beside the original, of the last message that was submitted."""
    with psycopg.connect(database, row_factory=psycopg.rows.dict_row) as connection:
        last = connection.execute(_LAST).fetchone()
        if last is None:
            raise RuntimeError("no message was submitted")
        rows = {name: _texts(connection, statement, last) for name, statement in _ROWS.items()}
        found = [last[name] for name in _CONTENTS if last[name]]
        return rows, [_content(connection, sha256) for sha256 in found]


def _texts(connection: psycopg.Connection[Any], statement: str, names: dict[str, Any]) -> list[str]:
    return [row["row_to_json"] for row in connection.execute(statement, names)]


def _content(connection: psycopg.Connection[Any], sha256: str) -> bytes:
    row = connection.execute("SELECT data FROM contents WHERE sha256 = %s", (sha256,)).fetchone()
    return bytes(row["data"]) if row else b""


def activity(database: str) -> tuple[int, int]:
    """Commits in this database, and bytes of the server's log, so far."""
    with psycopg.connect(database) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        row = connection.execute(
            "SELECT xact_commit, pg_current_wal_lsn() - '0/0'::pg_lsn FROM pg_stat_database"
            " WHERE datname = current_database()"
        ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def processor_seconds(pid: int) -> float:
    """What a process has used of the processors so far."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def write_trace(folder: Path, rows: dict[str, list[str]], contents: list[bytes], post: bytes) -> None:
    """What the floor reads at its start."""
    (folder / "rows.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    for number, data in enumerate(contents):
        (folder / f"content-{number}").write_bytes(data)
    (folder / "post.xml").write_bytes(post)
