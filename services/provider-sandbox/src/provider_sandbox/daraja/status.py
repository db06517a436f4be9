"""``POST /mpesa/transactionstatus/v1/query``: the status of a receipt or of a payout's id.

Source: Daraja documentation, "Transaction Status". A query by AccountReference is not possible.
"""

from decimal import Decimal
from sqlite3 import Row
from typing import Any

from provider_sandbox.clock import nairobi
from provider_sandbox.daraja import b2c, ids, jobs, stk
from provider_sandbox.daraja.wire import StatusQuery
from provider_sandbox.twin import Twin

OPERATION = "daraja.status"

_BLANK_KEYS = {
    "ConversationID": "Conversation ID",
    "OriginatorConversationID": "Originator Conversation ID",
}


def schedule(twin: Twin, job: jobs.Job, query: StatusQuery) -> list[int]:
    """Schedule the query."""
    details = {"receipt": query.receipt, "conversation_id": query.conversation_id}
    return job.schedule(twin, execute, details)


def execute(twin: Twin, payload: dict[str, Any]) -> list[int]:
    """Scheduled event: answer the query; code 25 when there is no such transaction."""
    job = jobs.Job(**payload["job"])
    parameters = None
    if job.forced_code is None:
        parameters = _find(twin, payload["receipt"], payload["conversation_id"])
    if parameters is None:
        return jobs.answer(twin, job, jobs.Result(code=job.forced_code or "25"))
    if twin.settings.blank_keys:
        parameters = [(_BLANK_KEYS.get(key, key), value) for key, value in parameters]
    return jobs.answer(twin, job, jobs.Result(code="0", parameters=parameters))


def _find(twin: Twin, receipt: str | None, conversation_id: str | None) -> jobs.Parameters | None:
    if conversation_id is not None:
        row = b2c.by_conversation(twin, conversation_id)
        return None if row is None else _payout(twin, row)
    if receipt is None:
        return None
    if (row := b2c.by_receipt(twin, receipt)) is not None:
        return _payout(twin, row)
    if (row := stk.by_receipt(twin, receipt)) is not None:
        return _deposit(twin, row)
    return None


def _payout(twin: Twin, row: Row) -> jobs.Parameters:
    words = {None: "Pending", "0": "Completed"}
    status = words.get(row["result_code"], "Failed")
    fee = f"Fee For B2C Payment|KES|{twin.settings.b2c_fee_kes}"
    receipt = row["receipt"] or ids.placeholder_receipt(row["created_at"])
    return [
        *_common(row, receipt=receipt, status=status),
        ("DebitPartyName", f"{twin.settings.b2c_short_code} - CIFT"),
        ("CreditPartyName", f"{row['msisdn']} - JANE WANJIKU"),
        ("DebitPartyCharges", fee if status == "Completed" else None),
        ("DebitAccountType", "Utility Account"),
        ("ReasonType", "Business Payment to Customer via API"),
        ("TransactionReason", None),
        ("ConversationID", row["conversation_id"]),
        ("OriginatorConversationID", row["originator_id"]),
    ]


def _deposit(twin: Twin, row: Row) -> jobs.Parameters:
    return [
        *_common(row, receipt=row["receipt"], status="Completed"),
        ("DebitPartyName", f"{row['msisdn']} - JANE WANJIKU"),
        ("CreditPartyName", f"{twin.settings.short_code} - CIFT"),
        ("DebitPartyCharges", None),
        ("DebitAccountType", "MMF Account"),
        ("ReasonType", "Pay Utility with OD via STK"),
        ("TransactionReason", None),
        ("ConversationID", row["checkout_id"]),
        ("OriginatorConversationID", row["merchant_id"]),
    ]


def _common(row: Row, *, receipt: str, status: str) -> jobs.Parameters:
    return [
        ("ReceiptNo", receipt),
        ("TransactionStatus", status),
        ("Amount", Decimal(f"{row['amount']}.00")),
        ("InitiatedTime", _stamp(row["created_at"])),
        ("FinalisedTime", None if row["decided_at"] is None else _stamp(row["decided_at"])),
    ]


def _stamp(at: float) -> int:
    return int(nairobi(at).strftime("%Y%m%d%H%M%S"))
