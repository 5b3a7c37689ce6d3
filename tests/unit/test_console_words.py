"""The console's words: every code has a name, every text its French, and nothing of a document slips through."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from broker.errors import ConfigurationError
from broker.flow.timeline import TOLD_BY_ROWS
from broker.model.exchanges import Direction, Outcome, State
from broker.model.messages import Door, MessageType
from broker.web.console import labels, present
from broker.web.console.assets import load_assets
from broker.web.console.i18n import language_of, load_words
from broker.web.console.pages import asked, group_counts
from broker.web.console.times import calendar_page, clock_face, zone_named

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "broker/web/console"
LIFECYCLES = ROOT / "schemas/lifecycles"


def texts_in_the_sources() -> set[Any]:
    methods = [("templates/**.html", "jinja2"), ("**.py", "python")]
    options = {"templates/**.html": {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}}
    keywords: Any = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
    found = extract_from_dir(CONSOLE, methods, options_map=options, keywords=keywords)
    return {text for _, _, text, _, _ in found}


def test_the_french_catalogue_has_every_text_and_no_other() -> None:
    with (CONSOLE / "locale/fr/console.po").open("rb") as file:
        catalogue = [message for message in read_po(file, locale="fr", abort_invalid=True) if message.id]
    wanted = texts_in_the_sources()

    assert len(wanted) > 150
    assert {message.id for message in catalogue} == wanted
    assert [message.id for message in catalogue if message.fuzzy or not all(message.string)] == []
    assert [message.id for message in catalogue for _ in message.check()] == []


def test_every_code_has_a_name() -> None:
    assert set(labels.STATES) == set(State)
    assert set(labels.TYPES) == set(MessageType)
    assert set(labels.DIRECTIONS) == set(Direction)
    assert set(labels.DOORS) == set(Door)
    assert set(Outcome) <= set(labels.OUTCOMES)


def test_every_entry_of_the_journal_that_a_timeline_shows_has_a_name() -> None:
    written = re.compile(r"""(?:entry\(|decision\(\s*node, tx,)\s*"((?:message|exchange|case|leg)\.[a-z_]+)\"""")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "broker/flow").glob("*.py"))
    shown = {action.rpartition(".")[2] for action in set(written.findall(sources)) - TOLD_BY_ROWS}

    assert {"closed", "receipt_kept", "restored", "stepped"} <= shown
    assert shown - set(labels.EVENTS) == set()


def test_every_state_belongs_to_one_group_of_the_filter() -> None:
    grouped = [state for _, states in labels.GROUPS.values() for state in states]

    assert sorted(grouped) == sorted(State)


def test_every_clock_and_every_state_of_a_leg_has_a_name() -> None:
    clocks = tomllib.loads((LIFECYCLES / "clocks.toml").read_text())["clock"]
    steps = tomllib.loads((LIFECYCLES / "leg.toml").read_text())["step"]

    assert {clock["id"] for clock in clocks} <= set(labels.CLOCKS)
    assert {step["to"] for step in steps} - {"SAME", "ORIGIN"} <= set(labels.LEGS)


def test_what_ended_rejected_is_not_shown_as_well_done() -> None:
    assert labels.state_label("ENDED", "accepted").tone == "done"
    assert labels.state_label("ENDED", "rejected").tone == "stopped"
    assert labels.state_label("NEW_STATE").name == "NEW_STATE"


@pytest.mark.parametrize(
    ("accepts", "cookie", "query", "language"),
    [
        ("", "", "", "en"),
        ("fr", "", "", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "", "", "fr"),
        ("de,en;q=0.3,fr;q=0.7", "", "", "fr"),
        ("fi", "", "", "en"),
        ("fr;q=0,en", "", "", "en"),
        (";;;q=,,x;q=nan", "", "", "en"),
        ("en", "fr", "", "fr"),
        ("en", "fr", "?lang=en", "en"),
        ("en", "xx", "?lang=../fr", "en"),
    ],
)
def test_the_language_is_the_switch_then_the_cookie_then_the_browsers(
    accepts: str, cookie: str, query: str, language: str
) -> None:
    headers = {"Accept-Language": accepts, "Cookie": f"hdeu_language={cookie}"}
    assert language_of(make_mocked_request("GET", f"/console/messages{query}", headers)) == language


def test_plurals_follow_the_language() -> None:
    words = load_words()
    forms = ("%(count)s message shown", "%(count)s messages shown")

    assert words["en"].fill_plural(*forms, 0, count=0) == "0 messages shown"
    assert words["fr"].fill_plural(*forms, 0, count=0) == "0 message affiché"
    assert words["fr"].fill_plural(*forms, 2, count=2) == "2 messages affichés"


@pytest.mark.parametrize(
    ("what", "detail", "shown"),
    [
        ("kept", "812 bytes by http from hdh", "812 bytes by http from hdh"),
        ("attempt", "deliver 2: later (unavailable Élodie Exemple was told)", "deliver 2: later"),
        ("attempt", "deliver 2: later (schema Exemple)", "deliver 2: later"),
        ("next-attempt", "deliver 3 after unavailable: Exemple", "deliver 3"),
        ("parked", "by flow, PARKED, code no-leg", "by flow, PARKED, code no-leg"),
        ("parked", "by flow, parked the applicant Exemple asked, Exemple is ill, code no-leg", "by flow, code no-leg"),
    ],
)
def test_a_line_of_the_timeline_keeps_codes_and_loses_sentences(what: str, detail: str, shown: str) -> None:
    assert present.event_detail(what, detail) == shown


def test_a_problem_is_shown_by_code_path_and_rule_without_value_or_sentence() -> None:
    problem = {"code": "schema", "path": "/a/b[1]", "rule": "two words", "value": "Exemple", "detail": "Exemple said"}

    assert present.problem_row(problem) == {"code": "schema", "path": "/a/b[1]", "rule": ""}


def test_what_a_filter_does_not_know_is_not_asked_for() -> None:
    wild = asked({"state": "x", "direction": "'--", "type": "<b>", "text": " id ", "refresh": "yes"})

    assert (wild.state, wild.direction, wild.type, wild.text, wild.refresh) == ("", "", "", "id", False)
    assert set(asked({"state": "person"}).as_filter().states) == {
        "PARKED",
        "SIGN_OFF",
        "SEND_FAILED",
        "PRESUMED_FAILED",
    }


def test_the_counts_add_up_both_directions() -> None:
    figures = {"exchanges.outbound.PARKED": 2.0, "exchanges.inbound.PARKED": 1.0, "work.due": 9.0}

    assert group_counts(figures) == {"person": 3, "open": 0, "refused": 0, "over": 0}


def test_a_moment_is_shown_in_the_nodes_zone_and_in_utc() -> None:
    shown = clock_face(zone_named("Europe/Helsinki"), "en")(present.moment("2026-07-01T22:30:00.000Z"))

    assert 'datetime="2026-07-01T22:30:00Z"' in shown
    assert "2 Jul 2026, 01:30:00 EEST" in shown
    assert "1 Jul 22:30:00 UTC" in shown
    assert 'datetime="2027-02-22"' in calendar_page("fr")("2027-02-22")
    assert "time" not in calendar_page("fr")("soon")


def test_an_unknown_zone_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="time zone"):
        zone_named("Europe/Nowhere")


def test_htmx_comes_from_its_package_without_importing_it() -> None:
    assets = load_assets()

    assert b"htmx" in assets["htmx.min.js"].data
    assert assets["htmx.min.js"].integrity.startswith("sha384-")
    assert not (CONSOLE / "static/htmx.min.js").exists()
