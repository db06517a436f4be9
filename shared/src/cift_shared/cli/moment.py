"""A moment on the command line."""

from datetime import UTC, datetime
from typing import Any

import click


class Moment(click.ParamType[datetime]):
    """A date (its first moment, UTC) or a time, `2026-11-01` or `2026-11-01T12:30:00+03:00`."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the moment; without a UTC offset it is in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        except ValueError:
            self.fail(f"{value!r} is not a date or time like 2026-11-01T12:30:00Z", param, ctx)
