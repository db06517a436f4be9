"""Where a page ended, as text that callers pass back unread."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from gateway.problems import Problem, parameter_problem
from gateway.schemas import in_utc

_TEXT_MAX = 200
_NAME = re.compile(r"[\x21-\x7e]{1,100}")


@dataclass(frozen=True, slots=True)
class TimeCursor:
    """Place in a list that runs from the newest to the oldest."""

    created_at: datetime
    row_id: UUID

    def text(self) -> str:
        """As the caller sees it."""
        return _pack([self.created_at.isoformat(), str(self.row_id)])


def read_time_cursor(text: str | None) -> TimeCursor | None:
    """The place a caller passed back.

    Raises:
        Problem: not one of our cursors.
    """
    if text is None:
        return None
    try:
        created_at, row_id = _unpack(text)
        return TimeCursor(_moment(created_at), UUID(row_id))
    except (ValueError, TypeError, AttributeError) as error:
        raise _refused() from error


@dataclass(frozen=True, slots=True)
class NameCursor:
    """Place in a list of named things that runs from the newest to the oldest."""

    created_at: datetime
    name: str

    def text(self) -> str:
        """As the caller sees it."""
        return _pack([self.created_at.isoformat(), self.name])


def read_name_cursor(text: str | None) -> NameCursor | None:
    """The place a caller passed back.

    Raises:
        Problem: not one of our cursors.
    """
    if text is None:
        return None
    try:
        created_at, name = _unpack(text)
        cursor = NameCursor(_moment(created_at), name)
    except (ValueError, TypeError) as error:
        raise _refused() from error
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused()
    return cursor


def entry_cursor(entry_id: int) -> str:
    """The place after a ledger entry, as the caller sees it."""
    return _pack([entry_id])


def read_entry_cursor(text: str | None) -> int | None:
    """The entry id a caller passed back.

    Raises:
        Problem: not one of our cursors.
    """
    if text is None:
        return None
    try:
        (entry_id,) = _unpack(text)
    except (ValueError, TypeError) as error:
        raise _refused() from error
    if type(entry_id) is not int or not 0 < entry_id < 2**63:
        raise _refused()
    return entry_id


def next_link(path: str, query: dict[str, str], cursor: str) -> str:
    """The Link header (RFC 8288) to the next page, relative so that no Host header is believed."""
    return f'<{path}?{urlencode({**query, "after": cursor})}>; rel="next"'


def _pack(parts: list[object]) -> str:
    raw = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unpack(text: str) -> list[Any]:
    if len(text) > _TEXT_MAX or not text.isascii():
        raise ValueError("not a cursor")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not a cursor") from error
    parts = json.loads(raw.decode())
    if not isinstance(parts, list):
        raise TypeError("not a cursor")
    return parts


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("not a moment")
    return in_utc(moment)


def _refused() -> Problem:
    return parameter_problem(
        "validation_failed", "Not a cursor of this list.", place="query", name="after"
    )
