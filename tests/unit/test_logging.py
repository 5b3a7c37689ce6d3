from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from broker.errors import Conflict, Problem, Refused
from broker.log_masks import MASKED, SAFE_KEYS, UNNAMED
from broker.logging_setup import configure_logging
from broker.model.messages import Attachment, Door, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLANTED = "Zq7-Élodie Exemple <elodie@example.org> +33 1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def written() -> Iterator[Callable[[], str]]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging(level="DEBUG", stream=out)
    yield out.getvalue
    root.handlers[:], root.level = handlers, level
    sys.excepthook = hook
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def planted_message() -> Message:
    texts = {field.name: PLANTED for field in fields(Message) if field.type == "str"}
    rest: dict[str, Any] = {
        "door": Door.HTTP,
        "size": 1,
        "version": 1,
        "kept_at": NOW,
        "headers": {PLANTED: PLANTED},
        "attachments": (Attachment(PLANTED, PLANTED, PLANTED, 1, PLANTED),),
    }
    return Message(**texts, **rest)


def test_a_line_is_json_with_event_level_and_time(written: Callable[[], str]) -> None:
    message_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    structlog.get_logger().info("message.kept", message_id=message_id, door="amqp", size=7)

    (line,) = lines(written())

    assert line["event"] == "message.kept"
    assert line["level"] == "info"
    assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC
    assert (line["message_id"], line["door"], line["size"]) == (message_id, "amqp", 7)


def test_nothing_planted_in_any_text_field_of_a_message_is_logged(written: Callable[[], str]) -> None:
    message = planted_message()
    log = structlog.get_logger()
    log.info("message.kept", message=message)
    for field in fields(Message):
        log.info("message.kept", **{field.name: getattr(message, field.name)})
    for key in SAFE_KEYS:
        log.info("message.kept", **{key: PLANTED})
        log.info("message.kept", **{key: [PLANTED, {"text": PLANTED}]})

    assert "Zq7" not in written()
    assert "lodie" not in written()
    assert len(lines(written())) == 1 + len(fields(Message)) + 2 * len(SAFE_KEYS)


def test_a_key_that_nobody_allowed_is_masked(written: Callable[[], str]) -> None:
    structlog.get_logger().info("message.kept", title="fine")

    assert lines(written())[0]["title"] == MASKED


def test_an_event_that_is_not_a_stable_name_is_not_written_out(written: Callable[[], str]) -> None:
    structlog.get_logger().info(f"kept {PLANTED}")

    assert lines(written())[0]["event"] == UNNAMED


def test_a_bound_context_is_filtered_too(written: Callable[[], str]) -> None:
    structlog.contextvars.bind_contextvars(request_id="0a1b", applicant=PLANTED)
    structlog.get_logger().info("http.request")

    assert lines(written())[0]["request_id"] == "0a1b"
    assert lines(written())[0]["applicant"] == MASKED


def refuse_because_of(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        raise Refused((Problem("schema", f"{text} is not a number", value=text),)) from error


def test_an_exception_is_logged_by_type_code_and_frames_alone(written: Callable[[], str]) -> None:
    try:
        refuse_because_of(PLANTED)
    except Refused:
        structlog.get_logger().exception("stage.failed")

    (line,) = lines(written())
    described = line["exception"]
    assert described["type"] == "broker.errors.Refused"
    assert described["code"] == "refused"
    assert any("test_logging.py" in frame and "refuse_because_of" in frame for frame in described["frames"])
    assert described["cause"]["type"] == "builtins.ValueError"
    assert "Zq7" not in written()


def test_an_exception_group_shows_its_members_without_their_texts(written: Callable[[], str]) -> None:
    group = ExceptionGroup(PLANTED, [ValueError(PLANTED), Conflict(PLANTED)])
    structlog.get_logger().error("loop.failed", exc_info=group)

    kinds = [member["type"] for member in lines(written())[0]["exception"]["group"]]
    assert kinds == ["builtins.ValueError", "broker.errors.Conflict"]
    assert "Zq7" not in written()


def test_a_dependency_is_heard_without_its_arguments(written: Callable[[], str]) -> None:
    logging.getLogger("aio_pika.robust").warning("Connection attempt to %s failed", PLANTED)

    (line,) = lines(written())
    assert line["event"] == "dependency.log"
    assert line["level"] == "warning"
    assert line["logger"] == "aio_pika.robust"
    assert line["template"] == "Connection attempt to %s failed"
    assert "Zq7" not in written()


def test_a_text_put_together_by_a_dependency_is_left_out(written: Callable[[], str]) -> None:
    logging.getLogger("asyncio").error(f"future: ValueError({PLANTED!r})")  # noqa: G004  # that is the mistake under test
    logging.getLogger("asyncio").error(f"{PLANTED} %s", 1)  # noqa: G004  # same

    assert all("template" not in line and "where" in line for line in lines(written()))
    assert "Zq7" not in written()


async def test_an_exception_nobody_retrieved_from_a_task_stays_silent_about_its_text(
    written: Callable[[], str],
) -> None:
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": f"lost {PLANTED}", "exception": ValueError(PLANTED)})

    assert lines(written())[0]["exception"]["type"] == "builtins.ValueError"
    assert "Zq7" not in written()


def test_an_uncaught_exception_ends_as_a_line_without_its_text(
    written: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    sys.excepthook(ValueError, ValueError(PLANTED), None)

    assert lines(written())[0]["event"] == "process.uncaught"
    assert "Zq7" not in written() + capsys.readouterr().err


def test_a_terminal_may_have_it_pretty_and_is_filtered_all_the_same() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out, root, hook = Terminal(), logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    configure_logging(pretty=True, stream=out)
    try:
        structlog.get_logger().info("message.kept", title=PLANTED, size=3)
        try:
            refuse_because_of(PLANTED)
        except Refused:
            structlog.get_logger().exception("stage.failed")
    finally:
        root.handlers[:], root.level = handlers, level
        sys.excepthook = hook
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()

    text = out.getvalue()
    assert "message.kept" in text
    assert "broker.errors.Refused" in text
    assert "refuse_because_of" in text
    assert "Zq7" not in text
