"""A part of a list for each commit: every item has its turn, and none has two."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.share import share_of


@given(st.integers(1, 7), st.integers(0, 50))
def test_consecutive_turns_play_everything_once(shares: int, count: int) -> None:
    items = list(range(count))
    parts = [share_of(items, shares, commit=f"{turn:08x}ffff") for turn in range(shares)]
    assert sorted(item for part in parts for item in part) == items
