"""Items of payouts: one payment to one receiver.

Source: developer.paypal.com/docs/api/payments.payouts-batch/v1, "transaction_status".
"""

from decimal import Decimal
from typing import Any

from provider_sandbox.paypal import events, ledger, money, payers
from provider_sandbox.paypal.errors import PayPalError
from provider_sandbox.paypal.ledger import Entry
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import Call, RequestContext

NEXT = "paypal.item"

_EVENTS = {
    "SUCCESS": "SUCCEEDED",
    "FAILED": "FAILED",
    "UNCLAIMED": "UNCLAIMED",
    "RETURNED": "RETURNED",
    "ONHOLD": "HELD",
    "BLOCKED": "BLOCKED",
    "REFUNDED": "REFUNDED",
}
"""The end of an event's name by status. PayPal names no event for REVERSED."""

_OUT = frozenset({"SUCCESS", "UNCLAIMED", "ONHOLD"})
"""Statuses in which the money has left our balance."""


def make(context: RequestContext, batch: Record, given: dict[str, Any]) -> Record:
    """Add an item to a batch; nothing moves yet."""
    settings, store = context.twin.settings, context.twin.store
    receiver = payers.receiver(store, given["receiver"], given.get("note"))
    currency = given["amount"]["currency"]
    amount = money.of_payouts(Decimal(given["amount"]["value"]), currency)
    header = batch.body["sender_batch_header"]
    names = ("note", "receiver", "sender_item_id", "recipient_wallet", "purpose")
    item = {name: given[name] for name in names if name in given}
    kind = given.get("recipient_type") or header.get("recipient_type") or "EMAIL"
    return context.objects.add(
        Record(
            context.ids.make("item", 13),
            "item",
            {
                "payout_item_fee": money.of_payouts(Decimal(settings.paypal_payout_fee), currency),
                "payout_item": {"recipient_type": kind, "amount": amount, **item},
            },
            {
                "course": list(receiver.course),
                "error": receiver.error,
                "sender_batch_id": header.get("sender_batch_id"),
            },
            parent=batch.id,
            status="PENDING",
        )
    )


def show(context: RequestContext, call: Call) -> tuple[int, Any]:
    """One item."""
    return 200, view(context, context.find("item", call.path[0], call.operation))


def cancel(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Return an unclaimed item now.

    Raises:
        PayPalError: HTTP 400, the item is in another status.
    """
    item = context.find("item", call.path[0], call.operation)
    if item.status != "UNCLAIMED":
        raise PayPalError(
            400,
            name="ITEM_ALREADY_CANCELLED" if item.status == "RETURNED" else "ITEM_INCORRECT_STATUS",
            message="The item is not in the status UNCLAIMED and cannot be cancelled.",
        )
    item.hidden["course"] = []
    change(context, item, "RETURNED", word="CANCELED")
    return 200, view(context, item)


def advance(context: RequestContext, item: Record) -> None:
    """Give the item the next status of its receiver's course, and schedule the one after."""
    if not item.hidden["course"]:
        return
    status = item.hidden["course"].pop(0)
    change(context, item, status)
    if item.hidden["course"]:
        settings = context.twin.settings
        returns = item.hidden["course"][0] == "RETURNED"
        after_s = settings.paypal_unclaimed_s if returns else settings.paypal_pending_s
        context.later(NEXT, item, after_s=after_s, status=status)


def advance_later(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: the next status, unless the item was changed in the meantime."""
    item = context.objects.get("item", payload["id"])
    if item is not None and item.status == payload["status"]:
        advance(context, item)


def change(context: RequestContext, item: Record, status: str, *, word: str | None = None) -> None:
    """Change the status, move the money if it leaves or comes back, and report it.

    Args:
        context: shared parts.
        item: the item.
        status: the new status.
        word: the end of the event's name, if it is not that of the status.
    """
    before, item.status = item.status, status
    context.no_longer(NEXT, item)
    item.body["time_processed"] = context.time()
    if status in _OUT:
        item.body.setdefault("transaction_id", context.ids.make("transaction"))
    error = item.hidden["error"]
    if error is not None and status != "SUCCESS":
        item.body["errors"] = {"name": error, "message": _TEXTS[error], "debug_id": "0"}
    elif status == "SUCCESS":
        item.body.pop("errors", None)
    context.objects.save(item)
    if status in _OUT and before not in _OUT:
        _book(context, "payout", item)
    elif before in _OUT and status not in _OUT:
        _book(context, "payout_returned", item)
    ending = word or _EVENTS.get(status)
    if ending is not None:
        kind = f"PAYMENT.PAYOUTS-ITEM.{ending}"
        summary = f"A payout item is {status.lower()}"
        events.emit(context, kind, "payouts_item", view(context, item), summary)


def view(context: RequestContext, item: Record, *, in_batch: bool = False) -> dict[str, Any]:
    """The item as PayPal shows it; alone it also has the ``sender_batch_id``."""
    made = {
        "payout_item_id": item.id,
        "transaction_status": item.status,
        "payout_batch_id": item.parent,
        **item.body,
        "links": [
            context.link("item", f"/v1/payments/payouts-item/{item.id}"),
            context.link("batch", f"/v1/payments/payouts/{item.parent}"),
        ],
    }
    if not in_batch and item.hidden["sender_batch_id"] is not None:
        made["sender_batch_id"] = item.hidden["sender_batch_id"]
    return made


_TEXTS = {
    "RECEIVER_UNREGISTERED": "Receiver is unregistered.",
    "PENDING_RECIPIENT_NON_HOLDING_CURRENCY": "The receiver has no account in this currency.",
    "RISK_DECLINE": "The transaction was declined due to risk.",
    "TRANSACTION_BLOCKED": "The transaction was blocked.",
    "RECEIVER_ACCOUNT_LOCKED": "The receiver's account is locked.",
    "SENDER_EMAIL_UNCONFIRMED": "The sender's email is not confirmed.",
}


def _book(context: RequestContext, kind: ledger.Kind, item: Record) -> None:
    """Book the payout with its fee; PayPal gives the fee back when the money comes back."""
    told, amount = item.body["payout_item"], item.body["payout_item"]["amount"]
    fee = Decimal(item.body["payout_item_fee"]["value"])
    ledger.move(
        context,
        kind,
        Entry(
            receipt=item.id if kind == "payout" else f"{item.id}:{item.status.lower()}",
            amount=Decimal(amount["value"]),
            currency=amount["currency"],
            party=told["receiver"],
            fee=fee if kind == "payout" else -fee,
            ids={
                "batch": str(item.parent),
                "item": item.id,
                "transaction": item.body["transaction_id"],
            },
            refs={
                "sender_batch_id": item.hidden["sender_batch_id"],
                "sender_item_id": told.get("sender_item_id"),
            },
        ),
    )
