"""Amounts in PayPal's form: decimal text with the currency's own number of decimals.

Source: developer.paypal.com/api/rest/reference/currency-codes.
"""

import re
from decimal import ROUND_HALF_UP, Decimal

_CODES = """
AUD BRL CAD CNY CZK DKK EUR HKD HUF ILS JPY MYR MXN TWD NZD NOK PHP PLN GBP SGD SEK CHF THB USD
"""
CURRENCIES = frozenset(_CODES.split())
NO_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
_TEXT = re.compile(r"-?\d*\.?\d+", re.ASCII)
_MOST = Decimal("9999999.99")


class NotAnAmount(ValueError):
    """PayPal would not move this amount.

    Attributes:
        issue: PayPal's word for the reason.
    """

    def __init__(self, issue: str) -> None:
        super().__init__(issue)
        self.issue = issue


def read(value: str, currency: str) -> Decimal:
    """The amount of a request.

    Raises:
        NotAnAmount: the currency is unknown, or the amount is not a number, not positive, too large
            or has too many decimals.
    """
    if currency not in CURRENCIES:
        raise NotAnAmount("INVALID_CURRENCY_CODE")
    if not _TEXT.fullmatch(value):
        raise NotAnAmount("INVALID_PARAMETER_SYNTAX")
    amount = Decimal(value)
    if amount <= 0:
        raise NotAnAmount("CANNOT_BE_ZERO_OR_NEGATIVE")
    places = -int(amount.as_tuple().exponent)
    if currency in NO_DECIMALS and places > 0:
        raise NotAnAmount("DECIMALS_NOT_SUPPORTED")
    if places > 2:
        raise NotAnAmount("DECIMAL_PRECISION")
    if amount > _MOST:
        raise NotAnAmount("MAX_VALUE_EXCEEDED")
    return amount


def write(amount: Decimal, currency: str) -> str:
    """The amount as text, rounded half up to the currency's decimals."""
    step = Decimal(1) if currency in NO_DECIMALS else Decimal("0.01")
    return f"{amount.quantize(step, ROUND_HALF_UP):f}"


def of(amount: Decimal, currency: str) -> dict[str, str]:
    """The amount as an object of Orders and Payments."""
    return {"currency_code": currency, "value": write(amount, currency)}


def of_payouts(amount: Decimal, currency: str) -> dict[str, str]:
    """The amount as an object of Payouts, which names the currency differently."""
    return {"currency": currency, "value": write(amount, currency)}


def fee(amount: Decimal, currency: str, percent: str, fixed: str) -> Decimal:
    """PayPal's fee: a share of the amount and a fixed part, never more than the amount."""
    exact = amount * Decimal(percent) / 100 + Decimal(fixed)
    return min(Decimal(write(exact, currency)), amount)
