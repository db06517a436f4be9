"""The rules of deposits on a chain that can change its mind."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitcoin_watcher.domain import COINBASE_MATURITY, CONFIRMATIONS_MAX, Depths, Output
from chain_watch.domain import Asked, Awaited, Seen, Settle, Tip, TooLate, judge, shown
from tests.support.commands import CLOCK

NOW = CLOCK.now()
ASKED = Asked(100_000, NOW + timedelta(hours=1))
BEFORE, AFTER = Tip(100, True, NOW), Tip(100, True, NOW + timedelta(hours=2))
THREE = Depths(3)


def output(satoshi: int = 100_000, **over: object) -> Output:
    fields = {"txid": "ab" * 32, "vout": 0, "satoshi": satoshi, "first_seen_at": NOW}
    return Output(**{**fields, **over})


def confirmed(depth: int, satoshi: int = 100_000, **over: object) -> Output:
    return output(satoshi, height=101 - depth, block_hash="cd" * 32, **over)


@pytest.mark.parametrize(
    ("outputs", "tip", "expected"),
    [
        ([], BEFORE, Awaited()),
        ([], AFTER, TooLate()),
        ([], replace(BEFORE, followed_at=ASKED.expires_at), TooLate()),
        ([], replace(AFTER, followed_at=None), Awaited()),
        ([], replace(AFTER, is_settled=False), Awaited()),
        ([output(in_mempool=True)], BEFORE, Seen(100_000, 0)),
        ([output(in_mempool=True)], AFTER, Seen(100_000, 0)),
        ([output()], BEFORE, Awaited()),
        ([output()], AFTER, TooLate()),
        ([confirmed(2)], BEFORE, Seen(100_000, 2)),
        ([confirmed(3)], BEFORE, Settle([confirmed(3)])),
        ([confirmed(3)], replace(BEFORE, is_settled=False), Seen(100_000, 3)),
        ([confirmed(3, 99_999)], BEFORE, Seen(99_999, 3)),
        ([confirmed(3, 99_999)], AFTER, Settle([confirmed(3, 99_999)])),
        ([confirmed(2, 99_999)], AFTER, Seen(99_999, 2)),
        ([confirmed(3, 999)], BEFORE, Awaited()),
        ([confirmed(3, 999)], AFTER, TooLate()),
        ([confirmed(99, is_coinbase=True)], BEFORE, Seen(100_000, 99)),
        ([confirmed(100, is_coinbase=True)], BEFORE, Settle([confirmed(100, is_coinbase=True)])),
    ],
)
def test_what_outputs_mean(outputs: list[Output], tip: Tip, expected: object) -> None:
    assert judge(ASKED, outputs, tip, THREE, dust=1_000) == expected


def test_an_unconfirmed_rest_does_not_hold_up_what_is_enough() -> None:
    deep, rest = confirmed(3), output(5_000, in_mempool=True, vout=1)
    assert judge(ASKED, [deep, rest], BEFORE, THREE, dust=1) == Settle([deep])


def test_what_is_under_way_is_waited_for_after_the_time() -> None:
    deep, rest = confirmed(3, 60_000), output(40_000, in_mempool=True, vout=1)
    assert judge(ASKED, [deep, rest], AFTER, THREE, dust=1) == Seen(100_000, 0)


def test_splitting_does_not_lower_the_confirmations() -> None:
    depths = Depths(6, [(50_000, 1), (200_000, 2)])
    parts = [confirmed(1, 50_000, vout=place) for place in range(5)]
    assert isinstance(judge(ASKED, parts[:1], AFTER, depths, dust=1), Settle)
    assert [depths.needed(total) for total in (50_000, 50_001, 200_001)] == ["1", "2", "6"]
    assert judge(ASKED, parts, AFTER, depths, dust=1) == Seen(250_000, 1)


@given(st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 8), st.booleans()), max_size=6),
       st.integers(1, 6), st.booleans())  # fmt: skip
def test_nothing_is_ever_settled_above_or_before_what_is_confirmed(
    drawn: list[tuple[int, int, bool]], needed: int, is_late: bool
) -> None:
    outputs = [
        confirmed(depth, satoshi, vout=place)
        if depth
        else output(satoshi, in_mempool=seen, vout=place)
        for place, (satoshi, depth, seen) in enumerate(drawn)
    ]
    verdict = judge(ASKED, outputs, AFTER if is_late else BEFORE, Depths(needed), dust=1_000)
    if isinstance(verdict, Settle):
        assert all(one.confirmations(100) >= needed for one in verdict.arrivals)
        assert 0 < verdict.minor <= sum(one.satoshi for one in outputs)
        assert is_late or verdict.minor >= ASKED.minor
    if isinstance(verdict, TooLate):
        assert not any(one.is_under_way and one.satoshi >= 1_000 for one in outputs)


def test_confirmations_count_both_ends() -> None:
    assert confirmed(1).confirmations(100) == 1
    assert confirmed(3).confirmations(100) == 3
    assert output().confirmations(100) == 0
    assert confirmed(1).confirmations(90) == 0


def test_the_progress_is_text() -> None:
    assert shown(Awaited(), "BTC") == {"received": "0.00000000", "confirmations": "0"}
    assert shown(Seen(7, 2), "BTC") == {"received": "0.00000007", "confirmations": "2"}


def test_an_output_is_named_by_its_transaction_and_place() -> None:
    one = output(7, vout=3)
    assert (one.key, one.reference, one.minor) == (("ab" * 32, 3), "ab" * 32 + ":3", 7)


def test_a_dust_limit_counts_from_its_own_amount_on() -> None:
    assert judge(ASKED, [confirmed(2, 1_000)], BEFORE, THREE, dust=1_000) == Seen(1_000, 2)


def test_no_more_confirmations_can_be_asked_for_than_a_reward_needs() -> None:
    assert (CONFIRMATIONS_MAX, COINBASE_MATURITY) == (100, 100)
