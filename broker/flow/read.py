"""Read a message as eu-1 and validate it: wire payloads by codec, national documents by mapping."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.errors import Problem, Refused, TranslationError
from broker.flow.events import FROM_BODY, FROM_CENTRAL
from broker.flow.outcomes import Apart, Park, Refuse, Stop
from broker.flow.uploads import need_named
from broker.model.exchanges import Direction
from broker.model.messages import Attachment
from broker.translation.answers import shipped_questions, unknown_answers
from broker.translation.build import moment
from broker.translation.codecs.codec import Several, Transport
from broker.translation.facts import facts_of
from broker.translation.pieces import lacks_of, shipped_pieces
from broker.translation.plausibility import hints, shipped_checks
from broker.translation.translator import EnvelopeContext, Party
from broker.translation.unknown import as_sent, unknown_fields

if TYPE_CHECKING:
    from broker.flow.node import Connected, Node
    from broker.flow.passage import Passage

PIVOT: Final = "eu-1"
CLAIM_CHECK: Final = "application/vnd.hdeu.claim-check+json"
#: A value that eu-1 has no word for is kept and told; where it has legal meaning a person must agree (sign-off).
FLAGGED: Final = frozenset({"unmapped-value", "ambiguous-value", "not-convertible"})
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


async def read(node: Node, passage: Passage) -> Passage | Stop:
    """The message as eu-1, with its facts."""
    try:
        if passage.exchange.direction is Direction.INBOUND:
            return await _with_files(node, _decode(node, passage))
        return await _translate(node, passage)
    except Several as several:
        return Apart(several.entries)
    except Refused as refused:
        return Refuse(refused.problems)
    except TranslationError as error:
        return Park("the document is valid, and the mapping cannot read it", error.problems)


def _decode(node: Node, passage: Passage) -> Passage | Stop:
    sender = passage.message.headers.get("from_party", "")
    if sender != node.wire.central_party:
        reason = f"it did not come from the Central Platform's access point but from {sender or 'nobody named'}"
        return Park(reason, (_wrong_sender(sender),))
    if _of_another_process(node, passage):
        reason = "its Service or Action is not that of the configured process (access_point.service, .action)"
        return Park(reason, (_unknown_service(passage),))
    if not passage.payload.size:
        hint = "Send the business document as the part cid:message."
        raise Refused((Problem("missing-part", "the message has no business document", hint=hint),))
    transport = Transport(passage.message.headers.get("message_id", ""), moment(passage.message.kept_at))
    decoded = node.codec.decode(passage.payload, passage.message.content_type, transport)
    files = tuple((file.sha256, file.payload) for file in decoded.files)
    attachments = tuple(
        Attachment(file.id, file.name, file.media_type, file.payload.size, sha)
        for file, (sha, _) in zip(decoded.files, files, strict=True)
    )
    facts = facts_of(decoded.root)
    if facts.type not in (FROM_BODY if node.wire.peer else FROM_CENTRAL):
        return Refuse((_not_from(facts.type, "another body" if node.wire.peer else "the Central Platform"),))
    message = replace(
        passage.message, type=facts.type, profile=node.wire.profile, version=facts.version, attachments=attachments
    )
    return replace(passage, message=message, root=decoded.root, facts=facts, files=files)


async def _with_files(node: Node, decoded: Passage | Stop) -> Passage | Stop:
    """With what came beside the document, where the document names it by its hash."""
    if isinstance(decoded, Stop):
        return decoded
    named = {one.sha256: one for one in decoded.known.attachments if one.sha256}
    came = [part for part in decoded.message.parts if part.is_file and part.sha256 in named]
    if not came:
        return decoded
    async with node.store.transaction() as tx:
        digests = [part.sha256 for part in came]
        files = tuple(zip(digests, await tx.payloads(*digests), strict=True))
    attachments = tuple(
        Attachment(one.id, one.name, part.media_type, part.size, part.sha256)
        for part, one in ((part, named[part.sha256]) for part in came)
    )
    message = replace(decoded.message, attachments=(*decoded.message.attachments, *attachments))
    return replace(decoded, message=message, files=(*decoded.files, *files))


def _wrong_sender(sender: str) -> Problem:
    hint = "Find out who may write into this access point; the message itself must come from the platform."
    path, rule = "header/from_party", "access_point.central_party"
    return Problem("wrong-sender", "another party sent it", path, value=sender[:80], rule=rule, hint=hint)


def _unknown_service(passage: Passage) -> Problem:
    named = " ".join(passage.message.headers.get(name, "") for name in ("service", "action"))
    hint = "Compare the configuration with the PMode that both sides agreed upon, then retry the message."
    path, rule = "header/service", "access_point.service, access_point.action"
    detail = "it belongs to a process that was not agreed upon"
    return Problem("unknown-service", detail, path, value=named[:80], rule=rule, hint=hint)


def _of_another_process(node: Node, passage: Passage) -> bool:
    """Whether the header names a Service or Action that was not agreed upon; one without any names none."""
    named = tuple(passage.message.headers.get(name, "") for name in ("service", "action"))
    return any(named) and named != (node.wire.service, node.wire.action)


async def _translate(node: Node, passage: Passage) -> Passage | Stop:
    connected = node.backends.get(passage.message.party)
    if connected is None:
        return Park(f"no back end is called {passage.message.party}")
    passage = await _claimed(node, passage)
    document, unknown = await _judged(node, connected, passage.payload.whole())
    context = EnvelopeContext(
        message_id=passage.message.id,
        created_at=moment(passage.message.kept_at),
        sender=Party(participant_id=node.participant, role="HDAB", nation_id=node.nation),
    )
    translation = node.translator.read(connected.profile, document, envelope=context)
    branch = _branch(node, connected, document)
    lacks = lacks_of(document, shipped_pieces(connected.profile))
    del document  # its tree need not stand beside that of the result
    against_rules = tuple(problem for problem in translation.problems if problem.code not in FLAGGED)
    if against_rules:
        return Refuse(against_rules)
    facts = facts_of(translation.root)
    if facts.type in FROM_CENTRAL:
        return Refuse((_not_from(facts.type, f"back end {connected.name}"),))
    message = replace(passage.message, type=facts.type, profile=connected.profile, version=facts.version)
    return replace(
        passage,
        message=message,
        root=translation.root,
        facts=facts,
        report=translation.report.compact(),
        losses=tuple(asdict(loss) for loss in translation.sign_off),
        flags=(*unknown, *translation.problems),
        branch=branch,
        lacks=lacks,
    )


def _branch(node: Node, connected: Connected, document: etree._Element) -> str:
    chain = node.chains.get(connected.chain)
    path = "/".join(f"{{*}}{step}" for step in chain.branch_leaf.split("/")) if chain and chain.branch_leaf else ""
    return (document.findtext(path) or "").strip() if path else ""


async def _judged(node: Node, connected: Connected, data: bytes) -> tuple[etree._Element, tuple[Problem, ...]]:
    """A valid national document, and what of it nobody here knows. Raises: Refused."""
    if connected.codec is None:
        document = node.documents.parse(data)
        if not node.documents.is_valid(connected.profile, document):
            raise Refused(await node.documents.diagnose(connected.profile, data))
        return document, ()
    read = connected.codec.decode(data)
    if not node.documents.is_valid(connected.profile, read.root):
        said = await node.documents.diagnose(connected.profile, serialised(read.root))
        raise Refused(connected.codec.located(said, read))
    return read.root, read.flags


async def _claimed(node: Node, passage: Passage) -> Passage:
    """The passage with the bytes that a claim check names. Raises: Refused (claim-check-malformed, not-uploaded)."""
    if passage.message.content_type.partition(";")[0].strip() != CLAIM_CHECK:
        return passage
    try:
        sha256 = str(json.loads(passage.payload.whole())["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        sha256 = ""
    if not _SHA256.fullmatch(sha256):
        raise Refused((_no_claim(),))
    async with node.store.transaction() as tx:
        await need_named(tx, passage.message.party, (("sha256", sha256),))
        return replace(passage, payload=await tx.payload(sha256), claimed=sha256)


def _no_claim() -> Problem:
    detail, hint = "the claim check is not JSON with a sha256", "Send a JSON object with the member sha256."
    return Problem("claim-check-malformed", detail, path="sha256", rule="claim check", hint=hint)


def _not_from(kind: str, sender: str) -> Problem:
    return Problem(
        code="unexpected-message-type",
        detail=f"{kind} does not come from {sender}",
        path="envelope/messageType",
        value=kind,
        rule="message catalogue: inbound and outbound types",
        hint="Send a type of the catalogue that goes in this direction.",
    )


async def validate(node: Node, passage: Passage) -> Passage | Stop:
    """Hold the eu-1 document against its schema: what the wire brought is refused, what our mapping wrote is parked."""
    if passage.known.test and node.production:
        return Park("it is marked as a test, and this node is in production", (_test_message(),))
    if node.documents.is_valid(PIVOT, passage.tree):
        return replace(passage, flags=(*passage.flags, *_flags(passage.tree)))
    problems = await node.documents.diagnose(PIVOT, serialised(passage.tree))
    if passage.exchange.direction is Direction.INBOUND:
        misfits = frozenset(passage.known.unknown_fields)
        return Refuse(tuple(as_sent(problem, misfits) for problem in problems))
    if passage.flags:
        return Refuse(passage.flags)  # what could not be said in eu-1 is something that no message of its type may lack
    return Park(f"the mapping wrote an eu-1 document that its schema does not allow ({passage.known.type})", problems)


def _test_message() -> Problem:
    return Problem(
        code="test-message",
        detail="the message is marked as a test",
        path="envelope/testFlag",
        value="true",
        rule="a production node takes no tests",
        hint="Find out who sent it. What is meant seriously must be sent again without the mark.",
    )


def _flags(root: etree._Element) -> tuple[Problem, ...]:
    """What a person should see of a message that goes its way."""
    return (
        *unknown_fields(root),
        *unknown_answers(root, shipped_questions()),
        *hints(root, shipped_checks()),
    )


def serialised(root: etree._Element) -> bytes:
    """The bytes of a document, UTF-8 with declaration."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
