"""The payment options that match a query: from the installed rails, the price list, the reports."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cift_shared.clock import Clock
from cift_shared.errors import InvalidCommand, RateStale
from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.amount import EXPONENTS, known_instead, parse_money
from cift_shared.money.fees import FeeSchedule
from cift_shared.money.rates import RateSource
from cift_shared.rails.rail import Limits, Rail
from cift_shared.rails.registry import rails
from gateway.payment_options.availability import (
    FLOAT_LOW,
    NETWORK_FEE_UNKNOWN,
    RATE_UNAVAILABLE,
    Availability,
    Report,
    availability_of,
    blocked,
    low_floats,
    newest_estimate,
)
from gateway.payment_options.repository import RailStatusRepository
from gateway.payment_options.requests import PaymentOptionsQuery
from gateway.quotes.pricing import (
    PriceRequest,
    Quote,
    charges_network_fee,
    quote,
    requested_amount,
)


@dataclass(frozen=True, slots=True)
class PaymentOption:
    """A rail in one currency."""

    rail: Rail
    currency: str
    limits: Limits
    price: Quote | None
    """For the amount of the query; None without one, and while the network's fee or a rate is
    not known."""
    availability: Availability


@dataclass(slots=True, eq=False)
class PaymentOptions:
    """Finds payment options."""

    statuses: RailStatusRepository
    fees: FeeSchedule
    offered: Mapping[str, frozenset[str]]
    """The rails that this deployment has set up, with their currencies."""
    rates: RateSource
    """Of prices that are paid in another currency."""
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

    async def network_fee(self, request: PriceRequest) -> NetworkFee | None:
        """The newest estimate of what the network charges for a payment, by its worker's reports.

        None if there is none that is new enough.
        """
        reports = (await self._reports()).get(request.rail.name, ())
        return newest_estimate(reports, request.type, request.currency, now=self.clock.now())

    async def _reports(self) -> Mapping[str, Sequence[Report]]:
        reports: dict[str, list[Report]] = {}
        for report in await self.statuses.all():
            reports.setdefault(report.rail, []).append(report)
        return reports

    def _options(
        self, rail: Rail, query: PaymentOptionsQuery, reports: Sequence[Report]
    ) -> Iterator[PaymentOption]:
        for currency in sorted(self.offered[rail.name]):
            if not rail.offers(query.type, currency) or query.currency not in (None, currency):
                continue
            try:
                yield self._option(rail, currency, query, reports)
            except InvalidCommand:
                continue  # the rail does not move this amount, or there is no price for it

    def _option(
        self, rail: Rail, currency: str, query: PaymentOptionsQuery, reports: Sequence[Report]
    ) -> PaymentOption:
        now, reason = self.clock.now(), None
        if query.type == "withdrawal" and currency in low_floats(reports, now=now):
            reason = FLOAT_LOW
        estimate = newest_estimate(reports, query.type, currency, now=now)
        charges = charges_network_fee(rail, query.type, currency, self.fees, at=now)
        if charges and estimate is None:
            reason = NETWORK_FEE_UNKNOWN
        if not self._is_rate_known(rail, query, currency, now):
            reason = RATE_UNAVAILABLE
        price = None
        if query.amount is not None:
            request = PriceRequest(query.type, rail, query.amount, currency)
            requested_amount(request)
            if reason not in (NETWORK_FEE_UNKNOWN, RATE_UNAVAILABLE):
                try:
                    price = quote(request, self.fees, at=now, estimate=estimate)
                except RateStale:
                    reason = RATE_UNAVAILABLE
        found = blocked(availability_of(reports, now=now), reason)
        return PaymentOption(rail, currency, rail.limits[currency][query.type], price, found)

    def _is_rate_known(
        self, rail: Rail, query: PaymentOptionsQuery, currency: str, now: datetime
    ) -> bool:
        """False if payers pay in another currency, and the rate is not known now.

        Raises:
            InvalidCommand: there is no such rate at all.
        """
        paid_in = rail.exchanged.get(currency) if query.type == "deposit" else None
        try:
            return paid_in is None or bool(self.rates.rate(paid_in, currency, now))
        except RateStale:
            return False


def _check(query: PaymentOptionsQuery) -> None:
    """Refuse a query that no rail can match, with the same errors as a quote."""
    if query.amount is not None and query.currency is None:
        raise InvalidCommand("amount_invalid", "send its currency as well", pointer="/amount")
    if query.currency is not None and query.currency not in EXPONENTS:
        raise InvalidCommand("currency_unknown", known_instead(query.currency), pointer="/currency")
    if query.amount is not None:
        parse_money(query.amount, query.currency)
