"""Every error of the broker, in one tree, each with a stable code.

    BrokerError
    ├── Refused               the sender must act (carries the list of problems)
    ├── NotFound              no such thing is kept
    ├── Conflict              same key, other content; or the row was changed meanwhile
    │   └── AlreadySubmitted  the access point knows this MessageId
    ├── Forbidden             known, but may not
    ├── Unauthenticated       nobody we know
    ├── ConfigurationError    a person must change the configuration
    ├── TranslationError      a document cannot be put into the other schema
    └── Unavailable           try again: the other side or a service cannot be reached
        ├── Garbled           the other side's answer cannot be read
        ├── OutcomeUnknown    it may or may not have arrived: ask before sending anew
        └── LostLease         another worker owns this row now

A `Problem` is one thing wrong with one input. Its code is part of the public
contract: it is the last part of the RFC 9457 `type`, the code in an error
message over AMQP, and the first word of a line printed by the command line.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from broker.advice import ADVICE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: what (`code`, `detail`), where (`path`), by which `rule`, what to do (`hint`).

    `value` is the offending value, shortened; leave it empty where it may be personal data
    that the reader of the problem has not sent.
    """

    code: str
    detail: str
    path: str = ""
    rule: str = ""
    value: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        if not self.hint:
            object.__setattr__(self, "hint", ADVICE.get(self.code, ""))

    def as_dict(self) -> dict[str, str]:
        """The members that say something, for JSON."""
        return {name: text for name, text in asdict(self).items() if text}

    def as_line(self) -> str:
        """One line for a terminal: code, path, rule, value, then the sentence."""
        where = " ".join(part for part in (self.path, self.rule, self.value) if part)
        return f"{self.code} {where}: {self.detail}" if where else f"{self.code}: {self.detail}"


class BrokerError(Exception):
    """The broker met a condition that it could not handle."""

    code = "internal-error"

    def __init__(self, detail: str = "", **facts: Any) -> None:
        self.detail = detail or (type(self).__doc__ or "").splitlines()[0]
        self.facts = facts
        super().__init__(self.detail)


class Refused(BrokerError):
    """The input is refused; the sender must change it and send it again."""

    code = "refused"

    def __init__(self, problems: tuple[Problem, ...], detail: str = "") -> None:
        self.problems = problems
        super().__init__(detail or "; ".join(problem.detail for problem in problems[:3]))


class NotFound(BrokerError):
    """No such thing is kept here."""

    code = "not-found"


class Conflict(BrokerError):
    """The same key was used before with other content, or the row was changed meanwhile."""

    code = "conflict"


class AlreadySubmitted(Conflict):
    """The access point says that a message with this id exists already."""

    code = "already-submitted"


class Forbidden(BrokerError):
    """The caller is known and may not do this."""

    code = "forbidden"


class Unauthenticated(BrokerError):
    """The caller did not prove who it is."""

    code = "unauthenticated"


class ConfigurationError(BrokerError):
    """The configuration does not work; a person must change it."""

    code = "configuration"


class TranslationError(BrokerError):
    """The document cannot be put into the other schema."""

    code = "translation"

    def __init__(self, problems: tuple[Problem, ...], detail: str = "") -> None:
        self.problems = problems
        super().__init__(detail or "; ".join(problem.detail for problem in problems[:3]))


class Unavailable(BrokerError):
    """The other side or a service cannot be reached now; the same call may work later."""

    code = "unavailable"


class OutcomeUnknown(Unavailable):
    """The call may or may not have taken effect; ask for its status before doing it anew."""

    code = "outcome-unknown"


class Garbled(Unavailable):
    """The other side answered, and its answer cannot be read; it may be read another time, or never."""

    code = "unreadable-answer"

    def __init__(self, detail: str = "", problems: tuple[Problem, ...] = (), **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.problems = problems or (Problem(self.code, self.detail),)
        self.raw: tuple[str, Any] | None = None  #: Content-Type and payload of the answer, where it was laid aside


class LostLease(Unavailable):
    """Another worker owns this row now."""

    code = "lost-lease"
