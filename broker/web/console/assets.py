"""The files that a browser loads beside the pages: our style sheet and script, and htmx from its own package.

Each is served under the hash of its content, so that a browser may keep it for good, and named in the pages
with the digest that the browser must find (Subresource Integrity).
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE: Final = "/console/static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file in memory; `integrity` is what the page's tag says."""

    name: str
    data: bytes
    media_type: str
    integrity: str
    url: str


def load_assets() -> Mapping[str, Asset]:
    """Every file by its name. Raises: ConfigurationError, if htmx is not installed."""
    own = resources.files("broker.web.console") / "static"
    files = {item.name: item.read_bytes() for item in own.iterdir() if item.is_file()}
    files["htmx.min.js"] = _htmx().read_bytes()
    return {name: _asset(name, data) for name, data in files.items()}


def _asset(name: str, data: bytes) -> Asset:
    digest = hashlib.sha384(data).digest()
    url = f"{BASE}/{name}?v={digest.hex()[:12]}"
    integrity = "sha384-" + base64.b64encode(digest).decode()
    return Asset(name, data, _TYPES[Path(name).suffix], integrity, url)


def _htmx() -> Path:
    """The plain file in the package; found without importing it, because its import wants Django's settings."""
    spec = importlib.util.find_spec("js_lib_htmx")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "static" / "htmx" / "htmx.min.js"
        if path.is_file():
            return path
    raise ConfigurationError("htmx is missing: install the package django-js-lib-htmx (it is in the dependencies)")
