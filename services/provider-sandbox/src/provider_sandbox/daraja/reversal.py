"""``POST /mpesa/reversal/v1/request``: return the whole amount of a paid push to its payer.

Reversals of payouts are refused. There is no idempotency key, but a second reversal ends with
R000001. Source: Daraja documentation, "Reversal"; it does not document partial amounts, so the twin
refuses them.
"""

from decimal import Decimal
from sqlite3 import Row
from typing import Any

from provider_sandbox.book import Movement
from provider_sandbox.clock import nairobi
from provider_sandbox.daraja import accounts, b2c, ids, jobs, stk
from provider_sandbox.daraja.wire import ReversalRequest
from provider_sandbox.twin import Twin

OPERATION = "daraja.reversal"


def schedule(twin: Twin, job: jobs.Job, request: ReversalRequest) -> list[int]:
    """Schedule the reversal."""
    details = {
        "receipt": request.receipt,
        "amount": request.amount,
        "short_code": request.short_code,
    }
    return job.schedule(twin, execute, details)


def execute(twin: Twin, payload: dict[str, Any]) -> list[int]:
    """Scheduled event: return the money, or answer with the reason why not."""
    job = jobs.Job(**payload["job"])
    row = stk.by_receipt(twin, payload["receipt"])
    code = job.forced_code or _refusal(twin, payload, row)
    if code is not None or row is None:
        return jobs.answer(twin, job, jobs.Result(code=code or "R000002"))
    receipt = _return_money(twin, job, row)
    parameters = _parameters(twin, row)
    return jobs.answer(
        twin, job, jobs.Result(code="0", transaction_id=receipt, parameters=parameters)
    )


def _refusal(twin: Twin, payload: dict[str, Any], row: Row | None) -> str | None:
    if row is None:
        payout = b2c.by_receipt(twin, payload["receipt"])
        return "R000002" if payout is None else "2028"
    if row["reversal_receipt"] is not None:
        return "R000001"
    if payload["short_code"] != twin.settings.short_code:
        return "2028"
    if payload["amount"] != row["amount"]:
        return "25"
    if accounts.balance_cents(twin, accounts.PAYBILL) < row["amount"] * 100:
        return "1"
    return None


def _return_money(twin: Twin, job: jobs.Job, row: Row) -> str:
    receipt = ids.receipt(twin.clock.now())
    accounts.add_cents(twin, accounts.PAYBILL, -row["amount"] * 100)
    accounts.add_to_wallet(twin, row["msisdn"], row["amount"])
    twin.store.execute(
        "UPDATE daraja_stk SET reversal_receipt = ? WHERE checkout_id = ?",
        (receipt, row["checkout_id"]),
    )
    twin.book.append(
        Movement(
            provider="daraja",
            kind="reversal",
            msisdn=row["msisdn"],
            amount=str(row["amount"]),
            currency="KES",
            receipt=receipt,
            provider_ids={
                "ConversationID": job.conversation_id,
                "OriginatorConversationID": job.originator_id,
                "OriginalTransactionID": row["receipt"],
                "CheckoutRequestID": row["checkout_id"],
            },
            caller_refs={"AccountReference": row["account_reference"]},
            callback_url=job.result_url,
        )
    )
    return receipt


def _parameters(twin: Twin, row: Row) -> jobs.Parameters:
    balance = accounts.shillings(accounts.balance_cents(twin, accounts.PAYBILL))
    return [
        ("DebitAccountBalance", f"Utility Account|KES|{balance}|{balance}|0.00|0.00"),
        ("Amount", Decimal(f"{row['amount']}.00")),
        ("TransCompletedTime", int(nairobi(twin.clock.now()).strftime("%Y%m%d%H%M%S"))),
        ("OriginalTransactionID", row["receipt"]),
        ("Charge", Decimal("0.00")),
        ("CreditPartyPublicName", f"{row['msisdn']} - JANE WANJIKU"),
        ("DebitPartyPublicName", f"{twin.settings.short_code} - CIFT"),
    ]
