"""Price payments by the current price list, or by a quote that was stored before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cift_shared.clock import Clock
from cift_shared.ids import IdFactory
from cift_shared.money.fees import FeeSchedule
from gateway.auth.authenticator import Caller
from gateway.quotes.pricing import PriceRequest, Quote, pinned_quote, quote, quote_row
from gateway.quotes.repository import QuoteRepository


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
    lifetime: timedelta
    """How long a quote is valid."""
    clock: Clock
    ids: IdFactory

    def price_now(self, request: PriceRequest) -> Quote:
        """The price of a payment made now.

        Raises:
            InvalidCommand: as `pricing.quote`.
        """
        return quote(request, self.fees, at=self.clock.now())

    async def pin(self, caller: Caller, request: PriceRequest) -> PinnedQuote:
        """Price a payment and store the price as a quote.

        Raises:
            InvalidCommand: as `pricing.quote`.
        """
        now = self.clock.now()
        price = quote(request, self.fees, at=now)
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
        """
        if quote_id is None:
            return quote(request, self.fees, at=at)
        return pinned_quote(request, await self.repository.find(caller, quote_id), at=at)
