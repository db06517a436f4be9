"""What PayPal's status of a payout's item means, after what we reported before; pure.

Sources: developer.paypal.com/docs/api/payments.payouts-batch/v1 ("transaction_status"), and
developer.paypal.com/payouts/use-payouts/handle-unclaimed-payouts.
"""

from collections.abc import Mapping
from enum import StrEnum

from cift_shared.messaging.outcomes import Failure, FailureCategory


class Reported(StrEnum):
    """What we reported of a withdrawal so far; stored with attempts, so never rename a value."""

    OPEN = "open"
    """Nothing final."""
    PAID = "paid"
    """The money is out."""
    NOT_PAID = "not_paid"
    """Declined, expired or canceled: the money never arrived."""
    GIVEN_BACK = "given_back"
    """The money was out, and came back."""


class Meaning(StrEnum):
    """What must be reported now."""

    WAIT = "wait"
    """Nothing final: the funds stay held."""
    PAID = "paid"
    """The recipient has the money. After a decline the ledger sends it to an operator."""
    NOT_PAID = "not_paid"
    """The money did not leave, or came back before we reported it as paid."""
    GIVEN_BACK = "given_back"
    """The money came back after we reported it as paid."""
    NOTHING_NEW = "nothing_new"
    """Reported before."""


UNCLAIMED = "UNCLAIMED"
RETURNED = "RETURNED"

_OPEN = ("PENDING", "ONHOLD", UNCLAIMED)
_ENDS = ("FAILED", "DENIED", RETURNED, "BLOCKED", "REFUNDED", "REVERSED")
"""DENIED is a word of events only; it means FAILED."""

_PAID_OUT = {
    Reported.OPEN: Meaning.PAID,
    Reported.PAID: Meaning.NOTHING_NEW,
    Reported.NOT_PAID: Meaning.PAID,
    Reported.GIVEN_BACK: Meaning.NOTHING_NEW,
}
_WAITING = {
    Reported.OPEN: Meaning.WAIT,
    Reported.PAID: Meaning.NOTHING_NEW,
    Reported.NOT_PAID: Meaning.NOTHING_NEW,
    Reported.GIVEN_BACK: Meaning.NOTHING_NEW,
}
_ENDED = {
    Reported.OPEN: Meaning.NOT_PAID,
    Reported.PAID: Meaning.GIVEN_BACK,
    Reported.NOT_PAID: Meaning.NOTHING_NEW,
    Reported.GIVEN_BACK: Meaning.NOTHING_NEW,
}

MEANINGS: Mapping[str, Mapping[Reported, Meaning]] = {
    "SUCCESS": _PAID_OUT,
    **dict.fromkeys(_OPEN, _WAITING),
    **dict.fromkeys(_ENDS, _ENDED),
}
"""By status of the item, then by what we reported before."""


def is_listed(status: str) -> bool:
    """True for a status that PayPal documents."""
    return status in MEANINGS


def meaning_of(status: str, reported: Reported) -> Meaning:
    """What a status means now; one that PayPal does not document means that we wait."""
    return MEANINGS.get(status, _WAITING)[reported]


_DECLINED = FailureCategory.DECLINED
_LIMIT = FailureCategory.LIMIT
_INVALID = FailureCategory.INVALID
_SETUP = FailureCategory.CONFIGURATION

