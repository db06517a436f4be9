"""Read DemoPay's statements: CSV with receipt, kind, minor units, currency and time."""

import csv
import io
from datetime import UTC, datetime

from cift_shared.rails.statements import (
    ProviderLine,
    Statement,
    StatementFormat,
    StatementUnreadable,
)


def read(content: bytes) -> Statement:
    """A statement; raises StatementUnreadable, naming the line."""
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    return Statement(lines=tuple(_line(number, row) for number, row in enumerate(rows, start=2)))


def _line(number: int, row: dict[str, str]) -> ProviderLine:
    try:
        sign = 1 if row["kind"] == "in" else -1
        return ProviderLine(
            external_id=row["receipt"],
            kind="payment" if row["kind"] == "in" else "payout",
            at=datetime.fromisoformat(row["at"]),
            gross=sign * int(row["amount"]),
            currency=row["currency"],
            references=(row["receipt"],),
        )
    except (KeyError, ValueError) as error:
        raise StatementUnreadable(f"line {number}") from error


FORMAT = StatementFormat(read, UTC, lambda _payment_id: ())
"""The entry point `cift.statements`."""
