"""Tables of Daraja's result codes and what each means for a customer; data only.

A code that no table lists is not final: the attempt stays open, is queried again and in the end
goes to an operator. Sources: Daraja documentation of M-Pesa Express, Business To Customer and
Reversal ("Result codes"); integrations in production for 11 to 15, 17 to 29, 1001, 1036, 2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cift_shared.messaging.outcomes import Failure, FailureCategory

SUCCESS = "0"
IN_FLIGHT = "4999"
ALREADY_REVERSED = "R000001"
NO_SUCH_TRANSACTION = "25"
"""Result of a status query: the id is missing or unknown."""

STK_OPEN = frozenset({IN_FLIGHT, "15", "2029"})
"""Known codes of a push that are not final: in flight, duplicate detected, temporary fault."""

STK_UNANSWERED = frozenset({"1036", "1037"})
"""The phone did not answer: the prompt may still be open on it and be paid later."""

RESULT_OPEN = frozenset({"15", "29", "100000000"})
"""Codes of payouts and reversals that are not final: duplicate, bad command word, stored by Daraja
to be sent again."""

INITIATOR_REFUSED = frozenset({"18", "20", "21", "22", "2001", "8006"})
"""Daraja refused the API operator; every further call fails too and may lock the operator."""

COMPLETED = "Completed"
STATUS_FAILED = frozenset({"Failed", "Declined", "Cancelled", "Canceled", "Expired"})
"""Values of a transaction status that mean that the money did not and will not move."""
STATUS_OPEN = frozenset({"Pending", "Submitted", "Authorized", "Initiated", "Processing"})


@dataclass(frozen=True, slots=True)
class StkEnd:
    """A final failure of a push."""

    failure: Failure
    expired: bool = False
    """True when the payer did not answer in time; False when the payment was refused."""


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
_TRY_LATER = "M-Pesa is busy. Please try again in a moment."

PAYER_BUSY = _failure(
    "payer_busy",
    _DECLINED,
    "Another M-Pesa request is open on this phone. Please try again in a minute.",
    retryable=True,
)
PHONE_INVALID = _failure("phone_invalid", _INVALID, "M-Pesa does not accept this phone number.")
REFUND_TOO_SMALL = _failure(
    "refund_below_minimum", _LIMIT, "M-Pesa pays back parts of a deposit from 10.00 KES upwards."
)
PAYOUT_FAILED = _failure(
    "payout_failed", _BUSY, "M-Pesa did not carry out the payment. Nothing moved.", retryable=True
)
_SETUP_WRONG = _failure("provider_setup_wrong", _SETUP, _NOT_NOW)
_INITIATOR = _failure("provider_credentials_refused", _SETUP, _NOT_NOW)
_PROVIDER_BUSY = _failure("provider_busy", _BUSY, _TRY_LATER, retryable=True)
_UNREACHABLE = _failure(
    "phone_unreachable",
    _DECLINED,
    "The phone did not answer. Please check that it is on and try again.",
    retryable=True,
)

STK_ENDS: Mapping[str, StkEnd] = {
    "1": StkEnd(
        _failure(
            "payer_balance_insufficient",
            _DECLINED,
            "The M-Pesa balance is too low for this payment.",
            retryable=True,
        )
    ),
    "2": StkEnd(_failure("amount_too_small", _LIMIT, "The amount is below M-Pesa's minimum.")),
    "3": StkEnd(_failure("amount_too_large", _LIMIT, "The amount is above M-Pesa's maximum.")),
    "4": StkEnd(
        _failure("payer_daily_limit", _LIMIT, "The payer's daily M-Pesa limit is reached.")
    ),
    "8": StkEnd(_failure("receiver_balance_limit", _SETUP, _NOT_NOW)),
    "11": StkEnd(_failure("account_state_invalid", _SETUP, _NOT_NOW)),
    "12": StkEnd(_failure("account_invalid", _INVALID, "M-Pesa does not know this account.")),
    "13": StkEnd(_failure("account_invalid", _INVALID, "M-Pesa does not know this account.")),
    "14": StkEnd(_failure("account_invalid", _INVALID, "M-Pesa does not know this account.")),
    "17": StkEnd(
        _failure(
            "repeated_too_soon",
            _DECLINED,
            "The same amount was requested moments ago. Please wait two minutes.",
            retryable=True,
        )
    ),
    "20": StkEnd(_INITIATOR),
    "21": StkEnd(_INITIATOR),
    "22": StkEnd(_INITIATOR),
    "26": StkEnd(_PROVIDER_BUSY),
    "1001": StkEnd(PAYER_BUSY),
    "1019": StkEnd(
        _failure(
            "prompt_expired", _DECLINED, "The request expired. Please try again.", retryable=True
        ),
        expired=True,
    ),
    "1025": StkEnd(
        _failure(
            "prompt_not_delivered",
            _BUSY,
            "M-Pesa could not show the request on the phone. Please try again.",
            retryable=True,
        )
    ),
    "1032": StkEnd(
        _failure(
            "canceled_by_payer",
            _DECLINED,
            "The request was canceled on the phone.",
            retryable=True,
        )
    ),
    "1036": StkEnd(_UNREACHABLE, expired=True),
    "1037": StkEnd(_UNREACHABLE, expired=True),
    "2001": StkEnd(
        _failure(
            "pin_wrong", _DECLINED, "The M-Pesa PIN was wrong. Please try again.", retryable=True
        )
    ),
    "2006": StkEnd(_failure("account_not_active", _INVALID, "This M-Pesa account is not active.")),
    "2026": StkEnd(
        _failure(
            "session_expired", _DECLINED, "The request expired. Please try again.", retryable=True
        ),
        expired=True,
    ),
    "2028": StkEnd(_SETUP_WRONG),
    "8006": StkEnd(_failure("pin_locked", _DECLINED, "The M-Pesa PIN is locked.")),
    "9999": StkEnd(
        _failure(
            "prompt_not_delivered",
            _BUSY,
            "M-Pesa could not show the request on the phone. Please try again.",
            retryable=True,
        )
    ),
    "SFC_IC0003": StkEnd(_SETUP_WRONG),
}
"""Codes of the STK query that end a push without payment."""

RESULT_ENDS: Mapping[str, Failure] = {
    "1": _failure("provider_float_insufficient", _SETUP, _NOT_NOW, retryable=True),
    "2": _failure("amount_too_small", _LIMIT, "The amount is below M-Pesa's minimum."),
    "3": _failure("amount_too_large", _LIMIT, "The amount is above M-Pesa's maximum."),
    "4": _failure(
        "recipient_daily_limit", _LIMIT, "The recipient's daily M-Pesa limit is reached."
    ),
    "8": _failure(
        "recipient_balance_limit",
        _LIMIT,
        "This amount exceeds the balance limit of the recipient's M-Pesa account.",
    ),
    "11": _failure("account_state_invalid", _SETUP, _NOT_NOW),
    "17": PAYOUT_FAILED,
    "18": _INITIATOR,
    "20": _INITIATOR,
    "21": _INITIATOR,
    "22": _INITIATOR,
    "24": _SETUP_WRONG,
    "25": _SETUP_WRONG,
    "26": _PROVIDER_BUSY,
    "2001": _INITIATOR,
    "2006": _failure("account_not_active", _INVALID, "This M-Pesa account is not active."),
    "2028": _SETUP_WRONG,
    "2040": _failure(
        "recipient_not_registered", _INVALID, "This phone number is not registered with M-Pesa."
    ),
    "8006": _INITIATOR,
    "100000001": _PROVIDER_BUSY,
    "100000002": _PROVIDER_BUSY,
    "100000004": _PROVIDER_BUSY,
    "R000002": _failure("refund_receipt_unknown", _SETUP, _NOT_NOW),
    "SFC_IC0003": _failure(
        "recipient_unknown", _INVALID, "M-Pesa does not know this phone number."
    ),
}
"""Final codes of a payout or reversal: no money moved."""
