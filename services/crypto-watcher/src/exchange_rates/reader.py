"""Read prices: every few seconds, in the process that leads (a lease with an epoch).

    each source, each currency -> prices -> middle of the new ones -> rates.rate

A source that fails is left out of this turn; the other ones go on.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Gauge

from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from exchange_rates.client import SourceClient, SourceFailed
from exchange_rates.domain import Agreed, Price
from exchange_rates.settings import RateConfig
from exchange_rates.store import RateStore

AS_OF = Gauge(
    "cift_rate_timestamp_seconds", "Time of a currency's live rate (Unix time).", ["currency"]
)
DEVIATION = Gauge(
    "cift_rate_deviation_ratio",
    "Share by which the highest price of a currency is above the lowest.",
    ["currency"],
)

log = get_logger()


class Reader:
    """Keeps the stored rates equal to what markets say."""

    def __init__(
        self, clients: Sequence[SourceClient], store: RateStore, config: RateConfig, clock: Clock
    ) -> None:
        self._clients = clients
        self._store = store
        self._config = config
        self._clock = clock
        self._apart: set[str] = set()

    def job(self) -> Job:
        """The job that reads."""
        return Job(name="read", every=self._config.every, work=self.run, when_lost=self.forget)

    async def run(self, lease: Lease) -> None:
        """Read every price once, and store what follows.

        Raises:
            SourceFailed: no source gave a price.
            LeaseLost: another process reads now.
        """
        currencies, began = sorted(self._config.live_currencies), self._clock.now()
        asked = [(client, code) for client in self._clients for code in currencies]
        answers = await asyncio.gather(*(self._price(*pair, began) for pair in asked))
        prices = [one for one in answers if one is not None]
        found = await self._store.save(
            lease,
            prices,
            self._config.rules,
            currencies=currencies,
            sources=self._config.sources,
            at=self._clock.now(),
        )
        self._show(found)
        if not prices:
            raise SourceFailed("no source gave a price")

    async def _price(self, client: SourceClient, currency: str, began: datetime) -> Price | None:
        try:
            return Price(currency, client.name, await client.price(currency), began)
        except SourceFailed as error:
            log.warning("rates.source_failed", currency=currency, error=str(error))
            return None

    def _show(self, rates: Sequence[Agreed]) -> None:
        for one in rates:
            DEVIATION.labels(one.currency).set(float(one.deviation))
            if one.as_of is not None:
                AS_OF.labels(one.currency).set(one.as_of.timestamp())
        apart = {one.currency for one in rates if one.usd is None}
        for currency in sorted(apart - self._apart):
            log.error(
                "rates.sources_differ",
                currency=currency,
                meaning="nothing is quoted or credited at a live rate until they agree",
            )
        self._apart = apart

    def forget(self) -> None:
        """Show nothing any more: another process reads."""
        AS_OF.clear()
        DEVIATION.clear()
