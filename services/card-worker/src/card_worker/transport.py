"""The HTTP client for Stripe's library, with our time-outs, size limit and rate limit."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpx
import stripe

from card_worker.settings import CardConfig
from cift_shared.clock import Clock
from cift_shared.http.transport import NOTHING_SENT, HttpTransport, whole_body
from cift_shared.http.untrusted_json import read_object
from cift_shared.resilience.rate_limiter import TokenBucket, wait_for_turn

BODY_BYTES_MAX = 2 * 1024 * 1024
"""Maximum size of an answer; a page of a hundred objects has some hundred thousand bytes."""
CONNECTIONS_MAX = 100
_SERVER_FAILED = 500


@dataclass(slots=True)
class Call:
    """One call of the library, with all its tries."""

    endpoint: str
    maybe_sent: bool = False
    """True once a try may have reached Stripe."""


CALL: ContextVar[Call] = ContextVar("stripe_call")
"""The current call of this task; the library does not pass it to the HTTP client."""


class RateLimitedHttp(stripe.HTTPXClient):
    """httpx for the library: our time-outs, and at most our share of Stripe's rate limit."""

    def __init__(
        self,
        config: CardConfig,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network, for tests."""
        connect_s, read_s = config.connect_timeout_s, config.read_timeout_s
        self._timeouts = httpx.Timeout(read_s, connect=connect_s, pool=connect_s)
        super().__init__(timeout=self._timeouts)
        network = transport or HttpTransport(CONNECTIONS_MAX)
        self._client_async = httpx.AsyncClient(transport=network)
        self._clock = clock
        self._endpoint_share = config.endpoint_share
        self._account_bucket = TokenBucket(config.global_share, clock)
        self._endpoint_buckets: dict[str, TokenBucket] = {}

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one try, once the rate limit allows it.

        Raises:
            ProviderThrottled: the wait for the rate limit would be too long; nothing was sent.
            stripe.APIConnectionError: no answer, or an unreadable one.
        """
        call = CALL.get()
        await wait_for_turn([self._account_bucket, self._bucket(call.endpoint)])
        try:
            # Not the method of the library: it accepts answers of any size, also compressed ones.
            request = self._client_async.build_request(
                method,
                url,
                headers={**headers, "Accept-Encoding": "identity"},
                content=post_data,
                timeout=self._timeouts,
            )
            response = await self._client_async.send(request, stream=True)
            try:
                body = await whole_body(response, bytes_max=BODY_BYTES_MAX)
            finally:
                await response.aclose()
        except NOTHING_SENT:
            raise _no_answer("not connected") from None
        except httpx.HTTPError:
            call.maybe_sent = True
            raise _no_answer("no answer") from None
        except BaseException:
            call.maybe_sent = True
            raise
        call.maybe_sent = True
        return _checked_body(body, response.status_code), response.status_code, response.headers

    def _bucket(self, endpoint: str) -> TokenBucket:
        if endpoint not in self._endpoint_buckets:
            self._endpoint_buckets[endpoint] = TokenBucket(self._endpoint_share, self._clock)
        return self._endpoint_buckets[endpoint]


def _checked_body(body: bytes, status: int) -> bytes:
    """The body, if the library can parse it safely.

    Raises:
        stripe.APIConnectionError: it is not an answer of Stripe, so the outcome is unknown.
    """
    document = read_object(body)
    if document is not None and isinstance(document.get("error", {}), dict):
        return body
    if status >= _SERVER_FAILED:
        return b"{}"  # a server error: its status is enough
    raise _no_answer("an answer that can't be read")


def _no_answer(text: str) -> stripe.APIConnectionError:
    """The exception on which the library tries again."""
    return stripe.APIConnectionError(text, should_retry=True)  # type: ignore[no-untyped-call]
