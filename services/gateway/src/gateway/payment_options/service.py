"""The payment options that match a query: from the installed rails, the price list, the reports."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cift_shared.clock import Clock
from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import EXPONENTS, Money, known_instead, parse_money
from cift_shared.rails.rail import Limits, Rail
from cift_shared.rails.registry import rails
from gateway.payment_options.availability import (
    Availability,
    Report,
    availability_of,
    for_payouts,
    low_floats,
)
from gateway.payment_options.repository import RailStatusRepository
from gateway.payment_options.requests import PaymentOptionsQuery
from gateway.quotes.pricing import PriceRequest
from gateway.quotes.service import Quotes


@dataclass(frozen=True, slots=True)
class PaymentOption:
    """A rail in one currency."""

    rail: Rail
    currency: str
    limits: Limits
    fee: Money | None
    """For the amount of the query; None without one."""
    availability: Availability


@dataclass(slots=True, eq=False)
class PaymentOptions:
    """Finds payment options."""

    statuses: RailStatusRepository
    quotes: Quotes
    offered: frozenset[str]
    """The rails that this deployment has set up."""
    clock: Clock

    async def find(self, query: PaymentOptionsQuery) -> list[PaymentOption]:
        """The options that match, by rail and currency.

        Raises:
            InvalidCommand: an amount that can't be read or has no currency, or an unknown currency.
        """
        _check(query)
        reports = await self._reports()
        return [
            option
            for name, rail in rails().items()
            if name in self.offered and (query.country is None or rail.serves(query.country))
            for option in self._options(rail, query, reports.get(name, ()))
        ]

    async def is_float_low(self, rail: str, currency: str) -> bool:
        """True when a rail has too little to pay out in a currency, by its worker's reports."""
        reports = (await self._reports()).get(rail, ())
        return currency in low_floats(reports, now=self.clock.now())

    async def _reports(self) -> Mapping[str, Sequence[Report]]:
        reports: dict[str, list[Report]] = {}
        for report in await self.statuses.all():
            reports.setdefault(report.rail, []).append(report)
        return reports

    def _options(
        self, rail: Rail, query: PaymentOptionsQuery, reports: Sequence[Report]
    ) -> Iterator[PaymentOption]:
        now = self.clock.now()
        known, low = availability_of(reports, now=now), low_floats(reports, now=now)
        for currency in sorted(rail.currencies):
            limits = rail.limits[currency].get(query.type)
            if limits is None or query.type in rail.refusals:
                continue
            if query.currency not in (None, currency):
                continue
            try:
                fee = self._fee(rail, currency, query)
            except InvalidCommand:
                continue  # the rail does not move this amount, or there is no price for it
            is_low = query.type == "withdrawal" and currency in low
            found = for_payouts(known, is_low=is_low)
            yield PaymentOption(rail, currency, limits, fee, found)

    def _fee(self, rail: Rail, currency: str, query: PaymentOptionsQuery) -> Money | None:
        if query.amount is None:
            return None
        return self.quotes.price_now(PriceRequest(query.type, rail, query.amount, currency)).fee


def _check(query: PaymentOptionsQuery) -> None:
    """Refuse a query that no rail can match, with the same errors as a quote."""
    if query.amount is not None and query.currency is None:
        raise InvalidCommand("amount_invalid", "send its currency as well", pointer="/amount")
    if query.currency is not None and query.currency not in EXPONENTS:
        raise InvalidCommand("currency_unknown", known_instead(query.currency), pointer="/currency")
    if query.amount is not None:
        parse_money(query.amount, query.currency)
