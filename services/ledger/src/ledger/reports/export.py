"""Write a period of the journal to a file: CSV for spreadsheets, JSON Lines for programs.

A server-side cursor reads the rows, so memory does not grow with the journal. All rows are of one
snapshot; they are counted and summed while they are written.
"""

import csv
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any, Protocol, TextIO

from cift_shared.errors import InvariantViolated
from cift_shared.money.amount import Money
from ledger.chain.hash_chain import Connection

ROWS_A_FETCH = 1_000

COLUMNS = (
    "transaction_id", "kind", "reference", "payment_id", "booked_at", "effective_at", "line",
    "mode", "tenant", "account", "class", "currency", "amount", "minor", "balance_after",
)  # fmt: skip
_NUMBERS = ("transaction_id", "line", "amount", "minor", "balance_after")

# Source: owasp.org/www-community/attacks/CSV_Injection: a spreadsheet may run text that begins so.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  full width too

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Period:
    """What is exported: booked from `since` and before `until`, in one mode or both (None)."""

    since: datetime
    until: datetime
    mode: str | None = None


@dataclass(slots=True)
class Sums:
    """Counts and control sums of what has been written so far."""

    transactions: int = 0
    entries: int = 0
    debits: dict[tuple[str, str], int] = field(default_factory=dict)
    """By mode and currency, in minor units."""
    credits: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, lines: list[Line]) -> None:
        """Count one transaction."""
        self.transactions += 1
        self.entries += len(lines)
        for line in lines:
            key, minor = (line["mode"], line["currency"]), int(line["minor"])
            side = self.debits if minor > 0 else self.credits
            side[key] = side.get(key, 0) + abs(minor)

    def facts(self) -> dict[str, Any]:
        """The counts and control sums as data for programs."""
        sums = [
            {
                "mode": mode,
                "currency": currency,
                "debit": Money(self.debits.get((mode, currency), 0), currency).text,
                "credit": Money(self.credits.get((mode, currency), 0), currency).text,
            }
            for mode, currency in sorted({*self.debits, *self.credits})
        ]
        return {"transactions": self.transactions, "entries": self.entries, "sums": sums}

    def lines(self) -> list[str]:
        """The counts and control sums as lines of text."""
        lines = [f"{self.transactions} transactions, {self.entries} entries"]
        for total in self.facts()["sums"]:
            name = f"{total['mode']} {total['currency']}"
            lines.append(f"{name}: debit {total['debit']}, credit {total['credit']}")
        return lines


class Writer(Protocol):
    """A format of the export."""

    def write(self, lines: list[Line]) -> None:
        """Write one transaction."""
        ...


class CsvWriter:
    """Writes one row per entry, with a heading (RFC 4180)."""

    def __init__(self, stream: TextIO) -> None:
        self._rows = csv.writer(stream)
        self._rows.writerow(COLUMNS)

    def write(self, lines: list[Line]) -> None:
        """Write one transaction."""
        for line in lines:
            self._rows.writerow(
                [line[name] if name in _NUMBERS else harmless(line[name]) for name in COLUMNS]
            )


class JsonLinesWriter:
    """Writes one line per transaction, which contains its entries."""

    _OF_ENTRY = COLUMNS[COLUMNS.index("line") :]

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, lines: list[Line]) -> None:
        """Write one transaction."""
        first = lines[0]
        document = {name: first[name] for name in COLUMNS if name not in self._OF_ENTRY}
        entries = [{name: line[name] for name in self._OF_ENTRY} for line in lines]
        text = json.dumps({**document, "entries": entries}, separators=(",", ":"))
        self._stream.write(f"{text}\n")


FORMATS: dict[str, Callable[[TextIO], Writer]] = {"csv": CsvWriter, "jsonl": JsonLinesWriter}


def harmless(text: str | None) -> str:
    """Text that no spreadsheet runs as a formula: such a text gets an apostrophe in front."""
    return f"'{text}" if text and text.startswith(_FORMULA_SIGNS) else text or ""


async def export(
    connection: Connection,
    period: Period,
    writer: Writer,
    *,
    begin: Callable[[int], None],
    step: Callable[[int], None],
) -> Sums:
    """Write a period of the journal, in its order.

    Args:
        connection: to the ledger's database.
        period: what to write.
        writer: the format.
        begin: called first, with the number of transactions.
        step: called after each transaction, with 1.

    Raises:
        InvariantViolated: fewer or more rows were written than the period has, or debits and
            credits differ.
    """
    sums = Sums()
    args = (period.since, period.until, period.mode)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        size = await connection.fetchrow(_sql("export_size"), *args)
        begin(size["transactions"])
        rows = connection.cursor(_sql("export"), *args, prefetch=ROWS_A_FETCH)
        async for lines in _transactions(rows):
            writer.write(lines)
            sums.add(lines)
            step(1)
    if (sums.transactions, sums.entries) != (size["transactions"], size["entries"]):
        raise InvariantViolated(f"{size['entries']} entries to export, {sums.entries} written")
    if sums.debits != sums.credits:
        raise InvariantViolated("the exported transactions don't balance")
    return sums


async def _transactions(rows: AsyncIterator[Any]) -> AsyncIterator[list[Line]]:
    lines: list[Line] = []
    async for row in rows:
        if lines and lines[0]["transaction_id"] != str(row["tx_id"]):
            yield lines
            lines = []
        lines.append(_line(row))
    if lines:
        yield lines


def _line(row: Any) -> Line:
    currency = row["currency"]
    return {
        "transaction_id": str(row["tx_id"]),
        "kind": row["kind"],
        "reference": row["ref"],
        "payment_id": str(row["payment_id"]) if row["payment_id"] else None,
        "booked_at": row["booked_at"].isoformat(),
        "effective_at": row["effective_at"].isoformat(),
        "line": row["seq"],
        "mode": row["mode"],
        "tenant": row["tenant"],
        "account": row["code"],
        "class": row["class"],
        "currency": currency,
        "amount": Money(int(row["amount"]), currency).text,
        "minor": str(int(row["amount"])),
        "balance_after": Money(int(row["balance_after"]), currency).text,
    }


def _sql(name: str) -> str:
    return (files("ledger.reports") / "sql" / f"{name}.sql").read_text("utf-8")
