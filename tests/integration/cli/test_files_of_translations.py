"""`hdeu translate --files`: the bytes that a document names by their hash go into the archive."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from broker.cli import main

DATA = Path(__file__).parents[2] / "data"
FILES = DATA / "eu-r7" / "attachments"
APPLICATION = str(DATA / "eu-1" / "ApplicationSubmitted.xml")
TO_WIRE = ("translate", "--from", "eu-1", "--to", "eu-r7")


def packed(archive: bytes) -> dict[str, bytes]:
    """The files of an application on the wire, by the name of their entry."""
    with zipfile.ZipFile(io.BytesIO(archive)) as outer:
        inner = io.BytesIO(outer.read("application_file.zip"))
    with zipfile.ZipFile(inner) as files:
        return {name: files.read(name) for name in files.namelist()}


def of_folder() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in FILES.iterdir()}


def test_an_application_goes_onto_the_wire_with_the_files_of_a_folder(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    for number, path in enumerate(sorted(FILES.iterdir())):  # by their bytes, whatever they are called and lie in
        folder = tmp_path / f"{number}"
        folder.mkdir()
        shutil.copy(path, folder / "any name")
    (tmp_path / "not named.txt").write_text("x")
    assert main((*TO_WIRE, "--files", str(tmp_path), APPLICATION)) == 0
    assert packed(capfdbinary.readouterr().out) == of_folder()


def test_an_application_of_the_wire_goes_to_a_body_and_home_with_its_files(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    at = SimpleNamespace(wire=tmp_path / "wire.zip", carry=tmp_path / "carry", home=tmp_path / "fi.xml")
    main((*TO_WIRE, "--files", str(FILES), APPLICATION))
    at.wire.write_bytes(capfdbinary.readouterr().out)
    main(("translate", "--from", "eu-r7", "--to", "fi-findata-1", "--carry-out", str(at.carry), str(at.wire)))
    at.home.write_bytes(capfdbinary.readouterr().out)
    back = ("translate", "--from", "fi-findata-1", "--to", "eu-r7", "--carry-in", str(at.carry))
    main((*back, "--files", str(FILES), str(at.home)))
    assert packed(capfdbinary.readouterr().out) == of_folder()


@pytest.mark.parametrize("given", [(), ("--files", "EMPTY")], ids=["no folder", "a folder without it"])
def test_a_file_that_is_not_there_is_named_with_what_to_do(
    given: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main((*TO_WIRE, *(word.replace("EMPTY", str(tmp_path)) for word in given), APPLICATION)) == 1
    out, err = capfd.readouterr()
    assert (out, err.split(" ")[0]) == ("", "missing-attachment")
    assert "`hdeu translate` has --files" in err


@pytest.mark.parametrize("folder", ["nothing", "file"])
def test_a_folder_that_cannot_be_read_is_named(folder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert main((*TO_WIRE, "--files", str(tmp_path / folder), APPLICATION)) == 1
    assert capfd.readouterr().err.startswith(f"not-found: the folder {tmp_path / folder} cannot be read: ")
