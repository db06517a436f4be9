"""A consumer whose fetches get no response any more is detected."""

import pytest

from cift_shared.kafka.consumer_watchdog import SILENCE_S, ConsumerWatchdog


class Consumer:
    def __init__(self, stamps: dict[str, int | None]) -> None:
        self.stamps = stamps

    def assignment(self) -> set[str]:
        return set(self.stamps)

    def last_poll_timestamp(self, place: str) -> int | None:
        return self.stamps[place]


def test_answers_keep_it_alive() -> None:
    consumer = Consumer({"a": 1, "b": None})
    pulse = ConsumerWatchdog(consumer)
    for n in range(10):
        consumer.stamps["b"] = n
        pulse.check(n * SILENCE_S)


@pytest.mark.parametrize("stamps", [{"a": 1, "b": 2}, {"a": None}])
def test_silence_ends_it(stamps: dict[str, int | None]) -> None:
    pulse = ConsumerWatchdog(Consumer(stamps))
    pulse.check(100.0)
    pulse.check(100.0 + SILENCE_S)
    with pytest.raises(TimeoutError, match="no answer for 16 s"):
        pulse.check(101.0 + SILENCE_S)


def test_a_standby_without_partitions_hears_nothing_and_is_well() -> None:
    consumer = Consumer({})
    pulse = ConsumerWatchdog(consumer)
    pulse.check(0.0)
    pulse.check(1_000.0)
    consumer.stamps = {"a": None}
    pulse.check(1_000.0 + SILENCE_S)
    with pytest.raises(TimeoutError):
        pulse.check(1_001.0 + SILENCE_S)
