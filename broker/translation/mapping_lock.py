"""A published mapping version never changes: each line's meaning is held in a lock beside it.

Reports and ledgers name the version a message was translated with; a line or a table row that was changed, added or
taken away under the same version would make them lie. So would another answer to the question which document is which
message. `<version>.lock.json` = {family: {line: digest}}, and `messages` for what messages.toml says. No lock: the
version is not published yet.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from broker.errors import ConfigurationError
from broker.translation.mapping_file import HEAD_KEYS, load_profile
from broker.translation.mapping_source import Fault, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.translation.mapping_file import Annex, Family, Line, MessageRule, Profile
    from broker.translation.own_language import Versions

    #: What is locked, the digest of its meaning, and where it stands.
    Digest = tuple[str, str, Place]

#: What messages.toml says stands under this name in a lock; no family has it.
MESSAGES: Final = "messages"


def lock_of(profile: Profile) -> dict[str, dict[str, str]]:
    """The lock that a profile should have."""
    return {name: {key: digest for key, digest, _ in digests} for name, digests, _ in _parts(profile)}


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
    try:
        locked = {name: dict(kept) for name, kept in json.loads(file.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError):
        at = Place(f"{directory.name}/{file.name}", 1)
        yield Fault(at, f"this is no lock; put back the file that was published with version {profile.version}")
        return
    for name, digests, head in _parts(profile):
        kept = locked.get(name, {})
        for key, digest, at in digests:
            if kept.pop(key, None) != digest:
                yield Fault(at, f"{key}: not as published in version {profile.version}; give the mapping a new version")
        for key in kept:
            yield Fault(
                head, f"{key}: published in version {profile.version}, and gone; give the mapping a new version"
            )


def _parts(profile: Profile) -> Iterator[tuple[str, Iterator[Digest], Place]]:
    """What is locked together, by name, with the place that answers for what is gone."""
    yield MESSAGES, _of_messages(profile), profile.at["profile"]
    for name, family in profile.families.items():
        yield name, _digests(family), family.eu_at


def _of_messages(profile: Profile) -> Iterator[Digest]:
    for key in HEAD_KEYS:
        if key != "profile":
            yield key, _digest(_said(getattr(profile, key))), profile.at[key]
    names = [_name(rule) for rule in profile.messages]
    for name, rule in zip(names, profile.messages, strict=True):
        yield name, _digest(json.dumps([rule.parts, rule.context])), rule.at
    yield "order of the messages", _digest("|".join(names)), profile.at["profile"]


def _said(value: Annex | Versions | str | None) -> str:
    return json.dumps(value if value is None or isinstance(value, str) else asdict(value), sort_keys=True)


def _name(rule: MessageRule) -> str:
    conditions = (json.dumps(one) for one in (rule.when, rule.when_eu) if one)
    return " ".join(("message", rule.type, rule.element, *conditions))


def _digests(family: Family) -> Iterator[Digest]:
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
    alone = (f"alone {line.alone}",) if line.alone else ()
    added = (*line.before, *alone, *((line.review,) if line.review else ()), *(("readers",) if line.readers else ()))
    parts = (line.kind, *line.others, line.table, line.otherwise, line.by, line.text, line.anchor, *added)
    return "|".join(parts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def main(arguments: list[str]) -> int:
    """`python -m broker.translation.mapping_lock DIRECTORY`: publish the mappings of one profile; 1, if it cannot."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m broker.translation.mapping_lock DIRECTORY\n")
        return 2
    directory = Path(arguments[0]).resolve()
    try:
        write_lock(load_profile(directory), directory)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
