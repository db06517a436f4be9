"""The organisation statement as the M-Pesa portal exports it: the book of both short codes as CSV.

Rows are newest first, below a block of information. A charge is a separate row with the receipt of
its payout. Source: exports of the M-Pesa organisation portal.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from provider_sandbox.clock import NAIROBI
from provider_sandbox.twin import Twin

HEADINGS = (
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Details",
    "Transaction Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Balance Confirmed",
    "Reason Type",
    "Other Party Info",
    "Linked Transaction ID",
    "A/C No.",
)
_PARTY = "JANE WANJIKU"
_REASONS = {
    "stk": "Pay Bill Online",
    "b2c": "Business Payment to Customer via API",
    "reversal": "Online Transaction Reversal",
}


def statement(twin: Twin, *, since: date | None, until: date | None) -> str:
    """The movements of these days (Nairobi time, both days included) as CSV.

    The opening balance is the float of a new state. Balances that the control API sets are not
    movements, so the statement does not show them.
    """
    balance = Decimal(twin.settings.b2c_float_kes)
    rows: list[dict[str, str]] = []
    entries = twin.book.entries(since=0, limit=-1)
    for entry in (entry for entry in entries if entry["provider"] == "daraja"):
        day = _at(entry).date()
        for reason, amount in _moves(entry):
            balance += amount
            if (since or day) <= day <= (until or day):
                rows.append(_row(entry, reason, amount, balance))
    return _csv(twin, rows)


def _moves(entry: dict[str, Any]) -> Iterator[tuple[str, Decimal]]:
    """The changes of our accounts by one entry of the book: the amount, and the charge."""
    sign = 1 if entry["kind"] == "stk" else -1
    yield _REASONS[entry["kind"]], sign * Decimal(entry["amount"])
    if Decimal(entry["fee"]):
        yield "Business Payment Charge", -Decimal(entry["fee"])


def _row(entry: dict[str, Any], reason: str, amount: Decimal, balance: Decimal) -> dict[str, str]:
    at = f"{_at(entry):%Y-%m-%d %H:%M:%S}"
    account = entry["caller_refs"].get("AccountReference", "")
    party = f"{entry['msisdn']} - {_PARTY}"
    return {
        "Receipt No.": entry["receipt"],
        "Completion Time": at,
        "Initiation Time": at,
        "Details": f"{reason} {'from' if amount > 0 else 'to'} {party}",
        "Transaction Status": "Completed",
        "Paid In": f"{amount:,.2f}" if amount > 0 else "",
        "Withdrawn": f"{amount:,.2f}" if amount < 0 else "",
        "Balance": f"{balance:,.2f}",
        "Balance Confirmed": "true",
        "Reason Type": reason,
        "Other Party Info": party,
        "Linked Transaction ID": entry["provider_ids"].get("OriginalTransactionID", ""),
        "A/C No.": account if entry["kind"] == "stk" else "",
    }


def _at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"]).astimezone(NAIROBI)


def _csv(twin: Twin, rows: list[dict[str, str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    settings = twin.settings
    writer.writerow(["Organization Statement"])
    writer.writerow(["Short Codes:", f"{settings.short_code} {settings.b2c_short_code}"])
    writer.writerow(["Currency:", "KES"])
    writer.writerow([])
    writer.writerow(HEADINGS)
    writer.writerows([row[heading] for heading in HEADINGS] for row in reversed(rows))
    return out.getvalue()
