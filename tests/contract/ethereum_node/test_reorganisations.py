"""Blocks that are replaced: hashes, receipts, logs and nonces go with them."""

import pytest

from tests.contract.ethereum_node.test_blocks import block, height
from tests.contract.ethereum_node.test_contracts import data, sent, token_of
from tests.contract.ethereum_node.test_sending import SOMEBODY, balance, nonce
from tests.support.ethereum_keys import Wallet
from tests.support.ethereum_node import EthereumNode
from tests.support.json_rpc import CallFailed


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_dropped_transaction_never_happened(
    node: EthereumNode, wallet: Wallet, depth: int
) -> None:
    node.mine(2)
    before, old = height(node), balance(node, SOMEBODY)
    kept = block(node, before)["hash"]
    raw, expected = wallet.sign(0, SOMEBODY, 10**15)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine(depth)
    replaced = [block(node, before + place)["hash"] for place in range(1, depth + 1)]
    node.reorg(depth)
    assert height(node) == before + depth
    assert block(node, before)["hash"] == kept
    assert block(node, before + 1)["parentHash"] == kept
    for place, gone in enumerate(replaced, 1):
        assert block(node, before + place)["hash"] != gone
    assert node.rpc("eth_getTransactionReceipt", expected) is None
    assert balance(node, SOMEBODY) == old
    assert nonce(node, wallet) == 0
    assert node.rpc("eth_sendRawTransaction", raw) == expected
    node.mine()
    assert balance(node, SOMEBODY) == old + 10**15


def test_the_logs_of_a_replaced_block_are_an_error_and_not_those_of_another(
    node: EthereumNode, wallet: Wallet
) -> None:
    token = token_of(node, wallet, "USDC")
    receipt = sent(node, wallet, 1, token, data=data("transfer", SOMEBODY, 5))
    wanted = {"blockHash": receipt["blockHash"], "address": token}
    assert node.rpc("eth_getLogs", wanted) == receipt["logs"]
    node.reorg(1)
    with pytest.raises(CallFailed) as failed:
        node.rpc("eth_getLogs", wanted)
    assert "unknown block" in failed.value.message.lower()
    assert node.rpc("eth_getLogs", {"fromBlock": receipt["blockNumber"], "address": token}) == []
