"""What it means when PayPal refuses to create a payout; pure.

Sources: PayPal's description of Payouts v1, and developer.paypal.com/payouts/view-transactions
("error and reason codes").
"""

from cift_shared.messaging.outcomes import Failure, FailureCategory
from paypal_worker import issues, wire
from paypal_worker.payout_items import failure_by_error

RECIPIENT_INVALID = Failure(
    "recipient_invalid", FailureCategory.INVALID, "PayPal can't pay to this recipient.",
    retryable=False,
)  # fmt: skip
_NO_FUNDS = "INSUFFICIENT_FUNDS"
_FORBIDDEN = 403
_OUR_ACCOUNT = frozenset(
    {
        "AUTHORIZATION_ERROR",
        "NOT_AUTHORIZED",
        "PERMISSION_DENIED",
        "REQUIRED_SCOPE_MISSING",
        "SENDER_ACCOUNT_LOCKED",
        "SENDER_ACCOUNT_UNVERIFIED",
        "SENDER_EMAIL_UNCONFIRMED",
        "SENDER_STATE_RESTRICTED",
        "SPENDING_LIMIT_EXCEEDED",
        "USER_COUNTRY_NOT_ALLOWED",
        "USER_FUNDING_SOURCE_INELIGIBLE",
    }
)
_BATCH_ID_FIELD = "SENDER_BATCH_ID"


def _words(error: wire.ApiError) -> set[str]:
    return {word for word in (error.name, *error.issues) if word}


def is_duplicate(error: wire.ApiError) -> bool:
    """True when our batch id was used in the last 30 days."""
    return any((detail.field or "").upper() == _BATCH_ID_FIELD for detail in error.details)


def lacks_funds(error: wire.ApiError) -> bool:
    """True when our balance is too low."""
    return _NO_FUNDS in _words(error)


def is_about_our_account(error: wire.ApiError, status: int) -> bool:
    """True when no payout can succeed until an operator acts."""
    return status == _FORBIDDEN or bool(_OUR_ACCOUNT & _words(error))


def refusal_of(error: wire.ApiError) -> Failure | None:
    """Why this payout was refused; None when PayPal's words are not listed."""
    fields = " ".join(detail.field or "" for detail in error.details).lower()
    if "receiver" in fields or "recipient" in fields:
        return RECIPIENT_INVALID
    if "amount" in fields:
        return issues.AMOUNT_REFUSED
    found = (failure_by_error(word) for word in sorted(_words(error)))
    return next((failure for failure in found if failure is not None), None)
