"""Identifiers in the formats that Daraja really uses."""

import secrets
import string

from provider_sandbox.clock import nairobi

_ALPHABET = string.ascii_uppercase + string.digits
_DAYS = "0123456789" + string.ascii_uppercase


def request_id() -> str:
    """``1c5b-4ba8-815c-ac45c57a3db01495926``: three groups of hex, a fourth that ends in digits.

    ``MerchantRequestID`` and the ``OriginatorConversationID`` that Daraja itself creates have the
    same format.
    """
    text = secrets.token_hex(12)
    tail = f"{secrets.randbelow(10**7):07d}"
    return f"{text[:4]}-{text[4:8]}-{text[8:12]}-{text[12:]}{tail}"


def checkout_id(at: float, digit: int, msisdn: str) -> str:
    """``ws_CO_`` + ddMMyyyyHHmmss (Nairobi) + one digit + the nine national digits."""
    return f"ws_CO_{nairobi(at):%d%m%Y%H%M%S}{digit}{msisdn[-9:]}"


def conversation_id(at: float) -> str:
    """``AG_yyyymmdd_`` + 20 hex digits."""
    return f"AG_{nairobi(at):%Y%m%d}_{secrets.token_hex(10)}"


def receipt(at: float) -> str:
    """Ten capital letters and digits; the first three encode year, month and day."""
    return _date_letters(at) + "".join(secrets.choice(_ALPHABET) for _ in range(7))


def placeholder_receipt(at: float) -> str:
    """The placeholder for the receipt of a failed request: ``SKE0000000``."""
    return _date_letters(at) + "0000000"


def _date_letters(at: float) -> str:
    day = nairobi(at)
    year = string.ascii_uppercase[(day.year - 2006) % 26]
    return f"{year}{string.ascii_uppercase[day.month - 1]}{_DAYS[day.day]}"
