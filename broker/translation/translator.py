"""The door to translation: load every profile once, then read national documents into eu-1, and write them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.errors import ConfigurationError, Problem, TranslationError
from broker.translation.carry import Carry, anchor_hash, read_carry
from broker.translation.engine import Run
from broker.translation.legal import LegalFacts, load_legal_facts
from broker.translation.loading import nothing_to_collect
from broker.translation.mapping_check import check_message
from broker.translation.mapping_file import MessageRule, Profile
from broker.translation.mapping_lock import check_lock
from broker.translation.mapping_source import Fault, Place
from broker.translation.own_version import take_versions
from broker.translation.plan import Plan, compile_plan
from broker.translation.plans import Head, Plans
from broker.translation.reading import without_remarks
from broker.translation.report import LegalFactLoss, MadeWith, Report, read_report
from broker.translation.schema_model import load_schema
from broker.translation.shapes import Node, shape
from broker.translation.steps import Steps
from broker.translation.unread import translated
from broker.translation.versions import is_present, label_of, versions
from broker.translation.white_space import trimmed
from broker.translation.writing import serialised, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from broker.translation.schema_parts import SchemaModel

PIVOT: Final = "eu-1"
#: Envelope leaves that the flow knows and a national document need not say, by attribute of the context.
_GIVEN: Final = {
    "message_id": "messageId",
    "in_reply_to": "inReplyTo",
    "conversation_id": "conversationId",
    "application_id": "applicationId",
    "version": "version",
    "schema_family": "schemaFamily",
    "schema_version": "schemaVersion",
    "leg_id": "legId",
    "created_at": "createdAt",
    "language": "language",
    "original_message_id": "originalMessageId",
    "test_flag": "testFlag",
}
_PARTY: Final = ("participantId", "role", "nationId", "accessPointId")


@dataclass(frozen=True, slots=True)
class Party:
    """One end of an exchange."""

    participant_id: str = ""
    role: str = ""
    nation_id: str = ""
    access_point_id: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopeContext:
    """What the flow alone knows of a message that comes from a national system; empty: not known.

    Structural constants of a translation: used where the document itself says nothing. `created_at` is ISO 8601.
    What the flow knows goes before the carry, for its message is a new one; what only stands in goes after it.
    """

    message_id: str = ""
    created_at: str = ""
    sender: Party | None = None
    receiver: Party | None = None
    application_id: str = ""
    national_ids: tuple[tuple[str, str], ...] = ()  #: (scheme, id); used if the document names none
    in_reply_to: str = ""
    conversation_id: str = ""
    version: str = ""
    schema_family: str = ""
    schema_version: str = ""
    leg_id: str = ""
    language: str = ""
    original_message_id: str = ""
    test_flag: str = ""
    stand_in: bool = False  #: nobody knows it: only so that eu-1 has what it requires

    def leaves(self) -> dict[tuple[str, tuple[int, ...]], str]:
        """Path and indices of each leaf that is known."""
        found: dict[tuple[str, tuple[int, ...]], str]
        found = {(f"envelope/{name}", ()): getattr(self, attribute) for attribute, name in _GIVEN.items()}
        for end, party in (("sender", self.sender), ("receiver", self.receiver)):
            if party is not None:
                values = (party.participant_id, party.role, party.nation_id, party.access_point_id)
                found.update(
                    {(f"envelope/{end}/{name}", ()): value for name, value in zip(_PARTY, values, strict=True)}
                )
        for index, (scheme, number) in enumerate(self.national_ids):
            found[("envelope/nationalId", (index,))] = number
            found[("envelope/nationalId/@scheme", (index,))] = scheme
        return {place: value for place, value in found.items() if value}


@dataclass(frozen=True, slots=True, eq=False)
class Translation:
    """The result: document, report, what was not sent, and what a person must agree to.

    The tree is made when first asked for: whoever has let go of the source by then needs less memory.
    """

    document: bytes  #: as it may be sent; not what a caller makes of the tree
    tree: Callable[[], etree._Element]  #: the same one at each call
    type: str
    report: Report
    unsent: Callable[[], bytes] = bytes
    sign_off: tuple[LegalFactLoss, ...] = ()
    mapping: str = PIVOT  #: profile and version, `fr-hdh-1@2026-11`
    problems: tuple[Problem, ...] = ()

    @property
    def root(self) -> etree._Element:
        """The document as a tree."""
        return self.tree()

    @property
    def carry(self) -> bytes:
        """What was not sent. Ask before changing the tree: the reading direction works it out only when asked."""
        return self.unsent()


class Translator:
    """Every profile, compiled. Immutable after `load`; safe to share."""

    def __init__(self, profiles: dict[str, CompiledProfile], legal: LegalFacts) -> None:
        self._profiles = profiles
        self.legal = legal

    @classmethod
    def load(cls, schemas_dir: Path, *, profiles: Iterable[str] | None = None) -> Translator:
        """Load the named profiles (all, if None) below `mappings/` in all their versions, check and compile them.

        Raises: ConfigurationError, one line per fault: `<file>:<line>: …`.
        """
        with nothing_to_collect():
            return cls._load(schemas_dir, None if profiles is None else set(profiles))

    @classmethod
    def _load(cls, schemas_dir: Path, wanted: set[str] | None) -> Translator:
        eu = load_schema(schemas_dir / "eu" / "1" / "eu.xsd")
        compiled = {}
        for directory, profile in tuple(versions(schemas_dir / "mappings", wanted)):
            one = _compile(profile, eu, load_schema(schemas_dir / profile.schema), directory)
            compiled[label_of(profile)] = one
            if is_present(directory):
                compiled[profile.name] = one
        return cls(compiled, load_legal_facts(schemas_dir / "codelists" / "legal-facts.toml", eu))

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the national profiles, without versions."""
        return tuple(name for name in self._profiles if "@" not in name)

    def compiled(self, profile: str) -> CompiledProfile:
        """The present version, or the one that is named (`fr-hdh-1@2026-11`).

        Raises: TranslationError (unknown-profile).
        """
        try:
            return self._profiles[profile]
        except KeyError:
            raise _refuse("unknown-profile", f"There is no mapping for the profile {profile!r}.", profile) from None

    def read(
        self, profile: str, root: etree._Element, *, envelope: EnvelopeContext, carry: bytes | None = None
    ) -> Translation:
        """A valid national document as eu-1.

        Raises: TranslationError (unknown-profile, unknown-message, unexpected-element, carry-unreadable).
        """
        if profile == PIVOT:
            return _identity(root)
        compiled, root = self.compiled(profile), without_remarks(root)
        kept = read_carry(carry)
        plan = compiled.reading(root, kept.type if kept else "")
        run = Run(plan, root, kept)
        run.translate(envelope.leaves(), stand_in=envelope.stand_in)
        result = self._result(compiled, run)
        return replace(result, unsent=lambda: compiled.unsent(run, result.root))

    def write(self, profile: str, eu1_root: etree._Element, *, carry: bytes | None = None) -> Translation:
        """A valid eu-1 document in a national profile. Raises: as `read`."""
        if profile == PIVOT:
            return _identity(eu1_root)
        compiled, root = self.compiled(profile), without_remarks(eu1_root)
        kept = read_carry(carry)
        plan = compiled.writing(root, kept)
        run = translated(plan, compiled.to_eu[plan.number], root, kept, compiled.namespace)
        return replace(self._result(compiled, run), unsent=run.unsent().to_bytes)

    def report(self, kept: bytes) -> Report:
        """A report that was kept compact. Raises: TranslationError (report-unreadable, unknown-profile)."""
        return read_report(kept, self._plan)

    def _plan(self, made_with: MadeWith) -> Plan:
        name = made_with.mapping
        compiled = self.compiled(name if name in self._profiles else name.partition("@")[0])
        plan = (compiled.to_national if made_with.forth else compiled.to_eu)[made_with.number]
        if plan.mapping != made_with.mapping or plan.steps.digest != made_with.digest:
            detail = "The mapping version that this was translated with is not there."
            raise _refuse("report-unreadable", detail, made_with.mapping)
        return plan

    def _result(self, compiled: CompiledProfile, run: Run) -> Translation:
        plan = run.plan
        document = run.document(compiled.namespace if plan.forth else compiled.eu_namespace)
        return Translation(
            document=document,
            tree=cache(partial(tree, document)),
            type=plan.rule.type,
            report=run.report(),
            sign_off=self.legal.losses(plan, run),
            mapping=plan.mapping,
            problems=tuple(run.problems),
        )


