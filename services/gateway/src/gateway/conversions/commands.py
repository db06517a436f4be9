"""Exchange one currency for another: calculate the amounts, and build the rows to store.

What the customer receives is rounded down to the minor unit, so a conversion never creates money.
The ledger checks the same calculation and collects what the rounding left over.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import (
    EXPONENTS,
    MINOR_DIGITS_MAX,
    Money,
    known_instead,
    parse_money,
)
from cift_shared.money.rates import Rate, RateSource
from gateway.auth.authenticator import Caller
from gateway.conversions.presenters import (
    shown_conversion,
)
from gateway.conversions.requests import ConversionIn
from gateway.idempotency.acceptance import Acceptance, Refusals, ledger_function

CREATED = 201
_REFUSALS: Refusals = {
    "CF001": InvalidCommand(
        "insufficient_funds", "it is more than what is available", pointer="/from/amount"
    )
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """The amounts of an exchange, and the rates that lead to them."""

    given: Money
    received: Money
    rate: Rate
    """The customer's rate: the market rate less our spread."""
    market: Rate
    spread_bps: int
    """Our margin, in hundredths of a percent of the market rate."""


def exchange(
    amount: Money, to_currency: str, rates: RateSource, *, spread_bps: int, at: datetime
) -> Exchange:
    """The amount that a customer receives in another currency.

    Raises:
        InvalidCommand: an unknown currency, twice the same currency, no rate, or an amount that is
            worth less than one minor unit or more than 38 digits of minor units.
    """
    if to_currency not in EXPONENTS:
        raise InvalidCommand("currency_unknown", known_instead(to_currency), pointer="/to_currency")
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


def requested_amount(body: ConversionIn) -> Money:
    """The amount that the customer gives.

    Raises:
        InvalidCommand: not an amount, or a currency that the platform does not know.
    """
    try:
        return parse_money(body.given.amount, body.given.currency)
    except InvalidCommand as error:
        raise InvalidCommand(error.code, str(error), pointer=f"/from{error.pointer}") from error


def conversions_path(customer_id: str) -> str:
    """The URL path of a customer's conversions."""
    return f"/api/v1/customers/{customer_id}/conversions"


def conversion_path(customer_id: str, conversion_id: UUID) -> str:
    """The URL path of a conversion."""
    return f"{conversions_path(customer_id)}/{conversion_id}"


def conversion_acceptance(
    deal: Exchange, conversion_id: UUID, customer_id: str, caller: Caller, at: datetime
) -> Acceptance:
    """Everything that one conversion writes; the ledger adds the number of its transaction."""
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
        write=ledger_function("convert"),
        row=row,
        message=None,
        reply=_first_reply(row),
        location=conversion_path(customer_id, conversion_id),
        status=CREATED,
        refusals=_REFUSALS,
    )


def _first_reply(row: Mapping[str, Any]) -> dict[str, Any]:
    reply = shown_conversion(row, "").model_dump(mode="json", by_alias=True)
    del reply["transaction_id"]  # the ledger adds it
    return reply
