"""Plain pages for people, under a banner that nobody can overlook. No script; every form works by keyboard alone."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from adapters.mock_eu import examples
from adapters.mock_eu.deeds import ANSWERS, REQUESTS
from adapters.mock_eu.dishes import MENU, PLACES, says

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from adapters.mock_eu.menu import Fault

_STYLE: Final = """
body{font:1rem/1.5 system-ui,sans-serif;margin:0;color:#1b1b1b;background:#fff}
main,nav{padding:.5rem 2rem}nav a{margin-right:1.5rem}
.mock{background:#7a0019;color:#fff;padding:.75rem 2rem;font-weight:700}
.wrong{border:3px solid #7a0019;padding:.5rem 1rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .8rem;border-bottom:1px solid #767676;vertical-align:top}
caption{text-align:left;padding:.5rem 0}td{overflow-wrap:anywhere}td form{margin:0}
form{margin:.5rem 0 1.5rem}label{display:block;margin:.4rem 0}fieldset{border:1px solid #767676}
input,select,textarea,button{font:inherit;border:1px solid #595959;padding:.3rem;min-height:1.5rem}
input[type=text],textarea{width:min(40rem,95%);display:block}
a,button{color:#00409c}:focus-visible{outline:3px solid #00409c;outline-offset:2px}
@media (prefers-color-scheme:dark){
body{color:#f1f1f1;background:#161616}a,button{color:#9ecbff}input,select,textarea,button{background:#262626}
input,select,textarea{color:#f1f1f1}:focus-visible{outline-color:#9ecbff}}"""
_PAGES: Final = {
    "/applicant/": "Applications",
    "/log/page": "Messages",
    "/faults/page": "Faults",
    "/retention/page": "Retention",
}
_NAV: Final = (
    '<nav aria-label="Pages">' + "".join(f'<a href="{path}">{name}</a>' for path, name in _PAGES.items()) + "</nav>"
)


def applications(views: Iterable[dict[str, Any]], nations: Iterable[str], wrong: str = "") -> str:
    """The list of applications with each nation's status, and the form for a new one."""
    rows = "".join(_row(view) for view in views) or '<tr><td colspan="5">None yet.</td></tr>'
    heads = ("Application", "Title", "Version", "Together", "Nations")
    forms = "".join(f'<option value="{name}">{escape(title)}</option>' for name, (title, _) in examples.FORMS.items())
    boxes = "".join(
        f'<label><input type="checkbox" name="nation" value="{code}" checked> {escape(code.upper())}</label>'
        for code in nations
    )
    inner = (
        f"{_table('Newest first', heads, rows)}<h2>New application</h2>"
        '<form method="post" action="/applicant/" enctype="multipart/form-data">'
        f'<label>Start from the example <select name="form">{forms}</select></label>'
        f"{text_field('title', 'Title (empty: that of the example)')}"
        f"<fieldset><legend>With data of</legend>{boxes}</fieldset>"
        '<label>Attachment (optional) <input type="file" name="attachment"></label>'
        "<button>Submit</button></form>"
    )
    return framed("Applications", inner, wrong)


def application(view: dict[str, Any], wrong: str = "") -> str:
    """One application: what each nation said, and what the applicant can do about it."""
    here = f"/applicant/pages/{escape(view['application_id'])}"
    facts = (
        f"<p><code>{escape(view['application_id'])}</code>, version {view['version']}, {escape(view['aggregate'])},"
        f" from {escape(view['origin'])}</p>"
    )
    amend = _form(
        here,
        "amend",
        "New version",
        text_field("title", "Title", str(view["title"])) + _area("why", "Why the data are needed"),
    )
    files = f"/applicant/applications/{escape(view['application_id'])}/files"
    sections = "".join(_leg(here, nation, leg) + _papers(files, leg) for nation, leg in view["nations"].items())
    inner = f"{facts}{sections}<h2>Change or end it</h2>{amend}{_form(here, 'withdraw', 'Withdraw everywhere')}"
    return framed(str(view["title"]), inner, wrong)


def traffic(lying: Mapping[str, Iterable[Iterable[str]]], log: Iterable[dict[str, Any]]) -> str:
    """What lies at each nation's access point, and what was asked of them; both newest first."""
    heads = ("At", "From", "Type", "MessageId", "Status")
    tables = "".join(
        _table(f"At the access point of {escape(nation.upper())}", heads, _rows(rows) or _none(heads))
        for nation, rows in lying.items()
    )
    asked = [[str(entry.get(name, "")) for name in _ASKED] for entry in log]
    return framed("Messages", tables + _table("Operations", tuple(_ASKED.values()), _rows(asked) or _none(_ASKED)), "")


_ASKED: Final = {
    "at": "At",
    "nation": "Nation",
    "operation": "Operation",
    "type": "Type",
    "message_id": "MessageId",
    "outcome": "Outcome",
}


def _rows(rows: Iterable[Iterable[str]]) -> str:
    return "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)


def _none(heads: Collection[str]) -> str:
    return f'<tr><td colspan="{len(heads)}">None yet.</td></tr>'


def faults(armed: Iterable[Fault], wrong: str = "", said: Mapping[str, str] | None = None) -> str:
    """What is armed, how often it struck, and the form to arm one more; `said`: what was typed before `wrong`."""
    given = said or {}
    rows = "".join(_fault(fault) for fault in armed) or '<tr><td colspan="7">None.</td></tr>'
    fields = "".join(text_field(name, label, given.get(name, "")) for name, label in _FAULT_FIELDS.items())
    heads = ("Fault", "Nation", "Type", "When", "Seen", "Fired", "Disarm")
    inner = (
        f"{_table('Armed', heads, rows)}{_disarm('', 'Disarm all')}<h2>Arm one</h2>"
        '<form method="post" action="/faults/page">'
        f'<label>Fault <select name="name">{_menu(given.get("name", ""))}</select></label>'
        f"{fields}<button>Arm</button></form>"
    )
    return framed("Faults", inner, wrong)


_FAULT_FIELDS: Final = {
    "nation": "Nation (empty: all)",
    "type": "Message type or SOAP operation (empty: all)",
    "nth": "At which occurrence (empty: each)",
    "probability": "With which probability, 0 to 1 (empty: 1)",
    "seed": "Seed of the probability (empty: 0)",
    "times": "At most how often (empty: no limit)",
    "seconds": "Seconds (empty: as the fault says)",
    "amount": "Amount (empty: as the fault says)",
}


def _menu(chosen: str) -> str:
    """Every fault, under the place where it happens."""
    places: dict[str, str] = {}
    for name, dish in MENU.items():
        mark = " selected" if name == chosen else ""
        option = f'<option value="{name}"{mark}>{name}: {escape(says(dish).replace("`", ""))}</option>'
        places[PLACES[dish.operations]] = places.get(PLACES[dish.operations], "") + option
    return "".join(f'<optgroup label="{escape(place)}">{options}</optgroup>' for place, options in places.items())


def _fault(fault: Fault) -> str:
    when = f"at {fault.nth}" if fault.nth else _by_lot(fault)
    limit = f", at most {fault.times} times" if fault.times else ""
    cells = (fault.name, fault.nation, fault.type, when + limit, str(fault.seen), str(fault.fired))
    away = f"<td>{_disarm(fault.id, f'Disarm {fault.name}')}</td>"
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"{away}</tr>"


def _by_lot(fault: Fault) -> str:
    return "each time" if fault.probability >= 1 else f"probability {fault.probability:g}, seed {fault.seed}"


def _disarm(id_: str, button: str) -> str:
    fields = f'<input type="hidden" name="do" value="disarm"><input type="hidden" name="id" value="{escape(id_)}">'
    return f'<form method="post" action="/faults/page">{fields}<button>{escape(button)}</button></form>'


def _leg(here: str, nation: str, leg: dict[str, Any]) -> str:
    history = "".join(f"<li>{escape(step['at'])}: {escape(str(step['status']))}</li>" for step in leg["history"])
    told = "".join(f"<li>{escape(name)}: {escape(_brief(leg.get(name)))}</li>" for name in _NEWS if leg.get(name))
    parts = [f"<h2>{escape(nation.upper())}: {escape(leg['status'] or 'unknown')}</h2><ul>{history}{told}</ul>"]
    parts += [_question(here, question) for question in leg["questions"] if not question["answered"]]
    for about, (_, place, allowed) in ANSWERS.items():
        if leg.get(about) and not leg.get(place):
            choice = _choice("response", "Answer", {name: name for name in allowed})
            parts.append(_form(here, about, f"Answer {about.replace('_', ' ')}", _hidden(nation) + choice))
    if leg["decision"] and not leg.get("appeal"):
        parts.append(_form(here, "appeal", "Appeal", _hidden(nation) + _area("text", "Why you appeal")))
    if leg["permit"]:
        kinds = _choice("kind", "What you ask for", {name: name for name in REQUESTS})
        why = text_field("justification", "Why you ask")
        parts.append(_form(here, "ask", "Ask under the permit", _hidden(nation) + kinds + why))
    return "".join(parts)


def _papers(files: str, leg: dict[str, Any]) -> str:
    """Links to what came along with decision and permit."""
    came = [(name, file) for name in _NEWS if isinstance(leg.get(name), dict) for file in leg[name].get("files", ())]
    links = (
        f'<li><a href="{files}/{escape(file["sha256"])}">{escape(name)}: a file of {file["size"]} bytes</a></li>'
        for name, file in came
    )
    return f"<ul>{''.join(links)}</ul>" if came else ""


_NEWS: Final = ("validation", "ack", "fee_estimate", "offer", "decision", "permit", "extension", "appeal_ack")


def _brief(value: Any) -> str:
    """The plain members of what a nation sent."""
    members = value.items() if isinstance(value, dict) else ()
    return ", ".join(f"{name} {one}" for name, one in members if isinstance(one, str | int | float))


def _question(here: str, question: dict[str, Any]) -> str:
    asked = f"<p>Asked at {escape(question['at'])}:</p><ul>{''.join(_asked(question['sections']))}</ul>"
    fields = f'<input type="hidden" name="in_reply_to" value="{escape(question["id"])}">'
    return asked + _form(here, "amend", "Answer the question", fields + _area("why", "Why the data are needed"))


def _asked(sections: Any) -> list[str]:
    found = []
    for section in sections if isinstance(sections, list) else []:
        fields = section.get("field") or section.get("fields") or [] if isinstance(section, dict) else []
        found += [f"<li>{escape(str(one.get('name')))}: {escape(str(one.get('comment')))}</li>" for one in fields]
    return found


def framed(title: str, inner: str, wrong: str) -> str:
    """A whole page under the banner; `wrong` stands first, as an alert."""
    alert = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>MOCK EU node: {escape(title)}</title><style>{_STYLE}</style></head><body>"
        '<header class="mock">MOCK EU NODE. Not HealthData@EU: nothing here is real.</header>'
        f"{_NAV}<main><h1>{escape(title)}</h1>{alert}{inner}</main></body></html>"
    )


def _table(caption: str, heads: Iterable[str], rows: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(view: dict[str, Any]) -> str:
    id_ = escape(view["application_id"])
    nations = "<br>".join(
        f"{escape(nation.upper())}: {escape(leg['status'] or 'unknown')}" for nation, leg in view["nations"].items()
    )
    link = f'<a href="/applicant/pages/{id_}"><code>{id_}</code></a>'
    cells = (link, escape(str(view["title"])), str(view["version"]), escape(view["aggregate"]), nations)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _form(here: str, deed: str, button: str, fields: str = "") -> str:
    return f'<form method="post" action="{here}/{deed}">{fields}<button>{escape(button)}</button></form>'


def _hidden(nation: str) -> str:
    return f'<input type="hidden" name="nation" value="{escape(nation)}">'


def text_field(name: str, label: str, value: str = "") -> str:
    """One line to type into, with its label."""
    return f'<label>{escape(label)} <input type="text" name="{name}" value="{escape(value)}"></label>'


def _area(name: str, label: str) -> str:
    return f'<label>{escape(label)} <textarea name="{name}" rows="3" cols="60"></textarea></label>'


def _choice(name: str, label: str, options: Mapping[str, str]) -> str:
    inner = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())
    return f'<label>{escape(label)} <select name="{name}">{inner}</select></label>'
