"""Payments, payouts and reversals: accepted under the caller's key, carried out later.

Source: M-Pesa OpenAPI documentation, "C2B Single Stage", "B2C Single Stage", "Reversal".
"""

from sqlite3 import Row
from typing import Any

from provider_sandbox.book import Movement
from provider_sandbox.faults import WITHOUT_EFFECT, Fault
from provider_sandbox.twin import Exchange, Twin
from provider_sandbox.vodacom import accounts, behaviours, ids, listener, validation
from provider_sandbox.vodacom.behaviours import BEHAVIOURS, Behaviour
from provider_sandbox.vodacom.errors import Refused
from provider_sandbox.webhook_sender import CallbackMode

DECIDE = "vodacom.decide"
"""Scheduled event: a request is carried out."""
LATE = "vodacom.late"
"""Scheduled event: a deposit that timed out is paid after all."""

_STATUSES = {"INS-0": "Completed", "INS-5": "Cancelled", "INS-9": "Expired"}


def use_key(twin: Twin, key: str) -> None:
    """Take a key for a request that is not carried out, such as a query.

    Raises:
        Refused: INS-10: it was used before.
    """
    if twin.store.one("SELECT 1 FROM vodacom_keys WHERE key = ?", (key,)):
        raise Refused("INS-10", output_ThirdPartyConversationID=key)
    twin.store.insert("vodacom_keys", key=key)


def accept(
    twin: Twin, wanted: validation.Payment, exchange: Exchange
) -> tuple[Row, list[int]] | None:
    """Register a payment or payout; None when a fault of the phone drops the request.

    Returns:
        The row, and the notices to deliver before the answer.

    Raises:
        Refused: the key was used before, or the request is refused before the wallet.
    """
    behaviour = behaviours.look_up(twin, wanted.msisdn)
    with twin.store.transaction():
        if find(twin, wanted.key) is not None:  # checked before any fault of the phone
            raise Refused("INS-10", output_ThirdPartyConversationID=wanted.key)
        kind = behaviours.submit_fault(twin, wanted.msisdn, behaviour)
        if kind is not None:
            exchange.fault = Fault(kind=kind)
        if kind in WITHOUT_EFFECT:
            return None
        refused = behaviour.refused if wanted.kind == "c2b" else behaviour.payout_refused
        if refused is not None:
            raise Refused(refused, output_ThirdPartyConversationID=wanted.key)
        use_key(twin, wanted.key)
        row = _insert(
            twin, wanted.kind, wanted.key, exchange, behaviour,
            msisdn=wanted.msisdn, amount=wanted.amount, reference=wanted.reference,
        )  # fmt: skip
        return row, _schedule(twin, row, behaviour)


def reverse(twin: Twin, wanted: validation.Reversal, exchange: Exchange) -> tuple[Row, list[int]]:
    """Register a reversal; returns and raises as ``accept``."""
    original = by_transaction(twin, wanted.transaction_id)
    if original is None or original["kind"] != "c2b":
        raise Refused("INS-18", output_ThirdPartyConversationID=wanted.key)
    with twin.store.transaction():
        use_key(twin, wanted.key)
        left = original["amount"] - original["reversed"]
        if wanted.amount > left:
            raise Refused("INS-15", output_ThirdPartyConversationID=wanted.key)
        twin.store.execute(
            "UPDATE vodacom_payments SET reversed = reversed + ? WHERE key = ?",
            (wanted.amount, original["key"]),
        )
        row = _insert(
            twin, "reversal", wanted.key, exchange, BEHAVIOURS["pays"],
            msisdn=original["msisdn"], amount=wanted.amount, original=wanted.transaction_id,
        )  # fmt: skip
        return row, _schedule(twin, row, BEHAVIOURS["pays"])


def decide(twin: Twin, payload: dict[str, Any]) -> list[int]:
    """Scheduled event: carry a request out, move its money, schedule its notice.

    Returns:
        Notices that must be delivered before the request is answered.
    """
    row = find(twin, payload["id"])
    if row is None or row["transaction_id"] is not None:
        return []
    is_late = payload.get("late", False)
    code = "INS-0" if is_late else _code(row)
    if code == "INS-0" and not _has_money(twin, row):
        code = "INS-2006"
    then_pays = code != "INS-0" and BEHAVIOURS[row["behaviour"]].then_pays and not is_late
    transaction_id = _move(twin, row) if code == "INS-0" else None
    status = "Pending" if then_pays else _STATUSES.get(code, "Failed")
    twin.store.execute(
        "UPDATE vodacom_payments SET code = ?, status = ?, transaction_id = ?, decided_at = ?"
        " WHERE key = ?",
        (code, status, transaction_id, twin.clock.now(), row["key"]),
    )
    if code != "INS-0":
        _release_reversal(twin, row)
    if then_pays:
        wait_s = max(0.0, twin.settings.vodacom_late_s - twin.settings.vodacom_timeout_s)
        twin.scheduled_events.add(LATE, {"id": row["key"], "late": True}, after_s=wait_s)
    decided = find(twin, row["key"])
    return [] if decided is None else listener.send(twin, decided)


