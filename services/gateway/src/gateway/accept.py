"""From a request to what is stored for it: the payment's row, its command, the first answer.

Pure: nothing is read or written here; the store does it all in one statement.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from cift_shared import topics
from cift_shared.envelope import OutgoingMessage, outgoing
from cift_shared.errors import InvalidCommand
from cift_shared.ids import PaymentId
from cift_shared.messages import (
    CancelPayment,
    Instrument,
    OriginalPayment,
    RequestDeposit,
    RequestRefund,
    RequestWithdrawal,
)
from cift_shared.methods import method_named
from cift_shared.money import Money, parse_money
from gateway.auth import Caller
from gateway.pricing import Quote
from gateway.problems import Problem
from gateway.schemas import (
    PaymentIn,
    RefundIn,
)
from gateway.views import payment_out

SOURCE = "gateway"
KEY_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, when, and the id of what comes of it."""

    payment_id: PaymentId
    caller: Caller
    at: datetime


TakenBy = Literal["accept_payment", "accept_refund", "convert"]
"""The ledger's functions that accept something under an idempotency key."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """All that one acceptance writes."""

    resource_id: UUID
    """The id of what is accepted: a payment, a conversion."""
    taken_by: TakenBy
    row: dict[str, Any]
    """What is accepted, as that function takes it."""
    message: OutgoingMessage | None
    """The command for the worker, where there is one."""
    reply: dict[str, Any]
    """What the client sees first."""
    location: str
    """Where it is found."""
    status: int = 202
    """What the client is answered with."""


def payment_path(payment_id: UUID) -> str:
    """The address of a payment."""
    return f"/api/v1/payments/{payment_id}"


def payment_acceptance(
    order: PaymentIn, price: Quote, instrument: Instrument, origin: Origin
) -> Acceptance:
    """A deposit or withdrawal at its price."""
    asked: dict[str, Any] = {
        "payment_id": origin.payment_id,
        "merchant_id": origin.caller.merchant_id,
        "livemode": origin.caller.livemode,
        "customer_id": order.customer_id,
        "method": order.method,
        "amount": price.amount,
        "instrument": instrument,
        "accepted_at": origin.at,
    }
    command = (
        RequestDeposit(
            **asked,
            return_url=order.return_url,
            off_session=order.off_session,
            description=order.description,
        )
        if order.type == "deposit"
        else RequestWithdrawal(**asked)
    )
    row = {
        "type": order.type,
        "fee_minor": str(price.fee.minor),
        "net_minor": str(price.net.minor),
        "fee_bearer": price.bearer,
        "pricing": dict(price.pricing),
        "description": order.description,
        "return_url": order.return_url,
        "metadata": order.metadata,
        "estimated_arrival": price.estimated_arrival.isoformat(),
        "parent_payment_id": None,
    }
    return _acceptance(command, row, origin)


def refund_amount(order: RefundIn, parent: Mapping[str, Any]) -> Money:
    """How much to give back of a deposit.

    The books check again, under lock; this gives the clearer answer sooner.

    Raises:
        Problem: not a completed deposit, or more than is left of it.
        InvalidCommand: an amount the method can't move.
    """
    if (parent["type"], parent["status"]) != ("deposit", "completed") or parent["reversed_minor"]:
        raise Problem("not_refundable", "Only completed deposits can be refunded.")
    currency = parent["currency"]
    gone = ("refunded_minor", "refund_pending_minor", "disputed_minor")
    left = int(parent["minor"] - sum(parent[name] for name in gone))
    if left <= 0:
        raise refund_exceeds_captured(Money(0, currency))
    amount = (
        parse_money(order.amount, currency) if order.amount is not None else Money(left, currency)
    )
    if amount.minor > left:
        raise refund_exceeds_captured(Money(left, currency))
    method_named(parent["method"]).check_amount(amount, "refund")
    return amount


def refund_exceeds_captured(left: Money | None = None) -> InvalidCommand:
    """The refusal of a refund that is too large."""
    told = f"{left.text} {left.currency} is left to refund" if left else "too little is left"
    return InvalidCommand("refund_exceeds_captured", told, pointer="/amount")


def refund_acceptance(
    order: RefundIn, amount: Money, parent: Mapping[str, Any], origin: Origin
) -> Acceptance:
    """A refund; the ledger fills in the share of the fee and the net amount."""
    command = RequestRefund(
        payment_id=origin.payment_id,
        merchant_id=origin.caller.merchant_id,
        livemode=origin.caller.livemode,
        customer_id=parent["customer_id"],
        method=parent["method"],
        amount=amount,
        instrument=Instrument.model_validate(parent["instrument"]),
        accepted_at=origin.at,
        original=OriginalPayment(
            payment_id=parent["payment_id"],
            amount=Money(int(parent["minor"]), parent["currency"]),
            provider_reference=parent["provider_reference"],
        ),
    )
    arrival = origin.at + method_named(parent["method"]).typical_duration["refund"]
    row = {
        "type": "refund",
        "fee_minor": "0",
        "net_minor": str(amount.minor),
        "description": order.description,
        "return_url": None,
        "metadata": order.metadata,
        "estimated_arrival": arrival.isoformat(),
        "parent_payment_id": str(parent["payment_id"]),
    }
    return _acceptance(command, row, origin)


def cancel_message(payment_id: UUID, method: str, at: datetime) -> OutgoingMessage:
    """The command to stop a payment."""
    command = CancelPayment(payment_id=payment_id, requested_at=at)
    return outgoing(topics.commands(method), command, source=SOURCE, at=at)


def _acceptance(
    command: RequestDeposit | RequestWithdrawal | RequestRefund,
    terms: dict[str, Any],
    origin: Origin,
) -> Acceptance:
    message = outgoing(topics.commands(command.method), command, source=SOURCE, at=origin.at)
    row = {
        "payment_id": str(origin.payment_id),
        "merchant_id": command.merchant_id,
        "livemode": command.livemode,
        "customer_id": command.customer_id,
        "method": command.method,
        "minor": str(command.amount.minor),
        "currency": command.amount.currency,
        "instrument": command.instrument.model_dump(mode="json", exclude_none=True),
        "command": stored_command(message),
        "created_at": origin.at.isoformat(),
        **terms,
    }
    return Acceptance(
        resource_id=origin.payment_id,
        taken_by="accept_refund" if terms["type"] == "refund" else "accept_payment",
        row=row,
        message=message,
        reply=_first_reply(row),
        location=payment_path(origin.payment_id),
    )


def stored_command(message: OutgoingMessage) -> dict[str, Any]:
    """The command as it rests beside the payment, for whoever must send it again."""
    return {
        "headers": dict(message.headers),
        "body": json.loads(message.body),
    }


def _first_reply(row: Mapping[str, Any]) -> dict[str, Any]:
    fresh = {
        "status": "pending",
        "next_action": None,
        "provider_reference": None,
        "failure": None,
        "refunded_minor": 0,
        "reversed_minor": 0,
        "disputed_minor": 0,
        "version": 1,
        "updated_at": row["created_at"],
    }
    return payment_out({**row, **fresh}).model_dump(mode="json")


__all__ = [
    "KEY_LIFETIME",
    "Acceptance",
    "Origin",
    "cancel_message",
    "payment_acceptance",
    "payment_path",
    "refund_acceptance",
    "refund_amount",
    "refund_exceeds_captured",
    "stored_command",
]
