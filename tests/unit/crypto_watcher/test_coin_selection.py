"""Coins for a withdrawal: nothing is lost, the fee is right, and no coin is taken in vain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitcoin_watcher.coin_selection import Coin, Selection, Wanted, extend, select, selection_of
from bitcoin_watcher.sizes import (
    DUST_SATOSHI,
    INPUT_WEIGHT,
    P2WPKH_BYTES,
    fee_at,
    vbytes_of,
    weight_of,
)

amounts = st.integers(300, 10**9)
rates = st.integers(1_000, 500_000)


def coins(*satoshi: int) -> list[Coin]:
    return [Coin(f"{place:064x}", 0, one, 0, place, b"") for place, one in enumerate(satoshi)]


def wanted(satoshi: int, rate: int = 10_000, **over: int) -> Wanted:
    return Wanted(satoshi, P2WPKH_BYTES, rate, **over)


def check(found: Selection, asked: Wanted) -> None:
    """What holds for every selection."""
    total = sum(one.satoshi for one in found.coins)
    assert total == asked.satoshi + found.fee + found.change
    assert len({one.reference for one in found.coins}) == len(found.coins)
    least = asked.fee(len(found.coins), with_change=found.change > 0)
    assert found.fee >= least
    if found.change:
        assert found.change >= asked.change_min >= DUST_SATOSHI
        assert found.fee == least
    else:
        change_costs = asked.fee(len(found.coins), with_change=True) - least
        assert found.fee < least + asked.change_min + change_costs


class TestSelect:
    @given(st.lists(amounts, max_size=12), amounts, rates)
    def test_sum_is_amount_fee_and_change(self, held: list[int], satoshi: int, rate: int) -> None:
        asked = wanted(satoshi, rate)
        found = select(coins(*held), asked)
        if found is not None:
            check(found, asked)

    @given(st.lists(amounts, max_size=12), amounts, rates)
    def test_none_only_if_all_together_do_not_suffice(
        self, held: list[int], satoshi: int, rate: int
    ) -> None:
        asked = wanted(satoshi, rate)
        useful = [one for one in coins(*held) if one.satoshi > fee_at(rate, INPUT_WEIGHT)]
        if select(coins(*held), asked) is None and useful:
            assert selection_of(useful, asked) is None

    @given(st.lists(amounts, min_size=1, max_size=12), amounts, rates)
    def test_the_order_of_the_coins_does_not_matter(
        self, held: list[int], satoshi: int, rate: int
    ) -> None:
        asked, given_coins = wanted(satoshi, rate), coins(*held)
        assert select(given_coins, asked) == select(given_coins[::-1], asked)

    def test_a_sum_that_fits_needs_no_change(self) -> None:
        asked = wanted(100_000)
        fitting = 100_000 + asked.fee(2, with_change=False)
        found = select(coins(500_000, fitting - 60_000, 60_000), asked)
        assert found is not None
        assert sorted(one.satoshi for one in found.coins) == sorted([fitting - 60_000, 60_000])
        assert found.change == 0

    def test_the_smallest_coin_that_suffices_is_taken(self) -> None:
        found = select(coins(900_000, 300_000, 50_000), wanted(100_000))
        assert found is not None
        assert [one.satoshi for one in found.coins] == [300_000]
        assert found.change == 300_000 - 100_000 - found.fee

    def test_a_coin_that_costs_more_than_it_is_worth_is_left(self) -> None:
        assert select(coins(*[600] * 50), wanted(1_000)) is None
        assert select([], wanted(1_000)) is None

    def test_small_change_is_left_to_the_fee(self) -> None:
        asked = wanted(100_000)
        held = 100_000 + asked.fee(1, with_change=True) + asked.change_min - 1
        found = select(coins(held), asked)
        assert found is not None
        assert found.change == 0
        found = select(coins(held + 1), asked)
        assert found is not None
        assert found.change == asked.change_min


class TestExtend:
    @given(st.lists(amounts, min_size=1, max_size=4), st.lists(amounts, max_size=6), amounts, rates)
    def test_every_coin_of_before_is_kept(
        self, before: list[int], more: list[int], satoshi: int, rate: int
    ) -> None:
        every = coins(*before, *more)
        chosen, others = every[: len(before)], every[len(before) :]
        asked = wanted(satoshi, rate)
        found = extend(chosen, others, asked)
        if found is not None:
            check(found, asked)
            assert list(found.coins[: len(chosen)]) == chosen

    def test_others_are_taken_only_if_needed(self) -> None:
        chosen, other = coins(200_000, 999_000)
        alone = extend([chosen], [other], wanted(100_000))
        assert alone is not None
        assert list(alone.coins) == [chosen]
        both = extend([chosen], [other], wanted(199_500))
        assert both is not None
        assert list(both.coins) == [chosen, other]

    def test_the_least_fee_of_a_replacement_counts(self) -> None:
        (chosen,) = coins(200_000)
        found = extend([chosen], [], wanted(100_000, fee_min=50_000))
        assert found is not None
        assert found.fee == 50_000


def test_sizes_are_those_of_signed_transactions() -> None:
    assert weight_of(1, [22]) == 438
    assert weight_of(2, [34, 22]) == 882  # 878 with signatures of 71 bytes
    assert [vbytes_of(weight) for weight in (436, 437, 440, 441)] == [109, 110, 110, 111]
    assert [fee_at(1_500, weight) for weight in (4, 8)] == [2, 3]
    assert fee_at(1_000, 401) == 101


def test_change_is_worth_the_input_that_will_spend_it_and_is_relayed() -> None:
    assert [wanted(1, rate).change_min for rate in (1_000, 4_000, 5_000)] == [294, 294, 340]
    assert P2WPKH_BYTES == 22


@pytest.mark.parametrize(("held", "is_enough"), [(100, True), (101, False)])
def test_at_most_a_hundred_coins_are_spent(held: int, is_enough: bool) -> None:
    asked = wanted(10_000 * held - wanted(0, 1_000).fee(held, with_change=False), 1_000)
    assert (select(coins(*[10_000] * held), asked) is not None) == is_enough
    first, *others = coins(*[10_000] * held)
    assert (extend([first], others, asked) is not None) == is_enough
