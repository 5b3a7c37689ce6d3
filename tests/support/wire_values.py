"""Hypothesis strategies for what stands on the wire: values that fit the schema, and values of any shape."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
NAMES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0xD7FF, exclude_characters="\x7f"), min_size=1, max_size=8
)
SCALARS = st.one_of(st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), TEXT)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


def fitting(declared: Any) -> Any:
    """Wire values that have the shape that the schema asks for."""
    if declared.is_leaf:
        return TEXT if declared.text.base == "string" else st.just(sample(declared.text))
    names = [child.name for child in declared.children]
    if names == ["text"] and declared.children[0].attributes:
        return st.dictionaries(st.sampled_from(["fr", "fi", "en"]), TEXT, min_size=1)
    if names == ["text", "attachment"]:
        return st.one_of(TEXT, st.lists(fitting(declared.children[1]), min_size=1, max_size=2))
    if names == ["key", "value"]:
        return st.one_of(TEXT, st.fixed_dictionaries({"key": st.sampled_from("abc"), "value": TEXT}))
    return objects(declared)


def sample(type_: Any) -> Any:
    samples = [True, 7, "2026-01-01", "2026-01-01T00:00:00Z", "EUR", "FR", "fr", "a", "f" * 64]
    by_base = {"boolean": bool, "nonNegativeInteger": int, "decimal": int}
    wanted = by_base.get(type_.base, str)
    fits = [one for one in samples if type(one) is wanted and (wanted is bool or type_.fits(str(one)))]
    return fits[0] if fits else type_.enumeration[0]


def objects(declared: Any) -> Any:
    chosen = [child for child in declared.children if child.name not in {"unknown", "attachments", "translation"}]
    fields = {
        child.name: st.lists(fitting(child), min_size=1, max_size=2) if child.repeats else fitting(child)
        for child in chosen
        if child.name != "form_translations"
    }
    return st.fixed_dictionaries({}, optional=fields)


def says_something(value: Any) -> Any:
    """The document without null and empty lists, which are absence."""
    if isinstance(value, dict):
        return {name: says_something(inner) for name, inner in value.items() if inner is not None and inner != []}
    return value
