"""What a payment costs and moves: by the price list, or by a stored quote."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cift_shared.errors import InvalidCommand
from cift_shared.messaging.exchange import LockedExchange
from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.amount import Money, parse_money
from cift_shared.money.fees import Bearer, Charge, Direction, FeeSchedule
from cift_shared.money.rates import Rate
from cift_shared.rails.rail import Rail
from gateway.problems.problem import Problem
from gateway.quotes.exchange import exchange_terms, stored_exchange


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
    exchange: LockedExchange | None = None
    """What the payer pays, if that is another currency."""


def quote(
    request: PriceRequest,
    fees: FeeSchedule,
    *,
    at: datetime,
    estimate: NetworkFee | None = None,
    exchange: LockedExchange | None = None,
) -> Quote:
    """Price a deposit or a withdrawal.

    Args:
        request: the payment to price.
        fees: the price list.
        at: the time of the payment.
        estimate: of the fee of the rail's network; None if there is none that is new enough.
        exchange: what the payer pays, if that is another currency.

    Raises:
        InvalidCommand: an amount that the rail can't move, a fee that is not below the amount, or
            a fee that needs an unknown exchange rate.
        Problem: network_fee_unknown: the price includes the network's fee, without an estimate.
    """
    amount = requested_amount(request)
    if charges_network_fee(request.rail, request.type, amount.currency, fees, at=at):
        if estimate is None:
            raise Problem("network_fee_unknown")
    else:
        estimate = None
    charge = fees.charge(
        amount,
        method=request.rail.priced_as,
        direction=request.type,
        at=at,
        network_fee=estimate.fee if estimate else None,
    )
    bearer = charge.rule.bearer
    net = _net(request.type, amount, charge.fee, bearer)
    if net.minor <= 0:
        raise InvalidCommand("amount_out_of_limits", "the fee is larger", pointer="/amount")
    arrival = at + request.rail.typical_duration[request.type]
    pricing = explained(charge, estimate)
    if exchange is not None:
        pricing["exchange"] = exchange_terms(exchange)
    return Quote(amount, charge.fee, charge.network_fee, net, bearer, arrival, pricing, exchange)


def charges_network_fee(
    rail: Rail, direction: Direction, currency: str, fees: FeeSchedule, *, at: datetime
) -> bool:
    """True if the price of a payment includes the fee of the rail's network.

    Raises:
        InvalidCommand: there is no price for such payments.
    """
    if not rail.estimates_network_fee:
        return False
    return fees.rule(currency, method=rail.priced_as, direction=direction, at=at).network_fee


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
    exchange = stored_exchange(pricing)
    if exchange is not None and exchange.expires_at <= at:
        raise InvalidCommand("quote_expired", "its exchange rate has expired", pointer="/quote_id")
    return Quote(
        amount=amount,
        fee=Money(int(row["fee_minor"]), amount.currency),
        network_fee=Money(int(row["network_fee_minor"]), amount.currency),
        net=Money(int(row["net_minor"]), amount.currency),
        bearer=row["bearer"],
        estimated_arrival=at + request.rail.typical_duration[request.type],
        pricing=pricing,
        exchange=exchange,
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


def explained(charge: Charge, estimate: NetworkFee | None = None) -> dict[str, Any]:
    """How a fee was calculated, as stored with a payment; `estimate` is that of the network's fee.

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
        **({"network_estimate": _estimate_terms(charge, estimate)} if estimate else {}),
        "rate": rate_terms(charge.rate) if charge.rate else None,
    }


def _estimate_terms(charge: Charge, estimate: NetworkFee) -> dict[str, Any]:
    return {
        "fee": f"{estimate.fee.text} {estimate.fee.currency}",
        "estimated_at": estimate.estimated_at.isoformat(),
        "rate": rate_terms(charge.network_rate) if charge.network_rate else None,
    }
