"""Sweeps to the cold address: exact to the satoshi, and never more than is too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.hot_limits import HotLimits, Leaving
from bitcoin_watcher.payout_drafts import Frame
from bitcoin_watcher.sizes import DUST_SATOSHI, INPUT_WEIGHT, INPUTS_MAX, fee_at
from bitcoin_watcher.spend_store import Draft
from bitcoin_watcher.spending import parse
from bitcoin_watcher.sweep_drafts import COLD_MIN, sweep_draft

COLD = b"\x00\x14" + b"\x33" * 20
FRAME = Frame(b"\x00\x14" + b"\x22" * 20, 850_000)
RATE, FEE_MAX = 10_000, 10**6
LIMITS = HotLimits(floor=1_000_000, ceiling=3_000_000)


def coins(*satoshi: int) -> list[Coin]:
    return [Coin(f"{place:064x}", 0, one, 0, place, b"") for place, one in enumerate(satoshi, 1)]


def swept(
    *satoshi: int, wanted: int, most: int = 10**15, rate: int = RATE, fee_max: int = FEE_MAX
) -> Draft | None:
    leaving = Leaving(wanted, most)
    return sweep_draft(coins(*satoshi), FRAME, COLD, leaving, rate=rate, fee_max=fee_max)


def paid(draft: Draft) -> dict[bytes, int]:
    return {one.script: one.satoshi for one in parse(draft.unsigned).outputs}


class TestLimits:
    def test_up_to_the_ceiling_nothing_leaves(self) -> None:
        assert LIMITS.leaving(3_000_000) is None
        assert LIMITS.leaving(0) is None

    def test_above_it_everything_above_the_middle_leaves(self) -> None:
        assert LIMITS.leaving(3_000_001) == Leaving(1_000_001, 2_000_001)

    def test_without_a_ceiling_nothing_leaves(self) -> None:
        assert HotLimits(1_000_000, 0).leaving(10**15) is None


def test_the_rest_is_change_and_the_fee_comes_from_what_is_moved() -> None:
    draft = swept(500_000, 3_000_000, 800_000, wanted=2_000_000)
    assert draft is not None
    assert [one.satoshi for one in draft.coins] == [3_000_000]
    assert paid(draft) == {COLD: 2_000_000 - draft.fee, FRAME.change_script: 1_000_000}
    assert draft.fee == 1_410  # 141 virtual bytes at 10 satoshi
    assert [is_change for _, _, is_change in sorted(draft.outputs)] == [True, False]
    assert parse(draft.unsigned).lock_time == FRAME.lock_time


def test_small_change_goes_to_the_cold_address() -> None:
    least = fee_at(RATE, INPUT_WEIGHT)
    kept = swept(2_000_000 + least, wanted=2_000_000)
    moved = swept(2_000_000 + least - 1, wanted=2_000_000)
    assert kept is not None
    assert moved is not None
    assert paid(kept)[FRAME.change_script] == least
    assert paid(moved) == {COLD: 2_000_000 + least - 1 - moved.fee}
    assert least > DUST_SATOSHI


def test_dust_is_no_change_at_a_low_rate() -> None:
    kept = swept(2_000_000 + DUST_SATOSHI, wanted=2_000_000, rate=1_000)
    moved = swept(2_000_000 + DUST_SATOSHI - 1, wanted=2_000_000, rate=1_000)
    assert kept is not None
    assert moved is not None
    assert (len(kept.outputs), len(moved.outputs)) == (2, 1)


def test_it_never_takes_what_belongs_below_the_floor() -> None:
    assert swept(2_000_100, wanted=2_000_000, most=2_000_100) is not None
    assert swept(2_000_100, wanted=2_000_000, most=2_000_099) is None


def test_a_sweep_must_bring_something() -> None:
    least = 10_000 + 1_100  # and the fee of 110 virtual bytes
    assert swept(least, wanted=least) is not None
    assert swept(least - 1, wanted=least - 1) is None
    assert swept(wanted=1_000_000) is None


def test_no_more_coins_than_needed_are_moved() -> None:
    draft = swept(2_000_000, 500_000, wanted=2_000_000)
    assert draft is not None
    assert [one.satoshi for one in draft.coins] == [2_000_000]


def test_what_comes_back_does_not_leave() -> None:
    assert swept(3_000_000, wanted=2_000_000, most=2_000_000) is not None
    assert swept(3_000_000, wanted=2_000_000, most=1_999_999) is None


def test_a_fee_above_the_limit_makes_no_sweep() -> None:
    assert swept(3_000_000, wanted=2_000_000, fee_max=1_410) is not None
    assert swept(3_000_000, wanted=2_000_000, fee_max=1_409) is None


def test_many_small_coins_are_moved_in_parts() -> None:
    draft = swept(*[20_000] * (INPUTS_MAX + 1), wanted=10**9)
    assert draft is not None
    assert len(draft.coins) == INPUTS_MAX
    assert paid(draft) == {COLD: INPUTS_MAX * 20_000 - draft.fee}


@pytest.mark.parametrize("rate", [1_000, 10_000, 499_999])
@given(
    held=st.lists(st.integers(1, 10**9), min_size=1, max_size=12),
    floor=st.integers(0, 10**8),
    width=st.integers(1, 10**8),
)
def test_the_hot_wallet_keeps_its_target(
    rate: int, held: list[int], floor: int, width: int
) -> None:
    limits = HotLimits(floor, floor + width)
    leaving = limits.leaving(sum(held))
    if leaving is None:
        assert sum(held) <= limits.ceiling
        return
    draft = sweep_draft(coins(*held), FRAME, COLD, leaving, rate=rate, fee_max=10**12)
    if draft is None:
        return
    moved, change = paid(draft)[COLD], paid(draft).get(FRAME.change_script, 0)
    spent = sum(one.satoshi for one in draft.coins)
    assert spent == moved + change + draft.fee
    left = sum(held) - spent + change
    assert left >= limits.floor
    dust = max(DUST_SATOSHI, fee_at(rate, INPUT_WEIGHT))
    assert limits.target - dust < left <= limits.target
    assert draft.fee >= fee_at(rate, draft.weight)
    assert moved >= COLD_MIN
