"""A provider that is away gets no requests until one probe succeeds."""

from datetime import timedelta

import pytest

from cift_shared.errors import (
    OutcomeUnknown,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.observability.metrics import PROVIDER_UP
from cift_shared.resilience.circuit_breaker import (
    FAILURES_MAX,
    PAUSE_S,
    CircuitBreaker,
)
from cift_shared.testing import FakeClock

AWAY = ProviderUnavailable("down", "")


class Door:
    """A breaker and what gets through it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.breaker = CircuitBreaker("probe", self.clock)
        self.sent = 0

    def send(self, error: Exception | None = None) -> None:
        with self.breaker.guard():
            self.sent += 1
            if error is not None:
                raise error

    def fail(self, times: int, error: Exception = AWAY) -> None:
        for _ in range(times):
            with pytest.raises(type(error)):
                self.send(error)

    def up(self) -> float | None:
        return PROVIDER_UP.labels("probe")._value.get()


@pytest.mark.parametrize("error", [AWAY, OutcomeUnknown("lost", "")])
def test_failures_in_a_row_open_it_and_nothing_is_sent(error) -> None:
    door = Door()
    door.fail(FAILURES_MAX, error)
    assert door.up() == 0
    with pytest.raises(ProviderThrottled) as caught:
        door.send()
    assert door.sent == FAILURES_MAX
    assert 0 < caught.value.retry_after_s <= PAUSE_S + 1


def test_any_answer_between_them_starts_the_count_anew() -> None:
    door = Door()
    for _ in range(3):
        door.fail(FAILURES_MAX - 1)
        door.fail(1, ProviderRejectedRequest("no", ""))
    assert not door.breaker.is_open
    assert door.up() == 1


def test_one_request_probes_and_its_success_closes_it() -> None:
    door = Door()
    door.fail(FAILURES_MAX)
    door.clock.advance(timedelta(seconds=PAUSE_S))
    with door.breaker.guard(), pytest.raises(ProviderThrottled):  # the probe is under way
        door.send()
    door.send()
    assert door.up() == 1


def test_who_waits_for_a_probe_looks_again_soon() -> None:
    """The probe may take a minute; it mostly takes a moment, and a payer is waiting."""
    door = Door()
    door.fail(FAILURES_MAX)
    door.clock.advance(timedelta(seconds=PAUSE_S))
    with door.breaker.guard(), pytest.raises(ProviderThrottled) as caught:
        door.send()
    assert caught.value.retry_after_s <= 2


def test_a_probe_that_fails_opens_it_again() -> None:
    door = Door()
    door.fail(FAILURES_MAX)
    door.clock.advance(timedelta(seconds=PAUSE_S))
    door.fail(1)
    with pytest.raises(ProviderThrottled):
        door.send()


def test_a_probe_told_to_wait_says_nothing_and_the_next_may_probe() -> None:
    door = Door()
    door.fail(FAILURES_MAX)
    door.clock.advance(timedelta(seconds=PAUSE_S))
    door.fail(1, ProviderThrottled("slow", "", retry_after_s=1))
    door.send()
    assert door.up() == 1


def test_a_trip_outlasts_the_answer_that_caused_it() -> None:
    door = Door()

    def refused() -> None:
        with door.breaker.guard():
            door.breaker.trip(60)
            raise ProviderThrottled("refused", "", retry_after_s=60)

    with pytest.raises(ProviderThrottled):
        refused()
    assert door.breaker.is_open
    door.clock.advance(timedelta(seconds=60))
    door.send()
    assert not door.breaker.is_open
