"""Small coins put together: exact to the satoshi, and never at a loss."""

from hypothesis import given
from hypothesis import strategies as st

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.consolidation import consolidation_draft
from bitcoin_watcher.payout_drafts import Frame
from bitcoin_watcher.sizes import DUST_SATOSHI, INPUT_WEIGHT, INPUTS_MAX, fee_at
from bitcoin_watcher.spend_store import Draft
from bitcoin_watcher.spending import Paid, parse

FRAME = Frame(b"\x00\x14" + b"\x22" * 20, 850_000)
RATE = 10_000
OWN_FEE = fee_at(RATE, INPUT_WEIGHT)


def coins(*satoshi: int) -> list[Coin]:
    return [Coin(f"{place:064x}", 0, one, 0, place, b"") for place, one in enumerate(satoshi, 1)]


def together(
    *satoshi: int, more_than: int = 2, rate: int = RATE, fee_max: int = 10**6
) -> Draft | None:
    return consolidation_draft(
        coins(*satoshi), FRAME, more_than=more_than, rate=rate, fee_max=fee_max
    )


def test_everything_but_the_fee_comes_back() -> None:
    draft = together(5_000, 4_000, 6_000)
    assert draft is not None
    assert [one.satoshi for one in draft.coins] == [4_000, 5_000, 6_000]
    assert draft.fee == 2_460  # 246 virtual bytes at 10 satoshi
    assert list(parse(draft.unsigned).outputs) == [Paid(FRAME.change_script, 15_000 - 2_460)]
    assert [is_change for _, _, is_change in draft.outputs] == [True]
    assert parse(draft.unsigned).lock_time == FRAME.lock_time


def test_only_more_than_the_number_are_put_together() -> None:
    assert together(5_000, 5_000) is None
    assert together(5_000, 5_000, 5_000) is not None


def test_one_coin_is_never_moved_alone() -> None:
    assert together(5_000, more_than=0) is None
    assert together(5_000, 5_000, more_than=0) is not None


def test_a_coin_that_is_not_worth_its_fee_is_left_alone() -> None:
    assert together(5_000, 5_000, OWN_FEE) is None
    draft = together(5_000, 5_000, OWN_FEE, OWN_FEE + 1)
    assert draft is not None
    assert len(draft.coins) == 3


def test_the_smallest_come_first_and_a_hundred_at_most() -> None:
    draft = together(*range(50_000, 50_000 + INPUTS_MAX + 5))
    assert draft is not None
    assert len(draft.coins) == INPUTS_MAX
    assert max(one.satoshi for one in draft.coins) == 50_000 + INPUTS_MAX - 1


def test_a_fee_above_the_limit_makes_none() -> None:
    assert together(5_000, 5_000, 5_000, fee_max=2_460) is not None
    assert together(5_000, 5_000, 5_000, fee_max=2_459) is None


def test_what_comes_back_is_no_dust() -> None:
    least = 2_460 + DUST_SATOSHI
    parts = least // 3, least // 3, least - 2 * (least // 3)
    assert together(*parts) is not None
    assert together(parts[0], parts[1], parts[2] - 1) is None


@given(
    held=st.lists(st.integers(1, 200_000), max_size=130),
    rate=st.integers(1_000, 50_000),
    more_than=st.integers(1, 30),
)
def test_no_satoshi_is_lost(held: list[int], rate: int, more_than: int) -> None:
    draft = together(*held, rate=rate, more_than=more_than)
    if draft is None:
        return
    (back,) = parse(draft.unsigned).outputs
    assert sum(one.satoshi for one in draft.coins) == back.satoshi + draft.fee
    assert draft.fee == fee_at(rate, draft.weight)
    assert more_than < len(draft.coins) <= INPUTS_MAX or len(draft.coins) == INPUTS_MAX
    assert all(one.satoshi > fee_at(rate, INPUT_WEIGHT) for one in draft.coins)
    assert len({one.reference for one in draft.coins}) == len(draft.coins)
