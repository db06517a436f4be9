"""Read the organisation statement of M-Pesa, as the portal exports it (CSV).

The portals of Safaricom and Vodacom export the same table. A block of information precedes it. Rows
are newest first, amounts have thousands separators, times are East Africa Time. A charge is a
separate row with the receipt of its payment. `Details` and
`Other Party Info` contain phones and names: `Details` is only searched for the words that show a
row's kind, and `Other Party Info` is not read. An account number is kept only if it has the form
of ours.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

from cift_shared.rails.statements import ProviderLine, Statement, StatementUnreadable

EAST_AFRICA = timezone(timedelta(hours=3), "EAT")
"""East Africa Time, without daylight saving time."""

_REQUIRED_COLUMNS = ("receipt no", "completion time", "transaction status", "paid in", "withdrawn")
_TIMES = ("%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S")
_AMOUNT = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,15})(?:\.[0-9]{1,2})?")
_RECEIPT = re.compile(r"[A-Z0-9]{8,12}")
_OUR_ACCOUNT = re.compile(r"[A-Z2-7]{12}")
_MOVED_NOTHING = frozenset({"failed", "declined", "cancelled", "canceled", "expired"})
_BYTES_MAX = 200_000_000


@dataclass(frozen=True, slots=True)
class _Row:
    """A completed row, with its line number in the file."""

    number: int
    cells: dict[str, str]
    amount: int
    balance: int | None

    @property
    def receipt(self) -> str:
        return self.cells["receipt no"]

    @property
    def linked(self) -> str:
        return self.cells.get("linked transaction id", "")


def read(content: bytes, *, currency: str) -> Statement:
    """The statement's completed rows, in this currency.

    Raises:
        StatementUnreadable: not CSV, no table, or a row that can't be read; names the line.
    """
    skipped = 0
    rows: list[_Row] = []
    for number, cells in _table(content):
        status = cells["transaction status"].lower()
        if status in _MOVED_NOTHING:
            skipped += 1
        elif status == "completed":
            rows.append(_row(number, cells))
        else:
            raise StatementUnreadable(f"line {number}: transaction status {status[:20]!r}")
    ordered = _oldest_first(rows)
    balances = [row for row in ordered if row.balance is not None]
    return Statement(
        lines=tuple(_lines(ordered, currency)),
        opening=_balance_before(balances[0]) if balances else None,
        closing=balances[-1].balance if balances else None,
        gaps=tuple(f"line {number}" for number in _balance_gaps(ordered)),
        skipped=skipped,
    )


def _table(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by heading, for every row below the headings."""
    reader = csv.reader(io.StringIO(_text(content), newline=""), strict=True)
    headings: list[str] | None = None
    try:
        for cells in reader:
            words = [cell.strip() for cell in cells]
            if not any(words):
                continue
            if headings is None:
                headings = _headings(words)
            elif len(words) > len(headings):
                raise StatementUnreadable(f"line {reader.line_num}: more cells than headings")
            else:
                words += [""] * (len(headings) - len(words))
                yield reader.line_num, dict(zip(headings, words, strict=True))
    except csv.Error as error:
        raise StatementUnreadable(f"line {reader.line_num}: not CSV: {error}") from error
    if headings is None:
        raise StatementUnreadable("no row of headings with 'Receipt No.' in it")


def _text(content: bytes) -> str:
    if len(content) > _BYTES_MAX:
        raise StatementUnreadable(f"more than {_BYTES_MAX} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StatementUnreadable(f"not UTF-8 at byte {error.start}") from error


def _headings(words: Sequence[str]) -> list[str] | None:
    """The headings in lower case; None for a row of the block above them."""
    headings = [" ".join(word.lower().rstrip(".").split()) for word in words]
    if "receipt no" not in headings:
        return None
    missing = [name for name in _REQUIRED_COLUMNS if name not in headings]
    if missing:
        raise StatementUnreadable(f"column missing: {', '.join(missing)}")
    return headings


def _row(number: int, cells: dict[str, str]) -> _Row:
    if _RECEIPT.fullmatch(cells["receipt no"]) is None:
        raise StatementUnreadable(f"line {number}: no receipt")
    paid_in = _cents(number, "Paid In", cells["paid in"])
    withdrawn = _cents(number, "Withdrawn", cells["withdrawn"])
    if bool(paid_in) == bool(withdrawn):
        raise StatementUnreadable(f"line {number}: one of Paid In and Withdrawn must be filled")
    balance = cells.get("balance", "")
    # The portal writes withdrawn amounts with a minus sign, older exports without one.
    amount = (paid_in or 0) - abs(withdrawn or 0)
    return _Row(number, cells, amount, _cents(number, "Balance", balance))


def _cents(number: int, column: str, text: str) -> int | None:
    if not text:
        return None
    if _AMOUNT.fullmatch(text) is None:
        raise StatementUnreadable(f"line {number}: {column} is no amount")
    return int(Decimal(text.replace(",", "")).scaleb(2))


def _time(row: _Row) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(row.cells["completion time"], form).replace(tzinfo=EAST_AFRICA)
        except ValueError:
            continue
    raise StatementUnreadable(f"line {row.number}: Completion Time is no time")


def _oldest_first(rows: Sequence[_Row]) -> list[_Row]:
    """The rows in the order they happened; a file that is newest first is reversed."""
    if not rows:
        return []
    first, last = _time(rows[0]), _time(rows[-1])
    backwards = [*reversed(rows)]
    if first == last:  # all in one second: the balances show the order
        return backwards if len(_balance_gaps(backwards)) < len(_balance_gaps(rows)) else list(rows)
    return backwards if first > last else list(rows)


def _balance_gaps(rows: Sequence[_Row]) -> list[int]:
    """Line numbers of rows whose balance does not follow from the row before."""
    known = [row for row in rows if row.balance is not None]
    return [
        after.number
        for before, after in pairwise(known)
        if _balance_before(after) != before.balance
    ]


def _balance_before(row: _Row) -> int:
    return (row.balance or 0) - row.amount


def _lines(rows: Sequence[_Row], currency: str) -> Iterator[ProviderLine]:
    seen: dict[str, int] = {}
    for row in rows:
        kind = _kind(row)
        name = f"{row.receipt}:charge" if kind == "charge" else row.receipt
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1 and kind != "charge":
            raise StatementUnreadable(f"line {row.number}: receipt {row.receipt} stands twice")
        yield ProviderLine(
            external_id=name if seen[name] == 1 else f"{name}{seen[name]}",
            kind=kind,
            at=_time(row),
            gross=0 if kind == "charge" else row.amount,
            fee=-row.amount if kind == "charge" else 0,
            currency=currency,
            references=(row.receipt,),
            hints=tuple(_hints(row)),
        )


def _kind(row: _Row) -> str:
    words = f"{row.cells.get('reason type', '')} {row.cells.get('details', '')}".lower()
    if "charge" in words:
        return "charge"
    if "reversal" in words:
        return "reversal"
    if "pay bill" in words or "merchant payment" in words:
        return "payment"
    return "payout" if "business payment" in words else "other"


def _hints(row: _Row) -> Iterator[str]:
    account = row.cells.get("a/c no", "")
    if _OUR_ACCOUNT.fullmatch(account):
        yield f"account {account}"
    if _RECEIPT.fullmatch(row.linked):
        yield f"linked {row.linked}"
