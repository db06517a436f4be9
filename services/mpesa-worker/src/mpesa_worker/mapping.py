"""Translate Daraja's answers to our terms: pure functions that decide by codes, not by texts.

The one exception is `500.001.1001` on a submission. Daraja uses it for three refusals and also for
internal errors, so only the text shows whether it is a refusal or an unknown outcome.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.messaging.outcomes import Declined, Expired, Failure, Pending
from cift_shared.money.amount import EXPONENTS, Money
from cift_shared.observability.log import mask
from mpesa_worker import codes
from mpesa_worker.domain import NAIROBI

CURRENCY = "KES"
MESSAGE_CHARS_MAX = 200

CREDENTIALS_REFUSED = "provider_credentials_refused"
REQUEST_REFUSED = "provider_request_refused"
SETUP_WRONG = "provider_setup_wrong"
THROTTLED = "provider_throttled"
ANSWER_UNREADABLE = "provider_answer_unreadable"

_SPIKE_ARREST_S = 10
_QUOTA_S = 300
_MAINTENANCE_S = 60

_SHILLINGS = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?(?:E\+?[0-9])?", re.ASCII)
"""So few digits that no value is rounded."""
_PHONE_FIELD = re.compile(r"Invalid (PhoneNumber|PartyA|PartyB)\b", re.IGNORECASE)


class Meaning(StrEnum):
    """What a synchronous error of Daraja means for the request that received it."""

    TOKEN_REFUSED = "token_refused"  # noqa: S105  a word, not a secret
    """Refused before Daraja read the request: the access token is not valid any more."""
    PHONE_INVALID = "phone_invalid"
    """Refused: M-Pesa does not accept the customer's number."""
    PAYER_BUSY = "payer_busy"
    """Refused: another prompt is open on that phone."""
    REQUEST_REFUSED = "request_refused"
    """Refused: a field of our request is wrong."""
    CREDENTIALS = "credentials"
    """Refused: Daraja does not accept the short code, the passkey or the app."""
    SETUP = "setup"
    """Refused: wrong path or HTTP method, or the app lacks the API product."""
    THROTTLED = "throttled"
    """Refused for now: rate limit or maintenance; retry later."""
    DUPLICATE = "duplicate"
    """Our idempotency key was used before: the first request has arrived."""
    UNKNOWN = "unknown"
    """Outcome unknown: the request may have been carried out."""


@dataclass(frozen=True, slots=True)
class DarajaError:
    """A synchronous error of Daraja and what it means."""

    meaning: Meaning
    code: str
    """Daraja's `errorCode`, or `http_<status>`."""
    text: str = ""
    """Daraja's message, masked and shortened."""
    retry_after_s: int = 0
    listed: bool = True
    """False: no table lists this code."""


_MEANINGS: Mapping[str, Meaning] = {
    "400.002.02": Meaning.REQUEST_REFUSED,
    "400.002.05": Meaning.REQUEST_REFUSED,
    "400.003.02": Meaning.REQUEST_REFUSED,
    "400.008.01": Meaning.SETUP,
    "400.008.02": Meaning.SETUP,
    "400.003.01": Meaning.TOKEN_REFUSED,
    "401.002.01": Meaning.TOKEN_REFUSED,
    "401.003.01": Meaning.TOKEN_REFUSED,
    "401.001": Meaning.SETUP,
    "404.001.03": Meaning.TOKEN_REFUSED,
    "404.001.01": Meaning.SETUP,
    "404.002.01": Meaning.SETUP,
    "404.003.01": Meaning.SETUP,
    "404.001.04": Meaning.SETUP,
    "405.001": Meaning.SETUP,
    "500.001.1001": Meaning.UNKNOWN,
    "500.002.1001": Meaning.DUPLICATE,
    "500.003.02": Meaning.THROTTLED,
    "500.003.03": Meaning.THROTTLED,
    "00.002.1001": Meaning.THROTTLED,
    "500.003.1001": Meaning.UNKNOWN,
}

_RETRY_AFTER_S = {
    "500.003.02": _SPIKE_ARREST_S,
    "500.003.03": _QUOTA_S,
    "00.002.1001": _MAINTENANCE_S,
}

_AMBIGUOUS = "500.001.1001"
_REFUSALS_BY_TEXT = (
    ("merchant does not exist", Meaning.CREDENTIALS),
    ("wrong credentials", Meaning.CREDENTIALS),
    ("unable to lock subscriber", Meaning.PAYER_BUSY),
)


ACCEPTED = frozenset({"0"})
"""`ResponseCode` of a success, for every operation except Pull Transactions."""


def error_in(
    status: int, body: Mapping[str, Any] | None, *, accepted: frozenset[str] = ACCEPTED
) -> DarajaError | None:
    """The error in an answer; None when it is a regular answer of the operation.

    An `errorCode` counts with any HTTP status. The outcome is unknown when the body is not a JSON
    object, or when it has no code and the status is not 200.
    """
    if status == 429:
        return DarajaError(Meaning.THROTTLED, "http_429", retry_after_s=_SPIKE_ARREST_S)
    if body is None:
        return DarajaError(Meaning.UNKNOWN, f"http_{status}", "the body is not JSON")
    code = body.get("errorCode")
    if isinstance(code, str | int) and str(code).strip():
        return _listed_error(str(code).strip(), str(body.get("errorMessage") or ""))
    if status != 200:
        words = _shown(str(body.get("ResponseMessage") or "no error code"))
        return DarajaError(Meaning.UNKNOWN, f"http_{status}", words, listed=False)
    response = body.get("ResponseCode")
    if response is not None and str(response).strip() not in accepted:
        text = _shown(str(body.get("ResponseDescription") or ""))
        return DarajaError(Meaning.REQUEST_REFUSED, f"response_{response}"[:40], text)
    return None


