"""Pull Transactions: lists the payments to the PayBill, in Daraja's unusual formats.

Source: Daraja portal, page "Pull Transactions"; samples in public client libraries (an array of
arrays, lower-case keys, amounts as text, the phone as a number, masked or hashed). The answer
without a registration is not documented; the twin refuses such a query with 401.001.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from sqlite3 import Row
from typing import Any

from provider_sandbox.clock import NAIROBI
from provider_sandbox.daraja import ids, validation
from provider_sandbox.daraja.errors import DarajaError, invalid
from provider_sandbox.twin import Twin

_REGISTERED = "daraja.pull.registered"
_MSISDN = re.compile(r"254[17]\d{8}")
_OFFSET = re.compile(r"\d{1,9}")
_FORM = "%Y-%m-%d %H:%M:%S"
_NOTHING = "The short code does not have any available transactions"


def register(twin: Twin, body: Mapping[str, Any]) -> dict[str, str]:
    """Register the PayBill for pulls; a second call answers that it is already registered.

    Raises:
        DarajaError: a field is wrong, or the app may not pull.
    """
    _require_pulls(twin)
    _short_code(twin, body)
    if body.get("RequestType") != "Pull":
        raise invalid("RequestType")
    validation.shaped(body, "NominatedNumber", _MSISDN)
    validation.address(body, "CallBackURL", refuse_words=twin.settings.refuse_url_words)
    again = twin.store.meta(_REGISTERED) is not None
    if not again:
        twin.store.set_meta(_REGISTERED, "yes")
    status = "Response Status" if twin.settings.pull_blank_keys else "ResponseStatus"
    words = "ShortCode already Registered" if again else "ShortCode Registered Successfully"
    return {
        "ResponseRefID": ids.request_id(),
        status: "1001" if again else "1000",
        "ShortCode": twin.settings.short_code,
        "ResponseDescription": words,
    }


def query(twin: Twin, body: Mapping[str, Any]) -> dict[str, Any]:
    """One page of the payments in a period, oldest first.

    Raises:
        DarajaError: a field is wrong, the PayBill is not registered, or the period is empty and the
            setting ``pull_none`` requires an error for that.
    """
    _require_pulls(twin)
    _short_code(twin, body)
    since, until = _moment(body, "StartDate"), _moment(body, "EndDate")
    offset = int(validation.shaped(body, "OffSetValue", _OFFSET))
    if twin.store.meta(_REGISTERED) is None:
        raise DarajaError(401, "401.001", "The short code is not registered for pulls")
    rows = _paid(twin, since, until, offset)
    if not rows and twin.settings.pull_none == "error_500":
        raise DarajaError(500, "500.001.1001", _NOTHING)
    return {
        "ResponseRefID": ids.request_id(),
        "ResponseCode": "1000" if rows else "1001",
        "ResponseMessage": "Success" if rows else "No transactions found",
        "Response": [[_shown(twin, row) for row in rows]],
    }


def _paid(twin: Twin, since: float, until: float, offset: int) -> list[Row]:
    """Paid pushes of the period that the records already show."""
    now, settings = twin.clock.now(), twin.settings
    earliest = max(since, now - twin.clock.span(settings.pull_reach_s))
    latest = min(until, now - twin.clock.span(settings.pull_delay_s))
    return twin.store.all(
        "SELECT * FROM daraja_stk WHERE receipt IS NOT NULL AND decided_at >= ?"
        " AND decided_at <= ? ORDER BY decided_at, checkout_id LIMIT ? OFFSET ?",
        (earliest, latest, settings.pull_page_rows, offset),
    )


def _shown(twin: Twin, row: Row) -> dict[str, object]:
    at = datetime.fromtimestamp(row["decided_at"], UTC)
    return {
        "transactionId": row["receipt"],
        "trxDate": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "msisdn": _phone(twin, row["msisdn"]),
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": row["account_reference"],
        "amount": f"{row['amount']}.00",
        "organizationname": "CIFT",
    }


def _phone(twin: Twin, msisdn: str) -> object:
    match twin.settings.pull_msisdn:
        case "masked":
            return f"{msisdn[:5]}****{msisdn[-3:]}"
        case "hashed":
            return hashlib.sha256(msisdn.encode()).hexdigest()
        case _:
            return int(msisdn)


def _require_pulls(twin: Twin) -> None:
    if not twin.settings.pull_available:
        raise DarajaError(401, "401.001", "Unauthorized: the app has no Pull Transactions product")


def _short_code(twin: Twin, body: Mapping[str, Any]) -> None:
    if str(body.get("ShortCode")) != twin.settings.short_code:
        raise invalid("ShortCode")


def _moment(body: Mapping[str, Any], field: str) -> float:
    word = validation.text(body, field, longest=19)
    try:
        return datetime.strptime(word, _FORM).replace(tzinfo=NAIROBI).timestamp()
    except ValueError:
        raise invalid(field) from None
