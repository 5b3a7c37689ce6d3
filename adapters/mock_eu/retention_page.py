"""The page of the retention: one form for each nation. No script; every form works by keyboard alone."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from adapters.mock_eu import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.mock_eu.retention import Retention, Swept

_FIELDS: Final = {
    "undownloaded": "Minutes that stays what nobody fetched (negative: for ever)",
    "downloaded": "Minutes that stays what was fetched (0: deleted at once; negative: for ever)",
    "sent": "Minutes that stays what was sent (negative: for ever)",
    "metadata_offset": "Minutes after which the id is forgotten, too",
}


def written(rules: Mapping[str, Retention], wrong: str = "", took: Swept | None = None) -> str:
    """All nations' rules; `took`: what a run took that was just asked for."""
    told = "" if took is None else _took(took)
    return page.framed("Retention", told + "".join(_nation(code, rule) for code, rule in rules.items()), wrong)


def _took(took: Swept) -> str:
    ids = "".join(f"<li><code>{escape(id_)}</code></li>" for id_ in dict.fromkeys((*took.deleted, *took.forgotten)))
    said = f"Deleted: {len(took.deleted)}. Forgotten: {len(took.forgotten)}."
    return f'<div role="status"><p>{said}</p><ul>{ids}</ul></div>'


def _nation(code: str, rule: Retention) -> str:
    fields = "".join(page.text_field(name, label, f"{getattr(rule, name):g}") for name, label in _FIELDS.items())
    checked = " checked" if rule.delete_metadata else ""
    box = f'<label><input type="checkbox" name="delete_metadata"{checked}> Forget the id of what was deleted</label>'
    later = page.text_field("minutes", "As if it were so many minutes later", "0")
    return (
        f"<h2>{escape(code.upper())}</h2>{_form(code, '', 'Set the retention', fields + box)}"
        f"{_form(code, 'reset', 'As configured')}{_form(code, 'run', 'Run the retention worker', later)}"
    )


def _form(code: str, do: str, button: str, fields: str = "") -> str:
    hidden = f'<input type="hidden" name="nation" value="{escape(code)}"><input type="hidden" name="do" value="{do}">'
    name = escape(f"{button}: {code.upper()}")
    return f'<form method="post" action="/retention/page">{hidden}{fields}<button>{name}</button></form>'