def _listed_error(code: str, message: str) -> DarajaError:
    meaning = _MEANINGS.get(code)
    lowered = message.lower()
    if code == _AMBIGUOUS:
        meaning = next(
            (found for words, found in _REFUSALS_BY_TEXT if words in lowered), Meaning.UNKNOWN
        )
    elif code == "401.003.01" and "no apiproduct match" in lowered:
        meaning = Meaning.SETUP
    elif code == "400.002.02" and _PHONE_FIELD.search(message):
        # The code means refused; the field name only decides the message for the customer.
        meaning = Meaning.PHONE_INVALID
    return DarajaError(
        meaning or Meaning.UNKNOWN,
        mask(code)[:40],
        _shown(message),
        retry_after_s=_RETRY_AFTER_S.get(code, 0),
        listed=meaning is not None,
    )


def _shown(text: str) -> str:
    """Daraja's text, masked and shortened so that it can be shown."""
    return mask(text)[:MESSAGE_CHARS_MAX]


def is_state_unknown(error: DarajaError) -> bool:
    """True for the error that an STK query also gets while the payment is still in progress."""
    return error.code == _AMBIGUOUS


def exception_of(error: DarajaError) -> PaymentProcessorError:
    """The exception to raise for an error that the caller does not handle as a value."""
    text = f"Daraja {error.code}: {error.text}".rstrip(": ")
    match error.meaning:
        case Meaning.THROTTLED:
            return ProviderThrottled(THROTTLED, text, retry_after_s=error.retry_after_s)
        case Meaning.TOKEN_REFUSED:
            return ProviderUnavailable("provider_token_refused", text)
        case Meaning.CREDENTIALS:
            return ProviderRejectedRequest(CREDENTIALS_REFUSED, text)
        case Meaning.SETUP:
            return ProviderRejectedRequest(SETUP_WRONG, text)
        case Meaning.REQUEST_REFUSED | Meaning.PHONE_INVALID | Meaning.PAYER_BUSY:
            return ProviderRejectedRequest(REQUEST_REFUSED, text)
        case Meaning.DUPLICATE | Meaning.UNKNOWN:
            return OutcomeUnknown(ANSWER_UNREADABLE, text)


def token_error_of(status: int, body: Mapping[str, Any] | None) -> PaymentProcessorError:
    """The exception for a refused or failed token request: no money request was sent.

    Daraja often answers a wrong key or secret with 400 and an empty body.
    """
    error = error_in(status, body)
    if error is not None and error.meaning is Meaning.THROTTLED:
        return exception_of(error)
    if status in (400, 401, 403):
        return ProviderRejectedRequest(CREDENTIALS_REFUSED, f"no access token: HTTP {status}")
    if error is not None and error.meaning is Meaning.SETUP:
        return exception_of(error)
    return ProviderUnavailable("provider_token_unavailable", f"no access token: HTTP {status}")


def refusal_of(error: DarajaError) -> Failure | None:
    """The decline for a refusal that the customer can act on; None for any other error."""
    match error.meaning:
        case Meaning.PAYER_BUSY:
            return codes.PAYER_BUSY
        case Meaning.PHONE_INVALID:
            return codes.PHONE_INVALID
        case _:
            return None


def stk_outcome(code: str) -> Declined | Expired | Pending:
    """The outcome for a code of an STK query other than success; an unlisted code is pending."""
    end = codes.STK_ENDS.get(code)
    if end is None:
        return Pending()
    return Expired(end.failure) if end.expired else Declined(end.failure)


def stk_code_is_listed(code: str) -> bool:
    """True when a table of push results lists the code."""
    return code == codes.SUCCESS or code in codes.STK_ENDS or code in codes.STK_OPEN


def result_code_is_listed(code: str) -> bool:
    """True when a table of payout and reversal results lists the code."""
    known = (codes.SUCCESS, codes.ALREADY_REVERSED)
    return code in known or code in codes.RESULT_ENDS or code in codes.RESULT_OPEN


def money_of(value: object) -> Money | None:
    """An amount in shillings as Daraja writes it (100, "100.00"); None if unreadable or negative.

    No float is involved: the JSON parser already keeps a number's decimal digits.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    text = str(value).strip().replace(",", "")
    if _SHILLINGS.fullmatch(text) is None:
        return None
    minor = Decimal(text).scaleb(EXPONENTS[CURRENCY])
    return Money(int(minor), CURRENCY) if minor == minor.to_integral_value() else None


def fee_of(value: object) -> Money | None:
    """The sum of the fees in "Fee For B2C Payment|KES|22.40", several joined by "&".

    None when one can't be read.
    """
    if not isinstance(value, str) or not value.strip():
        return None
    total = Money(0, CURRENCY)
    for part in value.split("&"):
        fields = part.strip().split("|")
        fee = money_of(fields[2]) if len(fields) == 3 and fields[1].strip() == CURRENCY else None
        if fee is None:
            return None
        total = total + fee
    return total


def time_of(value: object) -> datetime | None:
    """A time in one of Daraja's two formats, always Nairobi time; None when unreadable."""
    text = str(value).strip()
    for form in ("%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=NAIROBI)
        except ValueError:
            continue
    return None
