"""Write each outgoing message in its addressee's profile, validate it, and report what the profile cannot carry.

Towards the Central Platform the wire codec writes; towards a back end its mapping. A loss of legal meaning does not
pass unseen: outbound it waits in SIGN_OFF, inbound it is parked, until a person agrees. A code of a later release that
a national form has no word for is no such loss inbound: it stands whole in the annex, and is flagged.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.errors import Problem, Refused, TranslationError
from broker.flow.apply import application_id
from broker.flow.examine import shown
from broker.flow.node import CENTRAL
from broker.flow.outcomes import Refuse, Stop
from broker.flow.read import PIVOT, serialised
from broker.flow.uploads import need_named
from broker.model.messages import MessageType
from broker.translation import build
from broker.translation.codecs.codec import WireFile
from broker.translation.conventions import CONVENTIONS
from broker.translation.facts import attachments_of, fileless_of, unlisted_of
from broker.translation.report import with_anew

if TYPE_CHECKING:
    from broker.flow.node import Node
    from broker.flow.passage import Outgoing, Passage
    from broker.ports import Transaction
    from broker.translation.report import LegalFactLoss
    from broker.translation.translator import Translation

#: What a translation says of a fact that stands in the annex, and not where its line sends it.
SHOWN_INSTEAD: Final = "downgraded"
#: A Domibus takes 28 parts: these, the document, and the eu-1 document beside it.
MOST_FILES: Final = 26


async def write(node: Node, tx: Transaction, passage: Passage) -> Passage | Stop:
    """Every outgoing message as a document, or with the reason why it cannot be one."""
    written = []
    for outgoing in passage.outgoing:
        to_central = outgoing.addressee == CENTRAL
        if outgoing.type == MessageType.VALIDATION_RESULT and to_central and not node.codec.speaks(outgoing.type):
            continue  # a wire without answers: nobody waits for one
        try:
            done = await (_to_wire(node, tx, passage, outgoing) if to_central else _to_backend(node, passage, outgoing))
        except Refused as refused:
            return Refuse(refused.problems)
        except TranslationError as error:
            problems = tuple(problem.as_dict() for problem in error.problems)
            done = replace(outgoing, failure=error.detail, problems=problems, pivot=serialised(outgoing.root))
        written.append(done)
    return replace(passage, outgoing=tuple(written))


async def _to_wire(node: Node, tx: Transaction, passage: Passage, outgoing: Outgoing) -> Outgoing:
    source = passage.message
    version = str(passage.facts.version) if passage.facts else "0"
    wire_id = node.wire_id(source.door, source.party, source.key, outgoing.type, CENTRAL, version, "0")
    root = build.with_envelope(
        outgoing.root,
        message_id=wire_id,
        application_id=application_id(passage),
        conversation_id=source.case_key,
        sender_participant=node.participant,
        sender_nation=node.nation,
    )
    if outgoing.own and passage.reply_to:
        _reply_to(root, passage.reply_to)
    build.list_files(root, unlisted_of(root))
    files = await _files(tx, passage, root, beside=node.codec.beside(outgoing.type).files)
    invalid = await _problems(node, PIVOT, root)
    done = replace(outgoing, root=root, wire_id=wire_id, profile=node.wire.profile, pivot=serialised(root))
    if invalid:
        return replace(done, failure="the eu-1 document is not valid", problems=_dicts(invalid))
    encoded = node.codec.encode(root, files)
    own_losses = passage.losses if outgoing.own else ()
    losses = tuple(asdict(loss) for loss in node.translator.legal.wire_losses(root, node.codec))
    return replace(
        done,
        content_type=encoded.media_type,
        document=encoded.payload,
        report=with_anew(passage.report, build.said_anew(outgoing.root, root)) if outgoing.own else b"",
        problems=_dicts(passage.flags) if outgoing.own else (),
        losses=(*own_losses, *losses),
    )


def _reply_to(root: etree._Element, wire_id: str) -> None:
    """The other side knows its own MessageId, not the delivery by which the back end got it."""
    named = root.find(f"{{{build.NAMESPACE}}}envelope/{{{build.NAMESPACE}}}inReplyTo")
    if named is not None:
        named.text = wire_id


async def _files(tx: Transaction, passage: Passage, root: etree._Element, *, beside: bool) -> tuple[WireFile, ...]:
    named = attachments_of(root)
    if missing := [*(item for item in named if not item.sha256), *fileless_of(root)]:
        raise Refused(tuple(build.attachment_missing(item) for item in missing))
    if beside and len(named) > MOST_FILES:
        raise Refused((build.too_many_attachments(len(named), MOST_FILES),))
    places = [(f"attachments/{shown(item.id, number)}", item.sha256) for number, item in enumerate(named)]
    await need_named(tx, passage.message.party, places)
    payloads = await tx.payloads(*(item.sha256 for item in named))
    return tuple(
        WireFile(item.id, item.name, item.media_type, payload) for item, payload in zip(named, payloads, strict=True)
    )


async def _to_backend(node: Node, passage: Passage, outgoing: Outgoing) -> Outgoing:
    link = node.backends[outgoing.addressee]
    translation = node.translator.write(link.profile, outgoing.root)
    codec = link.codec
    done = replace(
        outgoing,
        profile=link.profile,
        content_type="application/xml" if codec is None else codec.media_type,
        document=translation.document if codec is None else codec.encode(translation.root),
        pivot=serialised(outgoing.root),
        report=translation.report.compact(),
        carry=translation.carry,
        losses=tuple(asdict(loss) for loss in _unseen(translation)),
        problems=_dicts((*translation.problems, *passage.flags)),
    )
    if invalid := await _problems(node, link.profile, translation.root):
        return replace(done, failure=f"the {link.profile} document is not valid", problems=_dicts(invalid))
    if done.losses:
        return replace(done, failure="the national form cannot carry facts with legal meaning; a person must agree")
    return done


def _unseen(translation: Translation) -> tuple[LegalFactLoss, ...]:
    """What a person must agree to; nothing, if each fact is a code that no table has, shown as it came and flagged."""
    flagged = {problem.path for problem in translation.problems if _is_unknown_code(problem)}
    shown = all(loss.what == SHOWN_INSTEAD and loss.path in flagged for loss in translation.sign_off)
    return () if shown else translation.sign_off


def _is_unknown_code(problem: Problem) -> bool:
    """Whether a table has no row for it; what only is not written after a text convention is no code (a date, say)."""
    return problem.code == "unmapped-value" and problem.rule.rpartition(" ")[2] not in CONVENTIONS


async def _problems(node: Node, profile: str, root: etree._Element) -> tuple[Problem, ...]:
    if node.documents.is_valid(profile, root):
        return ()
    return await node.documents.diagnose(profile, serialised(root))


def _dicts(problems: tuple[Problem, ...]) -> tuple[dict[str, str], ...]:
    return tuple(problem.as_dict() for problem in problems)
