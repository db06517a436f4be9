"""Record whether a provider answers; unlike the circuit breaker, this delays no request."""

from cift_shared.clock import Clock
from cift_shared.observability.metrics import PROVIDER_UP
from cift_shared.resilience.circuit_breaker import FAILURES_MAX

SILENT_S = 60.0
"""How long failures count: without newer requests the provider's state is unknown after that."""


class AnswerWatch:
    """The availability of one provider, from the requests of this process."""

    def __init__(self, provider: str, clock: Clock, *, failures_max: int = FAILURES_MAX) -> None:
        self._up = PROVIDER_UP.labels(provider)
        self._clock = clock
        self._failures_max = failures_max
        self._failures = 0
        self._failed_at: float | None = None
        self._up.set(1)

    def answered(self) -> None:
        """Record an answer of the provider, also a refusal."""
        self._failures = 0
        self._up.set(1)

    def failed(self) -> None:
        """Record a request without an answer."""
        self._failures += 1
        self._failed_at = self._clock.monotonic()
        if self._failures >= self._failures_max:
            self._up.set(0)

    @property
    def is_away(self) -> bool:
        """True after `failures_max` failures in a row, the last of them in the last `SILENT_S`."""
        if self._failed_at is None or self._failures < self._failures_max:
            return False
        return self._clock.monotonic() - self._failed_at < SILENT_S
