"""Tables of MTN's statuses and reasons, and what each means for a customer; data only.

The status decides, the reason only says why. A status that no table lists is not final: the attempt
stays open, is queried again and in the end goes to an operator.

Sources: momodeveloper.mtn.com, "API documentation" (status and ErrorReason of each product) and
"Testing"; TIMEOUT, LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED: integrations in production.
"""

from collections.abc import Mapping

from cift_shared.messaging.outcomes import Failure, FailureCategory

SUCCESSFUL = "SUCCESSFUL"
OPEN = frozenset({"PENDING", "CREATED", "ONGOING", "DELAYED"})
ENDED = frozenset({"FAILED", "REJECTED", "EXPIRED", "TIMEOUT"})
"""The money did not and will not move."""
STATUSES = OPEN | ENDED | {SUCCESSFUL}

OURS = frozenset(
    {
        "NOT_ALLOWED_TARGET_ENVIRONMENT",
        "INVALID_CALLBACK_URL_HOST",
        "INVALID_CURRENCY",
        "TRANSFER_TYPE_UNKNOWN",
    }
)
"""Reasons for which an operator must correct our set-up at MTN."""


def _failure(
    code: str, category: FailureCategory, message: str, *, retryable: bool = False
) -> Failure:
    return Failure(code, category, message, retryable)


_DECLINED = FailureCategory.DECLINED
_LIMIT = FailureCategory.LIMIT
_INVALID = FailureCategory.INVALID
_BUSY = FailureCategory.PROVIDER_UNAVAILABLE
_SETUP = FailureCategory.CONFIGURATION

_NOT_NOW = "This payment can't be processed at the moment because of an error on our side."
_TRY_LATER = "MTN MoMo could not carry out the payment. Nothing moved. Please try again later."

PHONE_INVALID = _failure("phone_invalid", _INVALID, "MTN MoMo does not accept this phone number.")
NO_WALLET = _failure(
    "recipient_not_registered", _INVALID, "This phone number has no active MTN MoMo wallet."
)
"""The result of the check of the account holder before a payout."""
FLOAT_LOW = _failure("provider_float_insufficient", _SETUP, _NOT_NOW, retryable=True)
SETUP_WRONG = _failure("provider_setup_wrong", _SETUP, _NOT_NOW)
FAILED = _failure("payment_failed", _BUSY, _TRY_LATER, retryable=True)
"""An end without a listed reason."""
NOT_REFUNDED = _failure(
    "refund_refused", _SETUP, "MTN MoMo did not refund the deposit. Nothing moved."
)
NOT_ANSWERED = _failure(
    "prompt_expired",
    _DECLINED,
    "The request was not approved in time. Please try again.",
    retryable=True,
)
_REJECTED = _failure(
    "canceled_by_payer", _DECLINED, "The request was rejected on the phone.", retryable=True
)
_PAYER_POOR = _failure(
    "payer_balance_insufficient",
    _DECLINED,
    "The MTN MoMo balance is too low for this payment.",
    retryable=True,
)
_PAYER_UNKNOWN = _failure(
    "payer_not_registered", _INVALID, "This phone number has no MTN MoMo wallet."
)
_PAYER_LIMIT = _failure("payer_daily_limit", _LIMIT, "A limit of the payer's wallet is reached.")
_RECIPIENT_LIMIT = _failure(
    "recipient_limit", _LIMIT, "A limit of the recipient's wallet is reached."
)
_RECIPIENT_CLOSED = _failure(
    "recipient_not_allowed", _INVALID, "This wallet can't receive the payment."
)

_BOTH: Mapping[str, Failure] = {
    "APPROVAL_REJECTED": _REJECTED,
    "REJECTED": _REJECTED,
    "EXPIRED": NOT_ANSWERED,
    "TIMEOUT": NOT_ANSWERED,
    "COULD_NOT_PERFORM_TRANSACTION": NOT_ANSWERED,
    "PAYER_NOT_FOUND": _PAYER_UNKNOWN,
    "PAYEE_NOT_FOUND": NO_WALLET,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": _RECIPIENT_CLOSED,
    "NOT_ALLOWED": SETUP_WRONG,
    "INTERNAL_PROCESSING_ERROR": FAILED,
    "SERVICE_UNAVAILABLE": FAILED,
    **dict.fromkeys(OURS, SETUP_WRONG),
}

COLLECTION_REASONS: Mapping[str, Failure] = {
    **_BOTH,
    "NOT_ENOUGH_FUNDS": _PAYER_POOR,
    "PAYER_LIMIT_REACHED": _PAYER_LIMIT,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": _PAYER_POOR,
}
"""Why a request to pay ended without money."""

PAYOUT_REASONS: Mapping[str, Failure] = {
    **_BOTH,
    "NOT_ENOUGH_FUNDS": FLOAT_LOW,
    "PAYER_LIMIT_REACHED": SETUP_WRONG,  # the payer is our own account
    "COULD_NOT_PERFORM_TRANSACTION": FAILED,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": _RECIPIENT_LIMIT,
}
"""Why a payout or a refund ended without money."""

UNANSWERED = frozenset({"EXPIRED", "TIMEOUT", "COULD_NOT_PERFORM_TRANSACTION"})
"""Reasons and statuses of a request to pay that its payer did not answer in time."""

ALREADY_THERE = 409
"""HTTP status: MTN has a request with this X-Reference-Id, so an earlier one arrived."""
