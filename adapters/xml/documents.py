"""The port `Documents`: parse, judge, explain."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.xml.diagnosis import Workers
from adapters.xml.gate import Gate
from adapters.xml.parser import Limits, parse
from broker.errors import Problem, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Entry schema of each profile, below the schemas folder.
ENTRY_SCHEMAS: Final[dict[str, str]] = {
    "eu-1": "eu/1/eu.xsd",
    "fr-hdh-1": "fr/1/hdh.xsd",
    "fi-findata-1": "fi/1/findata.xsd",
    "rems-1": "rems/1/rems.xsd",
}
_GATE: Final = f"libxml2 {'.'.join(map(str, etree.LIBXML_VERSION))}"
_EXPLAINS: Final = f"xmlschema {version('xmlschema')}"
_PROBLEMS: Final = 50
_SECONDS: Final = 2.0


def _disagreement() -> Problem:
    detail = f"{_GATE} refuses this document, {_EXPLAINS} accepts it."
    return Problem(
        "validators-disagree", detail, hint="Tell who operates the node; the document is not sent meanwhile."
    )


class XmlDocuments:
    """Implements `broker.ports.Documents` over the schemas below a folder; `entries` are their entry files, by profile.

    Schemas are compiled at once, workers start when first needed. Raises: ConfigurationError, if one does not compile.
    """

    #: Who judges here, with versions.
    NAME: Final = f"{_GATE}, explained by {_EXPLAINS}"

    def __init__(
        self,
        folder: Path,
        *,
        entries: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        workers: int = 1,
    ) -> None:
        self._schemas = {profile: folder / path for profile, path in (entries or ENTRY_SCHEMAS).items()}
        self._limits = limits or Limits()
        self._gate = Gate(self._schemas)
        self._workers = Workers(count=workers)

    def parse(self, data: bytes) -> etree._Element:
        """Read a document. Raises: Refused; see `adapters.xml.parser.parse` for the codes."""
        return parse(data, self._limits)

    def is_valid(self, profile: str, root: etree._Element) -> bool:
        """The gate's verdict. Raises: ConfigurationError for an unknown profile."""
        return self._gate.is_valid(profile, root)

    async def diagnose(self, profile: str, data: bytes) -> tuple[Problem, ...]:
        """Why the gate refuses; empty if it does not. What libxml2 says, where xmlschema does not answer in time.

        Where xmlschema has nothing to say against the document, both verdicts are told, with the versions of both.

        Raises: Refused, if the bytes are no document; ConfigurationError for an unknown profile.
        """
        said = self._gate.problems(profile, self.parse(data), data, limit=_PROBLEMS)
        if not said:
            return ()
        try:
            explained = await self._workers.explain(self._schemas[profile], data, limit=_PROBLEMS, seconds=_SECONDS)
        except Unavailable:
            return said
        return explained or (*said, _disagreement())

    async def close(self) -> None:
        """End the workers."""
        await self._workers.close()
