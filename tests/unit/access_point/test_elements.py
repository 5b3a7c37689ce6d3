"""XML as text: whatever stands in a value, a parser gives it back unchanged, and it ends no element."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.access_point.domibus_ws.elements import element

KNOWN = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\ufffe\uffff", min_codepoint=0x20)
    | st.sampled_from("\t\n\r")
)


@given(KNOWN, KNOWN.filter(bool))
def test_text_and_attribute_come_back_as_they_were_given(text: str, value: str) -> None:
    inner = element("inner", text=text, name=value)
    found = etree.fromstring(element("outer", inner).encode()).find("inner")
    assert (found.text or "", found.get("name")) == (text, value)
    assert (len(found), found.tail) == (0, None)


@pytest.mark.parametrize("text", ["a\0", "\x0b", "\x1f", "\ufffe", "\ud800"])
def test_a_character_that_xml_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="XML does not know"):
        element("x", text=text)
    with pytest.raises(ValueError, match="XML does not know"):
        element("x", name=text)


def test_an_attribute_without_a_value_is_left_out() -> None:
    assert element("x", type="", name="n") == '<x name="n"></x>'
