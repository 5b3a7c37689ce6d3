"""A published mapping version never changes: each line's meaning is held in a lock beside it.

Reports and ledgers name the version a message was translated with; a line or a table row that was changed, added or
taken away under the same version would make them lie. `<version>.lock.json` = {family: {line: digest}}. No lock: the
version is not published yet.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from broker.translation.mapping_file import Fault, Place, load_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.mapping_file import Family, Line, Profile


def lock_of(profile: Profile) -> dict[str, dict[str, str]]:
    """The lock that a profile should have."""
    return {name: {key: digest for key, digest, _ in _digests(family)} for name, family in profile.families.items()}


def write_lock(profile: Profile, directory: Path) -> Path:
    """Publish: write the lock of the present version."""
    file = directory / f"{profile.version}.lock.json"
    file.write_text(json.dumps(lock_of(profile), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return file


def check_lock(profile: Profile, directory: Path) -> Iterator[Fault]:
    """Every line that is not what was published under this version."""
    file = directory / f"{profile.version}.lock.json"
    if not file.exists():
        return
    locked: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    for name, family in profile.families.items():
        kept = dict(locked.get(name, {}))
        for key, digest, at in _digests(family):
            if kept.pop(key, None) != digest:
                yield Fault(at, f"{key}: not as published in version {profile.version}; give the mapping a new version")
        for key in kept:
            yield Fault(
                family.eu_at, f"{key}: published in version {profile.version}, and gone; give the mapping a new version"
            )


def _digests(family: Family) -> Iterator[tuple[str, str, Place]]:
    for line in family.lines:
        yield f"{line.side} {line.leaf}", _digest(_meaning(line)), line.at
    for group in family.groups:
        parts = (group.counterpart, group.key, group.national_key, *group.only)
        yield f"group {group.path}", _digest("|".join(parts)), group.at
    used = {line.table for line in family.lines if line.table}
    for name in sorted(used & set(family.tables)):
        table = family.tables[name]
        said = [table.rows, table.ambiguous, *([table.several] if table.several else ())]
        yield f"table {name}", _digest(json.dumps(said, sort_keys=True)), table.at


def _meaning(line: Line) -> str:
    added = (*line.before, *((line.review,) if line.review else ()), *(("readers",) if line.readers else ()))
    parts = (line.kind, *line.others, line.table, line.otherwise, line.by, line.text, line.anchor, *added)
    return "|".join(parts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def main(arguments: list[str]) -> int:
    """`python -m broker.translation.mapping_lock DIRECTORY`: publish the mappings of one profile."""
    directory = Path(arguments[0])
    write_lock(load_profile(directory), directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
