import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.arithmetic import (
    backlog,
    even,
    growth,
    paired_ratio,
    per_second,
    percentile,
    poisson,
)

SOME = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@given(SOME, st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_others_do_not_exceed(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_the_worst_in_a_hundred_is_not_smoothed_away():
    values = [1.0] * 98 + [500.0, 900.0]
    assert percentile(values, 0.98) == 1.0
    assert percentile(values, 0.99) == 500.0
    assert percentile(values, 1.0) == 900.0
    assert percentile(values, 0.5) == 1.0


def test_a_percentile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.99)


def test_even_arrivals_keep_their_rate_to_the_end():
    moments = even(50, 4)
    assert len(moments) == 200
    assert moments[0] == 0
    assert moments[-1] == pytest.approx(3.98)


@given(st.integers(0, 1000))
def test_poisson_arrivals_are_ordered_repeatable_and_end_in_time(seed):
    moments = poisson(100, 3, seed)
    assert moments == sorted(moments) == poisson(100, 3, seed)
    assert all(0 < at < 3 for at in moments)


def test_poisson_arrivals_have_the_rate_and_the_scatter_that_they_should():
    counts = [len(poisson(100, 1, seed)) for seed in range(400)]
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / len(counts)
    assert mean == pytest.approx(100, rel=0.03)
    assert variance == pytest.approx(100, rel=0.3)


def test_ratios_are_taken_round_by_round():
    # the machine was half as fast in the second round; the ratio did not change
    assert paired_ratio([60, 30, 61], [100, 50, 100]) == 0.6
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1], [1, 2])


def test_a_rate_counts_what_lies_in_its_time():
    assert per_second([0.5, 1.0, 1.5, 2.0, 2.9, 3.0], 1, 3) == 2.0


def test_a_backlog_is_what_came_and_did_not_go():
    assert backlog([0, 1, 2, 3], [2.5], 2.6) == 2
    assert backlog([0, 1, 2, 3], [2.5, 3.5, 3.5, 3.6], 4) == 0


def test_a_backlog_that_stays_does_not_grow():
    arrived = even(100, 20)
    assert growth(arrived, [at + 3 for at in arrived], 4, 20) == pytest.approx(0, abs=1)


def test_a_backlog_grows_by_what_is_not_carried():
    arrived = even(100, 20)
    carried = even(80, 20)
    assert growth(arrived, carried, 4, 20) == pytest.approx(20, abs=1)


def test_batches_do_not_look_like_growth():
    arrived, chance = poisson(100, 20, 1), random.Random(1)
    left = [at // 0.5 * 0.5 + 0.6 + chance.random() / 10 for at in arrived]
    assert growth(arrived, left, 4, 20) == pytest.approx(0, abs=3)