def find(twin: Twin, key: str) -> Row | None:
    """A request by the caller's key."""
    return twin.store.one("SELECT * FROM vodacom_payments WHERE key = ?", (key,))


def by_transaction(twin: Twin, transaction_id: str) -> Row | None:
    """A completed request by its transaction id."""
    return twin.store.one(
        "SELECT * FROM vodacom_payments WHERE transaction_id = ?", (transaction_id,)
    )


def by_any_id(twin: Twin, about: str) -> Row | None:
    """A request by the caller's key, its conversation id or its transaction id."""
    found = find(twin, about) or by_transaction(twin, about)
    return found or twin.store.one(
        "SELECT * FROM vodacom_payments WHERE conversation_id = ?", (about,)
    )


def _code(row: Row) -> str:
    behaviour = BEHAVIOURS[row["behaviour"]]
    return behaviour.code if row["kind"] == "c2b" else behaviour.payout_code


def _insert(
    twin: Twin, kind: str, key: str, exchange: Exchange, behaviour: Behaviour, **fields: Any
) -> Row:
    operation = f"vodacom.{kind}"
    mode = twin.faults.take_callback_mode(operation, exchange.body) or behaviour.callback
    twin.store.insert(
        "vodacom_payments",
        key=key,
        kind=kind,
        conversation_id=ids.conversation_id(),
        behaviour=behaviour.name,
        callback_mode=mode.value,
        status="Pending",
        created_at=twin.clock.now(),
        **fields,
    )
    if exchange.request_number is not None:
        twin.request_log.accept(exchange.request_number)
    row = find(twin, key)
    if row is None:
        raise LookupError(key)
    return row


def _schedule(twin: Twin, row: Row, behaviour: Behaviour) -> list[int]:
    event, settings = {"id": row["key"]}, twin.settings
    checks_now = row["kind"] != "c2b" and settings.vodacom_short_balance == "at_once"
    if checks_now and accounts.balance(twin) < row["amount"]:
        return _refuse_payout(twin, row)
    if row["callback_mode"] == CallbackMode.BEFORE_ANSWER:
        return decide(twin, event)
    listener.send_forged(twin, row)
    after_s = settings.vodacom_payout_s
    if row["kind"] == "c2b":
        after_s = behaviours.ends_s(twin, behaviour.pace)
    twin.scheduled_events.add(DECIDE, event, after_s=after_s)
    return []


def _refuse_payout(twin: Twin, row: Row) -> list[int]:
    """Our balance is too low: the request is known, and has failed."""
    twin.store.execute(
        "UPDATE vodacom_payments SET code = 'INS-2006', status = 'Failed', decided_at = ?"
        " WHERE key = ?",
        (twin.clock.now(), row["key"]),
    )
    _release_reversal(twin, row)
    return []


def _release_reversal(twin: Twin, row: Row) -> None:
    if row["kind"] == "reversal":
        twin.store.execute(
            "UPDATE vodacom_payments SET reversed = reversed - ? WHERE transaction_id = ?",
            (row["amount"], row["original"]),
        )


def _has_money(twin: Twin, row: Row) -> bool:
    if row["kind"] == "c2b":
        return accounts.wallet(twin, row["msisdn"]) >= int(row["amount"])
    return accounts.balance(twin) >= int(row["amount"])


def _move(twin: Twin, row: Row) -> str:
    transaction_id, incoming = ids.transaction_id(), row["kind"] == "c2b"
    accounts.to_us(twin, row["msisdn"], row["amount"] if incoming else -row["amount"])
    original = {"OriginalTransactionID": row["original"]} if row["original"] else {}
    twin.book.append(
        Movement(
            provider="vodacom",
            kind=row["kind"],
            msisdn=row["msisdn"],
            amount=str(row["amount"]),
            currency="TZS",
            receipt=transaction_id,
            provider_ids={"ConversationID": row["conversation_id"], **original},
            caller_refs={
                "ThirdPartyConversationID": row["key"],
                "TransactionReference": row["reference"],
            },
            callback_url=twin.settings.vodacom_listener_url,
        )
    )
    return transaction_id
