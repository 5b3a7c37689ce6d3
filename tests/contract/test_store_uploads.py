"""What the store knows of uploads: who may name which content, and for whom a document is; on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from broker.errors import NotFound
from tests.support.samples import DATA, NOW, exchange, full_message, keep_message

if TYPE_CHECKING:
    from adapters.store.sql import SqlStore


async def test_each_back_end_uploads_a_content_for_the_first_time_and_names_its_own(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        digest = await transaction.put_content(DATA)
        fresh = [await transaction.add_upload(name, digest, NOW) for name in ("hdh", "hdh", "findata")]
    assert fresh == [True, False, True]
    async with store.transaction() as transaction:
        may = [await transaction.may_name(name, digest) for name in ("hdh", "findata", "rems")]
        assert may == [True, True, False]
        assert not await transaction.may_name("hdh", "0" * 64)


async def test_nothing_is_uploaded_that_is_not_kept(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        async with store.transaction() as transaction:
            await transaction.add_upload("hdh", "0" * 64, NOW)


async def test_files_of_a_message_may_be_named_by_whom_it_is_addressed_to(store: SqlStore) -> None:
    told = full_message()
    [first, _] = told.attachments
    async with store.transaction() as transaction:
        await keep_message(transaction, told)
        assert not await transaction.may_name("hdh", first.sha256)
        await transaction.add_exchange(exchange(addressee="hdh"))
    async with store.transaction() as transaction:
        assert await transaction.may_name("hdh", first.sha256)
        assert not await transaction.may_name("findata", first.sha256)
        assert not await transaction.may_name("hdh", told.sha256)


async def test_a_document_is_found_by_whom_it_is_for_and_the_newest_exchange_speaks_for_it(store: SqlStore) -> None:
    async with store.transaction() as transaction:
        await keep_message(transaction)
        for number, (addressee, document) in enumerate((("hdh", "a"), ("findata", "a"), ("hdh", "b"), ("hdh", "a"))):
            await transaction.add_exchange(exchange(f"x-{number}", addressee=addressee, document_sha256=document))
        await transaction.add_exchange(exchange("x-9", addressee="hdh"))
        found = [await transaction.exchange_by_document("hdh", document) for document in ("a", "b", "c", "")]
    assert [one and one.id for one in found] == ["x-3", "x-2", None, None]
