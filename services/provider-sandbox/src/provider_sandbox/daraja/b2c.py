"""Payouts: ``POST /mpesa/b2c/v3/paymentrequest``; a second use of the caller's key is refused.

Source: Daraja documentation, "Business To Customer".
"""

from dataclasses import replace
from decimal import Decimal
from sqlite3 import Row
from typing import Any

from provider_sandbox.book import Movement
from provider_sandbox.clock import nairobi
from provider_sandbox.daraja import accounts, ids, jobs, phones
from provider_sandbox.daraja.behaviours import BEHAVIOURS
from provider_sandbox.daraja.errors import DarajaError
from provider_sandbox.daraja.validation import PAYOUT_MAX_KES, PAYOUT_MIN_KES
from provider_sandbox.daraja.wire import Payout
from provider_sandbox.faults import WITHOUT_EFFECT, Fault
from provider_sandbox.twin import Exchange, Twin
from provider_sandbox.webhook_sender import CallbackMode

OPERATION = "daraja.b2c"
DECIDE = "daraja.b2c.decide"
"""Scheduled event: execute the payout."""
FORGED = "daraja.b2c.forged"
"""Scheduled event: deliver a forged payout callback."""
QUEUE_TIMEOUT = "daraja.b2c.queue_timeout"
"""Scheduled event: call QueueTimeOutURL, because the queue gave up before a result."""

_QUEUE_FACTOR = 4


def accept(
    twin: Twin, payout: Payout, exchange: Exchange, *, forced: str | None
) -> tuple[Row, list[int]] | None:
    """Register a payout; None when a fault of the phone drops the request.

    Returns:
        The payout, and the callbacks to deliver before the answer.

    Raises:
        DarajaError: the OriginatorConversationID was used before.
    """
    behaviour = phones.look_up(twin, payout.phone)
    with twin.store.transaction():
        if find(twin, payout.originator_id) is not None:  # checked before any fault of the phone
            raise DarajaError(500, "500.002.1001", "Duplicate OriginatorConversationID.")
        kind = phones.submit_fault(twin, payout.phone, behaviour)
        if kind is not None:
            exchange.fault = Fault(kind=kind)
        if kind in WITHOUT_EFFECT:
            return None
        mode = twin.faults.take_callback_mode(OPERATION, exchange.body) or behaviour.callback
        if behaviour.payout_queue_times_out:
            mode = CallbackMode.LOST
        row = _insert(twin, payout, behaviour.name, mode, forced or _forced_code(twin, payout))
        if exchange.request_number is not None:
            twin.request_log.accept(exchange.request_number)
        early_callbacks = _schedule(twin, row, mode)
    return row, early_callbacks


def decide(twin: Twin, payload: dict[str, Any]) -> list[int]:
    """Scheduled event: execute a payout, move its money and schedule its result."""
    row = find(twin, payload["originator_id"])
    if row is None:
        return []
    code = row["forced_code"] or BEHAVIOURS[row["behaviour"]].payout_code
    if code == "0" and accounts.balance_cents(twin, accounts.UTILITY) < row["amount"] * 100:
        code = "1"
    receipt = _pay(twin, row) if code == "0" else None
    twin.store.execute(
        "UPDATE daraja_b2c SET result_code = ?, receipt = ?, decided_at = ?"
        " WHERE originator_id = ?",
        (code, receipt, twin.clock.now(), row["originator_id"]),
    )
    parameters = _parameters(twin, row, row["amount"], receipt) if receipt else None
    result = jobs.Result(code=code, transaction_id=receipt, parameters=parameters)
    return jobs.answer(twin, job_of(row), result)


def forge(twin: Twin, payload: dict[str, Any]) -> None:
    """Scheduled event: deliver a forged success, with a wrong amount or a wrong id."""
    row = find(twin, payload["originator_id"])
    if row is None:
        return
    job = replace(job_of(row), kind=FORGED, callback_mode=CallbackMode.ONCE.value)
    amount = row["amount"]
    if row["callback_mode"] == CallbackMode.FORGED:
        amount += 1_000
    else:
        job = replace(job, originator_id=ids.request_id())
    receipt = ids.receipt(twin.clock.now())
    parameters = _parameters(twin, row, amount, receipt)
    jobs.answer(twin, job, jobs.Result(code="0", transaction_id=receipt, parameters=parameters))


def time_out(twin: Twin, payload: dict[str, Any]) -> None:
    """Scheduled event: call QueueTimeOutURL, which contains nothing about the money."""
    row = find(twin, payload["originator_id"])
    if row is None:
        return
    job = job_of(row)
    job = replace(
        job,
        kind=QUEUE_TIMEOUT,
        result_url=job.timeout_url,
        callback_mode=CallbackMode.ONCE.value,
    )
    jobs.answer(twin, job, jobs.Result(code="100000001"))


