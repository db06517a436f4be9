"""A circuit breaker: it stops requests to an unavailable provider until one probe succeeds.

closed    requests pass; `FAILURES_MAX` failures in a row open it
open      nothing is sent; attempts wait for the end of the pause
half open one request passes: its success closes the circuit, its failure opens it again
"""

from collections.abc import Iterator
from contextlib import contextmanager

from cift_shared.clock import Clock
from cift_shared.errors import OutcomeUnknown, ProviderThrottled, ProviderUnavailable
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import PROVIDER_UP

FAILURES_MAX = 5
"""Failures in a row that open the circuit."""
PAUSE_S = 15.0
"""How long it stays open before one request may pass as the probe."""
PROBE_S_MAX = 60.0
"""Longest time that a probe without a result delays the other requests."""
PROBE_RETRY_S = 2
"""Delay after which other requests try again while a probe is in progress."""

log = get_logger()


class CircuitBreaker:
    """One provider's circuit in one process."""

    def __init__(
        self,
        provider: str,
        clock: Clock,
        *,
        failures_max: int = FAILURES_MAX,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._failures_max = failures_max
        self._pause_s = pause_s
        self._failures = 0
        self._trips = 0
        self._closed_again_at: float | None = None
        self._probing = False
        PROVIDER_UP.labels(provider).set(1)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Wrap one request: refuse it while the circuit is open, and record its result.

        A request without an answer is a failure; any answer, also a refusal, is a success.

        Raises:
            ProviderThrottled: the circuit is open; nothing was sent.
        """
        self._admit()
        trips = self._trips
        try:
            yield
        except (ProviderUnavailable, OutcomeUnknown):
            self._failed()
            raise
        except ProviderThrottled:
            self._inconclusive(trips)
            raise
        except Exception:
            self._answered()
            raise
        else:
            self._answered()

    def trip(self, pause_s: float) -> None:
        """Open it at once, whatever the earlier results, e.g. when our credentials were refused."""
        self._trips += 1
        self._open(pause_s)

    @property
    def is_open(self) -> bool:
        """True while requests are refused."""
        return self._left_s() > 0

    def _admit(self) -> None:
        left_s = self._left_s()
        if left_s > 0:
            raise ProviderThrottled(
                "provider_circuit_open",
                f"{self._provider} is unavailable",
                retry_after_s=PROBE_RETRY_S if self._probing else int(left_s) + 1,
            )
        if self._closed_again_at is not None:
            # Half open: this request is the probe, the others wait for it.
            self._probing = True
            self._closed_again_at = self._clock.monotonic() + PROBE_S_MAX

    def _left_s(self) -> float:
        if self._closed_again_at is None:
            return 0.0
        return self._closed_again_at - self._clock.monotonic()

    def _inconclusive(self, trips: int) -> None:
        """The request was throttled: no result, so the next request may be the probe."""
        if self._closed_again_at is not None and trips == self._trips:
            self._closed_again_at = self._clock.monotonic()

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= self._failures_max:
            self._open(self._pause_s)

    def _open(self, pause_s: float) -> None:
        log.warning("provider.circuit_opened", provider=self._provider, pause_s=pause_s)
        self._failures = self._failures_max
        self._probing = False
        self._closed_again_at = self._clock.monotonic() + pause_s
        PROVIDER_UP.labels(self._provider).set(0)

    def _answered(self) -> None:
        if self._closed_again_at is not None:
            log.info("provider.circuit_closed", provider=self._provider)
        self._failures = 0
        self._probing = False
        self._closed_again_at = None
        PROVIDER_UP.labels(self._provider).set(1)
