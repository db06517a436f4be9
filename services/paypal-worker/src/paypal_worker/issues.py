"""Tables of PayPal's words for refusals, and the message for the customer; data only.

Source: PayPal's API descriptions, `orders.create-422`, `orders.capture-422`, `captures.refund-422`.
A word that no table lists is counted, and the payment stays open.
"""

from collections.abc import Mapping

from cift_shared.messaging.outcomes import Failure, FailureCategory

_DECLINED = FailureCategory.DECLINED
_LIMIT = FailureCategory.LIMIT
_INVALID = FailureCategory.INVALID
_SETUP = FailureCategory.CONFIGURATION

_NOT_NOW = "This payment can't be processed at the moment because of an error on our side."


def _failure(
    code: str, category: FailureCategory, message: str, *, retryable: bool = False
) -> Failure:
    return Failure(code, category, message, retryable)


ACTION_EXPIRED = _failure(
    "action_expired",
    _DECLINED,
    "The payment was not approved in time. Please try again.",
    retryable=True,
)
INSTRUMENT_DECLINED = _failure(
    "instrument_declined",
    _DECLINED,
    "PayPal declined the way of paying. Please pay again and choose another one.",
    retryable=True,
)
CAPTURE_DECLINED = _failure(
    "capture_declined",
    _DECLINED,
    "PayPal did not complete the payment. Please use another method.",
    retryable=True,
)
PAYER_REFUSED = _failure(
    "payer_refused",
    _DECLINED,
    "PayPal does not allow this payment. Please contact PayPal, or use another method.",
)
PAYER_LIMIT = _failure(
    "payer_limit_exceeded",
    _LIMIT,
    "The payment exceeds the limit of the PayPal account. Please try a smaller amount.",
    retryable=True,
)
AMOUNT_REFUSED = _failure("amount_out_of_limits", _LIMIT, "PayPal does not move this amount.")
APPROVAL_NEEDED = _failure(
    "payer_approval_needed",
    _DECLINED,
    "PayPal wants the payer to approve this payment. Please pay again while present.",
    retryable=True,
)
ACCOUNT_NOT_APPROVED = _failure(
    "instrument_not_approved",
    _INVALID,
    "The saved PayPal account has no approval for payments without the payer.",
)
ACCOUNT_UNREADABLE = _failure("instrument_unreadable", _SETUP, _NOT_NOW)
RECEIVING_REFUSED = _failure("provider_account_restricted", _SETUP, _NOT_NOW)
REQUEST_REFUSED = _failure("provider_request_refused", _SETUP, _NOT_NOW)

REFUND_PAYMENT_UNKNOWN = _failure(
    "refund_payment_unknown", _INVALID, "PayPal does not know the payment to refund."
)
REFUND_EXCEEDS = _failure(
    "refund_exceeds_payment", _INVALID, "More can't be refunded than is left of the payment."
)
REFUND_TOO_LATE = _failure(
    "refund_too_late", _LIMIT, "PayPal refunds a payment for 180 days, and it is older."
)
REFUND_REFUSED = _failure(
    "refund_refused", _DECLINED, "PayPal does not allow a refund of this payment."
)
REFUND_DISPUTED = _failure(
    "refund_disputed", _DECLINED, "The payment is disputed; it can't be refunded meanwhile."
)
REFUND_FAILED = _failure("refund_failed", _DECLINED, "PayPal could not complete the refund.")

SENDS_BACK = frozenset(
    {"INSTRUMENT_DECLINED", "PAYER_ACTION_REQUIRED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"}
)
"""The payer can approve again on PayPal's page, with another way of paying."""

ORDER_EXPIRED = frozenset({"ORDER_EXPIRED", "ORDER_VOIDED"})

OUR_ACCOUNT = frozenset(
    {
        "PAYEE_ACCOUNT_RESTRICTED",
        "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
        "PAYEE_ACCOUNT_INVALID",
        "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
        "INVALID_ACCOUNT_STATUS",
    }
)
"""Our own account can't receive: no payment can succeed until an operator acts."""

