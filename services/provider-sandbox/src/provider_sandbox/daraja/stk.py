"""M-Pesa Express (STK push): prompts, their outcome, and the money they move.

A push has no idempotency key: two equal bodies make two payments.
Source: Daraja documentation, "M-Pesa Express"; observed limits on repeated prompts.
"""

from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from provider_sandbox.book import Movement
from provider_sandbox.daraja import accounts, c2b, ids, phones, stk_callback
from provider_sandbox.daraja.behaviours import BEHAVIOURS, Pace
from provider_sandbox.daraja.errors import refused
from provider_sandbox.daraja.wire import StkPush
from provider_sandbox.faults import WITHOUT_EFFECT, Fault
from provider_sandbox.twin import Exchange, Twin
from provider_sandbox.webhook_sender import CallbackMode

OPERATION = "daraja.stk"
DECIDE = "daraja.stk.decide"
"""Scheduled event: the prompt ends."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A registered push."""

    merchant_id: str
    checkout_id: str
    early_callbacks: list[int]
    """Callbacks to deliver before the answer."""


def accept(twin: Twin, push: StkPush, exchange: Exchange) -> Accepted | None:
    """Register a push and schedule its end; None when a fault of the phone drops the request.

    Raises:
        DarajaError: another prompt is open on this phone.
    """
    behaviour = phones.look_up(twin, push.phone)
    with twin.store.transaction():
        kind = phones.submit_fault(twin, push.phone, behaviour)
        if kind is not None:
            exchange.fault = Fault(kind=kind)
        if kind in WITHOUT_EFFECT:
            return None
        _refuse_locked(twin, push.phone)
        mode = twin.faults.take_callback_mode(OPERATION, exchange.body) or behaviour.callback
        forced = _pairing_code(push) or _same_amount_code(twin, push)
        row = _insert(twin, push, behaviour.name, mode, forced)
        if exchange.request_number is not None:
            twin.request_log.accept(exchange.request_number)
        stk_callback.send_forged(twin, row, mode)
        early_callbacks = _schedule_end(twin, row)
    return Accepted(row["merchant_id"], row["checkout_id"], early_callbacks)


def decide(twin: Twin, payload: dict[str, Any]) -> list[int]:
    """Scheduled event: end a push, move its money and schedule its callback.

    Returns:
        Callbacks that must be delivered before the submission is answered.
    """
    row = find(twin, payload["checkout_id"])
    if row is None:
        return []
    behaviour = BEHAVIOURS[row["behaviour"]]
    is_late_payment = payload.get("late", False)
    code = "0" if is_late_payment else row["forced_code"] or behaviour.stk_code
    if code == "0" and accounts.wallet(twin, row["msisdn"]) < row["amount"]:
        code = "1"
    receipt = _pay(twin, row) if code == "0" else None
    twin.store.execute(
        "UPDATE daraja_stk SET result_code = ?, receipt = ?, decided_at = ? WHERE checkout_id = ?",
        (code, receipt, twin.clock.now(), row["checkout_id"]),
    )
    if behaviour.then_pays and row["forced_code"] is None and not is_late_payment:
        _schedule_late_payment(twin, row)
    decided = find(twin, row["checkout_id"])
    ends_s, callback_s = _timing(twin, row)
    if decided is None:
        return []
    if is_late_payment:
        return stk_callback.send(
            twin, decided, CallbackMode.ONCE, lag_s=twin.settings.callback_lag_s
        )
    mode = CallbackMode(row["callback_mode"])
    return stk_callback.send(twin, decided, mode, lag_s=callback_s - ends_s, age_s=ends_s)


def find(twin: Twin, checkout_id: str) -> Row | None:
    """A push by its id."""
    return twin.store.one("SELECT * FROM daraja_stk WHERE checkout_id = ?", (checkout_id,))


def by_receipt(twin: Twin, receipt: str) -> Row | None:
    """A paid push by its receipt."""
    return twin.store.one("SELECT * FROM daraja_stk WHERE receipt = ?", (receipt,))


