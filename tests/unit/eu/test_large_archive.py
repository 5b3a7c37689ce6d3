"""An archive is unpacked beside memory: of its files nothing is held but what somebody looks at."""

from __future__ import annotations

import random
import tracemalloc
import zipfile
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from broker.errors import Unavailable
from broker.payloads import PIECE, Payload, Spool
from broker.translation.codecs.eu_r7 import ZIP, EuR7Codec
from broker.translation.codecs.zip_parts import write_zip
from tests.unit.eu.conftest import DATA

if TYPE_CHECKING:
    from pathlib import Path

PARTS = {
    f"{name}.json": (DATA / f"eu-r7/ApplicationSubmitted.{name}.json").read_bytes()
    for name in ("envelope", "application_metadata")
}
FILES = {f"a{number}_plan.pdf": random.Random(number).randbytes(1024 * 1024) for number in range(20)}


def spooled(folder: Path) -> Payload:
    """An application with twenty files of 1 MB."""
    spool = Spool(str(folder))
    spool.write(write_zip([*PARTS.items(), ("application_file.zip", write_zip(FILES.items()))]))
    return spool.since(0)


def test_of_a_large_application_no_file_is_held(codec: EuR7Codec, tmp_path: Path) -> None:
    payload = spooled(tmp_path)
    tracemalloc.start()
    files = codec.decode(payload, ZIP).files
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {f"{file.id}_{file.name}": file.sha256 for file in files} == {
        name: sha256(data).hexdigest() for name, data in FILES.items()
    }
    assert peak < 12 * PIECE < payload.size / 6


def test_a_large_application_is_written_as_it_is_read_with_no_file_held(codec: EuR7Codec, tmp_path: Path) -> None:
    decoded = codec.decode(spooled(tmp_path), ZIP)
    tracemalloc.start()
    encoded = codec.encode(decoded.root, decoded.files)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * PIECE < encoded.payload.size / 6
    assert codec.decode(encoded.payload, ZIP).files == decoded.files
    files = [(f"{file.id}_{file.name}", file.payload) for file in decoded.files]
    with zipfile.ZipFile(encoded.payload.file()) as archive:
        assert archive.testzip() is None
        assert archive.read("application_file.zip") == write_zip(files)


def test_a_full_disk_is_no_fault_of_the_archive(
    codec: EuR7Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = spooled(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("broker.payloads.tempfile.TemporaryFile", full)
    with pytest.raises(Unavailable, match="No space left"):
        codec.decode(payload, ZIP)
