"""Keep requests below a provider's rate limit: token buckets that refill with time.

Each replica of a worker has its own buckets with its share of the limit. Together the replicas
never exceed the limit, and no request needs a database query to be allowed.
"""

import asyncio
from collections.abc import Sequence

from cift_shared.clock import Clock
from cift_shared.errors import ProviderThrottled

_BURST_SHARE = 0.2

WAIT_S_MAX = 2.0
"""A request that would have to wait longer is not sent; its attempt is due again later."""


class TokenBucket:
    """At most `share` requests in any second; after a pause, a fifth of them at once."""

    def __init__(self, share: float, clock: Clock) -> None:
        """Start full.

        Raises:
            ValueError: the share is one request per second or less, so nothing is left to refill.
        """
        self._size = max(1.0, share * _BURST_SHARE)
        # burst and refill together stay within the share in any second
        self._rate = share - self._size
        if self._rate <= 0:
            raise ValueError("a share must be above one request a second")
        self._clock = clock
        self._tokens = self._size
        self._filled_at = clock.monotonic()

    def wait_s(self) -> float:
        """Seconds that a request would have to wait now; 0 when it may be sent at once."""
        self._fill()
        return max(0.0, (1 - self._tokens) / self._rate)

    def take(self) -> None:
        """Reserve a token; the next request waits for the one after it."""
        self._fill()
        self._tokens -= 1

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now


async def wait_for_turn(buckets: Sequence[TokenBucket]) -> None:
    """Wait until each of these buckets has a token for one request.

    Raises:
        ProviderThrottled: the wait would be too long; nothing was reserved.
    """
    wait_s = max(bucket.wait_s() for bucket in buckets)
    if wait_s > WAIT_S_MAX:
        raise ProviderThrottled(
            "rate_limited_here", "too many requests at once", retry_after_s=int(wait_s) + 1
        )
    for bucket in buckets:
        bucket.take()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
