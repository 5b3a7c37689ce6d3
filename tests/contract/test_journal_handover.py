"""A key of the journal follows another: whoever trusts one of them can verify the whole, with public keys alone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from adapters.store.sql.tables import CHECKPOINTS
from broker.errors import ConfigurationError
from broker.ledger import verify as verifier
from broker.ledger.entries import sign_head
from broker.ledger.export import Export
from broker.ledger.handover import (
    FOLLOWED,
    JOURNAL,
    first_key,
    first_public,
    following_key,
    make_following,
    newest_public,
)
from broker.ledger.keys import public_jwk, public_pem
from broker.ledger.sealer import Sealer
from broker.ledger.verify import verify_lines
from tests.support.journals import KEY, OTHER_KEY, pem_of, with_the_file
from tests.support.samples import SetClock, entry

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from adapters.store.sql import SqlStore
    from broker.ledger.keys import SigningKey
    from broker.model.journal import Entry


class Office:
    """A node's journal and its keys, as the commands and the sealer use them."""

    def __init__(self, store: SqlStore, clock: SetClock, directory: Path) -> None:
        self.store, self.clock, self.directory, self.count = store, clock, directory, 0
        (directory / "journal.pem").write_bytes(pem_of(KEY))

    async def write(self, *, count: int = 2) -> None:
        async with self.store.transaction() as tx:
            for _ in range(count):
                await tx.write_entry(self._entry())

    async def rotate(self) -> str:
        """As `hdeu keys rotate-journal`; the new key's id."""
        async with self.store.transaction() as tx:
            detail = make_following(self.directory, await newest_public(tx, self.directory))
            await tx.write_entry(self._entry(action=FOLLOWED, target=JOURNAL, outcome="followed", detail=detail))
        return detail["new"]

    def _entry(self, **facts: Any) -> Entry:
        self.count += 1
        return entry(f"h-{self.count:03}", at=self.clock.now() + timedelta(seconds=self.count), **facts)

    async def seal(self) -> None:
        """Until nothing waits."""
        made = Sealer(
            self.store,
            first_key(self.directory),
            self.clock,
            "a",
            batch=3,
            follow=partial(following_key, self.directory),
        )
        while await made.seal():
            pass

    async def signers(self) -> list[tuple[int, str]]:
        async with self.store.transaction() as tx:
            return [(one.number, one.key_id) for one in await tx.checkpoints()]

    async def lines(self) -> list[str]:
        return [line async for line in Export(self.store, (first_public(self.directory),)).lines()]

    async def findings(self, *trusted: Ed25519PublicKey) -> list[tuple[int, str]]:
        verdict = verify_lines(await self.lines(), trusted=trusted)
        return [(one.number, one.code) for one in verdict.findings]


@pytest.fixture
def office(store: SqlStore, clock: SetClock, tmp_path: Path) -> Office:
    return Office(store, clock, tmp_path)


async def test_the_old_key_signs_the_entry_that_names_the_new_one_and_the_new_one_all_behind_it(office: Office) -> None:
    await office.write(count=4)
    new = await office.rotate()
    await office.write(count=2)
    await office.seal()
    assert await office.signers() == [(3, KEY.key_id), (5, KEY.key_id), (7, new)]


async def test_whoever_trusts_any_key_of_the_row_verifies_the_whole(office: Office) -> None:
    publics = [KEY.public]
    for _ in range(3):
        await office.write()
        publics.append(following_key(office.directory, await office.rotate()).public)
    await office.write()
    await office.seal()
    assert len({signer for _, signer in await office.signers()}) == 4
    for public in publics:
        assert await office.findings(public) == []
    assert await office.findings() == [], "the export itself names the first"
    assert {code for _, code in await office.findings(OTHER_KEY.public)} == {"forged-checkpoint", "unsigned"}


async def test_a_row_of_keys_that_nothing_has_sealed_yet_is_taken_up_one_after_another(office: Office) -> None:
    first, second = await office.rotate(), await office.rotate()
    await office.write(count=1)
    await office.seal()
    assert await office.signers() == [(1, KEY.key_id), (2, first), (3, second)]
    assert await office.findings(KEY.public) == []


