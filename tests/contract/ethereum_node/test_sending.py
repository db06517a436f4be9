"""Signed transactions: accepted, refused, replaced, mined; ether exact to the wei."""

import pytest

from tests.contract.ethereum_node.test_blocks import block, height
from tests.support.ethereum_keys import ETHER, GWEI, Wallet
from tests.support.ethereum_node import EthereumNode
from tests.support.json_rpc import CallFailed

SOMEBODY = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"


def balance(node: EthereumNode, address: str, at: str = "latest") -> int:
    return int(node.rpc("eth_getBalance", address, at), 16)


def nonce(node: EthereumNode, wallet: Wallet, at: str = "latest") -> int:
    return int(node.rpc("eth_getTransactionCount", wallet.address, at), 16)


def test_ether_moves_exactly_and_the_receipt_tells_the_fee(
    node: EthereumNode, wallet: Wallet
) -> None:
    value = 1_234_567_890_123_456_789
    before, number = balance(node, SOMEBODY), height(node)
    raw, expected = wallet.sign(0, SOMEBODY, value)
    assert node.rpc("eth_sendRawTransaction", raw) == expected
    waiting = node.rpc("eth_getTransactionByHash", expected)
    assert waiting["blockHash"] is None
    assert node.rpc("eth_getTransactionReceipt", expected) is None
    assert (nonce(node, wallet), nonce(node, wallet, "pending")) == (0, 1)
    node.mine()
    receipt = node.rpc("eth_getTransactionReceipt", expected)
    assert (receipt["status"], receipt["gasUsed"]) == ("0x1", hex(21_000))
    fee = 21_000 * int(receipt["effectiveGasPrice"], 16)
    assert balance(node, wallet.address) == 10 * ETHER - value - fee
    assert balance(node, SOMEBODY) == before + value
    assert balance(node, SOMEBODY, hex(number)) == before
    base = int(block(node, "latest")["baseFeePerGas"], 16)
    assert int(receipt["effectiveGasPrice"], 16) == base + GWEI


def test_a_mined_transaction_is_shown_in_its_block(node: EthereumNode, wallet: Wallet) -> None:
    raw, expected = wallet.sign(0, SOMEBODY, 5)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine()
    latest = block(node, "latest", full=True)
    [shown] = latest["transactions"]
    assert shown == node.rpc("eth_getTransactionByHash", expected)
    assert (shown["from"], shown["to"]) == (wallet.address.lower(), SOMEBODY.lower())
    assert (shown["value"], shown["nonce"], shown["type"]) == ("0x5", "0x0", "0x2")
    assert shown["blockHash"] == latest["hash"]
    [receipt] = node.rpc("eth_getBlockReceipts", latest["hash"])
    assert receipt == node.rpc("eth_getTransactionReceipt", expected)


def refusal(node: EthereumNode, raw: str) -> str:
    with pytest.raises(CallFailed) as failed:
        node.rpc("eth_sendRawTransaction", raw)
    assert failed.value.code <= -32000
    return failed.value.message.lower()


def test_the_same_bytes_again_are_known(node: EthereumNode, wallet: Wallet) -> None:
    raw, _ = wallet.sign(0, SOMEBODY, 1)
    node.rpc("eth_sendRawTransaction", raw)
    assert refusal(node, raw) in ("already known", "transaction already imported")
    node.mine()
    assert "nonce too low" in refusal(node, raw)


def test_what_the_account_does_not_have_cannot_be_sent(node: EthereumNode, wallet: Wallet) -> None:
    raw, _ = wallet.sign(0, SOMEBODY, 10 * ETHER)
    assert "insufficient funds for gas * price + value" in refusal(node, raw)


def test_bytes_that_are_no_transaction_are_refused(node: EthereumNode, wallet: Wallet) -> None:
    raw, _ = wallet.sign(0, SOMEBODY, 1)
    for bad in (raw[:-2], "0x", "0x05" + raw[4:], "0xdeadbeef"):
        assert refusal(node, bad)


def test_a_transaction_for_another_chain_is_refused(node: EthereumNode, wallet: Wallet) -> None:
    raw, _ = wallet.sign(0, SOMEBODY, 1, chainId=1)
    assert "chain" in refusal(node, raw)


def test_too_little_gas_and_too_high_a_tip_are_refused(node: EthereumNode, wallet: Wallet) -> None:
    assert "intrinsic gas too low" in refusal(node, wallet.sign(0, SOMEBODY, gas=20_999)[0])
    raw, _ = wallet.sign(0, SOMEBODY, maxPriorityFeePerGas=21 * GWEI)
    assert "max priority fee per gas higher than max fee per gas" in refusal(node, raw)


def test_a_replacement_must_pay_more(node: EthereumNode, wallet: Wallet) -> None:
    node.rpc("eth_sendRawTransaction", wallet.sign(0, SOMEBODY, 1)[0])
    assert "replacement transaction underpriced" in refusal(node, wallet.sign(0, SOMEBODY, 2)[0])
    node.mine()


def test_the_replacement_is_mined_and_the_replaced_one_is_gone(
    node: EthereumNode, wallet: Wallet
) -> None:
    raw, first = wallet.sign(0, SOMEBODY, 1)
    node.rpc("eth_sendRawTransaction", raw)
    fees = {"maxFeePerGas": 23 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}
    raw, second = wallet.sign(0, SOMEBODY, 2, **fees)
    assert node.rpc("eth_sendRawTransaction", raw) == second
    assert node.rpc("eth_getTransactionByHash", first) is None
    node.mine()
    assert node.rpc("eth_getTransactionReceipt", second)["status"] == "0x1"
    assert node.rpc("eth_getTransactionReceipt", first) is None
    assert nonce(node, wallet) == 1


def test_a_gap_of_nonces_waits_until_it_is_filled(node: EthereumNode, wallet: Wallet) -> None:
    raw, later = wallet.sign(1, SOMEBODY, 1)
    assert node.rpc("eth_sendRawTransaction", raw) == later
    node.mine(2)
    assert node.rpc("eth_getTransactionReceipt", later) is None
    assert nonce(node, wallet, "pending") == 0
    node.rpc("eth_sendRawTransaction", wallet.sign(0, SOMEBODY, 1)[0])
    node.mine(2)
    assert node.rpc("eth_getTransactionReceipt", later)["status"] == "0x1"


def test_the_gas_of_a_transfer_is_estimated(node: EthereumNode, wallet: Wallet) -> None:
    call = {"from": wallet.address, "to": SOMEBODY, "value": "0x1"}
    assert int(node.rpc("eth_estimateGas", call), 16) == 21_000
