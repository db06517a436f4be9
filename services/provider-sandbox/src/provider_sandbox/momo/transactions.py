"""Transactions: a request to pay, a transfer, a refund; each id is taken once.

    PENDING or CREATED -> SUCCESSFUL | FAILED (reason)

Source: momodeveloper.mtn.com, "Collection" and "Disbursement".
"""

import secrets
from sqlite3 import Row
from typing import Any

from provider_sandbox.book import Movement
from provider_sandbox.faults import WITHOUT_EFFECT, Fault
from provider_sandbox.momo import accounts, callbacks, phones
from provider_sandbox.momo.behaviours import BEHAVIOURS, Behaviour, Pace
from provider_sandbox.momo.errors import refused
from provider_sandbox.momo.places import PLACES, Place
from provider_sandbox.momo.requests import PARTY, Wish
from provider_sandbox.twin import Exchange, Twin
from provider_sandbox.webhook_sender import CallbackMode

DECIDE = "momo.decide"
"""Scheduled event: a transaction ends."""
FORGED = "momo.forged"
"""Scheduled event: a forged callback."""
SUCCESSFUL, FAILED = "SUCCESSFUL", "FAILED"
_RECEIPT_DIGITS = 10


def accept(twin: Twin, wish: Wish, exchange: Exchange) -> list[int] | None:
    """Register a request; None when a fault of the phone drops it.

    Returns:
        The callbacks to deliver before the answer.

    Raises:
        MomoError: 409 for an id that was used; 404 for a refund of nothing.
    """
    msisdn = _msisdn(twin, wish)
    behaviour = phones.behaviour_of(twin, msisdn)
    with twin.store.transaction():
        if find(twin, wish.place, wish.kind, wish.reference_id) is not None:
            raise refused(409, "RESOURCE_ALREADY_EXIST", "Duplicated reference id.")
        kind = phones.submit_fault(twin, msisdn, behaviour) if wish.kind != "refund" else None
        if kind is not None:
            exchange.fault = Fault(kind=kind)
        if kind in WITHOUT_EFFECT:
            return None
        operation = f"momo.{wish.kind}"
        mode = twin.faults.take_callback_mode(operation, exchange.body) or behaviour.callback
        row = _insert(twin, wish, msisdn, behaviour, mode)
        if exchange.request_number is not None:
            twin.request_log.accept(exchange.request_number)
        return _schedule(twin, row, behaviour, mode)


def decide(twin: Twin, payload: dict[str, Any]) -> list[int]:
    """Scheduled event: end a transaction, move its money and schedule its callback."""
    row = by_seq(twin, payload["id"])
    if row is None or row["decided_at"] is not None:
        return []
    behaviour = BEHAVIOURS[row["behaviour"]]
    reason = _reason(twin, row, behaviour)
    receipt = None if reason else _move(twin, row)
    twin.store.execute(
        "UPDATE momo_transactions SET status = ?, reason = ?, receipt = ?, decided_at = ?"
        " WHERE seq = ?",
        (FAILED if reason else SUCCESSFUL, reason, receipt, twin.clock.now(), row["seq"]),
    )
    ended = by_seq(twin, row["seq"])
    return [] if ended is None else callbacks.schedule(twin, ended)


def forge(twin: Twin, payload: dict[str, Any]) -> None:
    """Scheduled event: a forged success, with a wrong amount or about another transaction."""
    row = by_seq(twin, payload["id"])
    if row is not None:
        callbacks.forge(twin, row)


