"""What a node leaves out, and the unit in which it tells prices."""

import pytest

from ethereum_watcher.mapping import GWEI, TRANSFER_GAS
from ethereum_watcher.scanner import effects
from tests.unit.ethereum_watcher.test_scanner import OURS, found


def test_a_receipt_that_is_missing_is_an_error_and_not_nothing() -> None:
    with pytest.raises(ValueError, match="shorter"):
        effects(found(), [], {OURS})


def test_prices_are_in_billionths_of_an_ether() -> None:
    assert (GWEI, TRANSFER_GAS) == (1_000_000_000, 21_000)
