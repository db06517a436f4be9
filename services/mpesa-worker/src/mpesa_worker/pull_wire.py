"""Models of Pull Transactions: registration, query, and rows in several formats.

Sources: Daraja portal, page "Pull Transactions"; answers recorded in public client libraries: an
array of arrays, keys in lower case, amounts as text, the phone as a number, masked or hashed.
"Nothing found" is code 1001 with `[[]]`, or HTTP 500 with a text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from cift_shared.money.amount import Money
from mpesa_worker import mapping
from mpesa_worker.domain import NAIROBI
from mpesa_worker.wire import TEXT_CHARS_MAX, Request

REGISTERED = frozenset({"1000", "1001"})
"""`ResponseStatus`: registered just now, or already registered."""
FOUND = frozenset({"1000", "1001"})
"""`ResponseCode` of a query: rows found, or none found."""

_DEPTH_MAX = 4
"""Maximum nesting of lists around the rows; one and two were observed."""
_RECEIPT = re.compile(r"[A-Z0-9]{8,12}")
_NOTHING = "does not have any available transaction"


class PullRegistration(Request):
    """`POST /pulltransactions/v1/register`."""

    short_code: str = Field(serialization_alias="ShortCode")
    kind: str = Field(default="Pull", serialization_alias="RequestType")
    number: str = Field(serialization_alias="NominatedNumber", repr=False)
    callback_url: str = Field(serialization_alias="CallBackURL", repr=False)


class PullQuery(Request):
    """`POST /pulltransactions/v1/query`; the offset is a number of rows, sent as text."""

    short_code: str = Field(serialization_alias="ShortCode")
    since: str = Field(serialization_alias="StartDate")
    until: str = Field(serialization_alias="EndDate")
    offset: str = Field(serialization_alias="OffSetValue")


@dataclass(frozen=True, slots=True)
class PulledRow:
    """One payment to our short code; a field that could not be read is None."""

    receipt: str | None
    reference: str | None
    """The account reference in capital letters; None: the row has none that can be read."""
    amount: Money | None
    at: datetime | None
    raw: str
    """The row as JSON; it contains the payer's phone and name."""


def pull_moment(at: datetime) -> str:
    """A time in the query's format: Nairobi time, cut to whole seconds."""
    return at.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S")


def is_registered(answer: Mapping[str, Any]) -> bool:
    """True when the answer reports a new or earlier registration, in either spelling of the key."""
    return str(_by_name(answer).get("responsestatus", "")).strip() in REGISTERED


def means_no_rows(text: str) -> bool:
    """True for the text of the HTTP 500 answer that means an empty period."""
    return _NOTHING in " ".join(text.lower().split())


def read_rows(answer: Mapping[str, Any]) -> list[PulledRow] | None:
    """The rows of an answer; None when it has no list of rows and so proves nothing."""
    found = _by_name(answer).get("response")
    if not isinstance(found, list):
        return None
    return [read_row(row) for row in _flat(found, _DEPTH_MAX)]


def read_row(row: object) -> PulledRow:
    """Parse a row; keys may have any case and spaces, and an unreadable field becomes None."""
    raw = json.dumps(row, default=str, sort_keys=True)
    if not isinstance(row, dict):
        return PulledRow(None, None, None, None, raw)
    named = _by_name(row)
    receipt = _text(named.get("transactionid"))
    return PulledRow(
        receipt=receipt if receipt and _RECEIPT.fullmatch(receipt) else None,
        reference=_reference(named.get("billreference")),
        amount=mapping.money_of(named.get("amount")),
        at=time_of_row(named.get("trxdate")),
        raw=raw,
    )


def time_of_row(value: object) -> datetime | None:
    """The time in a row; None when unreadable.

    Samples end in "Z"; whether that means UTC or Nairobi time is not documented. The time is stored
    as written and used only for display and sorting, never for a decision.
    """
    text = _text(value)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return mapping.time_of(text)
    return at if at.tzinfo else at.replace(tzinfo=NAIROBI)


def hint_body(row: PulledRow) -> bytes:
    """A row as the body of a notice for its attempt, without personal data."""
    body = {
        "transactionId": row.receipt,
        "billreference": row.reference,
        "amount": None if row.amount is None else row.amount.text,
        "trxDate": None if row.at is None else row.at.astimezone(UTC).isoformat(),
    }
    return json.dumps(body).encode()


def _flat(found: list[Any], depth: int) -> Iterator[object]:
    for item in found:
        if isinstance(item, list) and depth:
            yield from _flat(item, depth - 1)
        else:
            yield item


def _by_name(document: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their key in lower case without spaces; the first of equal keys counts."""
    named: dict[str, Any] = {}
    for key, value in document.items():
        named.setdefault("".join(str(key).lower().split()), value)
    return named


def _reference(value: object) -> str | None:
    text = _text(value)
    return text.upper() if text else None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= TEXT_CHARS_MAX else None