@dataclass(frozen=True, slots=True, eq=False)
class CompiledProfile:
    """One national profile: its plans in both directions, in the order of its messages."""

    profile: Profile
    namespace: str
    eu_namespace: str
    to_national: Plans
    to_eu: Plans

    def reading(self, root: etree._Element, expected: str = "") -> Plan:
        """The plan for a national document; `expected` decides where several types share one form."""
        element = str(root.tag)
        said = cache(partial(_text, root, self.namespace))
        heads = [(at, head.rule) for at, head in enumerate(self.to_eu.heads) if head.source.tag == element]
        fitting = [(at, rule) for at, rule in heads if _fits(said, rule.when)]
        if not fitting:
            detail = "No message of this profile has this element and event."
            raise _refuse("unknown-message", detail, etree.QName(root).localname)
        return self.to_eu[next((at for at, rule in fitting if rule.type == expected), fitting[0][0])]

    def writing(self, root: etree._Element, carry: Carry | None = None) -> Plan:
        """The plan for an eu-1 document; a carry says which of several it was, while what would say so is unchanged."""
        heads = self.to_national.heads
        if carry and 0 <= carry.rule < len(heads):
            head = heads[carry.rule]
            if head.source.tag == root.tag and self._hash(head.rule.type, root) == carry.rule_hash:
                return self.to_national[carry.rule]
        said = cache(partial(_text, root, self.eu_namespace))
        for number, head in enumerate(heads):
            if head.source.tag == root.tag and _fits(said, head.rule.when_eu):
                return self.to_national[number]
        name = etree.QName(root).localname
        raise _refuse("unknown-message", f"The profile {self.profile.name} has no {name}.", name)

    def unsent(self, run: Run, eu_root: etree._Element) -> bytes:
        """The carry of a document that was read."""
        carry = run.unsent()
        carry.rule, carry.rule_hash = self.unsaid(run.plan, eu_root)
        return carry.to_bytes()

    def unsaid(self, read: Plan, eu_root: etree._Element) -> tuple[int, str]:
        """The number of the rule a document was read with, if writing it again would choose another; else -1."""
        if self.writing(eu_root).number == read.number:
            return -1, ""
        return read.number, self._hash(read.rule.type, eu_root)

    def _hash(self, type_: str, eu_root: etree._Element) -> str:
        paths = sorted({path for head in self.to_eu.heads if head.rule.type == type_ for path in head.rule.when_eu})
        return anchor_hash("|".join(f"{path}={_text(eu_root, self.eu_namespace, path)}" for path in paths))


