"""The signer signs transfers between our own accounts, and nothing that only looks like one."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_watch.verdicts import Refuse, Wait
from ethereum_signer.policy import (
    Asked,
    Caps,
    History,
    Limits,
    Own,
    Purpose,
    Request,
    Sign,
    Signed,
    Verdict,
    counted,
    judge,
)
from ethereum_watcher.ether_transfers import Transfer, unsigned_bytes

MOVE, ANOTHER = UUID(int=7), UUID(int=8)
HOT, DEPOSIT, FOREIGN = (letter * 20 for letter in (b"\x11", b"\x22", b"\x33"))
OWN = Own(HOT, DEPOSIT)
CONTRACT = b"\x44" * 20
FEE = 21_000 * 40
LIMITS = Limits(
    chain_id=31337,
    ether=Caps(currency="ETH", transaction_max=10 * FEE, day_max=25 * FEE),
    tokens={CONTRACT: Caps(currency="USDC", transaction_max=5_000, day_max=12_000)},
    fee_max=2 * FEE,
)
ALL = Transfer(chain_id=31337, nonce=0, tip=2, max_fee=40, gas=21_000, account=HOT, wei=100 * FEE)
TOKENS = replace(ALL, wei=50_000, contract=CONTRACT)
GAS = replace(ALL, nonce=9, account=DEPOSIT, wei=FEE)
NONE = History()


def verdict(
    transfer: Transfer = ALL,
    *,
    sender: bytes = DEPOSIT,
    own: Own = OWN,
    asked: Asked | None = None,
    version: int = 1,
    history: History = NONE,
    **limits: Any,
) -> Verdict:
    request = Request(
        payment_id=MOVE, version=version, unsigned=unsigned_bytes(transfer), sender=sender, index=3
    )
    return judge(request, asked, replace(LIMITS, **limits), history, own=own)


def gas(transfer: Transfer = GAS, **over: Any) -> Verdict:
    return verdict(transfer, sender=HOT, **over)


def test_purposes_have_the_words_that_the_database_takes() -> None:
    assert [one.value for one in Purpose] == ["payout", "consolidation", "gas"]


@pytest.mark.parametrize("transfer", [ALL, TOKENS])
def test_what_a_deposit_has_left_goes_to_the_account_that_pays(transfer: Transfer) -> None:
    """Also more than a customer may get at once."""
    assert verdict(transfer) == Sign(transfer, Purpose.CONSOLIDATION)


def test_gas_goes_to_the_address_of_a_deposit() -> None:
    assert gas() == Sign(GAS, Purpose.GAS)


@pytest.mark.parametrize("transfer", [ALL, TOKENS])
@pytest.mark.parametrize("account", [FOREIGN, DEPOSIT])
def test_it_goes_nowhere_else(transfer: Transfer, account: bytes) -> None:
    assert verdict(replace(transfer, account=account)) == Refuse("not_to_ourselves")


@pytest.mark.parametrize("account", [FOREIGN, HOT])
def test_gas_goes_nowhere_else(account: bytes) -> None:
    assert gas(replace(GAS, account=account)) == Refuse("not_to_ourselves")


@pytest.mark.parametrize("own", [OWN, Own(HOT)])
def test_an_account_that_the_signer_does_not_derive_sends_nothing(own: Own) -> None:
    assert verdict(sender=FOREIGN, own=own) == Refuse("foreign_sender")


def test_without_an_index_the_account_that_pays_sends_no_gas() -> None:
    assert gas(own=Own(HOT)) == Refuse("not_requested")


def test_an_unknown_token_is_not_moved() -> None:
    assert verdict(replace(TOKENS, contract=FOREIGN)) == Refuse("token_unknown")


@pytest.mark.parametrize("transfer", [replace(ALL, wei=0), replace(TOKENS, wei=0)])
def test_nothing_is_not_moved(transfer: Transfer) -> None:
    assert verdict(transfer) == Refuse("moves_nothing")


@pytest.mark.parametrize("over", [{"wei": 0}, {"wei": 50, "contract": CONTRACT}])
def test_gas_is_ether(over: dict[str, Any]) -> None:
    assert gas(replace(GAS, **over)) == Refuse("moves_nothing")


def test_a_withdrawal_has_no_such_id() -> None:
    assert verdict(asked=Asked(HOT, ALL.wei)) == Refuse("other_payment")
    assert gas(asked=Asked(DEPOSIT, GAS.wei)) == Refuse("other_payment")


def test_it_moves_at_least_what_it_costs() -> None:
    least = replace(ALL, wei=FEE)
    assert verdict(least) == Sign(least, Purpose.CONSOLIDATION)
    assert verdict(replace(ALL, wei=FEE - 1)) == Refuse("fee_above_worth")
    few = replace(TOKENS, wei=1)
    assert verdict(few) == Sign(few, Purpose.CONSOLIDATION)


def test_gas_is_for_the_fee_of_one_transaction() -> None:
    most = replace(GAS, wei=2 * FEE)
    assert gas(most) == Sign(most, Purpose.GAS)
    assert gas(replace(GAS, wei=2 * FEE + 1)) == Refuse("gas_above_limit")
    low = replace(LIMITS.ether, transaction_max=FEE - 1)
    assert gas(ether=low) == Refuse("above_cap")


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"chain_id": 1}, "other_chain"),
        ({"max_fee": 81}, "fee_above_limit"),
        ({"tip": 41}, "fee_above_limit"),
        ({"max_fee": 0, "tip": 0}, "fee_above_limit"),
    ],
)
@pytest.mark.parametrize("first", [ALL, TOKENS, GAS])
def test_chain_and_fee(first: Transfer, over: dict[str, Any], reason: str) -> None:
    sender = HOT if first is GAS else DEPOSIT
    assert verdict(replace(first, **over), sender=sender) == Refuse(reason)


def test_a_denied_address_gets_nothing() -> None:
    assert gas(denied=frozenset({DEPOSIT})) == Refuse("denied")


class TestDay:
    def test_only_the_fee_of_what_we_keep_counts(self) -> None:
        assert counted(ALL, Purpose.CONSOLIDATION) == (FEE, None)
        assert counted(TOKENS, Purpose.CONSOLIDATION) == (FEE, None)
        assert counted(GAS, Purpose.GAS) == (FEE, None)
        assert counted(replace(TOKENS, account=FOREIGN), Purpose.PAYOUT) == (50_000, CONTRACT)

    @pytest.mark.parametrize("transfer", [ALL, TOKENS, GAS])
    def test_the_cap_of_ether_holds(self, transfer: Transfer) -> None:
        sender = HOT if transfer is GAS else DEPOSIT
        full = History(day_wei=24 * FEE)
        assert isinstance(verdict(transfer, sender=sender, history=full), Sign)
        full = History(day_wei=24 * FEE + 1)
        assert verdict(transfer, sender=sender, history=full) == Wait("day_cap")

    def test_a_later_version_was_counted(self) -> None:
        signed = Signed(1, HOT, ALL.wei, None, FEE)
        history = History(
            versions=(signed,), sender=DEPOSIT, nonce=0, nonce_owner=MOVE, day_wei=10**30
        )
        assert isinstance(verdict(version=2, history=history), Sign)


class TestVersions:
    def signed(self, *, sender: bytes = DEPOSIT, **over: Any) -> History:
        first = replace(Signed(1, HOT, ALL.wei, None, FEE), **over)
        return History(versions=(first,), sender=sender, nonce=0, nonce_owner=MOVE)

    @given(raised=st.integers(41, 80))
    def test_a_higher_fee_is_taken_from_what_is_moved(self, raised: int) -> None:
        more = 21_000 * (raised - 40)
        second = replace(ALL, max_fee=raised, wei=ALL.wei - more)
        assert isinstance(verdict(second, version=2, history=self.signed()), Sign)
        for wei in (ALL.wei, second.wei - 1, second.wei + 1):
            other = replace(second, wei=wei)
            told = verdict(other, version=2, history=self.signed())
            assert told == Refuse("paid_otherwise")

    def test_of_a_token_all_versions_move_the_same(self) -> None:
        history = self.signed(wei=TOKENS.wei, contract=CONTRACT)
        second = replace(TOKENS, max_fee=50)
        assert isinstance(verdict(second, version=2, history=history), Sign)
        less = replace(second, wei=TOKENS.wei - 21_000 * 10 % TOKENS.wei - 1)
        assert verdict(less, version=2, history=history) == Refuse("paid_otherwise")

    def test_one_has_one_sender_for_ever(self) -> None:
        history = self.signed(sender=HOT)
        assert verdict(version=2, history=history) == Refuse("independent_version")

    def test_one_has_one_nonce_for_ever(self) -> None:
        other = replace(ALL, nonce=1)
        told = verdict(other, version=2, history=self.signed())
        assert told == Refuse("independent_version")

    def test_a_nonce_belongs_to_one(self) -> None:
        assert verdict(history=History(nonce_owner=ANOTHER)) == Refuse("nonce_of_another")

    def test_each_version_is_signed_once(self) -> None:
        assert verdict(history=self.signed()) == Refuse("signed_already")
        assert verdict(version=2) == Refuse("no_first_version")


@given(
    account=st.sampled_from([HOT, DEPOSIT, FOREIGN]),
    sender=st.sampled_from([HOT, DEPOSIT, FOREIGN]),
    wei=st.integers(0, 200 * FEE),
    contract=st.sampled_from([None, CONTRACT, FOREIGN]),
    max_fee=st.integers(0, 100),
    index=st.booleans(),
)
def test_nothing_leaves_us_without_a_command(
    account: bytes, sender: bytes, wei: int, contract: bytes | None, max_fee: int, index: bool
) -> None:
    transfer = replace(ALL, account=account, wei=wei, contract=contract, max_fee=max_fee, tip=0)
    history = History(nonce_max=5)
    told = verdict(transfer, sender=sender, own=OWN if index else Own(HOT), history=history)
    if isinstance(told, Sign):
        assert {account, sender} <= {HOT, DEPOSIT}
        assert sender == HOT or account == HOT
        assert transfer.fee_max <= LIMITS.fee_max
        assert account == HOT or (wei <= LIMITS.fee_max and contract is None)
