"""From the views to what a page shows: labels, times, and nothing that an applicant wrote.

The views hold a few texts that may quote a document (a problem's sentence, a reason, an error's detail). Pages show
codes, paths and rules in their place: who may read documents reads the sentences with `hdeu messages show`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from broker.web.console import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from broker.web.console.i18n import Words

View = dict[str, Any]
_CODE: Final = re.compile(r"[A-Za-z0-9/{][A-Za-z0-9._:/\[\]{}*()@=+#-]{0,199}", re.ASCII)
_PAIR: Final = 2
#: Lines that the timeline puts together from codes of the rows, and where an error's text begins in them.
_COMPOSED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("kept", "signed-off", "submitted", "receipt", "validation", "answer", "delivered"), ""),
    "acknowledged": "",
    "attempt": " (",
    "next-attempt": " after ",
}
_SHORT: Final = 8
#: Facts of an exchange in the order of a message's way, and their names.
FACTS: Final[Mapping[str, str]] = {
    "created_at": labels.N_("Begun"),
    "signed_off_at": labels.N_("Signed off"),
    "submitted_at": labels.N_("Handed to the access point"),
    "receipt_at": labels.N_("Received by the other access point"),
    "validation_at": labels.N_("Validation came"),
    "answer_at": labels.N_("Answer came"),
    "delivered_at": labels.N_("Delivered to the back end"),
    "acknowledged_at": labels.N_("Acknowledged by the back end"),
}
#: States of a clock in which somebody still owes something.
_TICKING: Final = ("expired", "running")
_AFTER_TICKING: Final[Mapping[str, int]] = {"paused": 1, "stopped": 2}
_NO_DAY: Final = "9999"
_NEWS: Final = ("type", "nation", "status", "decision_kind")


def code(text: Any) -> str:
    """The text if it has the shape of a code, a path or an id; else nothing."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else ""


def moment(text: Any) -> datetime | None:
    """A time of a view, aware; None for anything else."""
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None


def message_row(row: View, words: Words) -> View:
    """One line of a table of messages."""
    state = labels.state_label(row["state"], row.get("outcome", ""), row.get("settled", ""))
    return {
        "id": row["id"],
        "short": row["id"][-_SHORT:],
        "type": words(labels.TYPES.get(row["type"], code(row["type"]) or labels.N_("Not read yet"))),
        "direction": words(labels.DIRECTIONS.get(row["direction"], "")),
        "door": words(labels.DOORS.get(row["door"], row["door"])),
        "party": code(row["party"]),
        "addressees": [code(name) for name in row["addressees"] if code(name)],
        "case": row["case"],
        "case_short": row["case"][-_SHORT:],
        "version": row["version"],
        "kept_at": moment(row["kept_at"]),
        "state": badge(state, words, row["state"]),
    }


def badge(label: labels.StateLabel, words: Words, name: str) -> View:
    """What the badge macro draws: text, shape, and the code behind it."""
    return {"text": words(label.name), "tone": label.tone, "code": name}


def message_page(view: View, words: Words) -> View:
    """One message with everything about it."""
    state = labels.state_label(view["state"], view["outcome"], view["settled"])
    return {
        **message_row(view, words),
        "profile": code(view["profile"]),
        "sha256": view["sha256"],
        "size": view["size"],
        "wire_id": code(view["message_id"]),
        "causation": view["causation"],
        "attachments": len(view["attachments"]),
        "parts": [_part(part) for part in view["parts"]] if len(view["parts"]) > 1 else [],
        "meaning": words(state.meaning),
        "actor": words(state.actor),
        "waiting": _waiting(view["waiting"], words),
        "due_at": _first_due(view["exchanges"]),
        "problems": [problem_row(problem) for problem in view["problems"]],
        "exchanges": [_exchange(exchange, words) for exchange in view["exchanges"]],
        "attempts": [_attempt(attempt, words) for attempt in view["attempts"]],
        "timeline": [_event(event, words) for event in view["timeline"]],
    }


def _part(part: View) -> View:
    """A payload of an AS4 message; its name and type are the sender's words, so they are shown as codes or not."""
    return {**part, "cid": code(part["cid"]), "media_type": code(part["media_type"])}


def _waiting(waiting: View | None, words: Words) -> View | None:
    if not waiting:
        return None
    return {
        "at": moment(waiting["next_attempt_at"]),
        "step": words(labels.STEPS.get(waiting["step"], waiting["step"])),
        "attempts": waiting["attempts"],
        "code": code(str(waiting["last_error"]).partition(":")[0]),
    }


def _first_due(exchanges: Iterable[View]) -> datetime | None:
    due = [at for exchange in exchanges if (at := moment(exchange["due_at"]))]
    return min(due, default=None)


def problem_row(problem: Mapping[str, str]) -> View:
    """Code, path and rule of a problem: never its value, nor the sentence that may quote it."""
    return {name: code(problem.get(name, "")) for name in ("code", "path", "rule")}


def _exchange(exchange: View, words: Words) -> View:
    state = labels.state_label(exchange["state"], exchange["outcome"], exchange["settled"])
    return {
        "id": exchange["id"],
        "state": badge(state, words, exchange["state"]),
        "meaning": words(state.meaning),
        "actor": words(state.actor),
        "direction": words(labels.DIRECTIONS.get(exchange["direction"], "")),
        "addressee": code(exchange["addressee"]),
        "profile": code(exchange["profile"]),
        "wire_id": code(exchange["message_id"]),
        "outcome": words(labels.OUTCOMES.get(exchange["outcome"], "")),
        "validation": words(labels.OUTCOMES.get(exchange["validation"], "")),
        "receipt": words(labels.receipt(exchange["receipt"])),
        "answer": words(labels.TYPES.get(exchange["answer"], code(exchange["answer"]))),
        "resend": exchange["resend"],
        "document_sha256": code(exchange["document_sha256"]),
        "due_at": moment(exchange["due_at"]),
        "facts": [(words(name), at) for key, name in FACTS.items() if (at := moment(exchange.get(key)))],
        "losses": [_loss(loss) for loss in exchange["losses"]],
    }


