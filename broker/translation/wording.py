"""What problems of a translation say: a sentence, and what to do next."""

from __future__ import annotations

from typing import Final

#: (detail, hint) by code.
WORDS: Final = {
    "unmapped-value": (
        "The table has no row for this value; it was kept, and not replaced.",
        "Correct the value, or add a row.",
    ),
    "ambiguous-value": ("This value stands for several on the other side; none was chosen.", "Say which one is meant."),
    "not-convertible": (
        "The value cannot be written on the other side as it stands; it was kept.",
        "Correct its form.",
    ),
    "review-due": ("A person must look at this value", "Decide which national value it is, if any."),
    "two-values": ("Two values were given where one is due; the second was kept aside.", "Give one of them."),
    "annex-path": (
        "The annex names a field that eu-1 does not have, whose group is gone, or where the document says something.",
        "Remove the entry, or correct its path; if both values are meant for one field, leave one of them.",
    ),
    "orphaned": (
        "What was kept for this place was not put back: what it hung on was changed or is gone.",
        "Check the field.",
    ),
    "misplaced": (  # under the code `orphaned`
        "This annex entry was left out: something else has the name now that it is for, and would have got its value.",
        "Say it where it belongs, if it still holds.",
    ),
}