UNCLAIMED_TO_THE_END = Failure(
    "payout_unclaimed", _INVALID, "The recipient did not claim the payment at PayPal.",
    retryable=False,
)  # fmt: skip
NOT_POSSIBLE = Failure(
    "payout_not_possible", _SETUP,
    "This payment can't be processed at the moment because of an error on our side.",
    retryable=True,
)  # fmt: skip
NO_FUNDS = Failure(
    "payout_balance_insufficient", _SETUP,
    "This payment can't be paid out at the moment. Please try again later.", retryable=True,
)  # fmt: skip
_LOCKED = Failure(
    "recipient_account_locked", _INVALID, "The recipient's PayPal account can't receive money.",
    retryable=False,
)  # fmt: skip
_CANNOT_RECEIVE = Failure(
    "recipient_not_allowed", _INVALID, "The recipient's PayPal account can't receive this payment.",
    retryable=False,
)  # fmt: skip
_OTHER_CURRENCY = Failure(
    "recipient_currency_refused", _INVALID,
    "The recipient's PayPal account does not take this currency.", retryable=False,
)  # fmt: skip
_RECIPIENT_LIMIT = Failure(
    "recipient_limit_exceeded", _LIMIT, "The recipient's PayPal account has reached a limit.",
    retryable=False,
)  # fmt: skip
_AMOUNT_LIMIT = Failure(
    "payout_limit_exceeded", _LIMIT, "PayPal does not pay out this amount.", retryable=False,
)  # fmt: skip
_REFUSED = Failure(
    "payout_refused", _DECLINED, "PayPal refused the payment.", retryable=False
)  # fmt: skip
_FAILED = Failure(
    "payout_failed", _DECLINED, "PayPal could not make the payment.", retryable=True
)  # fmt: skip
_RETURNED = Failure(
    "payout_returned", _DECLINED, "PayPal returned the payment.", retryable=False
)  # fmt: skip

_BY_ERROR: Mapping[str, Failure] = {
    "RECEIVER_UNREGISTERED": UNCLAIMED_TO_THE_END,
    "RECEIVER_UNCONFIRMED": UNCLAIMED_TO_THE_END,
    "RECEIVER_ACCOUNT_LOCKED": _LOCKED,
    "RECEIVER_ACCOUNT_LIMITATION": _LOCKED,
    "RECEIVER_COUNTRY_NOT_ALLOWED": _CANNOT_RECEIVE,
    "RECEIVER_STATE_RESTRICTED": _CANNOT_RECEIVE,
    "RECEIVER_YOUTH_ACCOUNT": _CANNOT_RECEIVE,
    "SELF_PAY_NOT_ALLOWED": _CANNOT_RECEIVE,
    "NON_HOLDING_CURRENCY": _OTHER_CURRENCY,
    "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER": _OTHER_CURRENCY,
    "PENDING_RECIPIENT_NON_HOLDING_CURRENCY": _OTHER_CURRENCY,
    "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE": _OTHER_CURRENCY,
    "RECEIVING_LIMIT_EXCEEDED": _RECIPIENT_LIMIT,
    "TRANSACTION_LIMIT_EXCEEDED": _AMOUNT_LIMIT,
    "RISK_DECLINE": _REFUSED,
    "TRANSACTION_BLOCKED": _REFUSED,
    "REGULATORY_BLOCKED": _REFUSED,
    "CURRENCY_COMPLIANCE": _REFUSED,
    "INSUFFICIENT_FUNDS": NO_FUNDS,
    "SPENDING_LIMIT_EXCEEDED": NOT_POSSIBLE,
    "SENDER_ACCOUNT_LOCKED": NOT_POSSIBLE,
    "SENDER_ACCOUNT_UNVERIFIED": NOT_POSSIBLE,
    "SENDER_EMAIL_UNCONFIRMED": NOT_POSSIBLE,
    "SENDER_STATE_RESTRICTED": NOT_POSSIBLE,
    "USER_COUNTRY_NOT_ALLOWED": NOT_POSSIBLE,
    "USER_FUNDING_SOURCE_INELIGIBLE": NOT_POSSIBLE,
}
"""By the name of an item's error."""

_BY_STATUS: Mapping[str, Failure] = {
    RETURNED: UNCLAIMED_TO_THE_END,
    "BLOCKED": _REFUSED,
    "REFUNDED": _RETURNED,
    "REVERSED": _RETURNED,
}


def failure_by_error(error: str) -> Failure | None:
    """Why an item is not paid; None for an error that is not listed."""
    return _BY_ERROR.get(error)


def failure_of(status: str, error: str | None) -> Failure:
    """Why an item was not paid, by its error, else by its status."""
    return failure_by_error(error or "") or _BY_STATUS.get(status, _FAILED)