def find(twin: Twin, originator_id: str) -> Row | None:
    """A payout by the caller's id."""
    return twin.store.one("SELECT * FROM daraja_b2c WHERE originator_id = ?", (originator_id,))


def by_receipt(twin: Twin, receipt: str) -> Row | None:
    """A paid payout by its receipt."""
    return twin.store.one("SELECT * FROM daraja_b2c WHERE receipt = ?", (receipt,))


def by_conversation(twin: Twin, conversation_id: str) -> Row | None:
    """A payout by the caller's id or by Daraja's conversation id."""
    return find(twin, conversation_id) or twin.store.one(
        "SELECT * FROM daraja_b2c WHERE conversation_id = ?", (conversation_id,)
    )


def job_of(row: Row) -> jobs.Job:
    """A payout as an asynchronous job."""
    return jobs.Job(
        kind=OPERATION,
        originator_id=row["originator_id"],
        conversation_id=row["conversation_id"],
        result_url=row["result_url"],
        timeout_url=row["timeout_url"],
        callback_mode=row["callback_mode"],
        forced_code=row["forced_code"],
    )


def _forced_code(twin: Twin, payout: Payout) -> str | None:
    if payout.short_code != twin.settings.b2c_short_code:
        return "2028"
    if payout.amount < PAYOUT_MIN_KES:
        return "2"
    return "3" if payout.amount > PAYOUT_MAX_KES else None


def _insert(
    twin: Twin, payout: Payout, behaviour: str, mode: CallbackMode, forced: str | None
) -> Row:
    twin.store.insert(
        "daraja_b2c",
        originator_id=payout.originator_id,
        conversation_id=ids.conversation_id(twin.clock.now()),
        msisdn=payout.phone,
        amount=payout.amount,
        result_url=payout.initiator.result_url,
        timeout_url=payout.initiator.timeout_url,
        behaviour=behaviour,
        callback_mode=mode.value,
        forced_code=forced,
        created_at=twin.clock.now(),
    )
    row = find(twin, payout.originator_id)
    if row is None:
        raise LookupError(payout.originator_id)
    return row


def _schedule(twin: Twin, row: Row, mode: CallbackMode) -> list[int]:
    event, settings = {"originator_id": row["originator_id"]}, twin.settings
    behaviour = BEHAVIOURS[row["behaviour"]]
    if mode is CallbackMode.BEFORE_ANSWER:
        return decide(twin, event)
    if mode in (CallbackMode.FORGED, CallbackMode.FORGED_ID):
        twin.scheduled_events.add(FORGED, event, after_s=settings.callback_lag_s)
    if behaviour.payout_queue_times_out:
        twin.scheduled_events.add(QUEUE_TIMEOUT, event, after_s=settings.result_s)
        twin.scheduled_events.add(DECIDE, event, after_s=_QUEUE_FACTOR * settings.result_s)
    else:
        after_s = settings.long_s if behaviour.payout_slow else settings.result_s
        twin.scheduled_events.add(DECIDE, event, after_s=after_s)
    return []


def _pay(twin: Twin, row: Row) -> str:
    receipt = ids.receipt(twin.clock.now())
    fee = twin.settings.b2c_fee_kes
    accounts.add_cents(twin, accounts.UTILITY, -row["amount"] * 100)
    accounts.add_cents(twin, accounts.CHARGES, -accounts.cents(fee))
    accounts.add_to_wallet(twin, row["msisdn"], row["amount"])
    twin.book.append(
        Movement(
            provider="daraja",
            kind="b2c",
            msisdn=row["msisdn"],
            amount=str(row["amount"]),
            currency="KES",
            fee=fee,
            receipt=receipt,
            provider_ids={"ConversationID": row["conversation_id"]},
            caller_refs={"OriginatorConversationID": row["originator_id"]},
            callback_url=row["result_url"],
        )
    )
    return receipt


def _parameters(twin: Twin, row: Row, amount: int, receipt: str) -> jobs.Parameters:
    done = nairobi(twin.clock.now())
    return [
        ("TransactionAmount", amount),
        ("TransactionReceipt", receipt),
        ("ReceiverPartyPublicName", f"{row['msisdn']} - JANE WANJIKU"),
        ("TransactionCompletedDateTime", f"{done:%d.%m.%Y %H:%M:%S}"),
        ("B2CUtilityAccountAvailableFunds", _funds(twin, accounts.UTILITY)),
        ("B2CWorkingAccountAvailableFunds", Decimal("0.00")),
        ("B2CRecipientIsRegisteredCustomer", "Y"),
        ("B2CChargesPaidAccountAvailableFunds", _funds(twin, accounts.CHARGES)),
    ]


def _funds(twin: Twin, account: str) -> Decimal:
    return accounts.shillings(accounts.balance_cents(twin, account))
