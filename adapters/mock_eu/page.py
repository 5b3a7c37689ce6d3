"""A plain page for people: what is at the platform, under a banner that nobody can overlook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_STYLE: Final = """
body{font:1rem/1.5 system-ui,sans-serif;margin:0;color:#1b1b1b;background:#fff}
main{padding:1rem 2rem}
.mock{background:#7a0019;color:#fff;padding:.75rem 2rem;font-weight:700}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .8rem;border-bottom:1px solid #767676;vertical-align:top}
caption{text-align:left;padding:.5rem 0}"""


def applications(views: Iterable[dict[str, Any]]) -> str:
    """The list of applications with each nation's status."""
    rows = "".join(_row(view) for view in views) or '<tr><td colspan="4">None yet.</td></tr>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>MOCK EU node: applications</title><style>{_STYLE}</style></head><body>"
        '<div class="mock" role="banner">MOCK EU NODE. Not HealthData@EU: nothing here is real.</div>'
        "<main><h1>Applications</h1><table><caption>Newest first</caption><thead><tr>"
        '<th scope="col">Application</th><th scope="col">Title</th><th scope="col">Version</th>'
        f'<th scope="col">Nations</th></tr></thead><tbody>{rows}</tbody></table></main></body></html>'
    )


def _row(view: dict[str, Any]) -> str:
    id_ = escape(view["application_id"])
    nations = "<br>".join(
        f"{escape(nation.upper())}: {escape(leg['status'] or 'unknown')}" for nation, leg in view["nations"].items()
    )
    link = f'<a href="/applicant/applications/{id_}"><code>{id_}</code></a>'
    return f"<tr><td>{link}</td><td>{escape(str(view['title']))}</td><td>{view['version']}</td><td>{nations}</td></tr>"
