"""The traps of an access point's configuration, read from its own files and held against ours.

`ws-plugin.properties` has the push rules, the PMode (as exported from the console) the retention. Without a file the
trap is unknown. Times in a PMode are minutes, ours are seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from broker.commands.cron import longest_wait
from broker.commands.findings import Finding, fails, unknown, works
from broker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from broker.settings import AccessPointSection, Settings

PUSH_PATH: Final = "/access-point/push"
_RULE: Final = re.compile(r"wsplugin\.push\.rules\.([^.]+)(?:\.(recipient|endpoint|retry|type))?")
_WANTED: Final = ("SEND_SUCCESS", "SEND_FAILURE", "RECEIVE_FAIL", "MESSAGE_STATUS_CHANGE")
_CRON: Final = "wsplugin.dispatcher.worker.cronExpression"
_EACH_MINUTE: Final = "0 0/1 * * * ?"  #: its default
_LATEST, _LATEST_UNPOLLED = 60.0, 30.0  #: seconds
_SHORTEST_PUSHING: Final = 30.0  #: minutes


@dataclass(frozen=True, slots=True)
class Rule:
    """One push rule, in the order of the file: the first for a recipient that has the type wins."""

    name: str
    recipient: str = ""
    endpoint: str = ""
    retry: str = ""
    types: tuple[str, ...] = ()


def properties(text: str) -> dict[str, str]:
    """A properties file: comments, continued lines, `=` or `:`."""
    joined = re.sub(r"\\\r?\n[ \t]*", "", text)
    found: dict[str, str] = {}
    for line in joined.splitlines():
        stripped = line.strip()
        if stripped and stripped[0] not in "#!":
            name, _, value = re.sub(r"\s*[=:]\s*", "\0", stripped, count=1).partition("\0")
            found[name] = value.strip()
    return found


def rules(found: Mapping[str, str]) -> tuple[Rule, ...]:
    """The push rules."""
    parts: dict[str, dict[str, str]] = {}
    for name, value in found.items():
        if match := _RULE.fullmatch(name):
            parts.setdefault(match[1], {})[match[2] or "description"] = value
    return tuple(
        Rule(
            name,
            rule.get("recipient", ""),
            rule.get("endpoint", ""),
            rule.get("retry", ""),
            tuple(kind.strip() for kind in rule.get("type", "").split(",") if kind.strip()),
        )
        for name, rule in parts.items()
    )


def push_findings(settings: Settings, found: Mapping[str, str] | None) -> list[Finding]:
    """Whether the access point tells us of messages, and what it does to them by that."""
    section = settings.access_point
    if found is None:
        return [_unseen_push(section)]
    if found.get("wsplugin.push.enabled", "false").lower() != "true":
        if section.poll:
            return [works("push rule", "push is off; messages are polled")]
        advice = "set wsplugin.push.enabled=true and a rule, or switch polling on (access_point.poll)"
        return [fails("push rule", f"push and polling are both off, so nothing is ever fetched: {advice}")]
    if not section.push_password.get_secret_value():
        return [fails("push rule", "the access point pushes, and here nobody listens: set access_point.push_password")]
    return _rule_findings(section, found)


def _unseen_push(section: AccessPointSection) -> Finding:
    if not section.poll and not section.push_password.get_secret_value():
        return fails("push rule", "polling is off and access_point.push_password is not set: nothing is ever fetched")
    return unknown("push rule", "give the access point's file with --ws-plugin ws-plugin.properties")


def _rule_findings(section: AccessPointSection, found: Mapping[str, str]) -> list[Finding]:
    bringing = [rule for rule in rules(found) if {"RECEIVE_SUCCESS", "SUBMIT_MESSAGE"} & set(rule.types)]
    if not bringing:
        return [fails("push rule", "no rule has the type RECEIVE_SUCCESS: add it to wsplugin.push.rules.NAME.type")]
    first = bringing[0]
    return [
        _endpoint(first),
        _credentials(section, found),
        _types(first),
        _retry(first),
        _mark(first, found),
        _dispatcher(section, found),
        _alerts(found),
    ]


def _endpoint(rule: Rule) -> Finding:
    if not rule.endpoint.rstrip("/").endswith(PUSH_PATH):
        where = f"wsplugin.push.rules.{rule.name}.endpoint"
        return fails(
            "push rule", f"the first rule for received messages pushes elsewhere: let {where} end in {PUSH_PATH}"
        )
    if rule.recipient:
        where = f"wsplugin.push.rules.{rule.name}.recipient"
        return fails(
            "push rule", f"{where} narrows the rule, and two final recipients occur in practice: leave it empty"
        )
    return works("push rule", f"rule {rule.name} pushes received messages to {PUSH_PATH}")


def _credentials(section: AccessPointSection, found: Mapping[str, str]) -> Finding:
    name = "wsplugin.push.auth.username"
    if found.get(name, "") != section.push_username:
        return fails("push credentials", f"{name} is not access_point.push_username: every push is refused with 401")
    return works("push credentials", "the user is the same on both sides; the password is not compared")


def _types(rule: Rule) -> Finding:
    missing = [kind for kind in _WANTED if kind not in rule.types]
    if "SEND_FAILURE" in missing:
        where = f"wsplugin.push.rules.{rule.name}.type"
        return fails("push types", f"failures to send are not pushed: add {', '.join(missing)} to {where}")
    return works("push types", ", ".join(rule.types))


def _retry(rule: Rule) -> Finding:
    minutes, _, rest = rule.retry.partition(";")
    try:
        enough = float(minutes or 0) >= _SHORTEST_PUSHING and "SEND_ONCE" not in rest
    except ValueError:
        enough = False
    if enough:
        return works("push retry", f"{rule.retry}; afterwards Domibus gives up silently, so keep polling on")
    where = f"wsplugin.push.rules.{rule.name}.retry"
    return fails("push retry", f"a restart of this node outlives {rule.retry or 'no retry'}: set {where}=60;5;CONSTANT")


def _mark(rule: Rule, found: Mapping[str, str]) -> Finding:
    marks = found.get("wsplugin.push.markAsDownloaded", "true").lower() == "true"
    if marks and "SUBMIT_MESSAGE" in rule.types:
        advice = "set wsplugin.push.markAsDownloaded=false, or push RECEIVE_SUCCESS instead of SUBMIT_MESSAGE"
        return fails("push marking", f"a pushed message is taken off the access point by its own default: {advice}")
    return works("push marking", "a pushed message stays at the access point until this node marks it")


def _dispatcher(section: AccessPointSection, found: Mapping[str, str]) -> Finding:
    """What is notified waits for the plugin's worker, which runs each minute by default."""
    name, expression = "push dispatcher", found.get(_CRON) or _EACH_MINUTE
    wait = longest_wait(expression)
    if wait is None:
        return unknown(name, f"{_CRON}={expression} is not read here: it should run each few seconds")
    if wait > (_LATEST if section.poll else _LATEST_UNPOLLED):
        why = "" if section.poll else ", and nothing is polled here"
        return fails(name, f"a notification waits up to {wait:g} seconds{why}: set {_CRON}=0/5 * * * * ?")
    return works(name, f"it runs each {wait:g} seconds")


