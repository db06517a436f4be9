"""The callback of M-Pesa Express: the real one and forged ones.

Source: Daraja documentation, "M-Pesa Express", and dated sandbox observations (header
BusinessShortCode, no metadata on failure, sent once).
"""

from decimal import Decimal
from sqlite3 import Row
from typing import Any

from provider_sandbox.clock import nairobi
from provider_sandbox.daraja import ids
from provider_sandbox.daraja.codes import stk_callback_text
from provider_sandbox.daraja.wire import render
from provider_sandbox.twin import Twin
from provider_sandbox.webhook_sender import CallbackMode, Notice

_FORGED_AFTER_S = 2


def send(twin: Twin, row: Row, mode: CallbackMode, *, lag_s: float, age_s: float = 0) -> list[int]:
    """Schedule the callback of an ended push, in the caller's transaction."""
    code = row["result_code"]
    body = envelope(row["merchant_id"], row["checkout_id"], code)
    if code == "0":
        metadata = _metadata(twin, row, amount=row["amount"], receipt=row["receipt"])
        body["Body"]["stkCallback"]["CallbackMetadata"] = metadata
    notice = _notice(twin, row, "stk", body)
    return twin.webhook_sender.send(notice, mode, usual_s=lag_s, age_s=age_s)


def send_forged(twin: Twin, row: Row, mode: CallbackMode) -> None:
    """Schedule a forged success callback, if the mode requires one."""
    if mode not in (CallbackMode.FORGED, CallbackMode.FORGED_ID):
        return
    merchant_id, checkout_id, amount = row["merchant_id"], row["checkout_id"], row["amount"]
    if mode is CallbackMode.FORGED:
        amount += 1_000
    else:
        merchant_id, checkout_id = ids.request_id(), f"ws_CO_01012020000000{row['msisdn'][-9:]}0"
    body = envelope(merchant_id, checkout_id, "0")
    metadata = _metadata(twin, row, amount=amount, receipt=ids.receipt(twin.clock.now()))
    body["Body"]["stkCallback"]["CallbackMetadata"] = metadata
    notice = _notice(twin, row, "stk.forged", body)
    twin.webhook_sender.send(notice, CallbackMode.ONCE, usual_s=_FORGED_AFTER_S)


def envelope(merchant_id: str, checkout_id: str, code: str) -> dict[str, Any]:
    """The callback body without metadata, as for a failure."""
    return {
        "Body": {
            "stkCallback": {
                "MerchantRequestID": merchant_id,
                "CheckoutRequestID": checkout_id,
                "ResultCode": int(code) if code.isdigit() else code,
                "ResultDesc": stk_callback_text(code),
            }
        }
    }


def _metadata(twin: Twin, row: Row, *, amount: int, receipt: str) -> dict[str, Any]:
    items: list[dict[str, Any]] = [
        {"Name": "Amount", "Value": Decimal(f"{amount}.00")},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
    ]
    if twin.settings.balance_item:
        items.append({"Name": "Balance"})
    at = nairobi(twin.clock.now())
    items.append({"Name": "TransactionDate", "Value": int(at.strftime("%Y%m%d%H%M%S"))})
    items.append({"Name": "PhoneNumber", "Value": int(row["msisdn"])})
    return {"Item": items}


def _notice(twin: Twin, row: Row, kind: str, body: dict[str, Any]) -> Notice:
    return Notice(
        provider="daraja",
        kind=kind,
        about=row["checkout_id"],
        url=row["callback_url"],
        body=render(body).decode(),
        headers={
            "Content-Type": "application/json;charset=UTF-8",
            "BusinessShortCode": twin.settings.short_code,
        },
    )
