"""What a payment costs and moves: by the price list, or by a quote that was given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cift_shared.errors import InvalidCommand
from cift_shared.fees import Bearer, Charge, Direction, FeeSchedule
from cift_shared.methods import method_named
from cift_shared.money import EXPONENTS, Money, parse_money
from cift_shared.rates import Rate


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
    network_fee: Money
    """What of the fee is passed on to the network."""
    net: Money
    """What the customer's balance gains (deposit) or loses (withdrawal)."""
    bearer: Bearer
    """Who pays the fee."""
    estimated_arrival: datetime
    pricing: Mapping[str, Any]
    """How the fee came about, kept with the payment: rule, parts, rate, quote."""


def quote(ask: Ask, fees: FeeSchedule, *, at: datetime) -> Quote:
    """Price a deposit or a withdrawal.

    Raises:
        InvalidCommand: no such method, an amount it can't move, one that its fee eats up, or a fee
            that needs a rate nobody knows.
    """
    amount = _wanted(ask)
    charge = fees.charge(amount, method=ask.method, direction=ask.type, at=at)
    bearer = charge.rule.bearer
    net = _net(ask.type, amount, charge.fee, bearer)
    if net.minor <= 0:
        raise InvalidCommand("amount_out_of_limits", "the fee is larger", pointer="/amount")
    arrival = at + method_named(ask.method).typical_duration[ask.type]
    return Quote(amount, charge.fee, charge.network_fee, net, bearer, arrival, _explained(charge))


def pinned_quote(ask: Ask, row: Mapping[str, Any] | None, *, at: datetime) -> Quote:
    """The price a stored quote promises for a payment, whatever the price list says by now.

    Args:
        ask: what the payment wants to move.
        row: the quote as it was stored, None when the merchant has no such quote.
        at: the moment of the payment.

    Raises:
        InvalidCommand: quote_not_found, quote_expired, or quote_mismatch when it was given for
            something else; as `quote` for an amount that can't be moved.
    """
    if row is None:
        raise InvalidCommand("quote_not_found", "there is no such quote", pointer="/quote_id")
    if row["expires_at"] <= at:
        raise InvalidCommand("quote_expired", "the quote has expired", pointer="/quote_id")
    amount = _wanted(ask)
    quoted = Money(int(row["minor"]), row["currency"])
    if (ask.type, ask.method, amount) != (row["type"], row["method"], quoted):
        told = f"the quote is for a {row['type']} of {quoted.text} {quoted.currency}"
        raise InvalidCommand("quote_mismatch", f"{told} by {row['method']}", pointer="/quote_id")
    pricing = {**row["pricing"], "quote_id": str(row["quote_id"])}
    return Quote(
        amount=amount,
        fee=Money(int(row["fee_minor"]), amount.currency),
        network_fee=Money(int(row["network_fee_minor"]), amount.currency),
        net=Money(int(row["net_minor"]), amount.currency),
        bearer=row["bearer"],
        estimated_arrival=at + method_named(ask.method).typical_duration[ask.type],
        pricing=pricing,
    )


def quote_row(quote_id: UUID, ask: Ask, price: Quote) -> dict[str, Any]:
    """A price as it is kept for the payment that will name it."""
    return {
        "quote_id": str(quote_id),
        "type": ask.type,
        "method": ask.method,
        "minor": str(price.amount.minor),
        "currency": price.amount.currency,
        "fee_minor": str(price.fee.minor),
        "network_fee_minor": str(price.network_fee.minor),
        "net_minor": str(price.net.minor),
        "bearer": price.bearer,
        "pricing": dict(price.pricing),
    }


def rate_terms(rate: Rate) -> dict[str, str]:
    """A rate as it is kept and shown: what, how much, who says so and since when."""
    return {
        "from": rate.from_currency,
        "to": rate.to_currency,
        "value": f"{rate.value:f}",
        "source": rate.source,
        "as_of": rate.as_of.isoformat(),
    }


def _wanted(ask: Ask) -> Money:
    method = method_named(ask.method)
    method.check_operation(ask.type)
    if ask.currency in EXPONENTS and ask.currency not in method.currencies:
        names = ", ".join(sorted(method.currencies))
        raise InvalidCommand(
            "currency_unsupported", f"{method.name} moves {names}", pointer="/currency"
        )
    amount = parse_money(ask.amount, ask.currency)
    method.check_amount(amount, ask.type)
    return amount


def _net(direction: Direction, amount: Money, fee: Money, bearer: Bearer) -> Money:
    if bearer == "merchant":
        return amount
    return amount - fee if direction == "deposit" else amount + fee


def _explained(charge: Charge) -> dict[str, Any]:
    rule = charge.rule
    parts = {"fixed": rule.fixed, "minimum": rule.minimum, "maximum": rule.maximum}
    return {
        "rule": rule.name,
        "bearer": rule.bearer,
        "percent": f"{rule.percent:f}",
        **{name: f"{part.amount} {part.currency}" for name, part in parts.items() if part},
        "network_fee": charge.network_fee.text,
        "rate": rate_terms(charge.rate) if charge.rate else None,
    }
