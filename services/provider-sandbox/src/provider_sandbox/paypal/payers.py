"""Scripted payers and receivers: the part of the e-mail address before ``@`` or ``+`` names them.

``declined+17@example.com`` behaves as ``declined``; an unknown name pays, or receives.
"""

from dataclasses import dataclass
from typing import Literal

from provider_sandbox.settings import Settings
from provider_sandbox.store import Store

RefundCourse = Literal["completes", "pending", "fails"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """What happens when an order of this payer is captured, and afterwards."""

    issue: str | None = None
    """The capture is refused with this issue."""
    once: bool = False
    """Only the first capture is refused."""
    capture: Literal["COMPLETED", "PENDING", "DECLINED"] = "COMPLETED"
    reason: str | None = None
    """``status_details.reason`` of a pending capture."""
    then: Literal["COMPLETED", "DECLINED"] | None = None
    """The end of a pending capture; None: it stays pending."""
    refund: RefundCourse = "completes"
    dispute: str | None = None
    """A dispute opens after the capture, with this reason."""


PAYERS = {
    "pays": Payer(),
    "declined": Payer(issue="INSTRUMENT_DECLINED"),
    "declined-once": Payer(issue="INSTRUMENT_DECLINED", once=True),
    "action": Payer(issue="PAYER_ACTION_REQUIRED", once=True),
    "locked": Payer(issue="PAYER_ACCOUNT_LOCKED_OR_CLOSED"),
    "restricted": Payer(issue="PAYER_ACCOUNT_RESTRICTED"),
    "cannot-pay": Payer(issue="PAYER_CANNOT_PAY"),
    "limit": Payer(issue="TRANSACTION_LIMIT_EXCEEDED"),
    "refused": Payer(issue="TRANSACTION_REFUSED"),
    "compliance": Payer(issue="COMPLIANCE_VIOLATION"),
    "echeck": Payer(capture="PENDING", reason="ECHECK", then="COMPLETED"),
    "echeck-bounces": Payer(capture="PENDING", reason="ECHECK", then="DECLINED"),
    "review": Payer(capture="PENDING", reason="PENDING_REVIEW", then="COMPLETED"),
    "review-denied": Payer(capture="PENDING", reason="PENDING_REVIEW", then="DECLINED"),
    "unilateral": Payer(capture="PENDING", reason="UNILATERAL"),
    "capture-declined": Payer(capture="DECLINED"),
    "refund-pending": Payer(refund="pending"),
    "refund-fails": Payer(refund="fails"),
    "disputes": Payer(dispute="MERCHANDISE_OR_SERVICE_NOT_RECEIVED"),
    "unauthorised": Payer(dispute="UNAUTHORISED"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The statuses of a payout's item after PENDING, in order."""

    course: tuple[str, ...] = ("SUCCESS",)
    error: str | None = None
    """The item's error, for one that is not paid."""


RECEIVERS = {
    "receives": Receiver(),
    "unclaimed": Receiver(course=("UNCLAIMED", "RETURNED"), error="RECEIVER_UNREGISTERED"),
    "claims": Receiver(course=("UNCLAIMED", "SUCCESS"), error="RECEIVER_UNREGISTERED"),
    "onhold": Receiver(
        course=("ONHOLD", "SUCCESS"), error="PENDING_RECIPIENT_NON_HOLDING_CURRENCY"
    ),
    "onhold-fails": Receiver(course=("ONHOLD", "FAILED"), error="RISK_DECLINE"),
    "blocked": Receiver(course=("BLOCKED",), error="TRANSACTION_BLOCKED"),
    "fails": Receiver(course=("FAILED",), error="RECEIVER_ACCOUNT_LOCKED"),
    "reversed": Receiver(course=("SUCCESS", "REVERSED")),
    "refunds": Receiver(course=("SUCCESS", "REFUNDED")),
    "stays-pending": Receiver(course=()),
}

NOTES = {"ERRPYO002": Receiver(course=("FAILED",), error="SENDER_EMAIL_UNCONFIRMED")}
"""Magic values of an item's ``note``. Source: developer.paypal.com/negative-testing/values."""


def payer(store: Store, settings: Settings, email: str, amount: str) -> Payer:
    """The behaviour of a payer: by amount, by ``/control/paypal/payers``, or by its address."""
    by_amount = settings.paypal_amounts.get(amount)
    return PAYERS.get(by_amount or _name(store, email), PAYERS["pays"])


def receiver(store: Store, receiver: str, note: str | None) -> Receiver:
    """The behaviour of a payout's receiver."""
    return NOTES.get(note or "") or RECEIVERS.get(_name(store, receiver), RECEIVERS["receives"])


def script(store: Store, email: str, behaviour: str) -> None:
    """Give an address a behaviour, of payers or of receivers."""
    store.execute("INSERT OR REPLACE INTO paypal_payers VALUES (?, ?)", (email.lower(), behaviour))


def _name(store: Store, email: str) -> str:
    row = store.one("SELECT behaviour FROM paypal_payers WHERE email = ?", (email.lower(),))
    if row is not None:
        return str(row["behaviour"])
    return email.partition("@")[0].partition("+")[0].lower()
