"""A sealed journal for tests, and the ways to get round its guard."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from adapters.store.sql.engine import parse_url, sync_engine
from broker.ledger.export import Export
from broker.ledger.keys import SigningKey, signing_key
from broker.ledger.sealer import Sealer
from tests.support.samples import NOW, SetClock, entry, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from broker.ports import Store

KEY: SigningKey = signing_key(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY: SigningKey = signing_key(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
ENTRIES = 12
KEPT_AT = 3  #: the entry that says a message was kept
BATCH = 5  #: checkpoints stand at 5, 10 and 12
BYTES = b"<kept>bytes</kept>"


def pem_of(key: SigningKey) -> bytes:
    """The private key as a file has it."""
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def sealer(store: Store, clock: SetClock, holder: str = "a") -> Sealer:
    return Sealer(store, KEY, clock, holder, batch=BATCH)


async def write_journal(store: Store) -> None:
    """Twelve entries; the third keeps a message with its bytes."""
    async with store.transaction() as transaction:
        digest = await transaction.put_content(BYTES)
        await transaction.put_content(b"other bytes")
        await transaction.add_message(message(sha256=digest, size=len(BYTES)))
        for number in range(1, ENTRIES + 1):
            made = entry(f"j-{number:02}", at=NOW + timedelta(seconds=number), target=f"x-{number}")
            if number == KEPT_AT:
                kept = {"sha256": digest, "door": "http"}
                made = entry(f"j-{number:02}", at=made.at, action="message.kept", target="m-1", detail=kept)
            await transaction.write_entry(made)


async def sealed_journal(store: Store, clock: SetClock) -> None:
    await write_journal(store)
    assert [await sealer(store, clock).seal() for _ in range(4)] == [5, 5, 2, 0]


async def exported(store: Store, *, contents: bool = True) -> list[str]:
    return [line async for line in Export(store, (KEY.public,), contents=contents, page=4).lines()]


@contextmanager
def with_the_file(url: str) -> Iterator[Connection]:
    """A connection of somebody who has the file, or is superuser: the guard is off."""
    engine = sync_engine(parse_url(url))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for name in (
                connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            ):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
    engine.dispose()


def other_hash() -> str:
    return sha256(b"other bytes").hexdigest()
