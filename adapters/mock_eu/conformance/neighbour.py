"""Another nation, which says something of an application that it shares with the nation under test."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import aiohttp

from adapters.mock_eu import payloads
from adapters.mock_eu.answers import messaging
from adapters.mock_eu.conformance.model import Skipped
from adapters.mock_eu.model import Header, Property

if TYPE_CHECKING:
    from adapters.mock_eu.conformance.world import World
    from adapters.mock_eu.model import Part
    from adapters.mock_eu.settings import Nation

_ENVELOPE: Final = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://eu.domibus.wsplugin/"
 xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"><s:Header>{head}</s:Header><s:Body>
<w:submitRequest><payload payloadId="{href}" contentType="{kind}"><value>{value}</value></payload></w:submitRequest>
</s:Body></s:Envelope>"""


def neighbour_of(world: World) -> str:
    """The code of another nation of the configuration that speaks JSON. Raises: Skipped, if there is none."""
    others = (each for each in world.settings.nations.values() if each.code != world.nation and each.wire == "eu-r7")
    found = next(others, None)
    if found is None:
        raise Skipped("the configuration of the kit has one nation alone that speaks eu-r7")
    return found.code


async def report(world: World, code: str, application_id: str, status: str) -> None:
    """The neighbour submits a StatusUpdate at its own access point."""
    nation, message_id = (
        world.settings.nations[code],
        f"{world.settings.id_prefix}-{secrets.token_hex(16)}@{code}.example",
    )
    envelope = {"messageId": message_id, "messageType": "StatusUpdate", "createdAt": datetime.now(UTC).isoformat()}
    (part,) = payloads.write(envelope, {"applicationId": application_id, "status": status})
    auth = aiohttp.encode_basic_auth(nation.user, nation.password)
    headers = {"Content-Type": "application/soap+xml", "Authorization": auth}
    body = _written(_header(world, nation, message_id), part)
    url = f"{world.url}/{code}/domibus/services/wsplugin"
    async with world.session.post(url, data=body, headers=headers) as answer:
        if not answer.ok:
            raise RuntimeError(f"the mock refused the neighbour: {(await answer.text())[:300]}")


def _header(world: World, nation: Nation, message_id: str) -> Header:
    pmode = world.settings.pmode
    return Header(
        message_id=message_id,
        from_party=nation.party_id,
        from_type=pmode.party_type,
        from_role=pmode.initiator,
        to_party=world.settings.central_party_id,
        to_type=pmode.party_type,
        to_role=pmode.responder,
        service=pmode.service,
        service_type=pmode.service_type,
        action=pmode.action,
        properties=(
            Property("originalSender", pmode.original_sender),
            Property("finalRecipient", pmode.final_recipient),
        ),
    )


def _written(header: Header, part: Part) -> str:
    value = base64.b64encode(part.data).decode()
    return _ENVELOPE.format(head=messaging("eb", header, (part,)), href=part.href, kind=part.media_type, value=value)
