"""Slots come back however a request ends; a source is slowed down alone."""

import pytest

from gateway.http import limits
from gateway.http.limits import Slots, SourceRate
from gateway.http.prefer_wait import preferred_wait_s


class HandClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


def test_slots_of_a_key() -> None:
    slots = Slots(2)
    with slots.take("a") as first, slots.take("a") as second:
        with slots.take("a") as third, slots.take("b") as other:
            assert (first, second, third, other) == (True, True, False, True)
        with slots.take("a") as still_full:
            assert still_full is False
    with slots.take("a") as again:
        assert again


def test_slot_comes_back_after_an_error() -> None:
    slots = Slots(1)
    with pytest.raises(KeyError), slots.take("a"):
        raise KeyError
    with slots.take("a") as again:
        assert again


def test_source_gets_its_rate_and_no_more() -> None:
    clock = HandClock()
    rate = SourceRate(10, clock)
    assert sum(rate.allows("a") for _ in range(100)) == 11
    assert rate.allows("b")
    clock.seconds += 0.5
    assert sum(rate.allows("a") for _ in range(100)) == 5
    clock.seconds += 60
    assert sum(rate.allows("a") for _ in range(100)) == 11


def test_remembered_sources_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOURCES_MAX", 100)
    rate = SourceRate(1, HandClock())
    for number in range(1000):
        rate.allows(str(number))
    assert len(rate._due) == 100


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [([], None), (["wait=10"], 10), (["respond-async, wait=5"], 5), (["a", "Wait = 7; x=1"], 7),
     (["wait=600"], 60), (["wait=0"], 0), (["wait"], None), (["wait=x"], None), (["wait=-1"], None),
     (['wait="9"'], 9), (["wait=1, wait=2"], 1), (["wait=" + "9" * 5000], None)],
)  # fmt: skip
def test_the_wait_is_read_from_the_prefer_header(headers: list[str], wait_s: int | None) -> None:
    assert preferred_wait_s(headers) == wait_s
