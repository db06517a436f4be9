"""Unsigned transactions of withdrawals, and their replacements."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.payout_drafts import (
    Frame,
    Recipient,
    Replaced,
    fee_shares,
    first_draft,
    places_of,
    replacement,
)
from bitcoin_watcher.payout_store import Version
from bitcoin_watcher.sizes import fee_at, vbytes_of
from bitcoin_watcher.spend_store import Draft
from bitcoin_watcher.spending import REPLACEABLE, Paid, TransactionInvalid, parse

TO = Recipient(b"\x00\x14" + b"\x11" * 20, 100_000)
FRAME = Frame(b"\x00\x14" + b"\x22" * 20, 850_000)
RATE, FEE_MAX = 10_000, 50_000


def coin(number: int, satoshi: int) -> Coin:
    return Coin(f"{number:064x}", number, satoshi, 0, number, b"")


def draft(*satoshi: int, fee_max: int = FEE_MAX) -> Draft | None:
    coins = [coin(number, one) for number, one in enumerate(satoshi, 1)]
    return first_draft([TO], coins, FRAME, rate=RATE, fee_max=fee_max)


def replaced(one: Draft) -> Replaced:
    version = Version(
        txid=one.txid, version=1, unsigned=one.unsigned, fee=one.fee, weight=one.weight
    )
    return Replaced(version, one.coins)


def test_a_draft_pays_the_recipient_and_the_rest_to_us() -> None:
    made = draft(300_000)
    assert made is not None
    transaction = parse(made.unsigned)
    assert transaction.txid == made.txid
    assert transaction.lock_time == FRAME.lock_time
    assert [one.sequence for one in transaction.inputs] == [REPLACEABLE]
    paid = {one.script: one.satoshi for one in transaction.outputs}
    assert paid == {TO.script: 100_000, FRAME.change_script: 200_000 - made.fee}
    assert transaction.outputs[places_of(made.unsigned, [TO])[0]].script == TO.script


def test_a_fee_above_the_limit_makes_no_draft() -> None:
    made = draft(300_000)
    assert made is not None
    assert draft(300_000, fee_max=made.fee) is not None
    assert draft(300_000, fee_max=made.fee - 1) is None
    assert draft(50_000) is None


def test_a_replacement_spends_the_same_coins_and_pays_a_quarter_more() -> None:
    made = draft(300_000)
    assert made is not None
    new = replacement([TO], replaced(made), [coin(9, 10**6)], FRAME, rate=RATE, fee_max=FEE_MAX)
    assert new is not None
    assert list(new.coins) == list(made.coins)
    assert new.fee * 4 >= made.fee * 5
    assert new.fee >= made.fee + vbytes_of(new.weight)
    paid = {one.script: one.satoshi for one in parse(new.unsigned).outputs}
    assert paid[TO.script] == 100_000
    assert paid[FRAME.change_script] == 200_000 - new.fee


def test_a_replacement_follows_a_higher_rate() -> None:
    made = draft(300_000)
    assert made is not None
    new = replacement([TO], replaced(made), [], FRAME, rate=50_000, fee_max=FEE_MAX)
    assert new is not None
    assert new.fee == made.fee * 5


def test_a_replacement_takes_more_coins_if_the_change_does_not_suffice() -> None:
    made = draft(102_000)
    assert made is not None
    old = replaced(made)
    assert replacement([TO], old, [], FRAME, rate=RATE, fee_max=FEE_MAX) is None
    new = replacement([TO], old, [coin(9, 10**6)], FRAME, rate=RATE, fee_max=FEE_MAX)
    assert new is not None
    assert [one.satoshi for one in new.coins] == [102_000, 10**6]


def test_nodes_relay_a_replacement_of_the_lowest_rate() -> None:
    """From 1 satoshi per byte a quarter more is less than what nodes add for the relay."""
    made = first_draft([TO], [coin(1, 300_000)], FRAME, rate=1_000, fee_max=FEE_MAX)
    assert made is not None
    new = replacement([TO], replaced(made), [], FRAME, rate=1_000, fee_max=FEE_MAX)
    assert new is not None
    assert new.fee >= made.fee + vbytes_of(made.weight)


def test_a_replacement_above_the_budget_is_none() -> None:
    made = draft(300_000)
    assert made is not None
    old = replaced(made)
    assert replacement([TO], old, [], FRAME, rate=RATE, fee_max=made.fee) is None


def test_the_rate_is_that_of_the_stored_size() -> None:
    made = draft(300_000)
    assert made is not None
    assert replaced(made).rate == RATE
    dearer = replace(replaced(made), version=replace(replaced(made).version, fee=made.fee + 1))
    assert dearer.rate > RATE


@pytest.mark.parametrize("raw", [b"", b"\x00", b"x" * 60], ids=["empty", "short", "other"])
def test_what_is_no_transaction_is_refused(raw: bytes) -> None:
    with pytest.raises(TransactionInvalid):
        parse(raw)


class TestTogether:
    """Several withdrawals in one transaction."""

    OTHER = Recipient(b"\x00\x20" + b"\x44" * 32, 50_000)

    def test_each_gets_its_amount_and_the_rest_comes_back(self) -> None:
        both = [TO, self.OTHER, TO]
        made = first_draft(both, [coin(1, 900_000)], FRAME, rate=RATE, fee_max=FEE_MAX)
        assert made is not None
        assert made.fee == 2_150  # 215 virtual bytes at 10 satoshi
        outputs = parse(made.unsigned).outputs
        places = places_of(made.unsigned, both)
        assert len(set(places)) == 3
        assert [outputs[place] for place in places] == [
            Paid(one.script, one.satoshi) for one in both
        ]
        (rest,) = [one for one in outputs if one.script == FRAME.change_script]
        assert rest.satoshi == 900_000 - 250_000 - made.fee

    def test_a_replacement_keeps_all_of_them(self) -> None:
        both = [TO, self.OTHER]
        made = first_draft(both, [coin(1, 300_000)], FRAME, rate=RATE, fee_max=FEE_MAX)
        assert made is not None
        new = replacement(both, replaced(made), [], FRAME, rate=RATE, fee_max=FEE_MAX)
        assert new is not None
        assert len(set(places_of(new.unsigned, both))) == 2
        assert new.fee * 4 >= made.fee * 5

    @given(fee=st.integers(1, 10**6), count=st.integers(1, 100))
    def test_the_fee_is_shared_to_the_satoshi(self, fee: int, count: int) -> None:
        shares = fee_shares(fee, count)
        assert (sum(shares), len(shares)) == (fee, count)
        assert max(shares) - min(shares) <= 1
        assert shares == sorted(shares, reverse=True)

    def test_the_first_ones_bear_the_remainder(self) -> None:
        assert fee_shares(2_153, 3) == [718, 718, 717]

    @given(st.lists(st.tuples(st.sampled_from([22, 25, 34]), st.integers(300, 10**6)), min_size=1))
    def test_no_satoshi_is_lost(self, paid: list[tuple[int, int]]) -> None:
        recipients = [Recipient(b"\x51" * size, satoshi) for size, satoshi in paid]
        coins = [coin(1, 10**9)]
        made = first_draft(recipients, coins, FRAME, rate=RATE, fee_max=10**9)
        assert made is not None
        outputs = parse(made.unsigned).outputs
        assert sum(one.satoshi for one in outputs) + made.fee == 10**9
        assert made.fee >= fee_at(RATE, made.weight)
        assert len(set(places_of(made.unsigned, recipients))) == len(recipients)
