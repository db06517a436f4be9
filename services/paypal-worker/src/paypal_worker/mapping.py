"""Translate the state of PayPal's objects to our terms. Pure functions, no I/O."""

from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Pending,
    Settled,
)
from cift_shared.money.amount import Money
from paypal_method.currencies import from_text
from paypal_worker import issues, wire

OPEN = frozenset({"CREATED", "SAVED", "PAYER_ACTION_REQUIRED"})
"""Statuses of an order that waits for its payer."""
ORDER_STATUSES = OPEN | {"APPROVED", "VOIDED", "COMPLETED"}

PAID = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
"""Statuses of a capture whose money arrived, whether or not it was refunded since."""
REFUSED = frozenset({"DECLINED", "FAILED"})
CAPTURE_STATUSES = PAID | REFUSED | {"PENDING"}
"""Source: Payments v2, `capture_status`."""

REFUND_STATUSES = frozenset({"COMPLETED", "PENDING", "FAILED", "CANCELLED"})
"""Source: Payments v2, `refund_status`."""
REFUND_ENDED = frozenset({"FAILED", "CANCELLED"})


def money_of(amount: wire.Amount) -> Money:
    """The money of an amount.

    Raises:
        ValueError: it can't be read.
    """
    return from_text(amount.value, amount.currency_code)


def fee_of(capture: wire.Capture) -> Money | None:
    """PayPal's fee of a capture, in the currency in which it was charged; None: unknown, or zero.

    It is in the capture's currency, unless PayPal charged it in that of our balance.
    """
    parts = capture.seller_receivable_breakdown
    amount = (parts.paypal_fee_in_receivable_currency or parts.paypal_fee) if parts else None
    try:
        fee = money_of(amount) if amount else None
    except ValueError:
        return None
    return fee if fee is not None and fee.minor > 0 else None


def captured(capture: wire.Capture) -> Settled | Declined | Conflicting | Pending:
    """The outcome that the status of a capture means; the status of its order means nothing."""
    if capture.status in REFUSED:
        return Declined(issues.CAPTURE_DECLINED)
    if capture.status not in PAID:
        return Pending()
    if capture.amount is None:
        return Conflicting("PayPal reports a capture without an amount")
    try:
        amount = money_of(capture.amount)
    except ValueError as error:
        return Conflicting(str(error))
    return Settled(amount, capture.id, fee_of(capture))


def only_capture(order: wire.Order) -> wire.Capture | None:
    """The capture that decides an order; None when there is none.

    PayPal captures an order once. If it ever shows several, one whose money arrived decides.
    """
    made = order.captures
    paid = [capture for capture in made if capture.status in PAID]
    return next(iter(paid or made), None)


def refunded(refund: wire.Refund) -> Settled | Declined | Conflicting | Pending:
    """The outcome that a refund's status means."""
    if refund.status in REFUND_ENDED:
        return Declined(issues.REFUND_FAILED)
    if refund.status != "COMPLETED":
        return Pending()
    if refund.amount is None:
        return Conflicting("PayPal reports a refund without an amount")
    try:
        return Settled(money_of(refund.amount), refund.id)
    except ValueError as error:
        return Conflicting(str(error))
