"""Logs: one JSON object a line on standard output, with stable event names and nothing personal.

What may be written is decided here, not at each call: a key that is not in `SAFE_KEYS`, or whose
value does not have the shape that the table gives it, is written as `<masked>`. An exception is
written as its type, its stable code and its frames; never its text, because the text of an
exception quotes the input. Records of dependencies lose their arguments for the same reason.

Meaning of times: `timestamp` is ISO 8601, UTC.
"""

from __future__ import annotations

import inspect
import json
import logging
import sys
from collections.abc import Iterable
from pathlib import PurePath
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

from broker.errors import BrokerError
from broker.log_masks import EventDict, Literal, keep_safe_keys

_MAX_CAUSES: Final = 5
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, default=repr)


def _shorten(filename: str) -> str:
    """A source file's path from its package on: no machine's directories in a log."""
    parts = PurePath(filename).parts
    for root in ("site-packages", "broker", "adapters"):
        if root in parts:
            start = len(parts) - parts[::-1].index(root) - 1
            return "/".join(parts[start + (root == "site-packages") :])
    return "/".join(parts[-2:])


def _frames(traceback: TracebackType | None) -> Iterable[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{_shorten(code.co_filename)}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next


def describe_exception(error: BaseException, *, depth: int = 0) -> dict[str, Any]:
    """Type, stable code and frames of an exception and of its causes; none of their texts."""
    kind = type(error)
    described: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    if isinstance(error, BrokerError):
        described["code"] = error.code
    described["frames"] = list(_frames(error.__traceback__))
    if isinstance(error, BaseExceptionGroup) and depth < _MAX_CAUSES:
        described["group"] = [describe_exception(part, depth=depth + 1) for part in error.exceptions[:_MAX_CAUSES]]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < _MAX_CAUSES:
        described["cause"] = describe_exception(cause, depth=depth + 1)
    return described


def exceptions_without_values(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: replace `exc_info` by what `describe_exception` says."""
    info = event.pop("exc_info", None)
    event.pop("exception", None)
    event.pop("stack_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if info is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = describe_exception(error)
    return event


def _processors(*, pretty: bool) -> list[structlog.typing.Processor]:
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback) if pretty else _as_json
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        exceptions_without_values,
        keep_safe_keys,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([_pretty_exception] if pretty else []),
        renderer,
    ]


def _as_json(_logger: Any, _method: str, event: EventDict) -> str:
    """The line. What `keep_safe_keys` lets through is JSON already."""
    return _ENCODER.encode(event)


def _pretty_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Lines for a terminal: the renderer for people prints an exception that is a text."""
    described = event.pop("exception", None)
    lines: list[str] = []
    while described:
        lines += [
            f"{described['type']} {described.get('code', '')}".rstrip(),
            *(f"  {at}" for at in described["frames"]),
        ]
        described = described.get("cause")
    if lines:
        event["exception"] = "\n".join(lines)
    return event


def _is_literal(record: logging.LogRecord) -> bool:
    """Whether the record's text stands as a constant in the function that logged it."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename == record.pathname and frame.f_lineno == record.lineno:
            return isinstance(record.msg, str) and record.msg in frame.f_code.co_consts
        frame = frame.f_back
    return False


class DependencyLogs(logging.Handler):
    """Takes the records of dependencies: where they come from and their format string, no arguments.

    A text that is not a constant of the calling function may have been put together from values
    (asyncio quotes exceptions that way): it is left out, and the place in the source stands for it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record to structlog. Never raises, as logging asks of a handler."""
        try:
            facts: dict[str, Any] = {
                "logger": record.name,
                "where": f"{_shorten(record.pathname)}:{record.lineno}",
            }
            if _is_literal(record):
                facts["template"] = Literal(record.msg)
            if record.exc_info:
                facts["exc_info"] = record.exc_info
            level = record.levelname.lower() if record.levelno >= logging.INFO else "debug"
            write = getattr(structlog.get_logger(), level, structlog.get_logger().info)
            write("dependency.log", **facts)
        except Exception:  # noqa: BLE001  # a log line must never break the program
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        """Say only that a line was lost: the default prints the record with its values."""
        sys.stderr.write(f"log line lost: {record.name}\n")


def _uncaught(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    structlog.get_logger().critical("process.uncaught", exc_info=error)


def configure_logging(*, level: str = "INFO", pretty: bool = False, stream: TextIO | None = None) -> None:
    """Send everything this process logs through the processors above to `stream` (standard output).

    `level` is a name of the standard library's; `pretty` takes effect on a terminal only.
    Dependencies are heard from WARNING on, or from `level` if that is higher.
    """
    out = stream or sys.stdout
    number = logging.getLevelNamesMapping()[level.upper()]
    writer = structlog.WriteLogger(out)  # one for all lines: a new one for each would be a good part of a line's cost
    structlog.configure(
        processors=_processors(pretty=pretty and out.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [DependencyLogs()]
    root.setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
