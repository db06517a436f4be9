"""Price payments by the current price list, or by a quote that was stored before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cift_shared.clock import Clock
from cift_shared.ids import IdFactory
from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.fees import FeeSchedule
from gateway.auth.authenticator import Caller
from gateway.quotes.exchange import ExchangeTerms
from gateway.quotes.pricing import (
    PriceRequest,
    Quote,
    pinned_quote,
    quote,
    quote_row,
    requested_amount,
)
from gateway.quotes.repository import QuoteRepository

NetworkFeeNow = Callable[[PriceRequest], Awaitable[NetworkFee | None]]
"""The newest estimate of what the network charges for a payment; None if there is none."""


@dataclass(frozen=True, slots=True)
class PinnedQuote:
    """A stored price that payments can use until it expires."""

    quote_id: UUID
    price: Quote
    created_at: datetime
    expires_at: datetime


@dataclass(slots=True, eq=False)
class Quotes:
    """Prices payments, and stores quotes that later payments can name."""

    repository: QuoteRepository
    fees: FeeSchedule
    exchange: ExchangeTerms
    """Of deposits that are paid in another currency."""
    lifetime: timedelta
    """How long a quote is valid."""
    clock: Clock
    ids: IdFactory
    network_fee_now: NetworkFeeNow

    async def price_now(self, request: PriceRequest) -> Quote:
        """The price of a payment made now; raises as `pricing.quote`."""
        return await self._by_price_list(request, self.clock.now())

    async def pin(self, caller: Caller, request: PriceRequest) -> PinnedQuote:
        """Price a payment and store the price as a quote; raises as `pricing.quote`."""
        now = self.clock.now()
        price = await self._by_price_list(request, now)
        pinned = PinnedQuote(self.ids.new_id(), price, now, now + self.lifetime)
        row = quote_row(pinned.quote_id, request, price)
        await self.repository.save(caller, row, now=now, expires_at=pinned.expires_at)
        return pinned

    async def price(
        self, caller: Caller, request: PriceRequest, quote_id: UUID | None, *, at: datetime
    ) -> Quote:
        """The price of a payment: from the quote that it names, else from the price list.

        Raises:
            InvalidCommand: as `pricing.quote` and `pricing.pinned_quote`.
            Problem: as `pricing.quote`.
        """
        if quote_id is None:
            return await self._by_price_list(request, at)
        return pinned_quote(request, await self.repository.find(caller, quote_id), at=at)

    async def _by_price_list(self, request: PriceRequest, at: datetime) -> Quote:
        rail = request.rail
        estimate = await self.network_fee_now(request) if rail.estimates_network_fee else None
        exchange = self.exchange.locked(rail, request.type, requested_amount(request), at=at)
        return quote(request, self.fees, at=at, estimate=estimate, exchange=exchange)
