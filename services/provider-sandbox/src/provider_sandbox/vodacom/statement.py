"""The organisation statement as the M-Pesa portal exports it: our book as CSV, newest first.

Source: exports of M-Pesa organisation portals; those of Safaricom and Vodacom have the same table.
"""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from provider_sandbox.twin import Twin

HEADINGS = (
    "Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In",
    "Withdrawn", "Balance", "Balance Confirmed", "Reason Type", "Other Party Info",
    "Linked Transaction ID", "A/C No.",
)  # fmt: skip
_EAST_AFRICA = timezone(timedelta(hours=3), "EAT")
_PARTY = "NEEMA MOSHI"
_REASONS = {
    "c2b": "Pay Bill Online",
    "b2c": "Business Payment to Customer via API",
    "reversal": "Online Transaction Reversal",
}


def statement(twin: Twin, *, since: date | None, until: date | None) -> str:
    """The movements of these days (East Africa Time, both days included) as CSV."""
    balance = Decimal(twin.settings.vodacom_balance)
    rows: list[dict[str, str]] = []
    entries = twin.book.entries(since=0, limit=-1)
    for entry in (entry for entry in entries if entry["provider"] == "vodacom"):
        amount = Decimal(entry["amount"]) * (1 if entry["kind"] == "c2b" else -1)
        balance += amount
        day = _at(entry).date()
        if (since or day) <= day <= (until or day):
            rows.append(_row(entry, amount, balance))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["Organization Statement"])
    writer.writerow(["Short Code:", twin.settings.vodacom_provider_code])
    writer.writerow(["Currency:", "TZS"])
    writer.writerow([])
    writer.writerow(HEADINGS)
    writer.writerows([row[heading] for heading in HEADINGS] for row in reversed(rows))
    return out.getvalue()


def _row(entry: dict[str, Any], amount: Decimal, balance: Decimal) -> dict[str, str]:
    at, reason = f"{_at(entry):%Y-%m-%d %H:%M:%S}", _REASONS[entry["kind"]]
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
        "A/C No.": entry["caller_refs"].get("TransactionReference", ""),
    }


def _at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"]).astimezone(UTC).astimezone(_EAST_AFRICA)
