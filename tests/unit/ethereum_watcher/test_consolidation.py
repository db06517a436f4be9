"""What is moved from the address of a deposit, and when it is worth its fee."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethereum_watcher.consolidation import Terms, ether_moved, with_fee_inside
from ethereum_watcher.mapping import TRANSFER_GAS
from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import Room

HOT = b"\x11" * 20
TERMS = Terms(chain_id=31337, hot=HOT, worth=10, fee_max=21_000 * 1_000)
OFFER = Fee(40, 2)
FEE = TRANSFER_GAS * 40


def room(wei: int, *, count: int = 0) -> Room:
    return Room(nonce=3, wei=wei, count=count)


@given(
    wei=st.integers(0, 10**12),
    max_fee=st.integers(1, 2_000),
    worth=st.integers(2, 10_000),
    fee_max=st.integers(21_000, 10**8),
)
def test_everything_is_moved_or_nothing(wei: int, max_fee: int, worth: int, fee_max: int) -> None:
    terms = replace(TERMS, worth=worth, fee_max=fee_max)
    made = ether_moved(terms, room(wei), Fee(max_fee, 1))
    fee = 21_000 * max_fee
    assert (made is not None) == (wei >= worth * fee and fee <= fee_max)
    if made is not None:
        assert made.wei + made.fee_max == wei
        assert made.ether_max == wei
        assert made.wei >= made.fee_max > 0
        assert (made.account, made.contract, made.nonce) == (HOT, None, 3)
        assert (made.chain_id, made.max_fee, made.tip) == (31337, max_fee, 1)


def test_the_limits_are_included() -> None:
    assert ether_moved(TERMS, room(10 * FEE), OFFER) is not None
    assert ether_moved(TERMS, room(10 * FEE - 1), OFFER) is None
    assert ether_moved(replace(TERMS, fee_max=FEE), room(10 * FEE), OFFER) is not None
    assert ether_moved(replace(TERMS, fee_max=FEE - 1), room(10 * FEE), OFFER) is None


def test_one_at_a_time() -> None:
    assert ether_moved(TERMS, room(10 * FEE, count=1), OFFER) is None


@given(
    wei=st.integers(10 * FEE, 10**12),
    raises=st.lists(st.integers(1, 5_000), min_size=1, max_size=8),
)
def test_however_often_its_fee_is_raised_it_takes_the_same(wei: int, raises: list[int]) -> None:
    first = made = ether_moved(TERMS, room(wei), OFFER)
    assert first is not None
    for more in raises:
        assert made is not None
        offer = Fee(made.max_fee + more, made.tip + more)
        raised = with_fee_inside(made, offer)
        cost = 21_000 * offer.max_fee
        assert (raised is None) == (wei < 2 * cost)
        if raised is None:
            return
        assert raised.ether_max == first.ether_max
        same = {"wei": first.wei, "max_fee": first.max_fee, "tip": first.tip}
        assert replace(raised, **same) == first
        assert (raised.max_fee, raised.tip) == (offer.max_fee, offer.tip)
        made = raised


@pytest.mark.parametrize(("worth", "least"), [(0, 0), (2, 2 * FEE), (100, 100 * FEE)])
def test_the_least_that_is_moved(worth: int, least: int) -> None:
    assert replace(TERMS, worth=worth).ether_min(OFFER) == least
