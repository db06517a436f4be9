"""Build what is stored for an accepted payment or refund: its row, its command, the first reply.

Pure: no I/O; `IdempotencyStore.accept` writes all of it in one statement.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cift_shared.errors import InvalidCommand
from cift_shared.ids import PaymentId
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import (
    CancelPayment,
    OriginalPayment,
    RequestDeposit,
    RequestRefund,
    RequestWithdrawal,
    VerifyPayment,
)
from cift_shared.money.amount import Money, parse_money
from cift_shared.rails.rail import Rail
from cift_shared.rails.registry import rail_named, rails
from gateway.auth.authenticator import Caller
from gateway.database.outbox import SOURCE
from gateway.idempotency.acceptance import Acceptance, Refusals, ledger_function
from gateway.payments.presenters import payment_out
from gateway.payments.requests import PaymentIn, RefundIn
from gateway.problems.problem import Problem
from gateway.quotes.pricing import Quote

PAYMENTS_PATH = "/api/v1/payments"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent the request, when, and the id of the new payment."""

    payment_id: PaymentId
    caller: Caller
    at: datetime


def payment_path(payment_id: UUID) -> str:
    """The URL path of a payment."""
    return f"{PAYMENTS_PATH}/{payment_id}"


def payment_acceptance(
    body: PaymentIn, rail: Rail, price: Quote, instrument: Instrument, origin: Origin
) -> Acceptance:
    """Everything that is stored for a deposit or a withdrawal."""
    fields: dict[str, Any] = {
        "payment_id": origin.payment_id,
        "merchant_id": origin.caller.merchant_id,
        "livemode": origin.caller.livemode,
        "customer_id": body.customer_id,
        "method": rail.method,
        "rail": rail.name,
        "amount": price.amount,
        "instrument": instrument,
        "accepted_at": origin.at,
    }
    command = (
        RequestDeposit(
            **fields,
            return_url=body.return_url,
            off_session=body.off_session,
            description=body.description,
            exchange=price.exchange,
        )
        if body.type == "deposit"
        else RequestWithdrawal(**fields)
    )
    row = {
        "type": body.type,
        "fee_minor": str(price.fee.minor),
        "net_minor": str(price.net.minor),
        "fee_bearer": price.bearer,
        "pricing": dict(price.pricing),
        "amount_policy": rail.amount_policy if body.type == "deposit" else "exact",
        "description": body.description,
        "return_url": body.return_url,
        "metadata": body.metadata,
        "estimated_arrival": price.estimated_arrival.isoformat(),
        "parent_payment_id": None,
    }
    return _acceptance(command, row, origin)


def check_refund_amount(body: RefundIn, parent: Mapping[str, Any]) -> None:
    """Refuse an amount that can't be refunded, whatever the status of the payment is.

    Raises:
        InvalidCommand: the payment's rail offers no refunds; not an amount, or one that the rail
            can't move.
    """
    rail = rail_named(parent["rail"])
    rail.check_operation("refund", pointer="")
    if body.amount is not None:
        rail.check_amount(parse_money(body.amount, parent["currency"]), "refund")


def refund_amount(body: RefundIn, parent: Mapping[str, Any]) -> Money:
    """The amount to refund of a deposit.

    The ledger checks the same again under a lock; this check gives a clearer error earlier.

    Raises:
        Problem: not_refundable: not a completed deposit, or one that was reversed in whole.
        InvalidCommand: more than is left of the deposit, or an amount that the method can't move.
    """
    if (parent["type"], parent["status"]) != ("deposit", "completed") or (
        parent["reversed_minor"] >= parent["minor"]
    ):
        raise Problem("not_refundable", "Only completed deposits can be refunded.")
    currency = parent["currency"]
    used = ("refunded_minor", "refund_pending_minor", "disputed_minor", "reversed_minor")
    left = int(parent["minor"] - sum(parent[name] for name in used))
    if left <= 0:
        raise refund_exceeds_captured(Money(0, currency))
    amount = (
        parse_money(body.amount, currency) if body.amount is not None else Money(left, currency)
    )
    if amount.minor > left:
        raise refund_exceeds_captured(Money(left, currency))
    rail_named(parent["rail"]).check_amount(amount, "refund")
    return amount


def refund_exceeds_captured(left: Money | None = None) -> InvalidCommand:
    """The refusal of a refund that is larger than what is left of the deposit."""
    detail = f"{left.text} {left.currency} is left to refund" if left else "too little is left"
    return InvalidCommand("refund_exceeds_captured", detail, pointer="/amount")


