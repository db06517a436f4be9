"""Drops the log, which nobody reads, and reports exceptions that nobody expected as findings."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from cift_shared.database.pool import INFRASTRUCTURE_ERRORS

UNEXPECTED = ("attempt.failed", "kafka.record.refused", "part.failed")
_ERROR = 40
SAID_MAX = 3


@contextmanager
def watched_log() -> Iterator[list[str]]:
    """Drop the log for a while; answers what it said of exceptions that nobody expected."""
    before, said = structlog.get_config(), list[str]()

    def keep(_: Any, __: str, event: Any) -> Any:
        infrastructure = isinstance(sys.exc_info()[1], INFRASTRUCTURE_ERRORS)
        if event.get("event") in UNEXPECTED and not infrastructure and len(said) < SAID_MAX:
            line = structlog.processors.format_exc_info(None, "", dict(event))
            said.append(f"{event['event']}: {line.get('exception', '')[-600:]}")
        raise structlog.DropEvent

    structlog.configure(
        processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(_ERROR)
    )
    try:
        yield said
    finally:
        structlog.configure(**before)
