"""Convert amounts to and from Stripe's units, which differ from ISO 4217 for some currencies.

Source: docs.stripe.com/currencies ("Zero-decimal currencies", "Special cases", "Three-decimal").
"""

from cift_shared.money.amount import EXPONENTS, Money

ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
"""One unit is sent as 1."""

THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
"""One unit is sent as 1000, and the last digit must be 0."""

SENT_BY_HUNDREDS = frozenset(("UGX", "ISK"))
"""Currencies without fractions of which one unit is sent as 100: 5 UGX is sent as 500."""

DIGITS_MAX = 8
"""Maximum digits of an amount as it is sent."""


def places(currency: str) -> int:
    """Decimal places of an amount in this currency as Stripe sends it."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def to_stripe(amount: Money) -> int:
    """The amount as the whole number that Stripe expects.

    Raises:
        ValueError: Stripe would refuse it: not positive, too many digits, a fraction of its unit,
            or, in a three-decimal currency, a last digit other than 0.
    """
    gap = places(amount.currency) - EXPONENTS[amount.currency]
    sent, rest = divmod(amount.minor * _ten_to(gap), _ten_to(-gap))
    if rest or sent <= 0 or len(str(sent)) > DIGITS_MAX:
        raise ValueError(f"Stripe does not accept {amount.text} {amount.currency}")
    if amount.currency in THREE_DECIMAL and sent % 10:
        raise ValueError(f"{amount.currency} amounts end in 0 at Stripe")
    return sent


def from_stripe(sent: int, currency: str) -> Money:
    """The money that a number of Stripe means; `currency` may be in upper or lower case.

    Raises:
        ValueError: the currency is unknown, or the amount is a fraction of our minor unit.
    """
    code = currency.upper()
    if code not in EXPONENTS:
        raise ValueError(f"Stripe's answer has an unknown currency {code[:8]!r}")
    gap = places(code) - EXPONENTS[code]
    minor, rest = divmod(sent * _ten_to(-gap), _ten_to(gap))
    if rest:
        raise ValueError(f"Stripe's answer has a fraction of {code}'s smallest unit")
    return Money(minor, code)


def _ten_to(power: int) -> int:
    return int(10 ** max(power, 0))