DEPOSITS: Mapping[str, Failure] = {
    "INSTRUMENT_DECLINED": INSTRUMENT_DECLINED,
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": INSTRUMENT_DECLINED,
    "PAYER_CANNOT_PAY": INSTRUMENT_DECLINED,
    "DECLINED_DUE_TO_RELATED_TXN": CAPTURE_DECLINED,
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": PAYER_REFUSED,
    "PAYER_ACCOUNT_RESTRICTED": PAYER_REFUSED,
    "COMPLIANCE_VIOLATION": PAYER_REFUSED,
    "TRANSACTION_REFUSED": PAYER_REFUSED,
    "TRANSACTION_BLOCKED_BY_PAYEE": PAYER_REFUSED,
    "PAYEE_BLOCKED_TRANSACTION": PAYER_REFUSED,
    "DOMESTIC_TRANSACTION_REQUIRED": PAYER_REFUSED,
    "TRANSACTION_LIMIT_EXCEEDED": PAYER_LIMIT,
    "AGREEMENT_ALREADY_CANCELLED": PAYER_REFUSED,
    "BILLING_AGREEMENT_NOT_FOUND": PAYER_REFUSED,
    "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED": PAYER_REFUSED,
    "TOKEN_ID_NOT_FOUND": PAYER_REFUSED,
    "MAX_VALUE_EXCEEDED": AMOUNT_REFUSED,
    "DECIMAL_PRECISION": REQUEST_REFUSED,
    "DECIMALS_NOT_SUPPORTED": REQUEST_REFUSED,
    "INVALID_CURRENCY_CODE": REQUEST_REFUSED,
    "CURRENCY_MISMATCH": REQUEST_REFUSED,
    "PERMISSION_DENIED": REQUEST_REFUSED,
    "NOT_AUTHORIZED": REQUEST_REFUSED,
    **dict.fromkeys(sorted(OUR_ACCOUNT), RECEIVING_REFUSED),
}
"""Why an order can't be created or captured."""

NO_BALANCE = "REFUND_FAILED_INSUFFICIENT_FUNDS"
"""Our balance at PayPal does not cover the refund; it is sent again."""

REFUNDS: Mapping[str, Failure] = {
    "CAPTURE_FULLY_REFUNDED": REFUND_EXCEEDS,
    "REFUND_AMOUNT_EXCEEDED": REFUND_EXCEEDS,
    "REFUND_AMOUNT_TOO_LOW": AMOUNT_REFUSED,
    "REFUND_CAPTURE_CURRENCY_MISMATCH": REQUEST_REFUSED,
    "CURRENCY_MISMATCH": REQUEST_REFUSED,
    "DECIMALS_NOT_SUPPORTED": REQUEST_REFUSED,
    "DECIMAL_PRECISION": REQUEST_REFUSED,
    "INVALID_CURRENCY_CODE": REQUEST_REFUSED,
    "REFUND_TIME_LIMIT_EXCEEDED": REFUND_TOO_LATE,
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED": REFUND_REFUSED,
    "PARTIAL_REFUND_NOT_ALLOWED": REFUND_REFUSED,
    "REFUND_NOT_ALLOWED": REFUND_REFUSED,
    "REFUND_IS_RESTRICTED": REFUND_REFUSED,
    "PENDING_CAPTURE": REFUND_REFUSED,
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": REFUND_REFUSED,
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": REFUND_DISPUTED,
    "TRANSACTION_DISPUTED": REFUND_DISPUTED,
    "INVALID_RESOURCE_ID": REFUND_PAYMENT_UNKNOWN,
    "PERMISSION_DENIED": REQUEST_REFUSED,
    "NOT_AUTHORIZED": REQUEST_REFUSED,
    "PAYEE_ACCOUNT_RESTRICTED": RECEIVING_REFUSED,
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED": RECEIVING_REFUSED,
}
"""Why a refund is refused."""

NEEDS_OPERATOR = frozenset(
    {
        "UNILATERAL",
        "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION",
        "VERIFICATION_REQUIRED",
        "INTERNATIONAL_WITHDRAWAL",
    }
)
"""Reasons of a pending capture that end only when we act at PayPal as the receiver."""
PENDING_REASONS = NEEDS_OPERATOR | {
    "BUYER_COMPLAINT",
    "CHARGEBACK",
    "ECHECK",
    "OTHER",
    "PENDING_REVIEW",
    "REFUNDED",
    "TRANSACTION_APPROVED_AWAITING_FUNDING",
}
"""Every reason of a pending capture. Source: Payments v2, `capture_status_details`."""
