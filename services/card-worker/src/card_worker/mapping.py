"""Translate the state of Stripe's objects to our terms. Pure functions, no I/O."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from card_worker import declines, wire
from card_worker.amounts import from_stripe
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Dispute,
    Expired,
    Failure,
    FailureCategory,
    Pending,
    Settled,
)
from cift_shared.money.amount import Money
from cift_shared.rails.instruments import Public

INTENT_STATUSES = frozenset(
    {
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "requires_capture",
        "succeeded",
        "canceled",
    }
)
REFUND_STATUSES = frozenset({"pending", "requires_action", "succeeded", "failed", "canceled"})
DISPUTE_STATUSES = frozenset(
    {
        "warning_needs_response",
        "warning_under_review",
        "warning_closed",
        "needs_response",
        "under_review",
        "won",
        "lost",
        "prevented",
    }
)
_CLOSED: dict[str, Literal["won", "lost", "canceled"]] = {
    "won": "won",
    "lost": "lost",
    "warning_closed": "canceled",
    "prevented": "canceled",
}


def failure_of(error: wire.ApiError | None) -> Failure:
    """Why a card was declined: the advice code decides, then the bank's code, then Stripe's code.

    An unknown code is a soft decline: the customer may try again, we never retry it ourselves.
    """
    if error is None:
        return declines.CARD_DECLINED
    advised = declines.ADVICE.get(error.advice_code or "")
    codes = (code for code in (error.decline_code, error.code) if code)
    listed = next((declines.DECLINES[code] for code in codes if code in declines.DECLINES), None)
    if advised is None:
        return listed or declines.CARD_DECLINED
    return listed if listed is not None and _agrees(listed, advised) else advised


def _agrees(listed: Failure, advised: Failure) -> bool:
    """True when the code means the same as the advice, in more detail."""
    if advised == declines.CARD_DATA_WRONG:
        return listed.category is FailureCategory.INVALID and listed.retryable
    return listed.retryable == advised.retryable


def is_listed(error: wire.ApiError | None) -> bool:
    """True when a table lists this decline."""
    if error is None:
        return True
    if error.advice_code in declines.ADVICE:
        return True
    return any(code in declines.DECLINES for code in (error.decline_code, error.code))


def refusal_of(error: wire.ApiError) -> Failure:
    """Why Stripe refused a request, as far as the customer can act on it."""
    if error.code == "resource_missing":
        missing = {
            "payment_method": declines.CARD_UNKNOWN,
            "customer": declines.CARD_UNKNOWN,
            "payment_intent": declines.REFUND_PAYMENT_UNKNOWN,
        }
        return missing.get(error.param or "", declines.REQUEST_REFUSED)
    if error.param == "payment_method" and error.code is None:
        return declines.CARD_UNKNOWN  # already used, or it belongs to another customer
    return declines.REQUEST_ERRORS.get(error.code or "", declines.REQUEST_REFUSED)


def card_of(part: wire.CardPart | None) -> Public | None:
    """Brand, last four digits and expiry of a card; None when Stripe left out any of them."""
    if part is None or part.brand is None or part.last4 is None:
        return None
    if part.exp_month is None or part.exp_year is None:
        return None
    return {
        "brand": part.brand,
        "last4": part.last4,
        "exp_month": part.exp_month,
        "exp_year": part.exp_year,
    }


def charge_card(intent: wire.PaymentIntent) -> Public | None:
    """The card an intent was paid with."""
    charge = intent.latest_charge
    details = charge.payment_method_details if charge else None
    return card_of(details.card) if details else None


def fee_of(movement: wire.BalanceTransaction | None) -> Money | None:
    """Stripe's fee, in the currency of our balance; None while unknown, or when it is zero."""
    if movement is None or movement.fee <= 0:
        return None
    try:
        return from_stripe(movement.fee, movement.currency)
    except ValueError:
        return None


def paid(intent: wire.PaymentIntent) -> Settled | Conflicting:
    """The outcome of a succeeded intent: the amount that Stripe received, not the requested one."""
    if intent.amount_received is None or intent.currency is None:
        return Conflicting("Stripe reports paid without an amount")
    try:
        amount = from_stripe(intent.amount_received, intent.currency)
    except ValueError as error:
        return Conflicting(str(error))
    charge = intent.latest_charge
    fee = fee_of(charge.balance_transaction) if charge else None
    return Settled(amount, intent.id, fee, charge_card(intent))


def ended(intent: wire.PaymentIntent) -> Declined | Expired:
    """The outcome of a canceled intent: declined for the last error, else expired."""
    if intent.last_payment_error is not None:
        return Declined(failure_of(intent.last_payment_error))
    if intent.cancellation_reason in ("abandoned", "automatic", None):
        return Expired(declines.ACTION_EXPIRED)
    return Declined(declines.CANCELED_AT_PROVIDER)


def refunded(refund: wire.Refund) -> Settled | Declined | Conflicting | Pending:
    """The outcome that a refund's status means."""
    if refund.status in ("failed", "canceled"):
        return Declined(declines.REFUND_FAILED)
    if refund.status != "succeeded":
        return Pending()
    try:
        amount = from_stripe(refund.amount, refund.currency)
    except ValueError as error:
        return Conflicting(str(error))
    return Settled(amount, refund.id, fee_of(refund.balance_transaction))


def dispute_of(dispute: wire.Dispute) -> Dispute:
    """The current state of a dispute; its sums cover all its balance transactions.

    Raises:
        ValueError: the currency is unknown.
    """
    moved = dispute.balance_transactions
    due_by = dispute.evidence_details.due_by if dispute.evidence_details else None
    return Dispute(
        reference=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        amount=from_stripe(dispute.amount, dispute.currency),
        withdrawn=_total(dispute, [max(0, -m.amount) for m in moved]),
        reinstated=_total(dispute, [max(0, m.amount) for m in moved]),
        fee=_fees(moved, sign=1),
        fee_reinstated=_fees(moved, sign=-1),
        evidence_due_by=None if due_by is None else datetime.fromtimestamp(due_by, UTC),
        closed=_CLOSED.get(dispute.status),
    )


def _total(dispute: wire.Dispute, parts: Sequence[int]) -> Money | None:
    """The sum in the payment's currency; None when it is zero.

    If our balance has another currency, the result is the amount of the whole dispute.
    """
    if not any(parts):
        return None
    moved = dispute.balance_transactions
    if all(m.currency == dispute.currency for m in moved):
        return from_stripe(sum(parts), dispute.currency)
    return from_stripe(dispute.amount, dispute.currency)


def _fees(moved: Sequence[wire.BalanceTransaction], *, sign: int) -> Money | None:
    fees = [sign * movement.fee for movement in moved if sign * movement.fee > 0]
    return from_stripe(sum(fees), moved[0].currency) if fees else None
