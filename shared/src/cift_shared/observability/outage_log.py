"""Log lines of an expected outage: the first at once, a summary every 10 seconds, then its end.

While Kafka or PostgreSQL is unavailable, every loop of a service fails again and again, and the
client libraries log each try: hundreds of lines per second with the same content. Lines about one
server belong to one outage: its first line is shown, the next ones are counted. `outage.continues`
reports their number and shows the last one; `outage.over` is logged after 15 seconds without such a
line. Every loop of ours retries more often than that, so no line means that the server answers
again.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

SUMMARY_S = 10.0
END_AFTER_S = 15.0
"""An outage is over after this time without a line; every loop of ours retries more often."""
_LAST_CHARS_MAX = 200

KAFKA, DATABASE = "kafka", "database"

_LIBRARIES = {"aiokafka": KAFKA, "faststream": KAFKA, "asyncpg": DATABASE}
"""Loggers of client libraries, warnings and errors only."""
_EVENTS = {
    "kafka.consumer.failed": KAFKA,
    "kafka.producer.discarded": KAFKA,
    "kafka.client.stop_failed": KAFKA,
    "attempts.loop_failed": DATABASE,
    "attempts.save_delayed": DATABASE,
    "instance.not_taken": DATABASE,
    "gateway.housekeeping.failed": DATABASE,
    "gateway.request.unavailable": DATABASE,
    "kafka.batch.retried": DATABASE,
    "part.failed": DATABASE,
    "rail_status.not_stored": DATABASE,
    "payment_signals.disconnected": DATABASE,
    "relay.failed": DATABASE,
}
"""Our events about an unavailable server. `part.failed` counts only without a traceback."""
_NOT_STORED = ".not_stored"
"""End of the events of workers that could not store something."""
_EXPECTED = frozenset(
    {
        "OSError",
        "TimeoutError",
        "InterfaceError",
        "InternalClientError",
        "PostgresConnectionError",
        "CannotConnectNowError",
        "AdminShutdownError",
        "CrashShutdownError",
        "TooManyConnectionsError",
    }
)
"""Classes of errors, by name: this module imports no client library."""


def without_traceback(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: log an expected error of a loop in one line."""
    error = event.get("exc_info")
    if isinstance(error, tuple):
        error = error[1]
    is_error = isinstance(error, BaseException) and _is_expected(error)
    if is_error and event.get("event") == "part.failed":
        del event["exc_info"]
        event["error"] = repr(error)
    return event


class OutageFilter(logging.Filter):
    """Suppresses all but the first line of an outage; a separate thread logs the summaries.

    Args:
        service: name in the summary lines, whose thread has no context variables.
        clock: monotonic seconds.
    """

    def __init__(self, service: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, _Outage] = {}
        self._thread: threading.Thread | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """True if the line is to be shown."""
        server = server_of(record)
        if server is None:
            return True
        # During the shutdown of the interpreter no thread can start (3.11 waits for it forever),
        # and a thread that was stopped may hold the lock. Unclosed objects of client libraries
        # still log at that time.
        if sys.is_finalizing():
            _shorten(record)
            return server not in self._open
        now = self._clock()
        with self._lock:
            outage = self._open.get(server)
            if outage is not None:
                outage.suppress(_text(record), now)
                return False
            self._open[server] = _Outage(since=now, reported_at=now, last_at=now)
            self._start_thread()
        _shorten(record)
        return True

    def log_summaries(self) -> bool:
        """Log the summaries that are due now; False once no outage is open."""
        now, due = self._clock(), []
        with self._lock:
            for server, outage in list(self._open.items()):
                if now - outage.last_at > END_AFTER_S:
                    del self._open[server]
                    due.append((server, outage, True))
                elif outage.unreported and now - outage.reported_at >= SUMMARY_S:
                    due.append((server, outage.reported(now), False))
            is_open = bool(self._open)
            if not is_open:
                self._thread = None
        for server, outage, over in due:  # without the lock: these lines pass this filter, too
            self._log_summary(server, outage, over=over)
        return is_open

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="outages", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self.log_summaries():
            time.sleep(1.0)

    def _log_summary(self, server: str, outage: "_Outage", *, over: bool) -> None:
        log = structlog.get_logger().bind(service=self._service)
        for_s = round(outage.last_at - outage.since)
        if over and outage.lines:
            log.info("outage.over", server=server, for_s=for_s, lines=outage.lines)
        elif not over:
            log.warning(
                "outage.continues", server=server, for_s=for_s, lines=outage.lines, last=outage.last
            )


@dataclass(slots=True)
class _Outage:
    """The lines about one unavailable server."""

    since: float
    reported_at: float
    last_at: float
    unreported: int = 0
    """Lines suppressed since the last summary."""
    lines: int = 0
    """Lines suppressed in all."""
    last: str = ""

    def suppress(self, text: str, now: float) -> None:
        """Count a suppressed line."""
        self.unreported += 1
        self.lines += 1
        self.last, self.last_at = text, now

    def reported(self, now: float) -> "_Outage":
        """A copy for a summary; the count since the last summary restarts at 0."""
        self.unreported, self.reported_at = 0, now
        return _Outage(self.since, now, self.last_at, 0, self.lines, self.last)


def _server_of_event(event: str) -> str | None:
    return DATABASE if event.endswith(_NOT_STORED) else _EVENTS.get(event)


def server_of(record: logging.LogRecord) -> str | None:
    """The server whose outage this line reports; None: the line is about something else."""
    if isinstance(record.msg, dict):
        event = record.msg
        return None if "exception" in event else _server_of_event(str(event.get("event")))
    if record.levelno < logging.WARNING:
        return None
    if record.name == "asyncio" and _is_dropped_connection(record):
        return DATABASE
    return _LIBRARIES.get(record.name.partition(".")[0])


def _is_dropped_connection(record: logging.LogRecord) -> bool:
    """True for a connection whose server did not answer its close: no code awaits that task."""
    error = record.exc_info[1] if record.exc_info else None
    return error is not None and _is_expected(error) and "asyncpg" in record.getMessage()


def _text(record: logging.LogRecord) -> str:
    """A suppressed line in short form."""
    if isinstance(record.msg, dict):
        error = record.msg.get("error", "")
        return f"{record.msg.get('event')} {error}".strip()[:_LAST_CHARS_MAX]
    return record.getMessage()[:_LAST_CHARS_MAX]


def _shorten(record: logging.LogRecord) -> None:
    """Remove the traceback from a client library's line, and add the error itself."""
    if record.exc_info and not isinstance(record.msg, dict):
        record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]!r}", ()
        record.exc_info = record.exc_text = None


def _is_expected(error: BaseException) -> bool:
    return any(kind.__name__ in _EXPECTED for kind in type(error).__mro__)
