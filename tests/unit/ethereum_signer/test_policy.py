"""The signer signs what the customer asked for, and refuses everything else."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_watch.approvals import Decision, Terms
from chain_watch.verdicts import Refuse, Wait
from ethereum_signer.policy import (
    Asked,
    Caps,
    History,
    Limits,
    Own,
    Request,
    Sign,
    Signed,
    Verdict,
    judge,
)
from ethereum_watcher.ether_transfers import Transfer, unsigned_bytes

PAYMENT, ANOTHER = UUID(int=7), UUID(int=8)
TO, OWN, FOREIGN = (letter * 20 for letter in (b"\x11", b"\x22", b"\x33"))
ASKED = Asked(TO, 100_000)
CONTRACT, OTHER_CONTRACT = b"\x44" * 20, b"\x55" * 20
LIMITS = Limits(
    chain_id=31337,
    ether=Caps(currency="ETH", transaction_max=100_000, day_max=250_000),
    tokens={
        CONTRACT: Caps(currency="USDC", transaction_max=5_000, day_max=12_000),
        OTHER_CONTRACT: Caps(currency="USDT", transaction_max=5_000, day_max=12_000),
    },
    fee_max=21_000 * 50,
)
TRANSFER = Transfer(chain_id=31337, nonce=5, tip=2, max_fee=40, gas=21_000, account=TO, wei=100_000)
TOKENS = replace(TRANSFER, wei=5_000, contract=CONTRACT)
ASKED_TOKENS = Asked(TO, 5_000, "USDC")
FILLER = replace(TRANSFER, account=OWN, wei=0)
NONE = History()
CAPS = ("transaction_max", "day_max", "approval_above")
FIRST = Signed(1, TO, 100_000)
SIGNED = History(versions=(FIRST,), nonce=5, nonce_owner=PAYMENT, nonce_max=5)


def verdict(
    transfer: Transfer = TRANSFER,
    asked: Asked | None = ASKED,
    *,
    version: int = 1,
    history: History = NONE,
    **limits: Any,
) -> Verdict:
    request = Request(
        payment_id=PAYMENT, version=version, unsigned=unsigned_bytes(transfer), sender=OWN
    )
    ether = {name: limits.pop(name) for name in CAPS if name in limits}
    known = replace(LIMITS, ether=replace(LIMITS.ether, **ether), **limits)
    return judge(request, asked, known, history, own=Own(OWN))


def test_what_was_asked_for_is_signed() -> None:
    assert verdict() == Sign(TRANSFER)


def test_nothing_is_signed_that_nobody_asked_for() -> None:
    assert verdict(asked=None) == Refuse("not_requested")


def test_bytes_that_are_no_transfer_are_refused() -> None:
    request = Request(payment_id=PAYMENT, version=1, unsigned=b"\x02\xc0", sender=OWN)
    assert judge(request, ASKED, LIMITS, NONE, own=Own(OWN)) == Refuse("not_a_transfer")


@pytest.mark.parametrize(
    "over", [{"account": FOREIGN}, {"wei": 99_999}, {"wei": 100_001}, {"account": OWN, "wei": 0}]
)
def test_another_payment_is_refused(over: dict[str, Any]) -> None:
    assert verdict(replace(TRANSFER, **over)) == Refuse("other_payment")


def test_another_chain_is_refused() -> None:
    assert verdict(replace(TRANSFER, chain_id=1)) == Refuse("other_chain")


def test_caps() -> None:
    assert verdict(transaction_max=99_999) == Refuse("above_cap")
    assert isinstance(verdict(history=History(day_wei=150_000)), Sign)
    assert verdict(history=History(day_wei=150_001)) == Wait("day_cap")


@pytest.mark.parametrize("over", [{"max_fee": 51}, {"gas": 26_251}, {"tip": 41}])
def test_a_fee_above_the_limit_is_refused(over: dict[str, Any]) -> None:
    assert verdict(replace(TRANSFER, **over)) == Refuse("fee_above_limit")
    assert isinstance(verdict(replace(TRANSFER, max_fee=50)), Sign)


def test_something_must_be_offered_for_each_gas() -> None:
    least = replace(TRANSFER, gas=1, max_fee=1, tip=1)
    assert verdict(least) == Sign(least)
    assert verdict(replace(least, max_fee=0, tip=0)) == Refuse("fee_above_limit")


def test_before_anything_was_signed_the_whole_cap_is_left_and_there_is_no_gap() -> None:
    assert isinstance(verdict(day_max=100_000), Sign)
    assert verdict(day_max=99_999) == Wait("day_cap")
    assert verdict(replace(FILLER, nonce=0), None) == Refuse("no_gap")
    assert NONE.nonce_max == -1


def test_without_tokens_only_ether_is_signed() -> None:
    limits = Limits(chain_id=31337, ether=LIMITS.ether, fee_max=LIMITS.fee_max)
    for transfer, asked, expected in (
        (TRANSFER, ASKED, Sign(TRANSFER)),
        (TOKENS, ASKED_TOKENS, Refuse("token_unknown")),
    ):
        request = Request(
            payment_id=PAYMENT, version=1, unsigned=unsigned_bytes(transfer), sender=OWN
        )
        assert judge(request, asked, limits, NONE, own=Own(OWN)) == expected


def test_a_denied_recipient_is_refused() -> None:
    assert verdict(denied=frozenset({TO})) == Refuse("denied")


class TestNonces:
    def test_one_that_was_signed_for_another_payment_is_refused(self) -> None:
        history = History(nonce_owner=ANOTHER, nonce_max=5)
        assert verdict(history=history) == Refuse("nonce_of_another")

    @pytest.mark.parametrize("nonce", [0, 4, 6])
    def test_a_payment_has_one_for_ever(self, nonce: int) -> None:
        other = replace(TRANSFER, nonce=nonce, max_fee=50)
        history = replace(SIGNED, nonce_owner=None)
        assert verdict(other, version=2, history=history) == Refuse("independent_version")

    def test_a_gap_is_filled_by_nothing_to_ourselves(self) -> None:
        history = History(nonce_max=6)
        assert verdict(FILLER, None, history=history) == Sign(FILLER)

    @pytest.mark.parametrize("nonce_max", [-1, 4, 5])
    def test_without_a_later_one_there_is_no_gap(self, nonce_max: int) -> None:
        assert verdict(FILLER, None, history=History(nonce_max=nonce_max)) == Refuse("no_gap")

    def test_a_filler_does_not_take_the_nonce_of_a_payment(self) -> None:
        history = History(nonce_owner=ANOTHER, nonce_max=6)
        assert verdict(FILLER, None, history=history) == Refuse("nonce_of_another")

    def test_ether_to_ourselves_is_no_filler(self) -> None:
        transfer = replace(FILLER, wei=1)
        history = History(nonce_max=6)
        assert verdict(transfer, None, history=history) == Refuse("not_requested")


class TestVersions:
    def test_a_later_one_with_another_fee_is_signed(self) -> None:
        second = replace(TRANSFER, max_fee=50, tip=3)
        assert verdict(second, version=2, history=SIGNED) == Sign(second)

    def test_it_does_not_count_against_the_day_again(self) -> None:
        history = replace(SIGNED, day_wei=250_000)
        assert isinstance(verdict(version=2, history=history), Sign)

    def test_another_first_one_is_refused(self) -> None:
        assert verdict(history=SIGNED) == Refuse("signed_already")

    def test_a_second_without_a_first_is_refused(self) -> None:
        assert verdict(version=2) == Refuse("no_first_version")

    @pytest.mark.parametrize(
        "before", [replace(FIRST, wei=99_999), replace(FIRST, account=FOREIGN)],
        ids=["amount", "recipient"],
    )  # fmt: skip
    def test_one_that_pays_otherwise_than_the_first_is_refused(self, before: Signed) -> None:
        history = replace(SIGNED, versions=(before,))
        assert verdict(version=2, history=history) == Refuse("paid_otherwise")


class TestTokens:
    def test_what_was_asked_for_is_signed(self) -> None:
        assert verdict(TOKENS, ASKED_TOKENS) == Sign(TOKENS)

    @pytest.mark.parametrize(
        "over", [{"account": FOREIGN}, {"account": OWN}, {"wei": 4_999}, {"wei": 0},
                 {"contract": OTHER_CONTRACT}, {"contract": None}],
    )  # fmt: skip
    def test_another_payment_is_refused(self, over: dict[str, Any]) -> None:
        assert verdict(replace(TOKENS, **over), ASKED_TOKENS) == Refuse("other_payment")

    def test_ether_that_was_asked_for_is_not_paid_in_tokens(self) -> None:
        asked = Asked(TO, 5_000)
        assert verdict(TOKENS, asked) == Refuse("other_payment")
        assert isinstance(verdict(replace(TOKENS, contract=None), asked), Sign)

    def test_a_token_that_is_not_set_up_is_refused(self) -> None:
        transfer = replace(TOKENS, contract=FOREIGN)
        assert verdict(transfer, ASKED_TOKENS) == Refuse("token_unknown")

    def test_nothing_of_a_token_to_ourselves_fills_no_gap(self) -> None:
        transfer = replace(TOKENS, account=OWN, wei=0)
        assert verdict(transfer, None, history=History(nonce_max=6)) == Refuse("not_requested")

    def test_caps(self) -> None:
        more = replace(TOKENS, wei=5_001)
        assert verdict(more, replace(ASKED_TOKENS, wei=5_001)) == Refuse("above_cap")
        fine = History(day_wei=7_000)
        assert isinstance(verdict(TOKENS, ASKED_TOKENS, history=fine), Sign)
        full = History(day_wei=7_001)
        assert verdict(TOKENS, ASKED_TOKENS, history=full) == Wait("day_cap")

    def test_the_contract_is_denied_as_a_recipient(self) -> None:
        transfer = replace(TOKENS, account=CONTRACT)
        asked = replace(ASKED_TOKENS, account=CONTRACT)
        assert verdict(transfer, asked, denied=frozenset({CONTRACT})) == Refuse("denied")

    def test_the_fee_is_limited_in_ether(self) -> None:
        assert isinstance(verdict(replace(TOKENS, max_fee=50), ASKED_TOKENS), Sign)
        assert verdict(replace(TOKENS, max_fee=51), ASKED_TOKENS) == Refuse("fee_above_limit")

    def test_a_later_version_pays_the_same_token(self) -> None:
        first = Signed(1, TO, 5_000, CONTRACT)
        history = replace(SIGNED, versions=(first,))
        assert isinstance(verdict(TOKENS, ASKED_TOKENS, version=2, history=history), Sign)
        for before in (replace(first, contract=None), replace(first, contract=OTHER_CONTRACT)):
            history = replace(SIGNED, versions=(before,))
            told = verdict(TOKENS, ASKED_TOKENS, version=2, history=history)
            assert told == Refuse("paid_otherwise")


_STEP = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3))


@given(st.lists(_STEP, max_size=30))
def test_whatever_is_requested_a_payment_has_one_nonce_and_a_nonce_one_payment(
    steps: list[tuple[int, int, int]],
) -> None:
    """The watcher may ask for anything: with nonces that never repeat, nothing is paid twice."""
    signed: dict[tuple[int, int], int] = {}
    for payment, nonce, version in steps:
        own = {number: used for (one, number), used in signed.items() if one == payment}
        owners = [one for (one, _), used in signed.items() if used == nonce]
        history = History(
            versions=[Signed(number, TO, 100_000) for number in sorted(own)],
            nonce=min(own.values(), default=None),
            nonce_owner=UUID(int=owners[0]) if owners else None,
            nonce_max=max(signed.values(), default=-1),
        )
        request = Request(
            payment_id=UUID(int=payment),
            version=version,
            unsigned=unsigned_bytes(replace(TRANSFER, nonce=nonce)),
            sender=OWN,
        )
        if isinstance(judge(request, ASKED, LIMITS, history, own=Own(OWN)), Sign):
            signed[payment, version] = nonce
    pairs = {(payment, nonce) for (payment, _), nonce in signed.items()}
    assert len(pairs) == len({payment for payment, _ in pairs})
    assert len(pairs) == len({nonce for _, nonce in pairs})


def test_only_what_the_ledger_has_set_aside_is_signed() -> None:
    for reason in ("not_accepted", "accepted_otherwise", "not_held"):
        poor = History(unfunded=reason)
        assert verdict(history=poor) == Refuse(reason)
        raised = replace(TRANSFER, max_fee=45, tip=3)
        signed = replace(SIGNED, unfunded=reason)
        assert verdict(raised, version=2, history=signed) == Sign(raised)


class TestApproval:
    """Above a limit a second person must have approved exactly this."""

    def decided(self, *, is_approved: bool = True, **terms: Any) -> History:
        approved = replace(Terms(TO, 100_000, "ETH"), **terms)
        return History(decision=Decision(is_approved, approved))

    def test_it_waits_until_it_is_approved(self) -> None:
        assert verdict(approval_above=99_999) == Wait("approval")
        assert verdict(approval_above=99_999, history=self.decided()) == Sign(TRANSFER)

    def test_up_to_the_limit_nobody_is_asked(self) -> None:
        assert verdict(approval_above=100_000) == Sign(TRANSFER)
        assert verdict(approval_above=0) == Wait("approval")
        assert verdict(TOKENS, ASKED_TOKENS, approval_above=0) == Sign(TOKENS)

    @pytest.mark.parametrize(
        "other", [{"minor": 100_001}, {"script": FOREIGN}, {"currency": "USDC"}]
    )
    def test_an_approval_of_something_else_is_refused(self, other: dict[str, Any]) -> None:
        found = verdict(approval_above=99_999, history=self.decided(**other))
        assert found == Refuse("approved_otherwise")

    def test_what_was_rejected_is_refused_whatever_the_limit(self) -> None:
        assert verdict(history=self.decided(is_approved=False)) == Refuse("rejected")

    def test_a_replacement_needs_no_second_approval(self) -> None:
        raised = replace(TRANSFER, max_fee=45, tip=3)
        found = verdict(raised, version=2, approval_above=0, history=SIGNED)
        assert found == Sign(raised)

    def test_what_uses_up_a_nonce_needs_none(self) -> None:
        gap = replace(NONE, nonce_max=9)
        assert verdict(FILLER, None, approval_above=0, history=gap) == Sign(FILLER)

    def test_the_published_limits_are_those_that_hold(self) -> None:
        tokens = {
            contract: replace(one, approval_above=7) for contract, one in LIMITS.tokens.items()
        }
        assert LIMITS.approvals == {}
        assert replace(LIMITS, tokens=tokens).approvals == {"USDC": 7, "USDT": 7}
