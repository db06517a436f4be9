"""Read the transaction export of MTN's partner portal (CSV) as a statement.

MTN does not publish the form of the file; the columns are those of exports that integrators read:
`Id`, `External id`, `Date`, `Status`, `Type`, `Amount` with a sign, `Fee`, and after each amount
its `Currency`. Names, numbers and messages are never read. Other columns may be there in any order.
The file has no balance that follows from line to line, so a missing line is not noticed.

Source: public readers of MTN's exports; check the first file of a new account by hand.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import partial
from uuid import UUID

from cift_shared.attempts.store import attempt_id_of
from cift_shared.rails.statements import (
    ProviderLine,
    Statement,
    StatementFormat,
    StatementUnreadable,
)
from momo_method import countries
from momo_method.countries import Country

_BYTES_MAX = 100_000_000
_NEEDED = ("id", "date", "status", "type", "amount")
_MOVED = frozenset({"successful", "success", "completed"})
_MOVED_NOTHING = frozenset({"failed", "pending", "rejected", "expired", "canceled", "cancelled"})
_BACK = frozenset({"refund", "reversal"})
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_DATES = ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the columns are that are read."""

    places: Mapping[str, int]
    currencies: Mapping[str, int]
    """By amount column, the place of its currency."""

    def text(self, row: Sequence[str], name: str) -> str:
        """A cell without the space around it; "" when the file has no such column."""
        place = self.places.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""

    def currency(self, row: Sequence[str], name: str) -> str:
        """The currency of an amount; "" when the file does not say."""
        place = self.currencies.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""


def read(country: Country, zone: tzinfo, content: bytes) -> Statement:
    """The statement's completed transactions, oldest first.

    Raises:
        StatementUnreadable: not a file of that form, or a line can't be read; names the line.
    """
    rows = _rows(content)
    columns = _columns(rows[0])
    lines: dict[str, ProviderLine] = {}
    skipped = 0
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        line = _line(country, zone, columns, row, f"line {number}")
        if line is None:
            skipped += 1
        elif lines.setdefault(line.external_id, line) != line:
            raise StatementUnreadable(f"line {number}: its id stands twice, not equal")
    ordered = sorted(lines.values(), key=lambda line: (line.at, line.external_id))
    return Statement(lines=tuple(ordered), skipped=skipped)


def _rows(content: bytes) -> list[list[str]]:
    if len(content) > _BYTES_MAX:
        raise StatementUnreadable(f"more than {_BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StatementUnreadable(f"not UTF-8 at byte {error.start}") from error
    head = text.partition("\n")[0]
    try:
        rows = list(
            csv.reader(
                io.StringIO(text, newline=""), delimiter=";" if ";" in head else ",", strict=True
            )
        )
    except csv.Error as error:
        raise StatementUnreadable("not CSV") from error
    if not rows:
        raise StatementUnreadable("line 1: there is no header")
    return rows


def _columns(header: Sequence[str]) -> _Columns:
    names = [cell.strip().lower() for cell in header]
    places: dict[str, int] = {}
    currencies: dict[str, int] = {}
    for place, name in enumerate(names):
        if name == "currency" and place:
            currencies.setdefault(names[place - 1], place)
        else:
            places.setdefault(name, place)
    missing = [name for name in _NEEDED if name not in places]
    if missing:
        raise StatementUnreadable(f"line 1: there is no column {', '.join(missing)}")
    return _Columns(places, currencies)


def _line(
    country: Country, zone: tzinfo, columns: _Columns, row: Sequence[str], where: str
) -> ProviderLine | None:
    """The line of a row; None when it moved no money."""
    status = columns.text(row, "status").lower()
    if status in _MOVED_NOTHING:
        return None
    if status not in _MOVED:
        raise StatementUnreadable(f"{where}: unknown status")
    receipt = columns.text(row, "id")
    if _ID.fullmatch(receipt) is None:
        raise StatementUnreadable(f"{where}: not an id")
    for name in ("amount", "fee"):
        if columns.currency(row, name) not in ("", country.currency):
            raise StatementUnreadable(f"{where}: another currency than {country.currency}")
    gross = _units(columns.text(row, "amount"), where)
    external = columns.text(row, "external id")
    return ProviderLine(
        external_id=receipt,
        kind=_kind(columns.text(row, "type").lower(), gross),
        at=_at(columns.text(row, "date"), zone, where),
        gross=gross,
        fee=_units(columns.text(row, "fee") or "0", where),
        currency=country.currency,
        references=(receipt,),
        hints=(_hint(external),) if _ID.fullmatch(external) else (),
    )


def _kind(word: str, gross: int) -> str:
    if word in _BACK:
        return "reversal"
    return "payment" if gross >= 0 else "payout"


def _units(text: str, where: str) -> int:
    try:
        amount = Decimal(text.replace(",", ""))
        whole = int(amount)
    except (InvalidOperation, ValueError, OverflowError):
        raise StatementUnreadable(f"{where}: not an amount") from None
    if amount != whole or len(text) > 40:
        raise StatementUnreadable(f"{where}: not a whole amount")
    return whole


def _at(text: str, zone: tzinfo, where: str) -> datetime:
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone)
        except ValueError:
            continue
    raise StatementUnreadable(f"{where}: not a time like 2026-11-29 18:04:05")


def _hint(external_id: str) -> str:
    return f"external {external_id}"


def _hints(payment_id: UUID) -> tuple[str, ...]:
    return (_hint(str(attempt_id_of(payment_id))),)


_EAST, _CENTRAL = timezone(timedelta(hours=3), "EAT"), timezone(timedelta(hours=2), "CAT")
UGANDA = StatementFormat(partial(read, countries.UGANDA, _EAST), _EAST, _hints)
RWANDA = StatementFormat(partial(read, countries.RWANDA, _CENTRAL), _CENTRAL, _hints)
"""The entry points `cift.statements`; neither country has daylight saving time."""
