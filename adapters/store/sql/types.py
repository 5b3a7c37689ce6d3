"""Column types that mean the same on both databases.

Words sort by code point, moments are UTC with microseconds, JSON is text with sorted keys. What one of the
databases could not hold (a NUL character, half a surrogate pair) is refused on both, before it is sent.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import TIMESTAMP, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from broker.errors import Problem, Refused

MOMENT_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
#: What an unreadable time of the journal is read as: it never hashes to what was sealed.
UNREADABLE: Final = datetime.min.replace(tzinfo=UTC)

WORDS: Final[TypeEngine[Any]] = Text().with_variant(Text(collation="C"), "postgresql")
MOMENT: Final[TypeEngine[Any]] = Text().with_variant(TIMESTAMP(timezone=True), "postgresql")


def storable(text: str) -> str:
    """The same text. Raises: Refused (unstorable-text), if it holds NUL or an unpaired surrogate."""
    if "\x00" in text or not (text.isascii() or _encodes(text)):
        problem = Problem(
            "unstorable-text", "The text holds a NUL character or half a surrogate pair.", hint="Remove it."
        )
        raise Refused((problem,))
    return text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def moment_text(moment: datetime) -> str:
    """The one text of a moment: UTC, six decimals, `Z`; years have four digits."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04d}-{utc:%m-%dT%H:%M:%S.%f}Z"


class Words(TypeDecorator[str]):
    """Text, ordered by code point."""

    impl = WORDS
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  the base class's signature
        """Plain `str`: drivers send an enumeration's member by its name."""
        return None if value is None else storable(str(value))


class Moment(TypeDecorator[datetime]):
    """An aware moment. SQLite keeps text of one width, which sorts as time does."""

    impl = MOMENT
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Raises: ValueError, for a moment without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return moment_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the base class's signature
        """UTC, whatever the session's zone is."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


class JournalMoment(Moment):
    """A moment that can be read whatever was done to its bytes, so that the verifier can name the entry."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """`UNREADABLE`, where the text is not the one that this broker writes."""
        try:
            moment = super().process_result_value(value, dialect)
        except (ValueError, OverflowError):
            return UNREADABLE
        changed = moment is None or (isinstance(value, str) and moment_text(moment) != value)
        return UNREADABLE if changed else moment


class Json(TypeDecorator[Any]):
    """A JSON value as ASCII text with sorted keys."""

    impl = WORDS
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  the base class's signature
        """Raises: TypeError, for what is not JSON."""
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  the base class's signature
        """The value."""
        return None if value is None else json.loads(value)


class JournalDetail(TypeDecorator[dict[str, str]]):
    """An entry's detail: UTF-8 JSON with sorted keys, readable whatever was done to its bytes."""

    impl = WORDS
    cache_ok = True

    def process_bind_param(self, value: dict[str, str] | None, dialect: Dialect) -> str | None:  # noqa: ARG002  the base class's signature
        """Raises: Refused, for text that could not be hashed later."""
        return storable(_detail_text(value or {}))

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, str]:  # noqa: ARG002  the base class's signature
        """The detail; where the text is not the one that was written, the text itself under one name."""
        try:
            detail = json.loads(value)
            untouched = isinstance(detail, dict) and _detail_text(detail) == value
        except (TypeError, ValueError):
            untouched, detail = False, {}
        return detail if untouched else {"unreadable": str(value)}


def _detail_text(detail: dict[str, str]) -> str:
    return json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
