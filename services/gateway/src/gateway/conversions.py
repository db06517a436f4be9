"""Exchanging a customer's money from one currency to another: the rule and what is stored for it.

What the customer receives is rounded down to the minor unit, so a conversion never makes money. The
books check the same arithmetic, and keep what the rounding left over.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cift_shared.errors import InvalidCommand
from cift_shared.money import MINOR_DIGITS_MAX, Money, parse_money
from cift_shared.rates import Rate, RateSource
from gateway.accept import Acceptance
from gateway.auth import Caller
from gateway.replies import AmountOut, ConversionOut
from gateway.schemas import ConversionIn
from gateway.views import amount_text

CREATED = 201


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is given for what, and why."""

    given: Money
    received: Money
    rate: Rate
    """The customer's rate: the market's less our spread."""
    market: Rate
    spread_bps: int
    """Our margin, in hundredths of a percent of the market's rate."""


def exchange(
    amount: Money, to_currency: str, rates: RateSource, *, spread_bps: int, at: datetime
) -> Exchange:
    """What an amount is worth in another currency to a customer.

    Raises:
        InvalidCommand: the same currency twice, no rate, or an amount whose worth is less than one
            minor unit or more than 38 digits of them.
    """
    if amount.currency == to_currency:
        raise InvalidCommand(
            "conversion_same_currency", "two different currencies", pointer="/to_currency"
        )
    try:
        market = rates.rate(amount.currency, to_currency, at)
    except InvalidCommand as error:
        raise InvalidCommand(error.code, str(error), pointer="/to_currency") from error
    rate = market.worse_by(spread_bps)
    worth = math.floor(rate.exact(amount))
    if not 0 < worth < 10**MINOR_DIGITS_MAX:
        raise InvalidCommand(
            "amount_out_of_limits",
            f"it is worth less than the smallest amount of {to_currency}, or too much",
            pointer="/from/amount",
        )
    return Exchange(amount, Money(worth, to_currency), rate, market, spread_bps)


def wanted_amount(order: ConversionIn) -> Money:
    """What the customer gives.

    Raises:
        InvalidCommand: not an amount, or a currency we don't keep.
    """
    try:
        return parse_money(order.given.amount, order.given.currency)
    except InvalidCommand as error:
        raise InvalidCommand(error.code, str(error), pointer=f"/from{error.pointer}") from error


def conversion_path(customer_id: str, conversion_id: UUID) -> str:
    """The address of a conversion."""
    return f"/api/v1/customers/{customer_id}/conversions/{conversion_id}"


def conversion_acceptance(
    deal: Exchange, conversion_id: UUID, customer_id: str, caller: Caller, at: datetime
) -> Acceptance:
    """All that one conversion writes; the ledger adds the number of its transaction."""
    row = {
        "conversion_id": str(conversion_id),
        "merchant_id": caller.merchant_id,
        "livemode": caller.livemode,
        "customer_id": customer_id,
        "from_minor": str(deal.given.minor),
        "from_currency": deal.given.currency,
        "to_minor": str(deal.received.minor),
        "to_currency": deal.received.currency,
        "rate": f"{deal.rate.value:f}",
        "market_rate": f"{deal.market.value:f}",
        "spread_bps": deal.spread_bps,
        "rate_source": deal.rate.source,
        "rate_as_of": deal.rate.as_of.isoformat(),
        "requested_at": at.isoformat(),
    }
    return Acceptance(
        resource_id=conversion_id,
        taken_by="convert",
        row=row,
        message=None,
        reply=_first_reply(row),
        location=conversion_path(customer_id, conversion_id),
        status=CREATED,
    )


def _first_reply(row: Mapping[str, Any]) -> dict[str, Any]:
    reply = conversion_out({**row, "tx_id": 0}).model_dump(mode="json", by_alias=True)
    del reply["transaction_id"]  # the ledger knows it
    return reply


def conversion_out(row: Mapping[str, Any]) -> ConversionOut:
    """A conversion as the API shows it."""
    return ConversionOut(
        id=row["conversion_id"],
        customer_id=row["customer_id"],
        given=_amount_out(row["from_minor"], row["from_currency"]),
        received=_amount_out(row["to_minor"], row["to_currency"]),
        rate=_plain(row["rate"]),
        market_rate=_plain(row["market_rate"]),
        spread_bps=row["spread_bps"],
        rate_source=row["rate_source"],
        rate_as_of=row["rate_as_of"],
        transaction_id=str(row["tx_id"]),
        livemode=row["livemode"],
        created_at=row["requested_at"],
    )


def conversion_reply(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored reply in its usual order."""
    return ConversionOut.model_validate(stored).model_dump(mode="json", by_alias=True)


def _amount_out(minor: Any, currency: str) -> AmountOut:
    return AmountOut(amount=amount_text(minor, currency), currency=currency)


def _plain(rate: Any) -> str:
    return rate if isinstance(rate, str) else f"{rate:f}"
