"""The laws of translation as plain functions over one drawn document; each raises AssertionError where it is broken.

Design section 6. Law 1, totality, is no matter of documents: the build holds it.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from tests.fidelity.lookups import is_label
from tests.fidelity.paths import beside, each, plain, unlabelled
from tests.fidelity.readers import readers_read_their_own_language
from tests.fidelity.unsent import mark, marks_in
from tests.fidelity.values import UNKNOWN, WHITE, collapsed
from tests.fidelity.ways import STAND_IN, TOLD, Way
from tests.support.documents import canonical, leaves, value_of
from tests.support.edits import edited, revised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from broker.translation.translator import Translation
    from tests.support.sides import Side

NOT_SENT: Final = ("carried", "left-out")
WORDS: Final = ("Niet-openbare aanvraag, België", "Demande étrangère « libre »", "Αίτηση πρόσβασης")
_CHANGED: Final = 8  #: so many choices are changed in one document
ONE: Final = ("copied", "recoded", "split")  #: fates whose targets are theirs alone


@dataclass(eq=False)
class Example:
    """One drawn document on one way."""

    way: Way
    document: etree._Element
    random: Random

    @cached_property
    def there(self) -> Translation:
        return self.way.there(deepcopy(self.document))

    @cached_property
    def sources(self) -> dict[str, str]:
        return present(self.document, self.way.source)

    @cached_property
    def targets(self) -> dict[str, str]:
        return present(self.there.root, self.way.target)


def present(root: etree._Element, side: Side) -> dict[str, str]:
    """Leaves of a document with their texts; containers without content are none."""
    known = side.paths(etree.QName(root).localname)
    return {path: text for path, text in leaves(root).items() if plain(path) in known}


def the_result_is_valid(example: Example) -> None:
    """What is written stands in the other schema; a leaf that is due there and was not said here stays missing."""
    gate = example.way.target.gate
    made = example.there.root if example.way.forth else example.way.there(example.document, told=TOLD).root
    if not gate.validate(made):
        assert not example.way.forth, gate.error_log
        assert {error.type_name for error in gate.error_log} == {"SCHEMAV_ELEMENT_CONTENT"}, gate.error_log


def it_comes_home(example: Example) -> None:
    """Law 2: back(forth(x), carry) = x, also where something stands in for what nobody but the carry knows."""
    home = example.way.home(example.there.root, example.there.carry, STAND_IN)
    assert home.type == example.there.type
    same(home.root, example.document)


def an_edit_survives(example: Example) -> None:
    """Law 3: forth(back(y, carry)) = y for every validly edited y."""
    way = example.way
    changed = edited(example.there.root, way.target, example.random, 6, way.frozen)
    back = way.home(changed, example.there.carry)
    same(way.there(back.root, back.carry).root, changed)


def a_label_goes_with_its_choice(example: Example) -> None:
    """Law 3: once a choice was changed, its label is not put back from the carry beside another one."""
    changed = with_another_choice(example)
    if changed is None:
        return
    home = example.way.home(changed, example.there.carry)
    before, after = choices(example.document, example.way.source), choices(home.root, example.way.source)
    for path in map(each, home.report.restored()):
        assert not is_label(path) or after[path] in before.values(), (path, after[path])


def with_another_choice(example: Example) -> etree._Element | None:
    """The result with some choices changed of which the label was carried; None where there is none."""
    rows = {each(row["source"]): row for row in example.there.report.fields()}
    chosen = [
        each(rows[key]["target"][0])
        for path in rows
        if is_label(path) and rows[path]["fate"] == "carried"
        for key in beside(path)
        if key in rows and rows[key]["fate"] in ("copied", "recoded")
    ]
    if not chosen:
        return None
    changed = deepcopy(example.there.root)
    leaf_at, name = dict(elements(changed)), etree.QName(changed).localname
    for path in example.random.sample(chosen, min(_CHANGED, len(chosen))):
        declared = example.way.target.model.at(name, plain(path))
        assert declared is not None
        assert declared.text is not None
        leaf_at[path].text = value_of(declared.text, example.random)
    return changed if example.way.target.gate.validate(changed) else None


def choices(root: etree._Element, side: Side) -> dict[str, tuple[str, ...]]:
    """By numbered path of each label: its kind, its text, and the choice beside it, after schema white space."""
    texts = present(root, side)
    return {
        path: (plain(path), text, *(collapsed(texts.get(key, "")) for key in beside(path)))
        for path, text in texts.items()
        if is_label(path)
    }


def a_new_version_survives(example: Example) -> None:
    """Law 3, chained: repeated parts (datasets, persons) added, removed, reordered on one side, then on the other."""
    way, random = example.way, example.random
    changed = revised(example.there.root, way.target, random, way.values_there, way.frozen)
    back = way.home(changed, example.there.carry)
    again = way.there(back.root, back.carry)
    same(again.root, changed)
    onward = revised(back.root, way.source, random, way.values, way.frozen_here)
    forth = way.there(onward, back.carry)
    same(way.home(forth.root, forth.carry).root, onward)


def nothing_is_invented(example: Example) -> None:
    """Law 4: every leaf of the result traces to a source leaf, or is a structural constant of its rule."""
    report = example.there.report
    rows = [row for row in report.fields() if row["fate"] in ONE]
    traced = Counter(each(path) for row in rows for path in row["target"])
    pairs = Counter(each(path) for row in rows if is_paired(example, row) for path in row["target"])
    traced -= Counter({path: 1 for path, count in pairs.items() if count == 2})
    together = {each(path) for row in report.fields() if row["fate"] not in ONE for path in row["target"]}
    constants = [each(path) for path in report.constants()]
    traced.update((*together, *constants))
    assert traced == Counter(dict.fromkeys(example.targets, 1)), sorted(traced.keys() ^ example.targets)
    for path in constants:
        assert example.targets[path] in example.way.lookups.constants[plain(path)], path


def is_paired(example: Example, row: dict[str, Any]) -> bool:
    """Whether a leaf is one of two that say the same: a value of a table, and the leaf for what no table knows."""
    return row["fate"] in ("copied", "recoded") and example.way.lookups.paired(row, plain(row["source"]))


def a_missing_leaf_stays_missing(example: Example) -> None:
    """Law 4: without one optional source leaf, no target leaf appears that was not there."""
    less = without_one(example)
    if less is None:
        return
    before = Counter(map(plain, example.targets))
    after = Counter(map(plain, present(example.way.there(less).root, example.way.target)))
    assert after <= before, after - before


def without_one(example: Example) -> etree._Element | None:
    """The document without one leaf that others do not depend on; None if there is none that may go."""
    less = deepcopy(example.document)
    choice = [leaf for path, leaf in elements(less) if not example.way.lookups.leads(plain(path), leaf)]
    if not choice:
        return None
    leaf = example.random.choice(choice)
    parent = leaf.getparent()
    assert parent is not None
    parent.remove(leaf)
    return less if example.way.source.gate.validate(less) else None


def the_report_names_each_leaf_once(example: Example) -> None:
    """Law 5: sources are exactly the leaves present; a leaf that was not sent has no target, one that was has some."""
    rows = example.there.report.fields()
    assert Counter(each(row["source"]) for row in rows) == Counter(dict.fromkeys(example.sources, 1))
    for row in rows:
        silent = row["fate"] in NOT_SENT or row["table"] == "messages"
        assert bool(row["target"]) != silent, row
    lost = {row["source"] for row in example.there.report.lost()}
    assert lost == {row["source"] for row in rows if row["fate"] in NOT_SENT}


def the_report_is_true(example: Example) -> None:
    """Law 5: copied is checked by value, recoded by looking the table up, split and joined by putting together."""
    for row in example.there.report.fields():
        source = example.sources[each(row["source"])]
        targets = [example.targets[each(path)] for path in row["target"]]
        check = _TRUE.get(row["fate"])
        assert check is None or check(example, row, source, targets), (row, source, targets)


def _copied(_: Example, __: dict[str, Any], source: str, targets: list[str]) -> bool:
    return targets == [source]


def _recoded(example: Example, row: dict[str, Any], source: str, targets: list[str]) -> bool:
    if row["table"] == "messages":
        return not targets
    known = example.way.lookups.looked_up(row, plain(row["source"]), collapsed(source))
    return len(targets) == 1 and collapsed(targets[0]) in known


def _split(example: Example, row: dict[str, Any], source: str, targets: list[str]) -> bool:
    line = example.way.lookups.line(row, plain(row["source"]))
    if not line.before:
        return line.by.join(targets) == source
    leads = dict(zip(line.others, line.before, strict=True))
    first, *others = [(leads[plain(path)], text) for path, text in zip(row["target"], targets, strict=True)]
    return first[0].lstrip() + first[1] + "".join(lead + text for lead, text in others) == source


def _joined(example: Example, row: dict[str, Any], source: str, targets: list[str]) -> bool:
    line, leaf = example.way.lookups.line(row, plain(row["source"])), plain(row["source"])
    if not line.before:
        return len(targets) == 1 and source in targets[0].split(line.by)
    lead = dict(zip(line.others, line.before, strict=True))[leaf]
    return len(targets) == 1 and (lead + source in targets[0] or targets[0].startswith(lead.lstrip() + source))


def _annexed(example: Example, row: dict[str, Any], source: str, targets: list[str]) -> bool:
    if example.way.forth:
        path = next(text for at, text in zip(row["target"], targets, strict=True) if "/@" in at)
        return source in targets and unlabelled(path) == plain(row["source"])
    if "/@" in row["source"]:
        return unlabelled(source) == plain(row["target"][0])
    return targets == [source]


_TRUE: Final = {"copied": _copied, "recoded": _recoded, "split": _split, "joined": _joined, "annex": _annexed}


def the_carry_holds_only_what_was_not_sent(example: Example) -> None:
    """Law 2: no text that went over stands in the carry, in whatever encoding, but for the keys that items hang on."""
    marked = deepcopy(example.document)
    texts = mark_texts(marked, example.way)
    there = example.way.there(marked)
    gone = {each(row["source"]) for row in there.report.fields() if row["fate"] not in NOT_SENT}
    assert not {texts[path] for path in texts.keys() & gone} & marks_in(there.carry)


def mark_texts(root: etree._Element, way: Way) -> dict[str, str]:
    """Put a mark of its own into every free text; mark by numbered path."""
    free, marks = way.free_texts(etree.QName(root).localname), {}
    for path, leaf in elements(root):
        if plain(path) in free:
            leaf.text = marks[path] = mark(len(marks))
    return marks


def elements(root: etree._Element) -> list[tuple[str, etree._Element]]:
    """Numbered path and element of every leaf element."""
    found: list[tuple[str, etree._Element]] = []
    pending = [("", root)]
    while pending:
        path, element = pending.pop()
        counts: Counter[str] = Counter()
        for child in element:
            name = etree.QName(child).localname
            counts[name] += 1
            below = f"{path}{name}[{counts[name]}]"
            (pending if len(child) else found).append((f"{below}/" if len(child) else below, child))
    return found


def choices_go_by_key(example: Example) -> None:
    """Law 6: labels in other words, and in other languages, change no leaf but the labels themselves."""
    labels = [path for path in example.sources if is_label(path)] if example.way.forth else []
    if not labels:
        return
    changed, words = deepcopy(example.document), example.random.choice(WORDS)
    for path, leaf in elements(changed):
        leaf.text = words if path in labels else leaf.text
    there = example.way.there(changed)
    after = present(there.root, example.way.target)
    moved = {path for path in example.targets.keys() | after if example.targets.get(path) != after.get(path)}
    rows = {each(row["source"]): row["target"] for row in there.report.fields()}
    allowed = {each(path) for label in labels for path in rows[label]}
    assert moved <= allowed, moved - allowed


def an_unknown_value_is_kept_and_flagged(example: Example) -> None:
    """Law 6: a value that the table does not have is named with its place, kept for the way home, and not replaced."""
    flagged = {each(problem.path) for problem in example.there.problems if problem.code == "unmapped-value"}
    for row in example.there.report.fields():
        path = each(row["source"])
        if example.sources[path].strip(WHITE) == UNKNOWN and example.way.lookups.told(row, plain(path)):
            assert path in flagged, path
            assert row["fate"] in ("annex", "carried"), row


def a_legal_fact_that_is_lost_is_named(example: Example) -> None:
    """Law 5: a fact with legal meaning that is carried, dropped, or shown in the annex instead asks for a sign-off."""
    if not example.way.forth:
        return
    legal, lookups = example.way.translator.legal, example.way.lookups
    named = {loss.path for loss in example.there.sign_off}
    for row in example.there.report.fields():
        leaf = plain(row["source"])
        gone = (row["fate"] in NOT_SENT and not is_label(leaf)) or lookups.failed(row, leaf)
        assert not (gone and legal.of(leaf)) or row["source"] in named, row


def same(made: etree._Element, expected: etree._Element) -> None:
    if canonical(made) != canonical(expected):
        raise AssertionError("\n".join(differences(made, expected)))


def differences(made: etree._Element, expected: etree._Element) -> Iterable[str]:
    """Leaves that one has and the other has not, or otherwise; what differs without being a leaf, in short."""
    ours, theirs = leaves(made), leaves(expected)
    for path in sorted(ours.keys() | theirs):
        if ours.get(path) != theirs.get(path):
            yield f"{path}: {theirs.get(path)!r} became {ours.get(path)!r}"


LAWS: Final[tuple[Callable[[Example], None], ...]] = (
    the_result_is_valid,
    it_comes_home,
    an_edit_survives,
    a_label_goes_with_its_choice,
    a_new_version_survives,
    nothing_is_invented,
    a_missing_leaf_stays_missing,
    the_report_names_each_leaf_once,
    the_report_is_true,
    the_carry_holds_only_what_was_not_sent,
    choices_go_by_key,
    an_unknown_value_is_kept_and_flagged,
    a_legal_fact_that_is_lost_is_named,
    readers_read_their_own_language,
)
