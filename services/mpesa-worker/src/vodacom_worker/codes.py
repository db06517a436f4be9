"""The response codes of M-Pesa OpenAPI and what each means; data only.

A code that no table lists is not final: the payment stays open and is queried again. Source: M-Pesa
OpenAPI documentation, tables of C2B, B2C and reversal; older tables for INS-5; integrations in
production for INS-999.
"""

from collections.abc import Mapping
from enum import StrEnum

from cift_shared.messaging.outcomes import Failure, FailureCategory


class Meaning(StrEnum):
    """What an answer to a request says about the request."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """Vodacom has a request with this key."""
    UNKNOWN = "unknown"
    """It may have been carried out, or still be."""
    BUSY = "busy"
    """Refused for now, nothing was done: send it again later, with the same key."""
    NO_SESSION = "no_session"
    """The session is not accepted; the request was not read."""
    SESSION_SPENT = "session_spent"
    """A limit of the session is reached: only another session can send more."""
    SETUP_WRONG = "setup_wrong"
    """Our request or our set-up at Vodacom is wrong; nothing was done."""
    REFUSED = "refused"
    """Refused before the wallet was reached; nothing was done."""
    DECLINED = "declined"
    """M-Pesa carried the request out, and the result is a refusal; no money moved."""


SUCCESS = "INS-0"
BALANCE = "INS-2006"
CANCELED = "INS-5"
TIMED_OUT = "INS-9"

MEANINGS: Mapping[str, Meaning] = {
    SUCCESS: Meaning.ACCEPTED,
    "INS-1": Meaning.UNKNOWN,
    CANCELED: Meaning.DECLINED,
    "INS-6": Meaning.DECLINED,
    TIMED_OUT: Meaning.UNKNOWN,
    "INS-10": Meaning.DUPLICATE,
    "INS-13": Meaning.SETUP_WRONG,
    "INS-14": Meaning.SETUP_WRONG,
    "INS-15": Meaning.REFUSED,
    "INS-16": Meaning.BUSY,
    "INS-17": Meaning.SETUP_WRONG,
    "INS-18": Meaning.REFUSED,
    "INS-19": Meaning.SETUP_WRONG,
    "INS-20": Meaning.SETUP_WRONG,
    "INS-21": Meaning.SETUP_WRONG,
    "INS-23": Meaning.UNKNOWN,
    "INS-26": Meaning.SETUP_WRONG,
    "INS-28": Meaning.SETUP_WRONG,
    "INS-30": Meaning.SETUP_WRONG,
    "INS-31": Meaning.SETUP_WRONG,
    "INS-35": Meaning.SETUP_WRONG,
    "INS-989": Meaning.NO_SESSION,
    "INS-990": Meaning.REFUSED,
    "INS-991": Meaning.REFUSED,
    "INS-992": Meaning.SESSION_SPENT,
    "INS-993": Meaning.SESSION_SPENT,
    "INS-994": Meaning.SESSION_SPENT,
    "INS-995": Meaning.REFUSED,
    "INS-996": Meaning.BUSY,
    "INS-997": Meaning.SETUP_WRONG,
    "INS-998": Meaning.SETUP_WRONG,
    "INS-999": Meaning.SETUP_WRONG,
    "INS-2001": Meaning.SETUP_WRONG,
    "INS-2002": Meaning.REFUSED,
    BALANCE: Meaning.DECLINED,
    "INS-2051": Meaning.REFUSED,
}
"""Every documented code."""

_DECLINED = FailureCategory.DECLINED
_LIMIT = FailureCategory.LIMIT
_INVALID = FailureCategory.INVALID
_SETUP = FailureCategory.CONFIGURATION

_NOT_NOW = "This payment can't be processed at the moment because of an error on our side."

SETUP_WRONG = Failure("provider_setup_wrong", _SETUP, _NOT_NOW, retryable=False)
PHONE_INVALID = Failure(
    "phone_invalid", _INVALID, "M-Pesa does not accept this phone number.", retryable=False
)
AMOUNT_NOT_WHOLE = Failure(
    "amount_not_whole", _LIMIT, "M-Pesa moves whole Tanzanian shillings only.", retryable=False
)
AMOUNT_REFUSED = Failure(
    "amount_out_of_limits", _LIMIT, "M-Pesa does not move this amount.", retryable=False
)
EXPIRED = Failure(
    "prompt_expired", _DECLINED, "The request expired. Please try again.", retryable=True
)
CANCELED_BY_PAYER = Failure(
    "canceled_by_payer", _DECLINED, "The request was canceled on the phone.", retryable=True
)
PAYER_BALANCE = Failure(
    "payer_balance_insufficient",
    _DECLINED,
    "The M-Pesa balance is too low for this payment.",
    retryable=True,
)
NOT_CARRIED_OUT = Failure(
    "payment_not_carried_out",
    _DECLINED,
    "M-Pesa did not carry out the payment. Nothing moved.",
    retryable=True,
)
_CUSTOMER_LIMIT = Failure(
    "customer_limit", _LIMIT, "The M-Pesa limit of this customer is reached.", retryable=True
)
_RECEIPT_UNKNOWN = Failure("refund_receipt_unknown", _SETUP, _NOT_NOW, retryable=False)

FAILURES: Mapping[str, Failure] = {
    CANCELED: CANCELED_BY_PAYER,
    "INS-6": NOT_CARRIED_OUT,
    "INS-15": AMOUNT_REFUSED,
    "INS-18": _RECEIPT_UNKNOWN,
    "INS-990": _CUSTOMER_LIMIT,
    "INS-991": _CUSTOMER_LIMIT,
    "INS-995": AMOUNT_REFUSED,
    "INS-2002": PHONE_INVALID,
    BALANCE: PAYER_BALANCE,
    "INS-2051": PHONE_INVALID,
}
"""What a customer is told of a refusal."""

COMPLETED = "Completed"
STATUS_CANCELED = frozenset({"Cancelled", "Canceled"})
STATUS_EXPIRED = frozenset({"Expired"})
STATUS_FAILED = frozenset({"Failed", "Declined"})
STATUS_OPEN = frozenset({"Pending"})
STATUS_NONE = frozenset({"N/A", ""})
"""Values of `output_ResponseTransactionStatus`; `STATUS_NONE`: there is nothing to tell."""
