"""The transaction export of the partner portal: the book of one environment as CSV.

MTN does not publish the form; the columns are those that public readers of exports expect.
"""

import csv
import io
from datetime import datetime, timedelta, timezone
from typing import Any

from provider_sandbox.momo.places import Place
from provider_sandbox.twin import Twin

HEADINGS = (
    "Id", "External id", "Date", "Status", "Type", "From", "To", "Amount", "Currency", "Fee",
    "Currency",
)  # fmt: skip
_TYPES = {"collection": "Payment", "transfer": "Transfer", "refund": "Refund"}
_HOURS = {"ug": 3, "rw": 2, "sandbox": 0}
_OURS = "FRI:merchant/USER"


def statement(twin: Twin, place: Place) -> str:
    """Every movement of the environment, newest first, in its local time."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    entries = twin.book.entries(since=0, limit=-1)
    for entry in reversed(entries):
        if entry["provider"] == place.book:
            writer.writerow(_row(place, entry))
    return out.getvalue()


def _row(place: Place, entry: dict[str, Any]) -> list[str]:
    zone = timezone(timedelta(hours=_HOURS[place.short]))
    at = datetime.fromisoformat(entry["at"]).astimezone(zone)
    is_in = entry["kind"] == "collection"
    phone = f"FRI:{entry['msisdn']}/MSISDN"
    parties = (phone, _OURS) if is_in else (_OURS, phone)
    amount = entry["amount"] if is_in else f"-{entry['amount']}"
    return [
        entry["receipt"], entry["caller_refs"]["externalId"], f"{at:%Y-%m-%d %H:%M:%S}",
        "Successful", _TYPES[entry["kind"]], *parties, amount, place.currency, entry["fee"],
        place.currency,
    ]  # fmt: skip