def refund_acceptance(
    body: RefundIn, amount: Money, parent: Mapping[str, Any], origin: Origin
) -> Acceptance:
    """Everything that is stored for a refund; the ledger adds its share of the fee and its net."""
    command = RequestRefund(
        payment_id=origin.payment_id,
        merchant_id=origin.caller.merchant_id,
        livemode=origin.caller.livemode,
        customer_id=parent["customer_id"],
        method=parent["method"],
        rail=parent["rail"],
        amount=amount,
        instrument=Instrument.model_validate(parent["instrument"]),
        accepted_at=origin.at,
        original=OriginalPayment(
            payment_id=parent["payment_id"],
            amount=Money(int(parent["minor"]), parent["currency"]),
            provider_reference=parent["provider_reference"],
        ),
    )
    arrival = origin.at + rail_named(parent["rail"]).typical_duration["refund"]
    row = {
        "type": "refund",
        "fee_minor": "0",
        "net_minor": str(amount.minor),
        "description": body.description,
        "return_url": None,
        "metadata": body.metadata,
        "estimated_arrival": arrival.isoformat(),
        "parent_payment_id": str(parent["payment_id"]),
    }
    return _acceptance(command, row, origin)


def cancel_message(payment_id: UUID, rail: str, at: datetime) -> OutgoingMessage:
    """The command that makes the worker cancel a payment."""
    command = CancelPayment(payment_id=payment_id, requested_at=at)
    return outgoing(topics.commands(rail), command, source=SOURCE, at=at)


def cancels_after_submit(rail: str) -> bool:
    """True if the provider can cancel a payment that it has; False if the rail is not installed."""
    found = rails().get(rail)
    return found is not None and found.cancel_after_submit


def verify_message(
    payment: Mapping[str, Any], verification_id: UUID, sealed_reference: str | None, at: datetime
) -> OutgoingMessage:
    """The command that makes the worker query the provider about a payment now."""
    command = VerifyPayment(
        verification_id=verification_id,
        payment_id=payment["payment_id"],
        requested_at=at,
        sealed_reference=sealed_reference,
    )
    return outgoing(topics.commands(payment["rail"]), command, source=SOURCE, at=at)


_NO_FUNDS = InvalidCommand(
    "insufficient_funds", "amount and fee exceed what is available", pointer="/amount"
)
_NOT_REFUNDABLE = Problem("not_refundable", "Only completed deposits can be refunded.")
_PAYMENT_REFUSALS: Refusals = {"CF001": _NO_FUNDS}
_REFUND_REFUSALS: Refusals = {
    "CF001": _NO_FUNDS,
    "CF002": _NOT_REFUNDABLE,
    "CF003": refund_exceeds_captured(),
}
_CANCEL_REFUSALS: Mapping[str, Problem] = {
    "CF004": Problem(
        "not_cancelable", "It is final, or was sent to a provider that can't cancel it."
    ),
    "CF005": Problem("payment_not_found"),
}


def cancel_refusal(sqlstate: str | None) -> Problem | None:
    """The problem to return when the ledger refuses to cancel; None for any other SQLSTATE."""
    problem = _CANCEL_REFUSALS.get(sqlstate or "")
    return problem and Problem(problem.code, problem.detail)


def _acceptance(
    command: RequestDeposit | RequestWithdrawal | RequestRefund,
    terms: dict[str, Any],
    origin: Origin,
) -> Acceptance:
    message = outgoing(topics.commands(command.carried_by), command, source=SOURCE, at=origin.at)
    row = {
        "payment_id": str(origin.payment_id),
        "merchant_id": command.merchant_id,
        "livemode": command.livemode,
        "customer_id": command.customer_id,
        "method": command.method,
        "rail": command.carried_by,
        "minor": str(command.amount.minor),
        "currency": command.amount.currency,
        "instrument": command.instrument.model_dump(mode="json", exclude_none=True),
        "command": stored_command(message),
        "created_at": origin.at.isoformat(),
        **terms,
    }
    return acceptance_of(row, message)


def acceptance_of(row: dict[str, Any], message: OutgoingMessage) -> Acceptance:
    """Everything that is stored for a payment or a refund with this row and this command."""
    payment_id, is_refund = UUID(row["payment_id"]), row["type"] == "refund"
    return Acceptance(
        resource_id=payment_id,
        write=ledger_function("accept_refund" if is_refund else "accept_payment"),
        row=row,
        message=message,
        reply=_first_reply(row),
        location=payment_path(payment_id),
        refusals=_REFUND_REFUSALS if is_refund else _PAYMENT_REFUSALS,
    )


def stored_command(message: OutgoingMessage) -> dict[str, Any]:
    """The command as stored with the payment, so that the sweeper can publish it again."""
    return {
        "headers": dict(message.headers),
        "body": json.loads(message.body),
    }


def _first_reply(row: Mapping[str, Any]) -> dict[str, Any]:
    initial = {
        "status": "pending",
        "next_action": None,
        "provider_reference": None,
        "failure": None,
        "refunded_minor": 0,
        "reversed_minor": 0,
        "disputed_minor": 0,
        "requested_minor": None,
        "version": 1,
        "updated_at": row["created_at"],
    }
    return payment_out({**row, **initial}).model_dump(mode="json")
