"""Transaction search and balances: the book as PayPal's reporting shows it.

Source: developer.paypal.com/docs/api/transaction-search/v1 and its transaction event codes. A
movement appears only after a delay (up to three hours), and one search covers at most 31 days.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from provider_sandbox.paypal import ids, ledger, money
from provider_sandbox.paypal.errors import PayPalError
from provider_sandbox.paypal.request_context import Call, RequestContext, written
from provider_sandbox.paypal.request_ids import DAY_S

_LONGEST_S = 31 * DAY_S
_PAGE, _LARGEST_PAGE = 100, 500
_CODES = {
    "capture": "T0006",
    "refund": "T1107",
    "refund_failed": "T1100",
    "reversal": "T1106",
    "payout": "T0001",
    "payout_returned": "T1115",
    "dispute_hold": "T1110",
    "dispute_release": "T1111",
}
ACCOUNT = ids.account("seller@example.com")


def search(context: RequestContext, call: Call) -> tuple[int, Any]:
    """A page of the transactions of a period, oldest first.

    A page without transactions has no ``transaction_details``: the described array is not empty.
    """
    start, end = _time(call, "start_date"), _time(call, "end_date")
    if not 0 <= end - start <= _LONGEST_S:
        raise _invalid("end_date", "Date range is greater than 31 days")
    size, page = _number(call, "page_size", _PAGE), _number(call, "page", 1)
    refreshed = context.twin.clock.now() - context.twin.settings.paypal_statement_delay_s
    rows = [
        row
        for row in context.twin.book.entries(since=0, limit=-1)
        if row["provider"] == ledger.PROVIDER and start <= _at(row) <= min(end, refreshed)
    ]
    shown = [made for row in rows if _fits(call, made := _row(call, row))]
    part = shown[(page - 1) * size : page * size]
    return 200, ({"transaction_details": part} if part else {}) | {
        "account_number": ACCOUNT,
        "start_date": written(start),
        "end_date": written(end),
        "last_refreshed_datetime": written(refreshed),
        "page": page,
        "total_items": len(shown),
        "total_pages": -(-len(shown) // size),
        "links": _links(context, page, size, len(shown)),
    }


def balances(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Our balance now, in every currency or in one."""
    wanted = call.query.get("currency_code")
    rows = [
        _balance(currency, Decimal(amount))
        for currency, amount in ledger.balances(context).items()
        if wanted in (None, currency)
    ]
    now = context.time()
    return 200, {
        "balances": rows,
        "account_id": ACCOUNT,
        "as_of_time": now,
        "last_refresh_time": now,
    }


def _balance(currency: str, amount: Decimal) -> dict[str, Any]:
    return {
        "currency": currency,
        "primary": currency == "USD",
        "total_balance": money.of(amount, currency),
        "available_balance": money.of(amount, currency),
        "withheld_balance": money.of(Decimal(0), currency),
    }


def _row(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    made = {"transaction_info": _info(row)}
    asked = call.query.get("fields", "transaction_info").split(",")
    if "all" in asked or "payer_info" in asked:
        email = row["msisdn"]
        made["payer_info"] = {"account_id": ids.account(email), "email_address": email}
    return made


def _info(row: dict[str, Any]) -> dict[str, Any]:
    kind, currency, told = row["kind"], row["currency"], row["provider_ids"]
    at = written(_at(row))
    first = told.get("transaction") or told.get("refund") or told.get("capture")
    again = row["receipt"] not in (first, told.get("item"))
    made = {
        "paypal_account_id": ids.account(row["msisdn"]),
        "transaction_id": ids.letters(f"transaction|{row['receipt']}", 17) if again else first,
        "transaction_event_code": _CODES[kind],
        "transaction_initiation_date": at,
        "transaction_updated_date": at,
        "transaction_amount": money.of(ledger.SIGNS[kind] * Decimal(row["amount"]), currency),
        "fee_amount": money.of(-Decimal(row["fee"]), currency),
        "transaction_status": "S",
    }
    reference = first if again else told.get("capture")
    if reference not in (None, made["transaction_id"]):
        made |= {"paypal_reference_id": reference, "paypal_reference_id_type": "TXN"}
    refs = row["caller_refs"]
    named = {
        "invoice_id": refs.get("refund_invoice_id") or refs.get("invoice_id"),
        "custom_field": refs.get("custom_id") or refs.get("sender_item_id"),
    }
    return made | {name: value for name, value in named.items() if value is not None}


def _fits(call: Call, row: dict[str, Any]) -> bool:
    asked, told = call.query, row["transaction_info"]
    currency = told["transaction_amount"]["currency_code"]
    return (
        asked.get("transaction_currency", currency) == currency
        and asked.get("transaction_type", told["transaction_event_code"])
        == told["transaction_event_code"]
        and asked.get("transaction_status", "S") == "S"
        and asked.get("transaction_id")
        in (None, told["transaction_id"], told.get("paypal_reference_id"))
    )


def _links(context: RequestContext, page: int, size: int, total: int) -> list[dict[str, str]]:
    path = f"/v1/reporting/transactions?page_size={size}&page="
    links = [context.link("self", f"{path}{page}")]
    if page * size < total:
        links.append(context.link("next", f"{path}{page + 1}"))
    return links


def _at(row: dict[str, Any]) -> float:
    return datetime.fromisoformat(row["at"]).timestamp()


def _time(call: Call, name: str) -> float:
    try:
        at = datetime.fromisoformat(call.query[name])
    except (KeyError, ValueError) as fault:
        raise _invalid(name, "Date is missing or invalid") from fault
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def _number(call: Call, name: str, usual: int) -> int:
    text = call.query.get(name, str(usual))
    most = _LARGEST_PAGE if name == "page_size" else 2**31 - 1
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise _invalid(name, "Value is invalid")
    return int(text)


def _invalid(field: str, issue: str) -> PayPalError:
    return PayPalError(400, details=[{"field": field, "location": "query", "issue": issue}])
