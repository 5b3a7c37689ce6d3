"""The legs of the PMode that our messages take: which parts they let pass, and how they are sent again.

Source: Domibus's PayloadProfileValidator. A leg without a payload profile lets everything pass. With one, each part
must be listed by its own name, in the media type that is listed, and everything that is required must be there; what is
not listed is refused with EBMS:0010. A file of ours is named after its SHA-256, so no profile can list it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from broker.commands.findings import Finding, fails, unknown, works
from broker.model.messages import DOCUMENT_PART, FILE_PART
from broker.translation.codecs.eu_pilot import MEDIA_TYPE as PILOT_TYPE
from broker.translation.codecs.eu_r7 import JSON, ZIP
from broker.translation.codecs.wires import PILOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from broker.settings import AccessPointSection

_PROFILE, _RETRY, _RECEIPTS = "payload profile", "AS4 retry", "AS4 receipts"
_STRUCTURED: Final = "cid:structured"
_LEAVE_OUT: Final = "take payloadProfile off the leg, on both sides"


def leg_findings(section: AccessPointSection, pmode: etree._Element | None) -> list[Finding]:
    """What is to be said of every leg with our service and action."""
    if pmode is None:
        return [unknown(_PROFILE, "give the exported PMode with --pmode pmode.xml to see which parts it lets pass")]
    legs = list(_legs(section, pmode))
    if not legs:
        return [unknown(_PROFILE, "no legConfiguration in the file joins our service and our action")]
    return [finding for leg in legs for finding in (_profile(section, pmode, leg), *_sending(pmode, leg))]


def _legs(section: AccessPointSection, pmode: etree._Element) -> Iterator[etree._Element]:
    services = {one.get("name") for one in pmode.iter("{*}service") if one.get("value") == section.service}
    actions = {one.get("name") for one in pmode.iter("{*}action") if one.get("value") == section.action}
    for leg in pmode.iter("{*}legConfiguration"):
        if leg.get("service") in services and leg.get("action") in actions:
            yield leg


def _profile(section: AccessPointSection, pmode: etree._Element, leg: etree._Element) -> Finding:
    where, name = f"leg {leg.get('name')}", leg.get("payloadProfile") or ""
    if not name:
        return works(_PROFILE, f"{where} has none, so every part passes")
    listed = _listed(pmode, name)
    if listed is None:
        return unknown(_PROFILE, f"{where} names the profile {name}, which is not in the file")
    refused = [*_document(section, listed), *_missing(listed)]
    refused += [] if section.profile == PILOT else _beside(listed)
    if refused:
        return fails(_PROFILE, f"{where} refuses messages of ours with EBMS:0010: {'; '.join(refused)}: {_LEAVE_OUT}")
    return works(_PROFILE, f"{where}: {name} lists every part of ours")


def _listed(pmode: etree._Element, name: str) -> list[etree._Element] | None:
    """The payloads of a profile, in its order."""
    profile = next((one for one in pmode.iter("{*}payloadProfile") if one.get("name") == name), None)
    if profile is None:
        return None
    by_name = {one.get("name"): one for one in pmode.iter("{*}payload")}
    return [by_name[one.get("name")] for one in profile.iter("{*}attachment") if one.get("name") in by_name]


def _document(section: AccessPointSection, listed: list[etree._Element]) -> list[str]:
    found = _part(listed, DOCUMENT_PART)
    ours = (PILOT_TYPE,) if section.profile == PILOT else (JSON, ZIP)
    if found is None:
        return [f"{DOCUMENT_PART} is not listed"]
    kind = found.get("mimeType", "").lower()
    refused = [one for one in ours if kind and one != kind]
    said = [f"{DOCUMENT_PART} must be {kind}, and ours is {' or '.join(refused)}"] if refused else []
    return [
        *said,
        *([f"{DOCUMENT_PART} must be in the SOAP body"] if found.get("inBody", "").lower() == "true" else []),
    ]


def _missing(listed: list[etree._Element]) -> list[str]:
    """What must be there and that no message of ours has."""
    wanted = (_cid(one) for one in listed if one.get("required", "").lower() == "true")
    return [f"{cid or 'a payload without a name'} is required" for cid in wanted if cid != DOCUMENT_PART]


def _beside(listed: list[etree._Element]) -> list[str]:
    """Parts beside the document: decisions have the first, and what names files has them."""
    structured = _part(listed, _STRUCTURED)
    kind = "" if structured is None else structured.get("mimeType", "").lower()
    fits = structured is not None and kind in {"", "application/xml"}
    return [
        *([] if fits else [f"{_STRUCTURED} (application/xml) is not listed"]),
        f"files ({FILE_PART}…) are not listed",
    ]


def _part(listed: list[etree._Element], cid: str) -> etree._Element | None:
    return next((one for one in listed if _cid(one) == cid), None)


def _cid(payload: etree._Element) -> str:
    """As Domibus compares them: trimmed, in any case."""
    return payload.get("cid", "").strip().lower()


def _sending(pmode: etree._Element, leg: etree._Element) -> list[Finding]:
    where = f"leg {leg.get('name')}"
    return [_again(where, _named(pmode, "receptionAwareness", leg)), _proof(where, _named(pmode, "reliability", leg))]


def _named(pmode: etree._Element, kind: str, leg: etree._Element) -> etree._Element | None:
    return next((one for one in pmode.iter(f"{{*}}{kind}") if one.get("name") == leg.get(kind)), None)


def _again(where: str, awareness: etree._Element | None) -> Finding:
    if awareness is None:
        return unknown(_RETRY, f"{where}: its receptionAwareness is not in the file")
    if awareness.get("duplicateDetection", "").lower() != "true":
        return fails(_RETRY, f"{where}: what is sent again arrives twice: set duplicateDetection=true, on both sides")
    retry = awareness.get("retry", "")
    if not retry or "SEND_ONCE" in retry:
        return fails(_RETRY, f"{where}: nothing is sent again: set retry=12;4;CONSTANT (minutes;tries;strategy)")
    return works(_RETRY, f"{where}: {retry}, and what comes twice is noticed")


def _proof(where: str, reliability: etree._Element | None) -> Finding:
    if reliability is None:
        return unknown(_RECEIPTS, f"{where}: its reliability is not in the file")
    if reliability.get("nonRepudiation", "").lower() != "true":
        return fails(_RECEIPTS, f"{where}: receipts prove nothing of the content: set nonRepudiation=true")
    return works(_RECEIPTS, f"{where}: receipts name the digests of what arrived")


def shortest_retry(pmode: etree._Element | None) -> float | None:
    """Seconds between two tries that the PMode wants, the shortest of all; None where it says none."""
    found = [_seconds(one.get("retry", "")) for one in pmode.iter("{*}receptionAwareness")] if pmode is not None else []
    return min((seconds for seconds in found if seconds), default=None)


def _seconds(retry: str) -> float | None:
    """`minutes;tries;CONSTANT`, or `minutes;first;factor;PROGRESSIVE` with its first interval in minutes."""
    words = retry.split(";")
    try:
        if words[-1] == "CONSTANT":
            return float(words[0]) * 60 / int(words[1])
        return float(words[1]) * 60 if words[-1] == "PROGRESSIVE" else None
    except (ValueError, IndexError, ZeroDivisionError):
        return None
