"""Each law is broken by a translation that lies in the way it forbids: no law holds of everything."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

import pytest
from lxml import etree

from broker.translation.translator import EnvelopeContext, Translation
from tests.fidelity import laws
from tests.fidelity.laws import WORDS, Example
from tests.fidelity.unsent import mark, marks_in
from tests.fidelity.ways import NOTHING, Way
from tests.support.documents import leaves
from tests.support.examples import way_of

Lie = Callable[[Translation, "Lying"], Translation]
TRIES: Final = 400


@dataclass(frozen=True, eq=False)
class Lying(Way):
    """A way whose translations are changed after the fact, on the way out or on the way home."""

    lie: Lie = lambda made, _: made
    at_home: bool = False
    seen: list[etree._Element] = field(default_factory=list)

    def there(self, document: etree._Element, carry: bytes = b"", told: EnvelopeContext = NOTHING) -> Translation:
        self.seen.append(document)
        made = super().there(document, carry, told)
        return made if self.at_home else self.lie(made, self)

    def home(self, document: etree._Element, carry: bytes = b"", told: EnvelopeContext = NOTHING) -> Translation:
        made = super().home(document, carry, told)
        return self.lie(made, self) if self.at_home else made


class Told:
    """A report that says something else."""

    def __init__(self, true: Any, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        self._true, self._change = true, change

    def fields(self) -> list[dict[str, Any]]:
        return self._change(deepcopy(self._true.fields()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._true, name)


def last_leaf(root: etree._Element) -> etree._Element:
    return [leaf for leaf in root.iterdescendants() if not len(leaf)][-1]


def one_leaf_less(made: Translation, _: Lying) -> Translation:
    leaf = last_leaf(made.root)
    leaf.getparent().remove(leaf)
    return made


def one_leaf_more(made: Translation, _: Lying) -> Translation:
    last_leaf(made.root).addnext(deepcopy(last_leaf(made.root)))
    return made


def one_more_the_second_time(made: Translation, way: Lying) -> Translation:
    return one_leaf_more(made, way) if len(way.seen) > 1 else made


def unknown_element(made: Translation, _: Lying) -> Translation:
    etree.SubElement(made.root, "unknown")
    return made


def one_row_less(made: Translation, _: Lying) -> Translation:
    return replace(made, report=Told(made.report, lambda rows: rows[:-1]))


def a_copy_of_another_leaf(made: Translation, _: Lying) -> Translation:
    def turned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        copied = [row for row in rows if row["fate"] == "copied"]
        for row, target in zip(copied, reversed([row["target"] for row in copied]), strict=True):
            row["target"] = target
        return rows

    return replace(made, report=Told(made.report, turned))


def all_in_the_carry(made: Translation, way: Lying) -> Translation:
    texts = json.dumps(list(leaves(way.seen[-1]).values())).encode()
    hidden = json.dumps({"x": base64.b64encode(gzip.compress(texts)).decode()}).encode()
    return replace(made, unsent=lambda: hidden)


def decided_by_the_label(made: Translation, way: Lying) -> Translation:
    labelled = any(text in WORDS for text in leaves(way.seen[-1]).values())
    return one_leaf_less(made, way) if labelled else made


def no_problem(made: Translation, _: Lying) -> Translation:
    return replace(made, problems=())


def no_sign_off(made: Translation, _: Lying) -> Translation:
    return replace(made, sign_off=())


def original_in_the_field(made: Translation, _: Lying) -> Translation:
    for path in [row["target"][0] for row in made.report.fields() if "language" in row]:
        shown = made.root.find("/".join(f"{{*}}{step}" for step in path.split("/")))
        assert shown is not None
        shown.text = "what the original says"
    return made


LIES: Final[tuple[tuple[Callable[[Example], None], Lie, bool], ...]] = (
    (laws.the_result_is_valid, unknown_element, False),
    (laws.it_comes_home, one_leaf_less, True),
    (laws.an_edit_survives, one_leaf_less, True),
    (laws.a_new_version_survives, one_leaf_less, True),
    (laws.nothing_is_invented, one_leaf_more, False),
    (laws.a_missing_leaf_stays_missing, one_more_the_second_time, False),
    (laws.the_report_names_each_leaf_once, one_row_less, False),
    (laws.the_report_is_true, a_copy_of_another_leaf, False),
    (laws.the_carry_holds_only_what_was_not_sent, all_in_the_carry, False),
    (laws.choices_go_by_key, decided_by_the_label, False),
    (laws.an_unknown_value_is_kept_and_flagged, no_problem, False),
    (laws.a_legal_fact_that_is_lost_is_named, no_sign_off, False),
    (laws.readers_read_their_own_language, original_in_the_field, False),
)


@pytest.mark.parametrize(("law", "lie", "at_home"), LIES, ids=lambda one: getattr(one, "__name__", ""))
def test_a_lie_is_found(law: Callable[[Example], None], lie: Lie, *, at_home: bool) -> None:
    assert any(broken(law, lie, at_home=at_home, seed=seed) for seed in range(TRIES))
    assert not any(broken(law, lambda made, _: made, at_home=at_home, seed=seed) for seed in range(3))


def broken(law: Callable[[Example], None], lie: Lie, *, at_home: bool, seed: int) -> bool:
    """Whether a law does not hold of one document under this lie."""
    honest = way_of("eu-1 to fr-hdh-1")
    way = Lying(honest.profile, honest.forth, honest.translator, honest.eu, honest.national, lie=lie, at_home=at_home)
    random = Random(seed)
    try:
        law(Example(way, way.drawn(random.randrange(100), random), random))
    except AssertionError:
        return True
    return False


def test_every_law_has_its_lie() -> None:
    assert {law for law, _, _ in LIES} == set(laws.LAWS) - {laws.a_label_goes_with_its_choice}


@pytest.mark.parametrize(
    "hide",
    [
        str.encode,
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.urlsafe_b64encode(text.encode()).rstrip(b"="),
        lambda text: text.encode().hex().encode(),
        lambda text: base64.b64encode(gzip.compress(f"more {text} more".encode())),
        lambda text: text.encode("utf-16-le"),
        lambda text: text[::-1].encode(),
        lambda text: "".join(f"%{byte:02x}" for byte in text.encode()).encode(),
    ],
)
def test_a_hidden_text_is_found(hide: Callable[[str], bytes]) -> None:
    hidden = hide(mark(7))
    assert marks_in(json.dumps({"items": [["a", hidden.decode("latin-1")]]}).encode()) | marks_in(hidden) == {mark(7)}
