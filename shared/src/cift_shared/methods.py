"""What each built payment method can do, as data: currencies, limits, units, how long it takes.

A new method is a new line here and a new worker package.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from cift_shared.errors import InvalidCommand
from cift_shared.money import EXPONENTS, Money

Operation = Literal["deposit", "withdrawal", "refund"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Smallest and largest amount of one operation, in minor units."""

    min_minor: int
    max_minor: int


@dataclass(frozen=True, slots=True)
class Method:
    """A payment method."""

    name: str
    provider: str
    """Whose servers do it; also the word in the name of its topic of notices."""
    limits: Mapping[str, Mapping[Operation, Limits]]
    """What it moves, by currency; an operation that is missing is not offered."""
    typical_duration: Mapping[Operation, timedelta]
    cancel_after_submit: bool
    """True where a payment can still be stopped once the provider has it."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """Currencies in which the provider moves multiples only, in minor units."""
    refusals: Mapping[Operation, str] = field(default_factory=dict)
    """Operations it does not offer: what to do instead."""

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies it moves."""
        return frozenset(self.limits)

    def check_operation(self, operation: Operation) -> None:
        """Refuse an operation the method does not offer.

        Raises:
            InvalidCommand: with what to do instead.
        """
        if operation in self.refusals:
            raise InvalidCommand(
                f"{self.name}_{operation}_unsupported", self.refusals[operation], pointer="/type"
            )

    def check_amount(self, amount: Money, operation: Operation) -> None:
        """Refuse an amount the provider can't move.

        Raises:
            InvalidCommand: wrong currency, a fraction where whole steps rule, or out of limits.
        """
        if amount.currency not in self.limits:
            raise InvalidCommand(
                "currency_unsupported",
                f"{self.name} moves {_list(self.currencies)}",
                pointer="/currency",
            )
        step = self.steps.get(amount.currency, 1)
        if amount.minor % step:
            multiple = Money(step, amount.currency).text
            raise InvalidCommand(
                "amount_not_whole",
                f"{self.name} moves multiples of {multiple} {amount.currency}",
                pointer="/amount",
            )
        limits = self.limits[amount.currency][operation]
        if not limits.min_minor <= amount.minor <= limits.max_minor:
            low = Money(limits.min_minor, amount.currency).text
            high = Money(limits.max_minor, amount.currency).text
            raise InvalidCommand(
                "amount_out_of_limits",
                f"{operation} by {self.name}: {low} to {high}",
                pointer="/amount",
            )


def _list(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


MPESA = Method(
    name="mpesa",
    provider="mpesa",
    limits={
        # Daraja portal: M-Pesa Express 1 to 250,000 shillings; B2C 10 to 250,000.
        "KES": {
            "deposit": Limits(1_00, 250_000_00),
            "withdrawal": Limits(10_00, 250_000_00),
            "refund": Limits(1_00, 250_000_00),
        },
    },
    steps={"KES": 1_00},
    typical_duration={
        "deposit": timedelta(seconds=30),
        "withdrawal": timedelta(seconds=30),
        "refund": timedelta(minutes=2),
    },
    cancel_after_submit=False,
)

# Source: docs.stripe.com/currencies, "Minimum and maximum charge amounts", in minor units. Stripe
# judges the other currencies by what half a dollar is worth on the day.
_CARD_MINIMA = {
    "USD": 50, "EUR": 50, "GBP": 30, "AED": 2_00, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50,
    "CZK": 15_00, "DKK": 2_50, "HKD": 4_00, "HUF": 175_00, "INR": 50, "JPY": 50, "MXN": 10_00,
    "MYR": 2_00, "NOK": 3_00, "NZD": 50, "PLN": 2_00, "RON": 2_00, "SEK": 3_00, "SGD": 50,
    "THB": 10_00,
}  # fmt: skip
_CARD_MAX = 99_999_999
"""Eight digits (docs.stripe.com/currencies)."""
_SENT_BY_HUNDREDS = {"UGX", "ISK"}
"""No minor unit of ours, two digits of it at Stripe: the eight digits end sooner."""
_THOUSANDTHS = ("BHD", "JOD", "KWD", "OMR", "TND")


def _card_limits(currency: str) -> Mapping[Operation, Limits]:
    most = _CARD_MAX // 100 if currency in _SENT_BY_HUNDREDS else _CARD_MAX
    step = 10 if currency in _THOUSANDTHS else 1
    return {
        "deposit": Limits(_CARD_MINIMA.get(currency, step), most // step * step),
        "refund": Limits(step, most // step * step),
    }


CARD = Method(
    name="card",
    provider="stripe",
    limits={code: _card_limits(code) for code in EXPONENTS if code not in ("BTC", "ETH")},
    # docs.stripe.com/currencies: three-decimal amounts end in a zero.
    steps=dict.fromkeys(_THOUSANDTHS, 10),
    typical_duration={
        "deposit": timedelta(seconds=5),
        "withdrawal": timedelta(0),
        "refund": timedelta(days=7),
    },
    cancel_after_submit=False,
    refusals={
        "withdrawal": "A card can't be paid out: refund an earlier card deposit, or withdraw by "
        "another method.",
    },
)

METHODS: Mapping[str, Method] = {method.name: method for method in (MPESA, CARD)}


def method_named(name: object) -> Method:
    """The method of that name.

    Raises:
        InvalidCommand: no such method is built.
    """
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        raise InvalidCommand(
            "method_unavailable", f"available: {', '.join(METHODS)}", pointer="/method"
        )
    return method


__all__ = ["CARD", "METHODS", "MPESA", "Limits", "Method", "Operation", "method_named"]
