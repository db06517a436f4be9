"""Fees of nodes are exact, and what is shown to payers."""

from typing import Any

import pytest
from pydantic import ValidationError

from cift_shared.money.amount import Money
from ethereum_watcher.mapping import GWEI, TOKEN_GAS, gas_of, price_of, transfer_fee
from ethereum_watcher.next_action import token_uri_of, uri_of
from ethereum_watcher.wire import FeeHistory
from tests.support.ethereum import ETHER, FIRST


def history(base: list[str], reward: Any = ()) -> FeeHistory:
    return FeeHistory.model_validate({"baseFeePerGas": base, "reward": list(reward)})


def test_the_price_is_the_next_base_fee_and_the_usual_tip() -> None:
    assert price_of(history(["0x1", "0x64"], [["0x3"], ["0x9"], ["0x5"]])) == 105
    assert price_of(history(["0x1", "0x64"], [["0x3"], ["0x9"]])) == 103
    assert price_of(history(["0x64"])) == 100
    assert price_of(history(["0x64"], [[], ["0x2"]])) == 102


def test_without_a_base_fee_there_is_no_price() -> None:
    with pytest.raises(ValidationError):
        history([])


@pytest.mark.parametrize(("price", "wei"), [(0, 21_000), (7, 147_000), (10 * GWEI, 21_000 * 100)])
def test_the_fee_is_one_transfer_between_its_limits(price: int, wei: int) -> None:
    assert transfer_fee(price, lowest=1, highest=100) == Money(wei, "ETH")


def test_a_token_is_moved_by_two_transfers() -> None:
    assert TOKEN_GAS == gas_of("deposit", is_token=True) == 86_000
    assert transfer_fee(7, lowest=1, highest=100, gas=TOKEN_GAS) == Money(602_000, "ETH")


def test_a_withdrawal_is_one_transfer() -> None:
    assert gas_of("withdrawal", is_token=True) == 65_000
    assert gas_of("withdrawal", is_token=False) == gas_of("deposit", is_token=False) == 21_000


def test_the_address_for_wallets_has_the_exact_amount() -> None:
    assert uri_of(FIRST, Money(1, "ETH"), chain_id=1) == f"ethereum:{FIRST}@1?value=1"
    exact = Money(123 * ETHER + 1, "ETH")
    assert uri_of(FIRST, exact, chain_id=31337).endswith("@31337?value=123000000000000000001")


def test_the_address_for_a_token_calls_its_contract() -> None:
    contract = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
    uri = token_uri_of(FIRST, Money(25_000_001, "USDC"), contract=contract, chain_id=1)
    assert uri == f"ethereum:{contract}@1/transfer?address={FIRST}&uint256=25000001"
