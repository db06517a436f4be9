"""The twins' log: one JSON object per line, with the same field names as the services."""

import json
import logging
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """One record per line: `event`, `level`, `ts`, `service`, `logger`; for errors `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line break."""
        fields = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "service": "provider-sandbox",
            "logger": record.name,
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def start_logging() -> None:
    """Send warnings and errors of all loggers to stdout.

    uvicorn must be started without a logging configuration of its own.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
