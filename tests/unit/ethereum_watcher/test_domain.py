"""When ether counts as final, and what deposits are settled with."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_watch.domain import Asked, Awaited, Seen, Settle, Tip, TooLate, judge
from ethereum_watcher.domain import BY_TRANSACTION, FINALIZED, Arrival, Depths
from tests.support.commands import CLOCK
from tests.support.ethereum import ETHER

NOW = CLOCK.now()
ASKED = Asked(ETHER, NOW + timedelta(hours=1))
BEFORE = Tip(100, True, NOW, 92)
AFTER = replace(BEFORE, followed_at=NOW + timedelta(hours=2))
FINAL, TWELVE = Depths(None), Depths(12)


def arrival(height: int | None = 92, wei: int = ETHER, place: int = BY_TRANSACTION) -> Arrival:
    block = None if height is None else "0x" + "cd" * 32
    return Arrival(
        hash="0x" + "ab" * 32, place=place, wei=wei, first_seen_at=NOW, height=height,
        block_hash=block,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arrivals", "tip", "depths", "expected"),
    [
        ([], BEFORE, FINAL, Awaited()),
        ([], AFTER, FINAL, TooLate()),
        ([], replace(AFTER, is_settled=False), FINAL, Awaited()),
        ([arrival(None)], AFTER, FINAL, TooLate()),
        ([arrival(93)], BEFORE, FINAL, Seen(ETHER, 8)),
        ([arrival(92)], BEFORE, FINAL, Settle([arrival(92)])),
        ([arrival(92)], replace(BEFORE, is_settled=False), FINAL, Seen(ETHER, 9)),
        ([arrival(1)], replace(BEFORE, final_height=None), FINAL, Seen(ETHER, 100)),
        ([arrival(90)], BEFORE, TWELVE, Seen(ETHER, 11)),
        ([arrival(89)], BEFORE, TWELVE, Settle([arrival(89)])),
        ([arrival(89)], replace(BEFORE, final_height=None), TWELVE, Settle([arrival(89)])),
        ([arrival(92, ETHER - 1)], BEFORE, FINAL, Seen(ETHER - 1, 9)),
        ([arrival(92, ETHER - 1)], AFTER, FINAL, Settle([arrival(92, ETHER - 1)])),
        ([arrival(93, ETHER - 1)], AFTER, FINAL, Seen(ETHER - 1, 8)),
        ([arrival(92, 9)], BEFORE, FINAL, Awaited()),
        ([arrival(92, 10)], AFTER, FINAL, Settle([arrival(92, 10)])),
    ],
)
def test_what_arrivals_mean(
    arrivals: list[Arrival], tip: Tip, depths: Depths, expected: object
) -> None:
    assert judge(ASKED, arrivals, tip, depths, dust=10) == expected


ASKS = Depths(None, asks_explorer=True)


@pytest.mark.parametrize(
    ("over", "is_deep"),
    [
        ({"explorer_block": "0x" + "cd" * 32}, True),
        ({"explorer_block": "0x" + "cd" * 32, "explorer_doubt": "old"}, True),
        ({"explorer_block": "0x" + "ce" * 32}, False),
        ({}, False),
        ({"place": 3, "currency": "USDC"}, False),
        ({"place": 3}, True),
        ({"explorer_block": "0x" + "cd" * 32, "height": 93}, False),
        ({"height": None, "block_hash": None}, False),
    ],
)
def test_with_an_explorer_both_must_have_it_in_the_same_block(
    over: dict[str, Any], is_deep: bool
) -> None:
    """Ether of contracts (with a place) is named by no transaction that it could be asked for."""
    one = replace(arrival(), **over)
    assert ASKS.is_deep(one, ETHER, BEFORE) is is_deep
    assert FINAL.is_deep(one, ETHER, BEFORE) is (one.height == 92)


def test_what_the_explorer_doubts() -> None:
    doubted = replace(arrival(), explorer_doubt="other_amount")
    assert ASKS.doubt(doubted) == "other_amount"
    assert ASKS.doubt(arrival()) is None
    assert ASKS.doubt(replace(doubted, explorer_block=doubted.block_hash)) is None
    assert FINAL.doubt(doubted) is None
    assert judge(ASKED, [doubted], AFTER, ASKS, dust=10) == Seen(ETHER, 9)


@pytest.mark.parametrize(
    ("depths", "tip", "height"),
    [
        (FINAL, BEFORE, 92),
        (FINAL, replace(BEFORE, final_height=None), None),
        (TWELVE, BEFORE, 89),
        (Depths(1), BEFORE, 100),
    ],
)
def test_up_to_where_blocks_count_as_final(depths: Depths, tip: Tip, height: int | None) -> None:
    assert depths.deep_height(tip) == height
    assert [depths.has_depth(one, tip) for one in (height or 0, (height or 0) + 1)] == [
        height is not None,
        False,
    ]


@given(
    st.lists(st.tuples(st.integers(0, 2 * ETHER), st.integers(0, 12)), max_size=6),
    st.integers(80, 100),
    st.booleans(),
)
def test_nothing_is_ever_settled_above_or_before_what_is_final(
    drawn: list[tuple[int, int]], final_height: int, is_late: bool
) -> None:
    """Whatever arrives in which order, only what is final is credited, and exactly its sum."""
    arrivals = [
        arrival(101 - depth if depth else None, wei, place)
        for place, (wei, depth) in enumerate(drawn)
    ]
    tip = replace(AFTER if is_late else BEFORE, final_height=final_height)
    verdict = judge(ASKED, arrivals, tip, FINAL, dust=1_000)
    if isinstance(verdict, Settle):
        assert all(
            one.height is not None and one.height <= final_height for one in verdict.arrivals
        )
        assert 0 < verdict.minor <= sum(one.wei for one in arrivals)
        assert is_late or verdict.minor >= ASKED.minor
    if isinstance(verdict, TooLate):
        assert not any(one.is_under_way and one.wei >= 1_000 for one in arrivals)


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 30))
def test_a_number_of_blocks_counts_both_ends(height: int, tip: int, blocks: int) -> None:
    is_deep = Depths(blocks).is_deep(arrival(height), ETHER, Tip(tip, True, NOW, None))
    assert is_deep == (tip - height + 1 >= blocks)


def test_what_a_payer_is_shown() -> None:
    assert FINAL.needed(1) == FINALIZED == "finalized"
    assert TWELVE.needed(ETHER) == "12"


def test_names_are_those_of_the_transaction_or_of_block_and_address() -> None:
    assert arrival().reference == "0x" + "ab" * 32
    assert arrival(place=7).reference == "0x" + "ab" * 32 + ":7"
    assert arrival(place=0).key == ("0x" + "ab" * 32, 0)
    assert (arrival().minor, arrival().currency) == (ETHER, "ETH")


def test_confirmations() -> None:
    assert arrival(100).confirmations(100) == 1
    assert arrival(98).confirmations(100) == 3
    assert arrival(100).confirmations(90) == 0
    assert arrival(None).confirmations(100) == 0
    assert not arrival(None).is_under_way