def show(twin: Twin, place: Place, kind: str, reference_id: str) -> dict[str, Any]:
    """A transaction as a status query shows it.

    Raises:
        MomoError: 404: there is none, or it is not visible yet.
    """
    row = find(twin, place, kind, reference_id)
    if row is None or row["visible_at"] > twin.clock.now():
        raise refused(404, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
    return callbacks.view(twin, row, as_query=True)


def find(twin: Twin, place: Place, kind: str, reference_id: str) -> Row | None:
    """A transaction by the caller's id."""
    return twin.store.one(
        "SELECT * FROM momo_transactions WHERE target = ? AND kind = ? AND reference_id = ?",
        (place.target, kind, reference_id),
    )


def by_seq(twin: Twin, seq: int) -> Row | None:
    """A transaction by its number."""
    return twin.store.one("SELECT * FROM momo_transactions WHERE seq = ?", (seq,))


def _msisdn(twin: Twin, wish: Wish) -> str:
    """The other party; that of a refund is the payer of the collection."""
    if wish.kind in PARTY:
        return wish.msisdn
    original = find(twin, wish.place, "collection", wish.refunds)
    if original is None or original["status"] != SUCCESSFUL:
        raise refused(404, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
    return str(original["msisdn"])


def _insert(twin: Twin, wish: Wish, msisdn: str, behaviour: Behaviour, mode: CallbackMode) -> Row:
    now, settings = twin.clock.now(), twin.settings
    early = mode is CallbackMode.BEFORE_ANSWER
    hidden_s = 0 if early else settings.momo_hidden_s * behaviour.hidden_factor
    seq = twin.store.insert(
        "momo_transactions",
        target=wish.place.target,
        kind=wish.kind,
        reference_id=wish.reference_id,
        msisdn=msisdn,
        amount=wish.amount,
        amount_text=wish.amount_text,
        external_id=wish.external_id,
        refunds=wish.refunds,
        callback_url=wish.callback_url,
        payer_message=wish.payer_message,
        payee_note=wish.payee_note,
        behaviour=behaviour.name,
        callback_mode=mode.value,
        status=behaviour.open_status,
        created_at=now,
        visible_at=now + twin.clock.span(hidden_s),
    )
    row = by_seq(twin, seq)
    if row is None:
        raise LookupError(seq)
    return row


def _schedule(twin: Twin, row: Row, behaviour: Behaviour, mode: CallbackMode) -> list[int]:
    event = {"id": row["seq"]}
    if mode is CallbackMode.BEFORE_ANSWER:
        return decide(twin, event)
    if mode in (CallbackMode.FORGED, CallbackMode.FORGED_ID) and row["callback_url"]:
        after_s = twin.settings.momo_callback_lag_s
        twin.scheduled_events.add(FORGED, event, after_s=after_s)
    twin.scheduled_events.add(DECIDE, event, after_s=_delay_s(twin, row, behaviour))
    return []


def _delay_s(twin: Twin, row: Row, behaviour: Behaviour) -> float:
    settings = twin.settings
    if row["kind"] == "refund":
        return settings.momo_payout_s
    is_collection = row["kind"] == "collection"
    usual = settings.momo_approve_s if is_collection else settings.momo_payout_s
    return {
        Pace.USUAL: usual,
        Pace.REFUSAL: settings.momo_refuse_s,
        Pace.WINDOW: settings.momo_window_s,
        Pace.SLOW: settings.momo_slow_s,
        Pace.NEVER: settings.momo_never_s,
    }[behaviour.pace if is_collection else behaviour.transfer_pace]


def _reason(twin: Twin, row: Row, behaviour: Behaviour) -> str | None:
    """Why a transaction fails now; None: it succeeds."""
    place, amount = PLACES[row["target"]], row["amount"]
    if row["kind"] == "collection":
        short = phones.wallet(twin, row["msisdn"]) < amount
        return behaviour.collect or ("NOT_ENOUGH_FUNDS" if short else None)
    if row["kind"] == "transfer" and behaviour.transfer:
        return behaviour.transfer
    if row["kind"] == "refund" and _refundable(twin, row) < amount:
        return "NOT_ALLOWED"
    short = accounts.balance(twin, place, "disbursement") < amount
    return "NOT_ENOUGH_FUNDS" if short else None


def _refundable(twin: Twin, row: Row) -> int:
    """What is left of the collection that this refund names."""
    original = find(twin, PLACES[row["target"]], "collection", row["refunds"])
    done = twin.store.one(
        "SELECT coalesce(sum(amount), 0) AS units FROM momo_transactions"
        " WHERE target = ? AND kind = 'refund' AND refunds = ? AND status = ?",
        (row["target"], row["refunds"], SUCCESSFUL),
    )
    return 0 if original is None or done is None else int(original["amount"] - done["units"])


def _move(twin: Twin, row: Row) -> str:
    """Move the money; answers the receipt."""
    place, amount, is_in = PLACES[row["target"]], row["amount"], row["kind"] == "collection"
    receipt = str(10**_RECEIPT_DIGITS + row["seq"] * 1000 + secrets.randbelow(1000))
    sign = 1 if is_in else -1
    accounts.add(twin, place, "collection" if is_in else "disbursement", sign * amount)
    phones.set_wallet(twin, row["msisdn"], phones.wallet(twin, row["msisdn"]) - sign * amount)
    refs = {"externalId": row["external_id"], "X-Reference-Id": row["reference_id"]}
    if row["refunds"]:
        refs["referenceIdToRefund"] = row["refunds"]
    twin.book.append(
        Movement(
            provider=place.book,
            kind=row["kind"],
            msisdn=row["msisdn"],
            amount=str(amount),
            currency=place.currency,
            fee="0",
            receipt=receipt,
            provider_ids={"financialTransactionId": receipt},
            caller_refs=refs,
            callback_url=row["callback_url"],
        )
    )
    return receipt
