"""Offers to the network: within their limits, and replacements that every node takes."""

from hypothesis import given
from hypothesis import strategies as st

from ethereum_watcher.mapping import GWEI
from ethereum_watcher.payout_fees import TIP_MIN, Fee, first_fee, raised_fee
from ethereum_watcher.wire import FeeHistory

GAS = 21_000
FEES = st.integers(1, 10**13)
OFFERS = st.tuples(FEES, FEES).map(lambda pair: Fee(max(pair), min(pair)))


def history(base: int, *tips: int) -> FeeHistory:
    return FeeHistory.model_validate(
        {"baseFeePerGas": ["0x1", hex(base)], "reward": [[hex(tip)] for tip in tips]}
    )


def test_the_first_offer_is_twice_the_next_base_fee_and_the_usual_tip() -> None:
    found = first_fee(history(10 * GWEI, GWEI, 3 * GWEI, 2 * GWEI), lowest=1, highest=300 * GWEI)
    assert found == Fee(22 * GWEI, 2 * GWEI)


def test_empty_blocks_show_no_tip() -> None:
    found = first_fee(history(10 * GWEI), lowest=1, highest=300 * GWEI)
    assert found == Fee(20 * GWEI + TIP_MIN, TIP_MIN)


@given(st.integers(0, 10**12), st.integers(0, 10**12), FEES, FEES)
def test_it_is_within_the_limits(base: int, tip: int, one: int, other: int) -> None:
    lowest, highest = sorted((one, other))
    found = first_fee(history(base, tip), lowest=lowest, highest=highest)
    assert lowest <= found.max_fee <= highest
    assert 0 < found.tip <= found.max_fee


@given(OFFERS, OFFERS, st.integers(GAS, 10**18))
def test_a_replacement_is_taken_by_nodes_and_within_the_budget(
    old: Fee, now: Fee, cost_max: int
) -> None:
    found = raised_fee(old, now, gas=GAS, cost_max=cost_max)
    least = -(-old.max_fee * 1125 // 1000)
    if found is None:
        assert max(least, old.max_fee + 1) * GAS > cost_max
        return
    for new, before in ((found.max_fee, old.max_fee), (found.tip, old.tip)):
        assert new * 1000 >= before * 1125
        assert new > before
    assert found.tip <= found.max_fee
    assert found.max_fee * GAS <= cost_max


def test_the_offer_of_now_is_taken_if_it_is_higher_and_can_be_paid() -> None:
    old, now = Fee(10 * GWEI, GWEI), Fee(40 * GWEI, 2 * GWEI)
    assert raised_fee(old, now, gas=GAS, cost_max=GAS * 40 * GWEI) == now
    smallest = Fee(11_250_000_000, 1_125_000_000)
    assert raised_fee(old, now, gas=GAS, cost_max=GAS * 40 * GWEI - 1) == smallest
    assert raised_fee(old, now, gas=GAS, cost_max=GAS * smallest.max_fee - 1) is None