def _fits(said: Callable[[str], str | None], wanted: dict[str, str | bool]) -> bool:
    for path, value in wanted.items():
        found = said(path)
        if (found is not None) != value if isinstance(value, bool) else trimmed(found or "") != value:
            return False
    return True


def _text(root: etree._Element, namespace: str, path: str) -> str | None:
    element: etree._Element | None = root
    for step in path.split("/"):
        if element is None:
            return None
        if step.startswith("@"):
            return element.get(step[1:])
        element = element.find(f"{{{namespace}}}{step}")
    return None if element is None else element.text or ""


def _refuse(code: str, detail: str, value: str) -> TranslationError:
    return TranslationError((Problem(code, detail, value=value),))


def _identity(root: etree._Element) -> Translation:
    name = etree.QName(root).localname
    return Translation(document=serialised(root), tree=lambda: root, type=name, report=Report())


def _compile(profile: Profile, eu: SchemaModel, national: SchemaModel, directory: Path) -> CompiledProfile:
    faults: dict[Fault, None] = {}
    shapes: dict[tuple[int, str], Node] = {}

    def shaped(model: SchemaModel, name: str, at: Place) -> Node | None:
        if name not in model.roots:
            faults[Fault(at, f"the schema has no global element {name!r}")] = None
            return None
        key = (id(model), name)
        if key not in shapes:
            shapes[key] = shape(model, name)
        return shapes[key]

    ready: list[tuple[MessageRule, Node, Node]] = []
    for rule in profile.messages:
        here, there = shaped(eu, rule.type, rule.at), shaped(national, rule.element, rule.at)
        if here and there:
            ready.append((rule, here, there))
            faults.update(dict.fromkeys(check_message(profile, rule, here, there)))
    faults.update(dict.fromkeys(check_lock(profile, directory)))
    if faults:
        raise ConfigurationError("\n".join(sorted(map(str, faults), key=_by_place)))
    forth = tuple(Head(rule, here, there) for rule, here, there in ready)
    back = tuple(Head(rule, there, here) for rule, here, there in ready)
    return CompiledProfile(
        profile=profile,
        namespace=national.namespace,
        eu_namespace=eu.namespace,
        to_national=Plans(forth, partial(_forth, profile)),
        to_eu=Plans(back, partial(_back, profile, cache(partial(_leaves, back)))),
    )


def _forth(profile: Profile, head: Head) -> Plan:
    return _planned(profile, head.rule, head.source, head.target, forth=True)


def _back(profile: Profile, leaves: Callable[[], dict[str, frozenset[str]]], head: Head) -> Plan:
    plan = _planned(profile, head.rule, head.target, head.source, forth=False)
    if head.rule.context:  # a cumulative document repeats the annex of messages before it: context, not faults
        plan.elsewhere = frozenset().union(*leaves().values()) - leaves()[head.rule.type]
    return plan


def _leaves(heads: tuple[Head, ...]) -> dict[str, frozenset[str]]:
    """The leaves of eu-1 of every message, by its type."""
    targets = {head.rule.type: head.target for head in heads}
    return {type_: frozenset(leaf.path for leaf in target.leaves()) for type_, target in targets.items()}


def _planned(profile: Profile, rule: MessageRule, here: Node, there: Node, *, forth: bool) -> Plan:
    plan = compile_plan(profile, rule, here, there, forth=forth)
    take_versions(plan, profile)
    plan.steps = Steps(plan)
    return plan


def _by_place(fault: str) -> tuple[str, int, str]:
    file, _, rest = fault.partition(":")
    return file, int(rest.partition(":")[0] or 0), rest
