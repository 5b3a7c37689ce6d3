"""The mock's PMode, as a Domibus hands it out: what its access points know (`domibus.eu/configuration`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from adapters.mock_eu.retention import Retention
    from adapters.mock_eu.settings import Nation, Settings

_NS: Final = "http://domibus.eu/configuration"
_PROFILE: Final = "HealthDataProfile"


def written(settings: Settings, nation: Nation, retention: Retention) -> bytes:
    """One nation's, with the central access point as its only partner."""
    root = etree.Element(f"{{{_NS}}}configuration", nsmap={"db": _NS}, party=nation.code)
    _mpc(etree.SubElement(root, "mpcs"), retention)
    processes = etree.SubElement(root, "businessProcesses")
    _roles_and_parties(processes, settings, nation)
    if settings.style.payload_profile:
        _profile(processes, settings)
    _exchange(processes, settings)
    return etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")


def _mpc(parent: etree._Element, retention: Retention) -> None:
    """Retention in minutes, as Domibus counts it."""
    etree.SubElement(
        parent,
        "mpc",
        name="defaultMpc",
        retention_downloaded=f"{retention.downloaded:g}",
        retention_undownloaded=f"{retention.undownloaded:g}",
        retention_sent=f"{retention.sent:g}",
        delete_message_metadata=str(retention.delete_metadata).lower(),
        retention_metadata_offset=f"{retention.metadata_offset:g}",
    )


def _roles_and_parties(parent: etree._Element, settings: Settings, nation: Nation) -> None:
    pmode = settings.pmode
    roles = etree.SubElement(parent, "roles")
    for name in ("initiator", "responder"):
        etree.SubElement(roles, "role", name=name, value=getattr(pmode, name))
    parties = etree.SubElement(parent, "parties")
    etree.SubElement(etree.SubElement(parties, "partyIdTypes"), "partyIdType", name="type", value=pmode.party_type)
    for name, id_ in ((nation.code, nation.party_id), ("central", settings.central_party_id)):
        party = etree.SubElement(parties, "party", name=name)
        etree.SubElement(party, "identifier", partyId=id_, partyIdType="type")


def _profile(parent: etree._Element, settings: Settings) -> None:
    profiles = etree.SubElement(parent, "payloadProfiles")
    names = {f"payload{number}": cid for number, cid in enumerate(settings.style.payload_profile)}
    for name, cid in names.items():
        etree.SubElement(profiles, "payload", name=name, cid=cid, required="false")
    profile = etree.SubElement(profiles, "payloadProfile", name=_PROFILE)
    for name in names:
        etree.SubElement(profile, "attachment", name=name)


def _exchange(parent: etree._Element, settings: Settings) -> None:
    """Service, action, and the one leg that joins them."""
    pmode, style = settings.pmode, settings.style
    services = etree.SubElement(parent, "services")
    etree.SubElement(services, "service", name="service", value=pmode.service, type=pmode.service_type)
    etree.SubElement(etree.SubElement(parent, "actions"), "action", name="action", value=pmode.action)
    as4 = etree.SubElement(parent, "as4")
    retry = f"12;{style.send_tries};CONSTANT"
    etree.SubElement(as4, "receptionAwareness", name="awareness", retry=retry, duplicateDetection="true")
    etree.SubElement(as4, "reliability", name="reliability", nonRepudiation="true", replyPattern="response")
    leg = etree.SubElement(etree.SubElement(parent, "legConfigurations"), "legConfiguration", name="leg")
    named = {"service": "service", "action": "action", "defaultMpc": "defaultMpc"}
    named |= {"receptionAwareness": "awareness", "reliability": "reliability"}
    for name, value in {**named, **({"payloadProfile": _PROFILE} if style.payload_profile else {})}.items():
        leg.set(name, value)
