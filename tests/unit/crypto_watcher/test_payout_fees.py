"""The fees of withdrawals and of their replacements to the satoshi, and where the change stands.

Sizes by BIP 141: 42 for the frame, 272 an input, 124 an output; the weight by four is rounded up.
"""

from unittest.mock import Mock

import pytest

from bitcoin_watcher import payout_drafts
from bitcoin_watcher.payout_drafts import Recipient, first_draft, replacement
from bitcoin_watcher.spend_store import Draft
from bitcoin_watcher.spending import parse
from tests.unit.crypto_watcher.test_payout_drafts import FEE_MAX, FRAME, TO, coin, replaced

MANY = Recipient(TO.script, 290_000)


def made(recipient: Recipient, *satoshi: int, rate: int) -> Draft:
    coins = [coin(number, one) for number, one in enumerate(satoshi, 1)]
    found = first_draft([recipient], coins, FRAME, rate=rate, fee_max=FEE_MAX)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rate", "fee", "later"),
    [
        (10_000, 1_410, 1_763),  # a quarter more, rounded up
        (1_000, 141, 282),  # what nodes ask for the relay: 1 satoshi more for each byte
    ],
)
def test_the_fee_of_one_coin_with_change_is_that_of_141_bytes(
    rate: int, fee: int, later: int
) -> None:
    first = made(TO, 300_000, rate=rate)
    new = replacement([TO], replaced(first), [], FRAME, rate=rate, fee_max=FEE_MAX)
    assert new is not None
    assert (first.weight, first.fee, new.fee) == (562, fee, later)


def test_the_relay_of_a_large_replacement_costs_its_size_more() -> None:
    first = made(MANY, *[20_000] * 15, rate=1_000)
    new = replacement([MANY], replaced(first), [], FRAME, rate=1_000, fee_max=FEE_MAX)
    assert new is not None
    assert (first.weight, first.fee, new.fee) == (4_370, 1_093, 2_186)


@pytest.mark.parametrize("place", [0, 1])
def test_the_change_is_at_either_place(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Mock(return_value=place)
    monkeypatch.setattr(payout_drafts, "randbelow", draw)
    draft = made(TO, 300_000, rate=10_000)
    draw.assert_called_once_with(2)
    assert parse(draft.unsigned).outputs[place].script == FRAME.change_script
    wanted = [(TO.script, 100_000, False), (FRAME.change_script, 198_590, True)]
    assert list(draft.outputs) == (wanted if place else wanted[::-1])