def _refuse_locked(twin: Twin, msisdn: str) -> None:
    since = twin.clock.now() - twin.clock.span(twin.settings.lock_s)
    if twin.store.one(
        "SELECT 1 FROM daraja_stk WHERE msisdn = ? AND created_at > ?", (msisdn, since)
    ):
        raise refused(
            "Unable to lock subscriber, a transaction is already in process for the current "
            "subscriber"
        )


def _pairing_code(push: StkPush) -> str | None:
    """The result code of a wrong pair of TransactionType and PartyB, which fails only later."""
    ours = push.party_b == push.credentials.short_code
    if push.transaction_type == "CustomerPayBillOnline":
        return None if ours else "SFC_IC0003"
    return "2028"


def _same_amount_code(twin: Twin, push: StkPush) -> str | None:
    """Code 17 when a recent push of the same amount to this phone is open or paid."""
    since = twin.clock.now() - twin.clock.span(twin.settings.same_amount_s)
    earlier = twin.store.one(
        "SELECT 1 FROM daraja_stk WHERE msisdn = ? AND created_at > ? AND amount = ?"
        " AND (result_code IS NULL OR result_code = '0')",
        (push.phone, since, push.amount),
    )
    return "17" if earlier else None


def _insert(
    twin: Twin, push: StkPush, behaviour: str, mode: CallbackMode, forced: str | None
) -> Row:
    checkout_id = _free_checkout_id(twin, push.phone)
    twin.store.insert(
        "daraja_stk",
        checkout_id=checkout_id,
        merchant_id=ids.request_id(),
        msisdn=push.phone,
        amount=push.amount,
        account_reference=push.account_reference,
        callback_url=push.callback_url,
        behaviour=behaviour,
        callback_mode=mode.value,
        forced_code=forced,
        created_at=twin.clock.now(),
    )
    row = find(twin, checkout_id)
    if row is None:
        raise LookupError(checkout_id)
    return row


def _free_checkout_id(twin: Twin, msisdn: str) -> str:
    """An unused checkout id.

    An id has only one digit for each second and phone, so a faster twin also uses later seconds.
    """
    number = 0
    while True:
        later_s, digit = divmod(number, 10)
        candidate = ids.checkout_id(twin.clock.now() + later_s, digit, msisdn)
        if find(twin, candidate) is None:
            return candidate
        number += 1


def _schedule_end(twin: Twin, row: Row) -> list[int]:
    event = {"checkout_id": row["checkout_id"]}
    if row["callback_mode"] == CallbackMode.BEFORE_ANSWER:
        return decide(twin, event)
    twin.scheduled_events.add(DECIDE, event, after_s=_timing(twin, row)[0])
    return []


def _schedule_late_payment(twin: Twin, row: Row) -> None:
    wait_s = max(0, twin.settings.late_success_s - _timing(twin, row)[0])
    twin.scheduled_events.add(
        DECIDE, {"checkout_id": row["checkout_id"], "late": True}, after_s=wait_s
    )


def _timing(twin: Twin, row: Row) -> tuple[float, float]:
    forced = row["forced_code"] is not None
    pace = Pace.REFUSAL if forced else BEHAVIOURS[row["behaviour"]].pace
    return phones.stk_timing_s(pace, twin.settings)


def _pay(twin: Twin, row: Row) -> str:
    receipt = ids.receipt(twin.clock.now())
    accounts.add_to_wallet(twin, row["msisdn"], -row["amount"])
    accounts.add_cents(twin, accounts.PAYBILL, row["amount"] * 100)
    twin.book.append(
        Movement(
            provider="daraja",
            kind="stk",
            msisdn=row["msisdn"],
            amount=str(row["amount"]),
            currency="KES",
            receipt=receipt,
            provider_ids={
                "CheckoutRequestID": row["checkout_id"],
                "MerchantRequestID": row["merchant_id"],
            },
            caller_refs={"AccountReference": row["account_reference"]},
            callback_url=row["callback_url"],
        )
    )
    c2b.confirm(twin, row, receipt)
    return receipt
