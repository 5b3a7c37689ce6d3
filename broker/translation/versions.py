"""Versions of a mapping stand side by side: `mappings/fr-hdh-1/` is the present, `mappings/fr-hdh-1@2026-11/` a former.

A message keeps the version that it was translated with; its report is spelled out by that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.errors import ConfigurationError
from broker.translation.mapping_file import Profile, load_profile
from broker.translation.mapping_source import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


def label_of(profile: Profile) -> str:
    """Name and version, `fr-hdh-1@2026-11`."""
    return f"{profile.name}@{profile.version}"


def is_present(directory: Path) -> bool:
    """Whether a folder holds the version that is used where none is named."""
    return "@" not in directory.name


def versions(mappings: Path, wanted: Collection[str] | None) -> Iterator[tuple[Path, Profile]]:
    """Every version of the profiles with these names (all, if None).

    Raises: ConfigurationError, for a folder that says no messages or is not named as what it holds, a schema that is
    not there, a former version that was never published, and a version that stands twice.
    """
    seen: dict[str, str] = {}
    for directory in sorted({file.parent for file in mappings.glob("*/*.toml")}):
        if wanted is not None and directory.name.partition("@")[0] not in wanted:
            continue
        profile = load_profile(directory)
        label = label_of(profile)
        if not (mappings.parent / profile.schema).is_file():
            detail = f"there is no schema {profile.schema!r} below {mappings.parent.name}/"
            raise ConfigurationError(str(Fault(profile.at["schema"], detail)))
        if directory.name not in (profile.name, label):
            raise _fault(profile, f"the folder holds {label}; call it {profile.name} or {label}")
        if not is_present(directory) and not (directory / f"{profile.version}.lock.json").exists():
            raise _fault(profile, f"the former version {label} has no lock: it was never published")
        if label in seen:
            raise _fault(profile, f"{label} stands in {seen[label]} already; give the mapping a new version")
        seen[label] = directory.name
        yield directory, profile


def _fault(profile: Profile, detail: str) -> ConfigurationError:
    return ConfigurationError(f"{profile.file}:1: {detail}")
