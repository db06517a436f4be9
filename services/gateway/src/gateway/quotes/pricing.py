"""What a payment costs and moves: by the price list, or by a stored quote."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import Money, parse_money
from cift_shared.money.fees import Bearer, Charge, Direction, FeeSchedule
from cift_shared.money.rates import Rate
from cift_shared.rails.rail import Rail


@dataclass(frozen=True, slots=True)
class PriceRequest:
    """The payment to price."""

    type: Direction
    rail: Rail
    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class Quote:
    """An amount with its price."""

    amount: Money
    fee: Money
    network_fee: Money
    """Network share of `fee`."""
    net: Money
    """What the customer's balance gains (deposit) or loses (withdrawal)."""
    bearer: Bearer
    """Who pays the fee."""
    estimated_arrival: datetime
    pricing: Mapping[str, Any]
    """How the fee was calculated, stored with the payment: rule, parts, rate, quote."""


def quote(request: PriceRequest, fees: FeeSchedule, *, at: datetime) -> Quote:
    """Price a deposit or a withdrawal.

    Raises:
        InvalidCommand: an amount that the rail can't move, a fee that is not below the amount, or
            a fee that needs an unknown exchange rate.
    """
    amount = requested_amount(request)
    charge = fees.charge(amount, method=request.rail.priced_as, direction=request.type, at=at)
    bearer = charge.rule.bearer
    net = _net(request.type, amount, charge.fee, bearer)
    if net.minor <= 0:
        raise InvalidCommand("amount_out_of_limits", "the fee is larger", pointer="/amount")
    arrival = at + request.rail.typical_duration[request.type]
    return Quote(amount, charge.fee, charge.network_fee, net, bearer, arrival, explained(charge))


def pinned_quote(request: PriceRequest, row: Mapping[str, Any] | None, *, at: datetime) -> Quote:
    """The price that a stored quote guarantees for a payment, even if the price list has changed.

    Args:
        request: the payment to price.
        row: the stored quote; None when the merchant has no such quote.
        at: the time of the payment.

    Raises:
        InvalidCommand: quote_not_found, quote_expired, or quote_mismatch when the quote has another
            type, rail, amount or currency; as `quote` for an amount that can't be moved.
    """
    if row is None:
        raise InvalidCommand("quote_not_found", "there is no such quote", pointer="/quote_id")
    if row["expires_at"] <= at:
        raise InvalidCommand("quote_expired", "the quote has expired", pointer="/quote_id")
    amount = requested_amount(request)
    quoted = Money(int(row["minor"]), row["currency"])
    if (request.type, request.rail.name, amount) != (row["type"], row["rail"], quoted):
        terms = f"{row['type']} of {quoted.text} {quoted.currency} by {row['method']}"
        raise InvalidCommand("quote_mismatch", f"the quote is for a {terms}", pointer="/quote_id")
    pricing = {**row["pricing"], "quote_id": str(row["quote_id"])}
    return Quote(
        amount=amount,
        fee=Money(int(row["fee_minor"]), amount.currency),
        network_fee=Money(int(row["network_fee_minor"]), amount.currency),
        net=Money(int(row["net_minor"]), amount.currency),
        bearer=row["bearer"],
        estimated_arrival=at + request.rail.typical_duration[request.type],
        pricing=pricing,
    )


def quote_row(quote_id: UUID, request: PriceRequest, price: Quote) -> dict[str, Any]:
    """A price as it is stored for the payments that will use it."""
    return {
        "quote_id": str(quote_id),
        "type": request.type,
        "method": request.rail.method,
        "rail": request.rail.name,
        "minor": str(price.amount.minor),
        "currency": price.amount.currency,
        "fee_minor": str(price.fee.minor),
        "network_fee_minor": str(price.network_fee.minor),
        "net_minor": str(price.net.minor),
        "bearer": price.bearer,
        "pricing": dict(price.pricing),
    }


def rate_terms(rate: Rate) -> dict[str, str]:
    """A rate as stored and shown: its currencies, its value, its source and its time."""
    return {
        "from": rate.from_currency,
        "to": rate.to_currency,
        "value": f"{rate.value:f}",
        "source": rate.source,
        "as_of": rate.as_of.isoformat(),
    }


def requested_amount(request: PriceRequest) -> Money:
    """The requested amount, checked without any stored state.

    Raises:
        InvalidCommand: not an amount, or one that the rail does not move.
    """
    amount = parse_money(request.amount, request.currency)
    request.rail.check_amount(amount, request.type)
    return amount


def _net(direction: Direction, amount: Money, fee: Money, bearer: Bearer) -> Money:
    if bearer == "merchant":
        return amount
    return amount - fee if direction == "deposit" else amount + fee


def explained(charge: Charge) -> dict[str, Any]:
    """How a fee was calculated, as stored with a payment.

    The ledger reads it for a deposit that settles with another amount (`ledger.fee_by_pricing`).
    """
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
