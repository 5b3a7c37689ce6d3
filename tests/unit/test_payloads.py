"""Payloads are the same bytes wherever they lie, and files of spools are gone when nobody needs them."""

from __future__ import annotations

import os
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Unavailable
from broker.payloads import PIECE, Payload, Spool

LARGE = bytes(range(256)) * (PIECE // 256) + b"and more"


def spooled(data: bytes, *, before: bytes = b"", behind: bytes = b"", folder: str | None = None) -> Payload:
    spool = Spool(folder)
    spool.write(before)
    start = spool.size
    spool.write(data)
    payload = spool.since(start)
    spool.write(behind)
    return payload


@given(st.binary(max_size=60), st.binary(max_size=9), st.binary(max_size=9), st.integers(1, 20))
def test_a_payload_says_its_bytes_whatever_stands_around_it(
    data: bytes, before: bytes, behind: bytes, size: int
) -> None:
    for padding in (b"", LARGE):
        payload = spooled(data, before=padding + before, behind=behind)
        assert (payload.size, payload.sha256, payload.whole()) == (len(data), sha256(data).hexdigest(), data)
        assert b"".join(payload.pieces(size)) == data
        assert all(len(piece) <= size for piece in payload.pieces(size))
        assert payload == Payload(data) == Payload.of(Payload.of(data))


def test_payloads_with_other_bytes_differ_and_bytes_are_no_payload() -> None:
    assert Payload(b"a") != Payload(b"b")
    assert len({Payload(b"a"), spooled(b"a"), Payload(b"b")}) == 2
    assert Payload(b"a") != b"a"


def test_its_bytes_show_in_no_log() -> None:
    assert repr(Payload(b"secret")) == "Payload(6 bytes)"


def test_as_a_file_it_can_be_sought_in_by_several_at_once() -> None:
    payload = spooled(LARGE, before=b"before", behind=b"behind")
    first, second = payload.file(), payload.file()
    first.seek(-8, os.SEEK_END)
    assert (second.read(4), first.read(), first.read()) == (LARGE[:4], b"and more", b"")
    first.seek(4)
    assert first.read(10) == LARGE[4:14]
    with pytest.raises(OSError, match="before"):
        first.seek(-1)


def test_an_archive_is_read_from_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("large", LARGE)
    payload = spooled((tmp_path / "a.zip").read_bytes(), before=b"x")
    with zipfile.ZipFile(payload.file()) as archive:
        assert archive.read("large") == LARGE


@pytest.mark.parametrize("before", [b"x", LARGE])
def test_what_is_written_as_a_file_can_be_amended_and_does_not_touch_what_stands_before(before: bytes) -> None:
    spool = Spool()
    spool.write(before)
    file = spool.file()
    file.write(b"head, and then ")
    file.seek(0)
    file.write(b"HEAD")
    assert (file.tell(), file.seek(-5, os.SEEK_END)) == (4, 10)
    file.write(b"there" + LARGE)
    assert spool.since(len(before)).whole() == b"HEAD, and there" + LARGE
    assert spool.read(0, len(before)) == before
    with pytest.raises(OSError, match="nothing was written"):
        file.seek(len(LARGE) + 100)


def open_files(folder: Path) -> int:
    opened = [one for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return sum(str(folder) in str(one.readlink()) for one in opened)


def test_only_what_is_large_lies_in_a_file_which_has_no_name_and_goes_with_its_last_payload(tmp_path: Path) -> None:
    small = spooled(LARGE[:PIECE], folder=str(tmp_path))
    assert open_files(tmp_path) == 0
    large = spooled(LARGE, folder=str(tmp_path))
    assert open_files(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    assert (small.whole(), large.whole()) == (LARGE[:PIECE], LARGE)
    del large
    assert open_files(tmp_path) == 0


def test_what_the_disk_says_no_to_is_unavailable_and_no_fault_of_the_bytes(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be laid aside: No such file"):
        spooled(LARGE, folder=str(tmp_path / "not-there"))
