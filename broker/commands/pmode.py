"""The access point's PMode held against ours: what it does not know of us it refuses, message by message.

Parties, roles, services and actions stand in it by name and value (`domibus.eu/configuration`); only values travel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.commands.findings import Finding, fails, unknown, works

if TYPE_CHECKING:
    from lxml import etree

    from broker.settings import AccessPointSection

_NAME: Final = "PMode"
#: What we say, by its key in our configuration: the element of the PMode, the attribute, and what else it must say.
_SAID: Final = (
    ("party", "identifier", "partyId", ""),
    ("central_party", "identifier", "partyId", ""),
    ("initiator_role", "role", "value", ""),
    ("responder_role", "role", "value", ""),
    ("service", "service", "value", "service_type"),
    ("action", "action", "value", ""),
)


def pmode_findings(section: AccessPointSection, pmode: etree._Element | None) -> list[Finding]:
    """One finding for each value of ours that the PMode does not know."""
    if pmode is None:
        return [unknown(_NAME, "give the exported PMode with --pmode pmode.xml to see that it knows our parties")]
    if next(pmode.iter("{*}party"), None) is None:
        return [unknown(_NAME, "the file names no party: export the whole PMode from the console")]
    wrong = [finding for said in _SAID if (finding := _unknown_to(section, pmode, *said))]
    return wrong or [works(_NAME, "it knows our parties, roles, service and action")]


def _unknown_to(
    section: AccessPointSection, pmode: etree._Element, key: str, element: str, attribute: str, type_key: str
) -> Finding | None:
    ours, kind = getattr(section, key), getattr(section, type_key) if type_key else ""
    named = [one for one in pmode.iter(f"{{*}}{element}") if one.get(attribute) == ours]
    if any(not kind or one.get("type", "") == kind for one in named):
        return None
    known = sorted({one.get(attribute, "") for one in pmode.iter(f"{{*}}{element}")} - {""})
    if named:
        types = ", ".join(sorted({one.get("type", "") or "none" for one in named}))
        return fails(_NAME, f"{ours} has the type {types} there: set access_point.{type_key} to it")
    return fails(_NAME, f"no {element} {ours}; there are {', '.join(known) or 'none'}: set access_point.{key} to one")
