"""PayPal's currencies, and amounts as PayPal writes them: decimal text.

Source: developer.paypal.com/api/rest/reference/currency-codes. HUF and TWD have no decimals here,
although our smallest unit of them is a hundredth (ISO 4217).
"""

import re

from cift_shared.money.amount import EXPONENTS, MINOR_DIGITS_MAX, Money

CURRENCIES: tuple[str, ...] = (
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY",
    "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
)  # fmt: skip
"""The currencies that PayPal moves. BRL, CNY and MYR only between accounts of their country."""

WHOLE_ONLY = frozenset({"HUF", "JPY", "TWD"})
"""Currencies of which PayPal accepts no decimals; all the others have two."""

_PLACES = 2
_TEXT_CHARS_MAX = 32
"""Maximum length of an amount. Source: PayPal's description, schema `money`."""
_TEXT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


def places(currency: str) -> int:
    """Decimal places of an amount in this currency at PayPal."""
    return 0 if currency in WHOLE_ONLY else _PLACES


def step(currency: str) -> int:
    """The minor units of which PayPal moves only multiples."""
    return int(10 ** (EXPONENTS[currency] - places(currency)))


def to_text(amount: Money) -> str:
    """The amount as PayPal expects it: exactly the currency's decimals, "100.00" or "100".

    Raises:
        ValueError: PayPal would refuse it: another currency, not positive, or a fraction of the
            currency's unit.
    """
    if amount.currency not in CURRENCIES:
        raise ValueError(f"PayPal does not move {amount.currency}")
    units, rest = divmod(amount.minor, step(amount.currency))
    if rest or units <= 0:
        raise ValueError(f"PayPal does not move {amount.text} {amount.currency}")
    digits = str(units).zfill(places(amount.currency) + 1)
    cut = len(digits) - places(amount.currency)
    text = f"{digits[:cut]}.{digits[cut:]}" if cut < len(digits) else digits
    if len(text) > _TEXT_CHARS_MAX:
        raise ValueError("the amount is too long for PayPal")
    return text


def from_text(text: str, currency: str) -> Money:
    """The money that an amount in an answer of PayPal means; it may be negative.

    Raises:
        ValueError: not a decimal number, an unknown currency, or a fraction of our minor unit.
    """
    found = _TEXT.fullmatch(text)
    if found is None or not text.isascii() or currency not in EXPONENTS:
        raise ValueError("PayPal's answer has an amount that can't be read")
    sign, whole, decimals = found[1], found[2], found[3] or ""
    exponent = EXPONENTS[currency]
    kept, cut_off = decimals[:exponent], decimals[exponent:]
    if cut_off.strip("0") or len(whole) + exponent > MINOR_DIGITS_MAX:
        raise ValueError("PayPal's answer has a fraction of our smallest unit, or too many digits")
    minor = int(whole + kept.ljust(exponent, "0"))
    return Money(-minor if sign else minor, currency)
