"""The twins' log: every record is one line of JSON, whatever it holds."""

import json
import logging
import sys

from provider_sandbox.log import JsonLines


def line_of(level: int, message: str, *values: object, error: bool = False) -> str:
    record = logging.LogRecord(
        "uvicorn.error", level, __file__, 1, message, values, sys.exc_info() if error else None
    )
    return JsonLines().format(record)


def test_a_line_has_the_names_of_the_services() -> None:
    fields = json.loads(line_of(logging.WARNING, "event %s is late\nby %s s", 7, "2"))
    assert fields.pop("ts").endswith("+00:00")
    assert fields == {
        "event": "event 7 is late\nby 2 s",
        "level": "warning",
        "service": "provider-sandbox",
        "logger": "uvicorn.error",
    }


def test_a_traceback_stays_on_the_line() -> None:
    try:
        raise ValueError("the amount")
    except ValueError:
        line = line_of(logging.ERROR, "event dropped", error=True)
    assert "\n" not in line
    assert "ValueError: the amount" in json.loads(line)["exception"]