def _alerts(found: Mapping[str, str]) -> Finding:
    if found.get("wsplugin.push.alert.active", "false").lower() == "true":
        return works("push alerts", "on")
    return fails("push alerts", "Domibus tells nobody when it gives up a push: set wsplugin.push.alert.active=true")


def read_pmode(data: bytes) -> etree._Element:
    """The root of an exported PMode. Raises: ConfigurationError, if it is not XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ConfigurationError("the file given with --pmode is not XML") from error


def retention_findings(settings: Settings, pmode: etree._Element | None, *, backup_hours: float) -> list[Finding]:
    """Whether messages stay long enough for us to be away, and for a backup to be restored."""
    name = "retention"
    if pmode is None:
        return [unknown(name, "give the exported PMode with --pmode pmode.xml; it must outlast your longest outage")]
    return [finding for mpc in _mpcs(pmode) for finding in _mpc_findings(settings, mpc, backup_hours)]


def _mpcs(pmode: etree._Element) -> list[etree._Element]:
    found = list(pmode.iter("{*}mpc"))
    if not found:
        raise ConfigurationError("the file given with --pmode has no mpc: export the PMode from the console")
    return found


def _mpc_findings(settings: Settings, mpc: etree._Element, backup_hours: float) -> list[Finding]:
    waiting, kept = (_minutes(mpc, f"retention_{kind}") for kind in ("undownloaded", "downloaded"))
    longest = max(settings.access_point.poll or 60.0, settings.work.budget) / 60
    found = []
    if waiting is not None and waiting < longest:
        advice = f"set retention_undownloaded to at least {round(longest)} minutes"
        found.append(
            fails("retention", f"messages that nobody fetched are deleted after {waiting:g} minutes: {advice}")
        )
    if kept is not None and kept < backup_hours * 60:
        advice = f"set retention_downloaded to at least {round(backup_hours * 60)} minutes"
        text = f"what was fetched is deleted after {kept:g} minutes, before a backup of {backup_hours:g} hours ago"
        found.append(fails("retention", f"{text}: {advice}, or back up more often"))
    found += _sent_findings(settings.work.budget / 60, mpc)
    return found or [works("retention", "messages stay longer than we may be away and than the last backup is old")]


def _sent_findings(budget: float, mpc: etree._Element) -> list[Finding]:
    """What was sent must be known, and what was given up be there, as long as we try and a person may decide."""
    sent = _minutes(mpc, "retention_sent") if mpc.get("retention_sent") else None
    if sent is None:
        return []
    offset = _minutes(mpc, "retention_metadata_offset") or 0.0
    if mpc.get("delete_message_metadata", "false").lower() == "true" and sent + offset < budget:
        text = f"what was sent is forgotten after {sent + offset:g} minutes, and a repeated submit would go out twice"
        return [fails("retention", f"{text}: set delete_message_metadata=false")]
    if sent < budget:
        text = f"what was sent is deleted after {sent:g} minutes: a receipt may be missed, a failure not be restored"
        return [fails("retention", f"{text}: set retention_sent to at least {round(budget)} minutes")]
    return []


def _minutes(mpc: etree._Element, name: str) -> float | None:
    """None is for ever: -1 in Domibus."""
    try:
        minutes = float(mpc.get(name, "0"))
    except ValueError:
        minutes = 0.0
    return None if minutes < 0 else minutes
