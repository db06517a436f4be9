"""The signer signs what the customer asked for, and refuses everything else."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bitcoin_watcher.spending import Paid, Spent, build, parse
from chain_watch.approvals import Decision, Terms
from chain_watch.verdicts import Refuse, Wait
from crypto_signer.policy import (
    Asked,
    History,
    Input,
    Limits,
    Request,
    Sign,
    Signed,
    Verdict,
    judge,
    judge_all,
)

PAYMENT = UUID(int=7)
TO, OWN, FOREIGN = (b"\x00\x14" + letter * 20 for letter in (b"\x11", b"\x22", b"\x33"))
ASKED = Asked(TO, 100_000)
LIMITS = Limits(transaction_max=100_000, day_max=250_000, fee_max=5_000)
COIN = Input("aa" * 32, 1, 300_000, 0, 4)
OTHER = Input("bb" * 32, 0, 300_000, 1, 5)
NONE = History((), 0)
FIRST = Signed(1, TO, 100_000, frozenset({COIN.reference}))


def change(index: int) -> bytes:
    return OWN if index == 9 else FOREIGN


def request(
    *outputs: tuple[bytes, int],
    inputs: tuple[Input, ...] = (COIN,),
    version: int = 1,
    lock_time: int = 800_000,
    sequence: int = 0xFFFFFFFD,
) -> Request:
    paid = outputs or ((TO, 100_000), (OWN, 198_000))
    unsigned = build(
        [Spent(one.txid, one.vout, sequence) for one in inputs],
        [Paid(script, satoshi) for script, satoshi in paid],
        lock_time=lock_time,
    )
    return Request(
        txid=parse(unsigned).txid,
        payment_id=PAYMENT,
        version=version,
        unsigned=unsigned,
        change_index=9,
        inputs=inputs,
    )


def verdict(
    one: Request,
    asked: Asked | None = ASKED,
    limits: Limits = LIMITS,
    history: History = NONE,
) -> Verdict:
    return judge(one, asked, limits, history, change)


def test_what_was_asked_for_is_signed() -> None:
    assert verdict(request()) == Sign(ASKED, 2_000)
    assert verdict(request((OWN, 198_000), (TO, 100_000))) == Sign(ASKED, 2_000)
    alone = request((TO, 100_000), inputs=(replace(COIN, satoshi=101_000),))
    assert verdict(alone) == Sign(ASKED, 1_000)


def test_change_of_the_same_amount_and_script_is_no_second_payment() -> None:
    twice = request((TO, 100_000), (TO, 100_000))
    assert verdict(twice) == Refuse("foreign_output")


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (((TO, 100_001), (OWN, 198_000)), "other_payment"),
        (((TO, 99_999), (OWN, 198_000)), "other_payment"),
        (((FOREIGN, 100_000), (OWN, 198_000)), "other_payment"),
        (((TO, 100_000), (FOREIGN, 198_000)), "foreign_output"),
        (((TO, 100_000), (OWN, 99_000), (OWN, 99_000)), "foreign_output"),
        (((TO, 100_000), (OWN, 194_999)), "fee_above_limit"),
        (((TO, 100_000), (OWN, 200_000)), "fee_above_limit"),
        (((TO, 100_000), (OWN, 200_001)), "fee_above_limit"),
    ],
    ids=[
        "more", "less", "another recipient", "foreign change", "two changes",
        "high fee", "no fee", "more than is there",
    ],
)  # fmt: skip
def test_an_altered_output_is_refused(outputs: tuple[tuple[bytes, int], ...], reason: str) -> None:
    assert verdict(request(*outputs)) == Refuse(reason)


def test_the_highest_fee_is_signed() -> None:
    assert verdict(request((TO, 100_000), (OWN, 195_000))) == Sign(ASKED, 5_000)


def test_the_lowest_fee_is_one_satoshi() -> None:
    assert verdict(request((TO, 100_000), (OWN, 199_999))) == Sign(ASKED, 1)


def test_a_coin_is_named_as_in_the_signers_table() -> None:
    assert COIN.reference == f"{'aa' * 32}:1"


def test_change_without_an_index_is_foreign() -> None:
    assert verdict(replace(request(), change_index=None)) == Refuse("foreign_output")
    assert verdict(replace(request(), change_index=8)) == Refuse("foreign_output")


@pytest.mark.parametrize(
    ("change_of", "reason"),
    [
        ({"txid": "cc" * 32}, "another_transaction"),
        ({"inputs": (OTHER,)}, "other_inputs"),
        ({"inputs": (COIN, OTHER)}, "other_inputs"),
        ({"inputs": ()}, "other_inputs"),
        ({"unsigned": b"\x00"}, "not_a_transaction"),
    ],
    ids=["id", "another coin", "a coin more", "no coin", "no bytes"],
)
def test_a_request_that_is_not_its_bytes_is_refused(
    change_of: dict[str, object], reason: str
) -> None:
    assert verdict(replace(request(), **change_of)) == Refuse(reason)


def test_a_coin_twice_is_refused() -> None:
    assert verdict(request(inputs=(COIN, COIN))) == Refuse("other_inputs")


def test_what_can_not_be_replaced_or_mined_now_is_refused() -> None:
    assert verdict(request(sequence=0xFFFFFFFF)) == Refuse("other_inputs")
    assert verdict(request(lock_time=500_000_000)) == Refuse("unusual_form")
    assert isinstance(verdict(request(lock_time=499_999_999)), Sign)


def test_nothing_is_signed_that_nobody_asked_for() -> None:
    assert verdict(request(), None) == Refuse("not_requested")


def test_caps() -> None:
    assert verdict(request(), limits=replace(LIMITS, transaction_max=99_999)) == Refuse("above_cap")
    assert verdict(request(), history=History((), 150_000)) == Sign(ASKED, 2_000)
    assert verdict(request(), history=History((), 150_001)) == Wait("day_cap")


def test_a_denied_recipient_is_refused() -> None:
    assert verdict(request(), limits=replace(LIMITS, denied=frozenset({TO}))) == Refuse("denied")


class TestVersions:
    def test_a_later_version_with_the_coins_of_the_first_is_signed(self) -> None:
        second = request((TO, 100_000), (OWN, 197_000), version=2)
        assert verdict(second, history=History((FIRST,), 0)) == Sign(ASKED, 3_000)
        more = request((TO, 100_000), (OWN, 497_000), version=2, inputs=(COIN, OTHER))
        assert verdict(more, history=History((FIRST,), 0)) == Sign(ASKED, 3_000)

    def test_it_does_not_count_against_the_day_again(self) -> None:
        second = request((TO, 100_000), (OWN, 197_000), version=2)
        assert isinstance(verdict(second, history=History((FIRST,), 250_000)), Sign)

    def test_one_with_other_coins_could_be_confirmed_beside_the_first(self) -> None:
        second = request(version=2, inputs=(OTHER,))
        assert verdict(second, history=History((FIRST,), 0)) == Refuse("independent_version")

    def test_another_first_version_is_refused(self) -> None:
        again = request((TO, 100_000), (OWN, 197_000))
        assert verdict(again, history=History((FIRST,), 0)) == Refuse("signed_already")

    def test_a_second_without_a_first_is_refused(self) -> None:
        assert verdict(request(version=2)) == Refuse("no_first_version")

    @pytest.mark.parametrize(
        "before", [replace(FIRST, satoshi=99_999), replace(FIRST, script=FOREIGN)],
        ids=["amount", "recipient"],
    )  # fmt: skip
    def test_one_that_pays_otherwise_than_the_first_is_refused(self, before: Signed) -> None:
        second = request(version=2)
        assert verdict(second, history=History((before,), 0)) == Refuse("paid_otherwise")


class TestTogether:
    """Several withdrawals in one transaction: each has its own command and history."""

    OTHER = Asked(b"\x00\x14" + b"\x44" * 20, 50_000)
    BOTH = request((TO, 100_000), (OTHER.script, 50_000), (OWN, 148_000))

    def verdict(
        self,
        one: Request = BOTH,
        *asked: Asked | None,
        limits: Limits = LIMITS,
        histories: tuple[History, ...] = (NONE, NONE),
    ) -> Verdict:
        return judge_all(one, asked or (ASKED, self.OTHER), limits, histories, change)

    def test_all_that_was_asked_for_is_signed(self) -> None:
        assert self.verdict() == Sign(Asked(TO, 150_000), 2_000)

    def test_equal_payments_need_an_output_each(self) -> None:
        twice = request((TO, 100_000), (TO, 100_000), (OWN, 98_000))
        assert self.verdict(twice, ASKED, ASKED) == Sign(Asked(TO, 200_000), 2_000)
        assert self.verdict(request(), ASKED, ASKED) == Refuse("other_payment")

    def test_one_without_a_command_is_refused_with_the_others(self) -> None:
        assert self.verdict(self.BOTH, ASKED, None) == Refuse("not_requested")
        assert judge_all(self.BOTH, [], LIMITS, [], change) == Refuse("not_requested")

    def test_each_needs_a_history(self) -> None:
        with pytest.raises(ValueError, match="shorter"):
            self.verdict(histories=(NONE,))

    def test_an_output_that_nobody_asked_for_is_foreign(self) -> None:
        assert judge_all(self.BOTH, [ASKED], LIMITS, [NONE], change) == Refuse("foreign_output")

    def test_each_has_the_limits_of_a_withdrawal(self) -> None:
        limits = replace(LIMITS, transaction_max=99_999)
        assert self.verdict(limits=limits) == Refuse("above_cap")
        denied = replace(LIMITS, denied=frozenset({self.OTHER.script}))
        assert self.verdict(limits=denied) == Refuse("denied")

    def test_the_cap_of_the_day_counts_the_sum(self) -> None:
        spent = History((), 100_000)
        assert isinstance(self.verdict(histories=(spent, spent)), Sign)
        more = History((), 100_001)
        assert self.verdict(histories=(more, more)) == Wait("day_cap")

    def test_each_must_replace_what_was_signed_for_it(self) -> None:
        other = Signed(1, self.OTHER.script, 50_000, frozenset({OTHER.reference}))
        histories = (NONE, History((other,), 0))
        assert self.verdict(histories=histories) == Refuse("signed_already")
        later = request((TO, 100_000), (self.OTHER.script, 50_000), (OWN, 148_000), version=2)
        assert self.verdict(later, histories=histories) == Refuse("no_first_version")
        first = History((FIRST,), 0)
        both = (first, History((other,), 0))
        assert self.verdict(later, histories=both) == Refuse("independent_version")
        same = replace(other, inputs=frozenset({COIN.reference}))
        known = (first, History((same,), 10**9))
        assert self.verdict(later, histories=known) == Sign(Asked(TO, 150_000), 2_000)


def test_only_what_the_ledger_has_set_aside_is_signed() -> None:
    for reason in ("not_accepted", "accepted_otherwise", "not_held"):
        poor = replace(NONE, unfunded=reason)
        assert verdict(request(), history=poor) == Refuse(reason)
        asked = [ASKED, Asked(FOREIGN, 1_000)]
        both = request((TO, 100_000), (FOREIGN, 1_000), (OWN, 197_000))
        assert judge_all(both, asked, LIMITS, [NONE, poor], change) == Refuse(reason)
        replaced = replace(poor, versions=(FIRST,))
        assert verdict(request(version=2), history=replaced) == Sign(ASKED, 2_000)


class TestApproval:
    """Above a limit a second person must have approved exactly this."""

    ABOVE = replace(LIMITS, approval_above=99_999)

    def decided(self, *, is_approved: bool = True, **terms: Any) -> History:
        approved = replace(Terms(TO, 100_000, "BTC"), **terms)
        return replace(NONE, decision=Decision(is_approved, approved))

    def test_it_waits_until_it_is_approved(self) -> None:
        assert verdict(request(), limits=self.ABOVE) == Wait("approval")
        found = verdict(request(), limits=self.ABOVE, history=self.decided())
        assert found == Sign(ASKED, 2_000)

    def test_up_to_the_limit_nobody_is_asked(self) -> None:
        at_limit = replace(LIMITS, approval_above=100_000)
        assert verdict(request(), limits=at_limit) == Sign(ASKED, 2_000)
        everything = replace(LIMITS, approval_above=0)
        assert verdict(request(), limits=everything) == Wait("approval")

    @pytest.mark.parametrize(
        "other", [{"minor": 100_001}, {"script": FOREIGN}, {"currency": "ETH"}]
    )
    def test_an_approval_of_something_else_is_refused(self, other: dict[str, Any]) -> None:
        found = verdict(request(), limits=self.ABOVE, history=self.decided(**other))
        assert found == Refuse("approved_otherwise")

    def test_what_was_rejected_is_refused_whatever_the_limit(self) -> None:
        no = self.decided(is_approved=False)
        assert verdict(request(), limits=self.ABOVE, history=no) == Refuse("rejected")
        assert verdict(request(), history=no) == Refuse("rejected")

    def test_a_replacement_needs_no_second_approval(self) -> None:
        signed = replace(NONE, versions=(FIRST,))
        found = verdict(request(version=2), limits=self.ABOVE, history=signed)
        assert found == Sign(ASKED, 2_000)

    def test_every_withdrawal_of_a_group_needs_its_own(self) -> None:
        one = request((TO, 100_000), (FOREIGN, 100_000), (OWN, 98_000))
        asked = [ASKED, Asked(FOREIGN, 100_000)]
        half = judge_all(one, asked, self.ABOVE, [self.decided(), NONE], change)
        assert half == Wait("approval")
        both = [self.decided(), self.decided(script=FOREIGN)]
        assert isinstance(judge_all(one, asked, self.ABOVE, both, change), Sign)

    def test_the_published_limit_is_the_one_that_holds(self) -> None:
        assert (LIMITS.approvals, self.ABOVE.approvals) == ({}, {"BTC": 99_999})
