"""Cursors: the place where a page ended, as opaque text that callers send back."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from gateway.http.fields import in_utc
from gateway.http.opaque_ids import OpaqueIds
from gateway.problems.problem import Problem, parameter_problem

_TEXT_MAX = 200
_NAME = re.compile(r"[\x21-\x7e]{1,100}")


@dataclass(frozen=True, slots=True)
class TimeCursor:
    """A place in a list that is ordered from the newest row to the oldest."""

    created_at: datetime
    row_id: UUID

    @property
    def place(self) -> tuple[datetime, UUID]:
        """The values that SQL compares."""
        return self.created_at, self.row_id

    def text(self) -> str:
        """The cursor as the caller sees it."""
        return _pack([self.created_at.isoformat(), str(self.row_id)])


def read_time_cursor(text: str, parameter: str = "after") -> TimeCursor:
    """The place that a caller sent back in `parameter`.

    Raises:
        Problem: not one of our cursors.
    """
    try:
        created_at, row_id = _unpack(text)
        return TimeCursor(_moment(created_at), UUID(row_id))
    except (ValueError, TypeError, AttributeError) as error:
        raise _refused(parameter) from error


@dataclass(frozen=True, slots=True)
class NameCursor:
    """A place in a list of named rows that is ordered from the newest to the oldest."""

    created_at: datetime
    name: str

    @property
    def place(self) -> tuple[datetime, str]:
        """The values that SQL compares."""
        return self.created_at, self.name

    def text(self) -> str:
        """The cursor as the caller sees it."""
        return _pack([self.created_at.isoformat(), self.name])


def read_name_cursor(text: str, parameter: str = "after") -> NameCursor:
    """The place that a caller sent back in `parameter`.

    Raises:
        Problem: not one of our cursors.
    """
    try:
        created_at, name = _unpack(text)
        cursor = NameCursor(_moment(created_at), name)
    except (ValueError, TypeError) as error:
        raise _refused(parameter) from error
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(parameter)
    return cursor


def read_entry_cursor(text: str, ids: OpaqueIds, parameter: str = "after") -> int:
    """The number of the ledger entry whose public id a caller sent back in `parameter`.

    Raises:
        Problem: not one of our cursors.
    """
    try:
        return ids.number("entry", text)
    except ValueError as error:
        raise _refused(parameter, "Not a cursor of this list; start again without one.") from error


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


def _refused(parameter: str, detail: str = "Not a cursor of this list.") -> Problem:
    return parameter_problem("validation_failed", detail, place="query", name=parameter)
