"""What a payment costs and moves: the price list applied to an amount."""

from dataclasses import dataclass
from datetime import datetime

from cift_shared.errors import InvalidCommand
from cift_shared.fees import Direction, FeeSchedule
from cift_shared.methods import method_named
from cift_shared.money import EXPONENTS, Money, parse_money


@dataclass(frozen=True, slots=True)
class Ask:
    """What a caller wants to move."""

    type: Direction
    method: str
    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class Quote:
    """An amount with its price."""

    amount: Money
    fee: Money
    net: Money
    """What the customer's balance gains (deposit) or loses (withdrawal)."""
    estimated_arrival: datetime


def quote(ask: Ask, fees: FeeSchedule, *, at: datetime) -> Quote:
    """Price a deposit or a withdrawal.

    Raises:
        InvalidCommand: no such method, an amount it can't move, or one that its fee eats up.
    """
    method = method_named(ask.method)
    if ask.currency in EXPONENTS and ask.currency not in method.currencies:
        names = ", ".join(sorted(method.currencies))
        raise InvalidCommand(
            "currency_unsupported", f"{method.name} moves {names}", pointer="/currency"
        )
    amount = parse_money(ask.amount, ask.currency)
    method.check_amount(amount, ask.type)
    fee = fees.fee(amount, method=method.name, direction=ask.type, at=at)
    net = amount - fee if ask.type == "deposit" else amount + fee
    if net.minor <= 0:
        raise InvalidCommand("amount_out_of_limits", "the fee is larger", pointer="/amount")
    return Quote(amount, fee, net, at + method.typical_duration[ask.type])
