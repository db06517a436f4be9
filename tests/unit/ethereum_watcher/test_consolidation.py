"""What is moved from the address of a deposit, and when it is worth its fee."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethereum_watcher.consolidation import (
    Terms,
    ether_moved,
    gas_sent,
    tokens_moved,
    with_fee_inside,
)
from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.mapping import TRANSFER_GAS
from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import Room

HOT = b"\x11" * 20
TERMS = Terms(chain_id=31337, hot=HOT, worth=10, fee_max=21_000 * 1_000, open_max=8, keep=1_000_000)
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


def test_without_a_setting_nothing_is_moved() -> None:
    assert ether_moved(replace(TERMS, worth=0), room(10**12), OFFER) is None
    assert ether_moved(replace(TERMS, worth=1), room(10**12), OFFER) is not None


def test_a_replacement_may_cost_as_much_as_it_moves() -> None:
    old = ether_moved(TERMS, room(10 * FEE), OFFER)
    assert old is not None
    assert with_fee_inside(old, Fee(200, 3)) is not None
    assert with_fee_inside(old, Fee(201, 3)) is None


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


CONTRACT, ACCOUNT = b"\x22" * 20, b"\x33" * 20
GAS = 60_000


class TestTokens:
    def moved(self, wei: int, *, amount: int = 7, **over: Any) -> Transfer | None:
        terms = replace(TERMS, **{"fee_max": GAS * 1_000, **over})
        return tokens_moved(terms, room(wei), OFFER, contract=CONTRACT, amount=amount, gas=GAS)

    def test_all_of_them_are_moved_to_the_account_that_pays(self) -> None:
        made = self.moved(GAS * 40)
        assert made == Transfer(
            chain_id=31337,
            nonce=3,
            tip=2,
            max_fee=40,
            gas=GAS,
            account=HOT,
            wei=7,
            contract=CONTRACT,
        )

    def test_not_without_ether_for_the_fee(self) -> None:
        assert self.moved(GAS * 40 - 1) is None

    def test_nothing_is_not_moved(self) -> None:
        assert self.moved(GAS * 40, amount=0) is None

    def test_not_above_the_limit_of_a_fee(self) -> None:
        assert self.moved(GAS * 40, fee_max=GAS * 40) is not None
        assert self.moved(GAS * 40, fee_max=GAS * 40 - 1) is None

    def test_one_at_a_time(self) -> None:
        busy = room(GAS * 40, count=1)
        made = tokens_moved(TERMS, busy, OFFER, contract=CONTRACT, amount=7, gas=21_000)
        assert made is None


class TestGas:
    def sent(
        self, held: int = 0, *, hot: int = 10**9, count: int = 0, **over: Any
    ) -> Transfer | None:
        terms = replace(TERMS, **{"fee_max": GAS * 60, **over})
        return gas_sent(terms, room(hot, count=count), OFFER, account=ACCOUNT, held=held, gas=GAS)

    @given(
        held=st.integers(0, 2 * GAS * 1_000),
        gas=st.integers(21_000, 200_000),
        max_fee=st.integers(1, 1_000),
    )
    def test_afterwards_the_tokens_can_be_moved(self, held: int, gas: int, max_fee: int) -> None:
        terms, offer = replace(TERMS, fee_max=10**9), Fee(max_fee, 1)
        made = gas_sent(terms, room(10**12), offer, account=ACCOUNT, held=held, gas=gas)
        then = held + (made.wei if made else 0)
        moved = tokens_moved(terms, room(then), offer, contract=CONTRACT, amount=1, gas=gas)
        assert moved is not None
        assert (made is None) == (held >= gas * max_fee)
        if made is not None:
            assert 2 * then in (3 * gas * max_fee, 3 * gas * max_fee + 1)
            assert (made.account, made.contract, made.gas) == (ACCOUNT, None, 21_000)
            assert (made.nonce, made.chain_id) == (3, 31337)
            assert (made.max_fee, made.tip) == (max_fee, 1)

    def test_one_that_can_pay_gets_none(self) -> None:
        assert self.sent(GAS * 40) is None
        made = self.sent(GAS * 40 - 1)
        assert made is not None
        assert made.wei == GAS * 20 + 1

    def test_it_is_within_the_limit_of_a_fee(self) -> None:
        assert self.sent() is not None
        assert self.sent(fee_max=GAS * 60 - 1) is None
        assert self.sent(GAS * 40 - 1, fee_max=GAS * 40) is not None
        assert self.sent(GAS * 40 - 1, fee_max=GAS * 40 - 1) is None

    def test_withdrawals_come_first(self) -> None:
        needed = GAS * 60 + FEE + 1_000_000
        assert self.sent(hot=needed) is not None
        assert self.sent(hot=needed - 1) is None
        assert self.sent(count=7) is not None
        assert self.sent(count=8) is None
