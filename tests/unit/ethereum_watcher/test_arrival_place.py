"""The place of an arrival is stored, and one in no block is never final."""

import pytest

from ethereum_watcher.domain import BY_TRANSACTION, CONFIRMATIONS_MAX, Depths
from tests.unit.ethereum_watcher.test_domain import BEFORE, arrival


def test_the_stored_place_of_a_transaction_is_the_same_in_every_release() -> None:
    """An index of an address is 0 or more."""
    assert arrival(place=-1).key == ("0x" + "ab" * 32, BY_TRANSACTION)


@pytest.mark.parametrize("blocks", [None, 1, 12])
def test_what_is_in_no_block_is_never_final(blocks: int | None) -> None:
    assert Depths(blocks).is_deep(arrival(None), 1, BEFORE) is False


def test_at_most_a_thousand_confirmations_can_be_asked_for() -> None:
    assert CONFIRMATIONS_MAX == 1_000
