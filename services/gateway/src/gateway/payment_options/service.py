"""The ways to pay that fit a wish: from the installed rails, the price list and the reports."""

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
from gateway.quotes.pricing import Ask
from gateway.quotes.service import Quotes


@dataclass(frozen=True, slots=True)
class PaymentOption:
    """A rail in one currency."""

    rail: Rail
    currency: str
    limits: Limits
    fee: Money | None
    """For the wished amount; None without one."""
    availability: Availability


@dataclass(slots=True, eq=False)
class PaymentOptions:
    """Finds the ways to pay."""

    statuses: RailStatusRepository
    quotes: Quotes
    offered: frozenset[str]
    """The rails that this deployment has set up."""
    clock: Clock

    async def find(self, wish: PaymentOptionsQuery) -> list[PaymentOption]:
        """The options that fit, by rail and currency.

        Raises:
            InvalidCommand: an amount that can't be read or has no currency, or an unknown currency.
        """
        _check(wish)
        reports = await self._reports()
        return [
            option
            for name, rail in rails().items()
            if name in self.offered and (wish.country is None or rail.serves(wish.country))
            for option in self._options(rail, wish, reports.get(name, ()))
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
        self, rail: Rail, wish: PaymentOptionsQuery, reports: Sequence[Report]
    ) -> Iterator[PaymentOption]:
        now = self.clock.now()
        known, low = availability_of(reports, now=now), low_floats(reports, now=now)
        for currency in sorted(rail.currencies):
            limits = rail.limits[currency].get(wish.type)
            if limits is None or wish.type in rail.refusals:
                continue
            if wish.currency not in (None, currency):
                continue
            try:
                fee = self._fee(rail, currency, wish)
            except InvalidCommand:
                continue  # the rail does not move this amount, or nobody knows its price
            is_low = wish.type == "withdrawal" and currency in low
            found = for_payouts(known, is_low=is_low)
            yield PaymentOption(rail, currency, limits, fee, found)

    def _fee(self, rail: Rail, currency: str, wish: PaymentOptionsQuery) -> Money | None:
        if wish.amount is None:
            return None
        return self.quotes.price_now(Ask(wish.type, rail, wish.amount, currency)).fee


def _check(wish: PaymentOptionsQuery) -> None:
    """Refuse what no rail could ever fit, as a quote does."""
    if wish.amount is not None and wish.currency is None:
        raise InvalidCommand("amount_invalid", "send its currency as well", pointer="/amount")
    if wish.currency is not None and wish.currency not in EXPONENTS:
        raise InvalidCommand("currency_unknown", known_instead(wish.currency), pointer="/currency")
    if wish.amount is not None:
        parse_money(wish.amount, wish.currency)