def _loss(loss: Mapping[str, str]) -> View:
    path = code(loss.get("path") or loss.get("source") or "")
    return {"fact": code(loss.get("code") or loss.get("fact") or loss.get("rule") or ""), "path": path}


def _attempt(attempt: View, words: Words) -> View:
    started, ended = moment(attempt["started_at"]), moment(attempt["ended_at"])
    return {
        "step": words(labels.STEPS.get(attempt["step"], code(attempt["step"]))),
        "number": attempt["number"],
        "at": started,
        "milliseconds": round((ended - started).total_seconds() * 1000) if started and ended else None,
        "outcome": words(labels.OUTCOMES.get(attempt["outcome"], code(attempt["outcome"]))),
        "tone": {"done": "done", "later": "waiting", "parked": "act"}.get(attempt["outcome"], "stopped"),
        "code": code(attempt["error_code"]),
    }


def _event(event: View, words: Words) -> View:
    return {
        "at": moment(event["at"]),
        "what": words(labels.EVENTS.get(event["what"], code(event["what"]))),
        "detail": event_detail(event["what"], event["detail"]),
        "coming": event["what"] == "next-attempt",
    }


def event_detail(what: str, detail: str) -> str:
    """The ids, codes and states of a timeline's line.

    An attempt's error text, which may quote a document, goes; of a journal entry stay pairs of a name and a code.
    """
    if what in _COMPOSED:
        return detail.partition(_COMPOSED[what])[0] if _COMPOSED[what] else detail
    parts = (part.strip() for part in detail.split(","))
    return ", ".join(part for part in parts if _is_pair(part))


def _is_pair(part: str) -> bool:
    tokens = part.split()
    return 0 < len(tokens) <= _PAIR and all(_CODE.fullmatch(token) for token in tokens)


def due_row(row: View, words: Words) -> View:
    """One line of the table of what falls due."""
    return {
        **_clock(row, words),
        "case": row["case"],
        "short": row["case"][-_SHORT:],
        "leg": code(row["leg"]),
        "aliases": _aliases(row),
    }


def case_row(row: View, words: Words) -> View:
    """One line of the table of cases; `next_due` is what falls due first, or None."""
    legs = [_leg(leg, words) for leg in row["legs"]]
    return {
        "key": row["key"],
        "short": row["key"][-_SHORT:],
        "version": row["version"],
        "created_at": moment(row["created_at"]),
        "aliases": _aliases(row),
        "legs": legs,
        "next_due": next(iter(sorted((due for leg in legs for due in _dated(leg)), key=_urgency)), None),
    }


def case_page(view: View, words: Words) -> View:
    """One case with its legs, their clocks, the news of other legs and the messages."""
    return {
        **case_row(view, words),
        "news": [_news(news, words) for news in reversed(view["news"])],
        "messages": [message_row(row, words) for row in view["messages"]],
    }


def _aliases(row: View) -> list[View]:
    return [
        {"scheme": code(alias["scheme"]), "value": code(alias["value"])}
        for alias in row["aliases"]
        if code(alias["scheme"]) and code(alias["value"])
    ]


def _leg(leg: View, words: Words) -> View:
    return {
        "owner": code(leg["owner"]),
        "state": badge(labels.leg_label(leg["state"]), words, leg["state"]),
        "national_state": code(leg["national_state"]),
        "permit": _permit(leg.get("permit")),
        "updated_at": moment(leg["updated_at"]),
        "clocks": sorted((_clock(clock, words) for clock in leg["clocks"]), key=_urgency),
    }


def _permit(permit: View | None) -> View | None:
    """Its number and status, and the change that was asked for last; None before there is one."""
    if not permit:
        return None
    request = permit["change_request"] or {}
    return {
        "number": code(permit["number"]),
        "status": code(permit["status"]),
        "change": code(request.get("type")),
        "came_to": code(request.get("status")),
    }


def _dated(leg: View) -> list[View]:
    return [clock for clock in leg["clocks"] if clock["state"]["code"] in _TICKING and clock["due_on"]]


def _urgency(clock: View) -> tuple[int, str]:
    """What a person still owes first, the earliest day first; what has no day comes after what has one."""
    state = clock["state"]["code"]
    rank = 0 if state in _TICKING else _AFTER_TICKING.get(state, len(_AFTER_TICKING) + 1)
    return rank, clock["due_on"] or _NO_DAY


def _clock(clock: View, words: Words) -> View:
    return {
        "name": words(labels.CLOCKS.get(clock["clock"], clock["clock"])),
        "code": clock["clock"],
        "state": badge(labels.clock_label(clock["state"]), words, clock["state"]),
        "due_on": clock["due_on"],
        "days_left": clock["days_left"],
        "started_at": moment(clock["started_at"]),
        "reason": clock["reason"],
    }


def _news(news: View, words: Words) -> View:
    facts = {name: code(str(news.get(name) or "")) for name in _NEWS}
    return {
        **facts,
        "type": words(labels.TYPES.get(facts["type"], facts["type"])),
        "at": moment(news.get("at")),
        "message": code(str(news.get("message") or "")),
    }
