"""Lines of an outage: the first is shown, the others are counted, the end is told."""

import ast
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

import card_worker
import cift_shared
import gateway
import ledger
import momo_worker
import mpesa_worker
import paypal_worker
from cift_shared.observability.outage_log import (
    END_AFTER_S,
    SUMMARY_S,
    OutageFilter,
    server_of,
    without_traceback,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def held(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> OutageFilter:
    limiter = OutageFilter("ledger", clock=clock)
    monkeypatch.setattr(limiter, "_start_thread", lambda: None)  # the test calls it
    return limiter


def line(name: str, message: Any, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, (), None)


def kafka() -> logging.LogRecord:
    return line("aiokafka.conn", "Unable connect to node")


def database() -> logging.LogRecord:
    return line("structlog", {"event": "relay.failed", "error": "ConnectionRefusedError()"})


def test_the_first_line_of_each_server_is_shown(held: OutageFilter) -> None:
    assert held.filter(kafka())
    assert held.filter(database())
    assert not any(held.filter(one) for one in [kafka(), database(), kafka()])


@pytest.mark.parametrize(
    "record",
    [
        line("structlog", {"event": "kafka.record.refused"}),
        line("structlog", {"event": "part.failed", "exception": "Traceback: a fault of ours"}),
        line("aiokafka.consumer", "joined the group", logging.INFO),
        line("uvicorn.error", "a fault"),
    ],
)
def test_other_lines_are_always_shown(held: OutageFilter, record: logging.LogRecord) -> None:
    held.filter(kafka())
    held.filter(database())
    assert all(held.filter(record) for _ in range(3))


def test_a_summary_counts_and_shows_the_last_line(held: OutageFilter, clock: Clock) -> None:
    held.filter(database())
    for _ in range(40):
        held.filter(database())
    with capture_logs() as lines:
        clock.now += SUMMARY_S - 1
        assert held.log_summaries()
        assert lines == []
        held.filter(database())
        clock.now += 1
        assert held.log_summaries()
        assert held.log_summaries()
    [summary] = lines
    assert (summary["event"], summary["server"]) == ("outage.continues", "database")
    assert (summary["lines"], summary["service"]) == (41, "ledger")
    assert summary["last"] == "relay.failed ConnectionRefusedError()"


def test_the_end_is_told_once_and_the_next_outage_is_new(held: OutageFilter, clock: Clock) -> None:
    held.filter(kafka())
    clock.now += 5
    held.filter(kafka())
    clock.now += END_AFTER_S + 1
    with capture_logs() as lines:
        assert not held.log_summaries()
        assert not held.log_summaries()
    assert [(one["event"], one["for_s"], one["lines"]) for one in lines] == [("outage.over", 5, 1)]
    assert held.filter(kafka())


def test_one_warning_alone_is_no_outage(held: OutageFilter, clock: Clock) -> None:
    held.filter(kafka())
    clock.now += END_AFTER_S + 1
    with capture_logs() as lines:
        assert not held.log_summaries()
    assert lines == []


def test_an_expected_error_of_a_loop_has_no_traceback() -> None:
    event = without_traceback(None, "", {"event": "part.failed", "exc_info": OSError("away")})
    assert event == {"event": "part.failed", "error": "OSError('away')"}
    fault = {"event": "part.failed", "exc_info": KeyError("a fault of ours")}
    assert without_traceback(None, "", dict(fault)) == fault


@pytest.mark.parametrize(
    ("text", "error", "is_outage"),
    [
        ("coro=<Connection.close() ... asyncpg/connection.py:1525>", TimeoutError(), True),
        ("coro=<Connection.close() ... asyncpg/connection.py:1525>", KeyError("ours"), False),
        ("coro=<Loop.run() ... gateway/app.py:7>", TimeoutError(), False),
    ],
)
def test_a_connection_that_is_dropped_by_the_library_has_no_traceback(
    held: OutageFilter, text: str, error: Exception, is_outage: bool
) -> None:
    info = (type(error), error, None)
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, text, None, info)
    assert held.filter(record)
    assert (record.exc_info is None) == is_outage


_LOGS_WHILE_IT_ENDS = """
import logging
from cift_shared.observability.log import start_logging

class LeftBehind:
    def __del__(self):
        error = TimeoutError("no answer")
        logging.getLogger("aiokafka").error("Unclosed AIOKafkaConsumer", exc_info=error)

start_logging("ledger", level="info", style="json")
kept = LeftBehind()
"""


def test_lines_of_the_interpreters_end_do_not_keep_it_alive() -> None:
    """A client that was left behind logs when it is deleted, after the last thread could start."""
    ended = subprocess.run(
        [sys.executable, "-c", _LOGS_WHILE_IT_ENDS],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "Unclosed AIOKafkaConsumer: TimeoutError('no answer')" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


_AWAY = {
    "INFRASTRUCTURE_ERRORS",
    "KafkaError",
    "_DATABASE_ERRORS",
    "_NOT_DRAINED",
    "_UNAVAILABLE",
}
"""What our code calls the errors of a server that is away, where it catches them."""
_TOLD_ONCE = {
    "instance.not_renewed",  # for debugging only
    "relay.not_drained",  # once a stop
}


def events_of_servers_away() -> Iterator[str]:
    """Every event that our code logs where it has caught such an error."""
    workers = (mpesa_worker, momo_worker, card_worker, paypal_worker)
    for package in (cift_shared, gateway, ledger, *workers):
        for file in Path(str(package.__file__)).parent.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ExceptHandler) and _AWAY & names_in(node.type):
                    yield from logged_in(node)


def names_in(node: ast.AST | None) -> set[str]:
    found = ast.walk(node) if node is not None else ()
    return {one.id for one in found if isinstance(one, ast.Name)}


def logged_in(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("log."):
            yield ast.literal_eval(call.args[0])


def test_every_event_of_an_outage_is_known() -> None:
    found = set(events_of_servers_away())
    assert len(found) > 10
    unknown = {
        event
        for event in found - _TOLD_ONCE
        if server_of(line("structlog", {"event": event})) is None
    }
    assert unknown == set()
