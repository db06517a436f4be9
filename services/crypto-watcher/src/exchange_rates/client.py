"""Ask a source for a price. No answer of a source is ever logged or shown: only what failed."""

import asyncio
from decimal import Decimal

import httpx

from cift_shared.errors import ProviderUnavailable
from cift_shared.http.transport import HttpTransport, whole_body
from cift_shared.http.untrusted_json import read_object
from cift_shared.observability.metrics import PROVIDER_REQUESTS
from exchange_rates.sources import Source
from exchange_rates.wire import AnswerUnusable

BODY_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 4


class SourceFailed(ProviderUnavailable):
    """The source did not answer, or its answer holds no price that can be used."""

    def __init__(self, reason: str) -> None:
        super().__init__("rate_source_unavailable", reason)


class SourceClient:
    """Calls one source."""

    def __init__(
        self,
        source: Source,
        base: str,
        *,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network in tests."""
        self.name = source.name
        self._source = source
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=base,
            transport=transport or HttpTransport(CONNECTIONS_MAX),
            timeout=timeout_s,
            headers={"Accept-Encoding": "identity", "User-Agent": "cift-payments"},
            trust_env=False,
        )

    async def price(self, currency: str) -> Decimal:
        """US dollars for one unit of the currency now.

        Raises:
            SourceFailed: there is no answer, or none that can be used.
        """
        outcome = "failed"
        try:
            price = await self._price(currency)
            outcome = "ok"
        finally:
            PROVIDER_REQUESTS.labels(self.name, "price", outcome).inc()
        return price

    async def _price(self, currency: str) -> Decimal:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream("GET", self._source.path(currency)) as response,
            ):
                raw = await whole_body(response, bytes_max=BODY_BYTES_MAX)
        except (httpx.HTTPError, TimeoutError) as error:
            raise SourceFailed(f"{self.name}: {type(error).__name__}") from None
        if response.status_code != httpx.codes.OK:
            raise SourceFailed(f"{self.name}: HTTP {response.status_code}")
        try:
            return self._source.price(read_object(raw), currency)
        except AnswerUnusable as error:
            raise SourceFailed(f"{self.name}: {error}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
