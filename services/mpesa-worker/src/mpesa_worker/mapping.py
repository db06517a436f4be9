"""From Daraja's words to ours: pure functions, decided on codes and never on texts.

The one exception: `500.001.1001` on a submission, which Daraja uses for three refusals and for
internal errors alike, so there only the text tells a refusal from an unknown outcome.
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
from cift_shared.log import mask
from cift_shared.money import EXPONENTS, Money
from cift_shared.outcomes import Declined, Expired, Failure, Pending
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
"""Few enough digits that nothing is rounded on the way."""
_PHONE_FIELD = re.compile(r"Invalid (PhoneNumber|PartyA|PartyB)\b", re.IGNORECASE)


class Meaning(StrEnum):
    """What a synchronous error of Daraja means for the request that got it."""

    TOKEN_REFUSED = "token_refused"  # noqa: S105  a word, not a secret
    """Refused before anything happened: the access token is not valid any more."""
    PHONE_INVALID = "phone_invalid"
    """Refused: the customer's number is not one M-Pesa takes."""
    PAYER_BUSY = "payer_busy"
    """Refused: another prompt is open on that phone."""
    REQUEST_REFUSED = "request_refused"
    """Refused: a field of ours is wrong."""
    CREDENTIALS = "credentials"
    """Refused: short code, passkey or app are not accepted."""
    SETUP = "setup"
    """Refused: wrong path, method or product of the app."""
    THROTTLED = "throttled"
    """Refused for now."""
    DUPLICATE = "duplicate"
    """Our key was used before: the first request has arrived."""
    UNKNOWN = "unknown"
    """It may have been carried out."""


@dataclass(frozen=True, slots=True)
class DarajaError:
    """A synchronous error, read."""

    meaning: Meaning
    code: str
    """Daraja's `errorCode`, or `http_<status>`."""
    text: str = ""
    """Daraja's message, masked and shortened."""
    retry_after_s: int = 0
    listed: bool = True
    """False: no table knows this code."""


_MEANINGS: Mapping[str, Meaning] = {
    "400.002.02": Meaning.REQUEST_REFUSED,
    "400.002.05": Meaning.REQUEST_REFUSED,
    "400.003.02": Meaning.REQUEST_REFUSED,
    "400.008.01": Meaning.SETUP,
    "400.008.02": Meaning.SETUP,
    "400.003.01": Meaning.TOKEN_REFUSED,
    "401.002.01": Meaning.TOKEN_REFUSED,
    "401.003.01": Meaning.TOKEN_REFUSED,
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


def error_in(status: int, body: Mapping[str, Any] | None) -> DarajaError | None:
    """The error an answer carries; None when it is an answer of the operation itself.

    An `errorCode` counts whatever the HTTP status is; a body that is no JSON object, or one
    without a code under a status other than 200, says nothing about the outcome.
    """
    if status == 429:
        return DarajaError(Meaning.THROTTLED, "http_429", retry_after_s=_SPIKE_ARREST_S)
    if body is None:
        return DarajaError(Meaning.UNKNOWN, f"http_{status}", "the body is not JSON")
    code = body.get("errorCode")
    if isinstance(code, str | int) and str(code).strip():
        return _listed_error(str(code).strip(), str(body.get("errorMessage") or ""))
    if status != 200:
        return DarajaError(Meaning.UNKNOWN, f"http_{status}", "no error code", listed=False)
    response = body.get("ResponseCode")
    if response is not None and str(response).strip() != "0":
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
        # The code says refused; the field's name only chooses the words for the customer.
        meaning = Meaning.PHONE_INVALID
    return DarajaError(
        meaning or Meaning.UNKNOWN,
        mask(code)[:40],
        _shown(message),
        retry_after_s=_RETRY_AFTER_S.get(code, 0),
        listed=meaning is not None,
    )


def _shown(text: str) -> str:
    """Daraja's words, fit to show."""
    return mask(text)[:MESSAGE_CHARS_MAX]


def is_no_news(error: DarajaError) -> bool:
    """True for the error that an STK query also gets while the payment is under way."""
    return error.code == _AMBIGUOUS


def exception_of(error: DarajaError) -> PaymentProcessorError:
    """The exception for an error that no caller handles as a value."""
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

    A wrong key or secret is often answered 400 with an empty body.
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
    """The decline in a synchronous refusal, where the customer is the one to act."""
    match error.meaning:
        case Meaning.PAYER_BUSY:
            return codes.PAYER_BUSY
        case Meaning.PHONE_INVALID:
            return codes.PHONE_INVALID
        case _:
            return None


def stk_outcome(code: str) -> Declined | Expired | Pending:
    """What an STK query's code other than success means; an unknown one is still pending."""
    end = codes.STK_ENDS.get(code)
    if end is None:
        return Pending()
    return Expired(end.failure) if end.expired else Declined(end.failure)


def stk_code_is_listed(code: str) -> bool:
    """True when the table of push results knows the code."""
    return code == codes.SUCCESS or code in codes.STK_ENDS or code in codes.STK_OPEN


def result_code_is_listed(code: str) -> bool:
    """True when the table of payout and reversal results knows the code."""
    known = (codes.SUCCESS, codes.ALREADY_REVERSED)
    return code in known or code in codes.RESULT_ENDS or code in codes.RESULT_OPEN


def money_of(value: object) -> Money | None:
    """Shillings as Daraja writes them (100, "100.00") as money; None when unreadable or negative.

    Never through a binary fraction: numbers keep their own digits from the parser on.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    text = str(value).strip().replace(",", "")
    if _SHILLINGS.fullmatch(text) is None:
        return None
    minor = Decimal(text).scaleb(EXPONENTS[CURRENCY])
    return Money(int(minor), CURRENCY) if minor == minor.to_integral_value() else None


def fee_of(value: object) -> Money | None:
    """The fee in "Fee For B2C Payment|KES|22.40" (several joined by "&"); None when unreadable."""
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
    """A time of Daraja's, in either of its forms, always Nairobi's; None when unreadable."""
    text = str(value).strip()
    for form in ("%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=NAIROBI)
        except ValueError:
            continue
    return None
