"""Everything the mock must not forget, in one SQLite file. What was acknowledged survives SIGKILL.

One process, one connection, no awaiting inside a transaction: so every call is atomic on the event loop.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu.model import Header, Held, Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, nation TEXT NOT NULL, role TEXT NOT NULL, message_id TEXT NOT NULL,
  type TEXT NOT NULL, status TEXT NOT NULL, pending INTEGER NOT NULL, handled INTEGER NOT NULL, at TEXT NOT NULL,
  header TEXT NOT NULL, changed TEXT NOT NULL DEFAULT '', UNIQUE (nation, role, message_id));
CREATE TABLE IF NOT EXISTS parts (
  seq INTEGER NOT NULL, position INTEGER NOT NULL, href TEXT NOT NULL, media_type TEXT NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (seq, position));
CREATE TABLE IF NOT EXISTS applications (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, origin TEXT NOT NULL, origin_key TEXT NOT NULL, at TEXT NOT NULL,
  content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
  application_id TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (application_id, name));
CREATE TABLE IF NOT EXISTS legs (
  application_id TEXT NOT NULL, nation TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (application_id, nation));
CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY AUTOINCREMENT, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS faults (id TEXT PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sendings (seq INTEGER PRIMARY KEY, tries INTEGER NOT NULL, due TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS errors (seq INTEGER NOT NULL, at TEXT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS envelopes (seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS retention (nation TEXT PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notifications (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, nation TEXT NOT NULL, rule TEXT NOT NULL, type TEXT NOT NULL,
  message_id TEXT NOT NULL, detail TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, due TEXT NOT NULL,
  first TEXT NOT NULL, error TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS held_back (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, nation TEXT NOT NULL, type TEXT NOT NULL, behind INTEGER NOT NULL,
  due TEXT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS registry (
  kind TEXT NOT NULL, key TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (kind, key));
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (state, due);
"""
_ABOUT_A_MESSAGE: Final = ("parts", "sendings", "errors", "receipts", "envelopes", "messages")
_COLUMNS: Final = "seq, nation, role, type, status, pending, at, header"