async def test_the_first_key_can_be_destroyed_once_another_follows(office: Office) -> None:
    await office.write()
    await office.rotate()
    await office.seal()
    (office.directory / "journal.pem").write_bytes(pem_of(OTHER_KEY))
    await office.write()
    await office.seal()
    assert first_public(office.directory).public_bytes_raw() == KEY.public.public_bytes_raw()
    assert await office.findings(KEY.public) == []


async def test_a_key_that_was_followed_signs_nothing_any_more(office: Office, store_url: str) -> None:
    await office.write()
    await office.rotate()
    await office.write()
    await office.seal()
    await replace_last_signature(office, store_url, KEY)
    last = (await office.signers())[-1][0]
    assert (last, "forged-checkpoint") in await office.findings(KEY.public)


async def test_a_stranger_does_not_follow_by_saying_so(office: Office) -> None:
    """He has the file, and writes the entry that names his key; nobody who was trusted has signed it."""
    await office.write()
    await office.seal()
    async with office.store.transaction() as tx:
        detail = {"old": KEY.key_id, "old_x": public_jwk(KEY.public)["x"]}
        own = {"new": OTHER_KEY.key_id, "new_x": public_jwk(OTHER_KEY.public)["x"]}
        await tx.write_entry(entry("h-900", action=FOLLOWED, target=JOURNAL, detail={**detail, **own}))
    stranger = Sealer(office.store, OTHER_KEY, office.clock, "a", follow=lambda _: OTHER_KEY)
    assert await stranger.seal() == 1
    assert await office.findings(KEY.public) == [(3, "forged-checkpoint"), (3, "unsigned")]


async def test_a_changed_handover_is_found(office: Office, store_url: str) -> None:
    await office.write()
    await office.rotate()
    await office.write()
    await office.seal()
    with with_the_file(store_url) as connection:
        connection.exec_driver_sql("UPDATE journal SET detail = REPLACE(detail, 'old', 'odd') WHERE target = 'journal'")
    assert (3, "changed") in await office.findings(KEY.public)


async def test_a_following_key_that_is_not_here_is_a_configuration_error_and_nothing_is_sealed(office: Office) -> None:
    new = await office.rotate()
    await office.seal()
    (office.directory / f"journal-{new}.pem").unlink()
    await office.write()
    with pytest.raises(ConfigurationError):
        await office.seal()
    async with office.store.transaction() as tx:
        assert len(await tx.unsealed(10)) == 2
    with pytest.raises(ConfigurationError):
        following_key(office.directory, "../journal")


async def test_the_verifier_alone_follows_the_keys_too(office: Office, tmp_path: Path) -> None:
    await office.write()
    new = await office.rotate()
    await office.write()
    await office.seal()
    program, export, key = tmp_path / "verify.py", tmp_path / "journal.jsonl", tmp_path / "trusted.pem"
    shutil.copy(verifier.__file__, program)
    export.write_text("\n".join(await office.lines()) + "\n", encoding="utf-8")
    for public in (KEY.public, following_key(tmp_path, new).public):
        key.write_bytes(public_pem(public))
        command = [sys.executable, "-I", str(program), str(export), "--key", str(key)]
        run = partial(subprocess.run, capture_output=True, text=True, check=False, timeout=60)
        done = await asyncio.to_thread(run, command)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert done.stdout.startswith("5 entries hold")


async def replace_last_signature(office: Office, url: str, key: SigningKey) -> None:
    async with office.store.transaction() as tx:
        head = await tx.last_sealed()
        last = (await tx.checkpoints())[-1]
    assert head is not None
    made = sign_head(head, key=key, at=last.at)
    with with_the_file(url) as connection:
        forged = CHECKPOINTS.update().where(CHECKPOINTS.c.number == last.number)
        connection.execute(forged.values(key_id=made.key_id, signature=made.signature))
