"""How a back end lodges a dossier of its own: the document, and the way over AMQP."""

from __future__ import annotations

import asyncio
from typing import Final

from lxml import etree

from adapters.demo.french import NS as FRENCH
from adapters.demo.processes import NotNowError, StepFailedError

_PSEUDONYMISED: Final = (
    ("justification", "Le suivi individuel demande de relier les enregistrements d'une même personne (exemple)."),
    ("liceite", "true"),
    ("ethique", "true"),
)


async def publish_once(address: str, user: str, *, document: bytes, key: str) -> None:
    """Publish a document as a back end does. Raises: NotNowError: not confirmed; the same again is no second one."""
    import aio_pika  # noqa: PLC0415 -- a demonstration without RabbitMQ needs no AMQP client

    message = aio_pika.Message(
        document,
        message_id=key,
        content_type="application/xml",
        user_id=user,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    try:
        async with asyncio.timeout(10), await aio_pika.connect(address) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            exchange = await channel.get_exchange("hdeu.national.out", ensure=False)
            await exchange.publish(message, f"{user}.document", mandatory=True)
    except (aio_pika.exceptions.AMQPError, ConnectionError, TimeoutError) as error:
        raise NotNowError(f"lodging over AMQP: {type(error).__name__}") from error


def lodged(template: bytes, *, number: str, title: str) -> bytes:
    """A dossier as the Hub would lodge it: no EU identifier yet, a number and a title of this run."""
    root = etree.fromstring(template, etree.XMLParser(resolve_entities=False, no_network=True))
    head, ask = root.find(f"{{{FRENCH}}}Entete"), root.find(f"{{{FRENCH}}}Demande")
    if head is None or ask is None:
        raise StepFailedError("the French dossier has no header or no application")
    for parent, names in ((head, ("identifiantEU", "enReponseA", "numeroDossierHDH")), (ask, ("referenceEU",))):
        for name in names:
            for found in parent.findall(f"{{{FRENCH}}}{name}"):
                parent.remove(found)
    own = etree.Element(f"{{{FRENCH}}}numeroDossierHDH", systeme="hdh")
    own.text = number
    head.insert(0, own)
    named = ask.find(f"{{{FRENCH}}}titre")
    if named is not None:
        named.text = title
    _fill_supplement(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _fill_supplement(root: etree._Element) -> None:
    """What the European form asks with pseudonymised data (D6.3 Annex 5, section 5), and its wire has no field for."""
    supplement = root.find(f"{{{FRENCH}}}SupplementEU")
    if supplement is None or root.findtext(f"{{{FRENCH}}}Demande/{{{FRENCH}}}formatDonnees") != "PSEUDONYMISEES":
        return
    if supplement.find(f"{{{FRENCH}}}pseudonymisation") is not None:
        return
    said = etree.Element(f"{{{FRENCH}}}pseudonymisation")
    for name, text in _PSEUDONYMISED:
        etree.SubElement(said, f"{{{FRENCH}}}{name}").text = text
    before = (child for child in supplement if etree.QName(child).localname in {"facturation", "engagements"})
    supplement.insert(len(list(before)), said)