class Store:
    """The file and its tables."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(f"BEGIN;{_TABLES}COMMIT;")
        self._catch_up()

    def _catch_up(self) -> None:
        """A file of an earlier version does not say since when its messages have their status."""
        if "changed" not in {row[1] for row in self._db.execute("PRAGMA table_info(messages)")}:
            self._db.execute("ALTER TABLE messages ADD COLUMN changed TEXT NOT NULL DEFAULT ''")
            self._db.execute("UPDATE messages SET changed = at")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """All or nothing; joins a commit that is already open."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """One statement of the modules that keep their own tables here."""
        return self._db.execute(statement, values)

    # messages

    def add_message(
        self, nation: str, role: str, type_: str, header: Header, parts: tuple[Part, ...], status: str, at: str
    ) -> int:
        """Keep a message; its number. Raises: sqlite3.IntegrityError, if the nation has the id in this role."""
        with self.commit():
            row = (nation, role, header.message_id, type_, status, role == "RECEIVING", at, at, _json(header.as_dict()))
            seq = self._db.execute(
                "INSERT INTO messages (nation, role, message_id, type, status, pending, at, changed, header, handled)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                row,
            ).lastrowid
            self._db.executemany(
                "INSERT INTO parts VALUES (?, ?, ?, ?, ?)",
                [(seq, position, part.href, part.media_type, part.data) for position, part in enumerate(parts)],
            )
        return int(seq or 0)

    def forget(self, seq: int) -> None:
        """Nothing of it stays: its id is free again."""
        with self.commit():
            for table in _ABOUT_A_MESSAGE:
                self._db.execute(f"DELETE FROM {table} WHERE seq = ?", (seq,))  # noqa: S608 -- constants of this module

    def message(self, nation: str, role: str, message_id: str) -> Held | None:
        """One message with its parts."""
        found = self._messages("nation = ? AND role = ? AND message_id = ?", (nation, role, message_id))
        return found[0] if found else None

    def pending(self, nation: str) -> list[tuple[str, str, Header]]:
        """(arrival, type, header) of what waits to be fetched, oldest first, without payloads."""
        rows = self._db.execute(
            "SELECT at, type, header FROM messages WHERE nation = ? AND role = 'RECEIVING' AND pending ORDER BY seq",
            (nation,),
        )
        return [(at, type_, Header.of(json.loads(header))) for at, type_, header in rows]

    def messages(self, where: str, values: tuple[Any, ...]) -> list[Held]:
        """What a condition over the messages' columns picks. It must be a constant of the calling module."""
        return self._messages(where, values)

    def _messages(self, where: str, values: tuple[Any, ...]) -> list[Held]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM messages WHERE {where}", values).fetchall()  # noqa: S608 -- constants of this module
        return [
            Held(seq, nation, role, type_, status, bool(pending), at, Header.of(json.loads(header)), self._parts(seq))
            for seq, nation, role, type_, status, pending, at, header in rows
        ]

    def _parts(self, seq: int) -> tuple[Part, ...]:
        rows = self._db.execute("SELECT href, media_type, data FROM parts WHERE seq = ? ORDER BY position", (seq,))
        return tuple(Part(*row) for row in rows)

    # applications and their legs

    def put_application(
        self, id_: str, version: int, *, origin: tuple[str, str], at: str, content: dict[str, Any]
    ) -> None:
        """Insert, or replace by a new version. `origin` is (nation, its own number) or ("", "")."""
        with self.commit():
            self._db.execute(
                "INSERT INTO applications VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET version = excluded.version, content = excluded.content",
                (id_, version, *origin, at, _json(content)),
            )

    def application(self, id_: str) -> dict[str, Any] | None:
        """{id, version, origin, at, content}."""
        row = self._db.execute(
            "SELECT id, version, origin, at, content FROM applications WHERE id = ?", (id_,)
        ).fetchone()
        return None if row is None else _application(row)

    def application_of_origin(self, nation: str, key: str) -> str | None:
        """The id that an earlier forwarding of the same national dossier got."""
        row = self._db.execute(
            "SELECT id FROM applications WHERE origin = ? AND origin_key = ?", (nation, key)
        ).fetchone()
        return row[0] if row else None

    def applications(self) -> list[dict[str, Any]]:
        """Newest first."""
        rows = self._db.execute("SELECT id, version, origin, at, content FROM applications ORDER BY rowid DESC")
        return [_application(row) for row in rows]

    def put_files(self, application_id: str, files: dict[str, bytes]) -> None:
        """Keep attachments by entry name; one of the same name is replaced."""
        with self.commit():
            rows = [(application_id, name, data) for name, data in files.items()]
            self._db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)

    def files(self, application_id: str) -> dict[str, bytes]:
        """Attachments by entry name."""
        rows = self._db.execute(
            "SELECT name, data FROM files WHERE application_id = ? ORDER BY name", (application_id,)
        )
        return dict(rows.fetchall())

    def put_leg(self, application_id: str, nation: str, doc: dict[str, Any]) -> None:
        """Insert or replace what the platform knows of one nation's leg."""
        with self.commit():
            self._db.execute("INSERT OR REPLACE INTO legs VALUES (?, ?, ?)", (application_id, nation, _json(doc)))

    def legs(self, application_id: str) -> dict[str, dict[str, Any]]:
        """By nation."""
        rows = self._db.execute(
            "SELECT nation, doc FROM legs WHERE application_id = ? ORDER BY nation", (application_id,)
        )
        return {nation: json.loads(doc) for nation, doc in rows}

    # log and faults

    def add_log(self, entry: dict[str, Any]) -> None:
        """Append one operation."""
        with self.commit():
            self._db.execute("INSERT INTO log (doc) VALUES (?)", (_json(entry),))

    def log(self, after: int) -> list[dict[str, Any]]:
        """Operations with a number over `after`, in order."""
        rows = self._db.execute("SELECT seq, doc FROM log WHERE seq > ? ORDER BY seq", (after,))
        return [{"seq": seq, **json.loads(doc)} for seq, doc in rows]

    def latest(self, most: int) -> list[dict[str, Any]]:
        """The newest operations, newest first."""
        rows = self._db.execute("SELECT doc FROM log ORDER BY seq DESC LIMIT ?", (most,))
        return [json.loads(doc) for (doc,) in rows]

    def lying(self, nation: str, most: int) -> list[tuple[str, str, str, str, str]]:
        """(arrival, role, type, MessageId, status) of a nation's newest messages, newest first, without payloads."""
        rows = self._db.execute(
            "SELECT at, role, type, message_id, status FROM messages WHERE nation = ? ORDER BY seq DESC LIMIT ?",
            (nation, most),
        )
        return rows.fetchall()

    def put_fault(self, id_: str, doc: dict[str, Any]) -> None:
        """Insert or replace one armed fault with its counters."""
        with self.commit():
            self._db.execute("INSERT OR REPLACE INTO faults VALUES (?, ?)", (id_, _json(doc)))

    def delete_faults(self, id_: str | None = None) -> None:
        """Disarm one, or all."""
        with self.commit():
            self._db.execute("DELETE FROM faults WHERE ? IS NULL OR id = ?", (id_, id_))

    def faults(self) -> list[dict[str, Any]]:
        """In the order in which they were armed."""
        return [json.loads(doc) for (doc,) in self._db.execute("SELECT doc FROM faults ORDER BY rowid")]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _application(row: tuple[Any, ...]) -> dict[str, Any]:
    id_, version, origin, at, content = row
    return {"id": id_, "version": version, "origin": origin, "at": at, "content": json.loads(content)}
