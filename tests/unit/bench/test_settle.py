import pytest

from tests.bench.arithmetic import even
from tests.bench.settle import Search, Trial


def carried(rate: float, capacity: float, seconds: float = 10.0) -> Trial:
    """A stack that settles so many a second at most, each after 0.6 s."""
    arrived = even(rate, seconds)
    settled, free_at = [], 0.0
    for at in arrived:
        free_at = max(free_at, at) + 1 / capacity
        settled.append(max(free_at, at + 0.6))
    return Trial(rate, seconds, arrived, settled)


def test_a_rate_within_the_capacity_is_sustained():
    trial = carried(90, 100)
    assert trial.sustained
    assert trial.settled_per_s == pytest.approx(90, abs=2)


def test_a_rate_above_the_capacity_is_not():
    trial = carried(130, 100)
    assert not trial.sustained
    assert trial.growth == pytest.approx(30, abs=3)
    assert trial.left == pytest.approx(300, abs=5)
    assert trial.drained_per_s == pytest.approx(100, abs=2)


def test_nothing_left_has_no_drain_rate():
    assert Trial(1, 10, [0.0, 5.0], [1.0, 6.0]).drained_per_s == 0


@pytest.mark.parametrize("capacity", [20, 100, 470, 2_000])
def test_the_search_ends_beside_the_capacity(capacity):
    search, rates = Search(150.0), []
    while not search.done:
        rates.append(search.next)
        search.learn(search.next, sustained=search.next <= capacity)
        assert len(rates) < 20
    assert search.holds <= capacity < search.fails <= search.holds * 1.11
