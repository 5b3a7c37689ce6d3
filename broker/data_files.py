"""Where the data that comes with the program lies: `schemas/` and `config/`.

In a checkout they stand beside the package; in an installed wheel under `broker/_data/`.
"""

from __future__ import annotations

from pathlib import Path

from broker.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent


def schemas_dir() -> Path:
    """The folder with XSDs, mappings, code lists and lifecycles. Raises: ConfigurationError."""
    return _data_dir("schemas")


def config_dir() -> Path:
    """The folder with the shipped configurations and the demo's inputs. Raises: ConfigurationError."""
    return _data_dir("config")


def _data_dir(name: str) -> Path:
    for base in (_PACKAGE / "_data", _PACKAGE.parent):
        if (base / name).is_dir():
            return base / name
    raise ConfigurationError(f"The folder {name!r} that comes with the program is missing: install it again.")
