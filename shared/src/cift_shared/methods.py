"""What each built payment method can do, as data: currencies, limits, units, how long it takes.

A new method is a new line here and a new worker package.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
    currencies: frozenset[str]
    whole_units_only: bool
    """True where the provider moves whole units only (M-Pesa: whole shillings)."""
    limits: Mapping[Operation, Limits]
    typical_duration: Mapping[Operation, timedelta]
    cancel_after_submit: bool
    """True where a payment can still be stopped once the provider has it."""

    def check_amount(self, amount: Money, operation: Operation) -> None:
        """Refuse an amount the provider can't move.

        Raises:
            InvalidCommand: wrong currency, a fraction where whole units rule, or out of limits.
        """
        if amount.currency not in self.currencies:
            raise InvalidCommand(
                "currency_unsupported",
                f"{self.name} moves {_list(self.currencies)}",
                pointer="/currency",
            )
        if self.whole_units_only and amount.minor % 10 ** EXPONENTS[amount.currency]:
            raise InvalidCommand(
                "amount_not_whole",
                f"{self.name} moves whole {amount.currency} only",
                pointer="/amount",
            )
        limits = self.limits[operation]
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
    currencies=frozenset({"KES"}),
    whole_units_only=True,
    limits={
        # Daraja portal: M-Pesa Express 1 to 250,000 shillings; B2C 10 to 250,000.
        "deposit": Limits(1_00, 250_000_00),
        "withdrawal": Limits(10_00, 250_000_00),
        "refund": Limits(1_00, 250_000_00),
    },
    typical_duration={
        "deposit": timedelta(seconds=30),
        "withdrawal": timedelta(seconds=30),
        "refund": timedelta(minutes=2),
    },
    cancel_after_submit=False,
)

METHODS: Mapping[str, Method] = {MPESA.name: MPESA}


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


__all__ = ["METHODS", "MPESA", "Limits", "Method", "Operation", "method_named"]
