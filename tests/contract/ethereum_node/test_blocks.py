"""Blocks, their links and hashes, and the tags."""

from typing import Any

import pytest
import rlp
from eth_utils import keccak

from tests.support.ethereum_keys import Wallet
from tests.support.ethereum_node import CHAIN_ID, EthereumNode
from tests.support.json_rpc import CallFailed

FIELDS = """
parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom difficulty number
gasLimit gasUsed timestamp extraData mixHash nonce baseFeePerGas withdrawalsRoot blobGasUsed
excessBlobGas parentBeaconBlockRoot requestsHash
"""
"""Of a header, in the order in which they are hashed."""
NUMBERS = """
difficulty number gasLimit gasUsed timestamp baseFeePerGas blobGasUsed excessBlobGas
"""


def block(node: EthereumNode, number: Any, full: bool = False) -> dict[str, Any]:
    found = node.rpc(
        "eth_getBlockByNumber", number if isinstance(number, str) else hex(number), full
    )
    assert found is not None
    return dict(found)


def height(node: EthereumNode) -> int:
    return int(node.rpc("eth_blockNumber"), 16)


def header_hash(found: dict[str, Any]) -> str:
    """The hash of a block from the fields of its header, by the rules of the protocol."""
    numbers = NUMBERS.split()
    fields = []
    for name in FIELDS.split():
        number = int(found[name], 16) if name in numbers else 0
        size = (number.bit_length() + 7) // 8
        fields.append(number.to_bytes(size) if name in numbers else bytes.fromhex(found[name][2:]))
    return "0x" + keccak(rlp.encode(fields)).hex()


def test_the_node_says_which_chain_it_is_on(node: EthereumNode) -> None:
    assert node.rpc("eth_chainId") == hex(CHAIN_ID)
    assert node.rpc("net_version") == str(CHAIN_ID)
    assert node.rpc("eth_syncing") is False
    assert node.rpc("web3_clientVersion")


def test_a_block_has_the_hash_of_its_header_and_links_to_the_one_below(
    node: EthereumNode, wallet: Wallet
) -> None:
    found = block(node, "latest")
    assert len(found["transactions"]) == 1
    assert header_hash(found) == found["hash"]
    assert block(node, int(found["number"], 16) - 1)["hash"] == found["parentHash"]
    assert node.rpc("eth_getBlockByHash", found["hash"], False) == found


def test_what_does_not_exist_is_null(node: EthereumNode) -> None:
    assert node.rpc("eth_getBlockByNumber", hex(height(node) + 5), False) is None
    for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt"):
        assert node.rpc(method, "0x" + "12" * 32) is None
    assert node.rpc("eth_getBlockByHash", "0x" + "12" * 32, True) is None


def test_safe_and_finalized_follow_the_latest_block(node: EthereumNode) -> None:
    latest = height(node)
    assert int(block(node, "safe")["number"], 16) == latest - 4
    assert int(block(node, "finalized")["number"], 16) == latest - 8
    node.mine(3)
    assert int(block(node, "finalized")["number"], 16) == latest - 5
    assert int(block(node, "earliest")["number"], 16) == 0


def test_the_next_base_fee_is_the_last_one_of_the_history(node: EthereumNode) -> None:
    count, shares = 4, [10, 50, 90]
    history = node.rpc("eth_feeHistory", hex(count), "latest", shares)
    assert len(history["baseFeePerGas"]) == count + 1
    assert len(history["gasUsedRatio"]) == len(history["reward"]) == count
    assert all(len(one) == len(shares) for one in history["reward"])
    assert int(history["oldestBlock"], 16) == height(node) - count + 1
    node.mine()
    assert block(node, "latest")["baseFeePerGas"] == history["baseFeePerGas"][-1]


def test_an_unknown_method_and_wrong_parameters_are_errors(node: EthereumNode) -> None:
    with pytest.raises(CallFailed) as unknown:
        node.rpc("eth_nothing")
    assert unknown.value.code == -32601
    with pytest.raises(CallFailed) as wrong:
        node.rpc("eth_getBalance", "0x12", "latest")
    assert wrong.value.code == -32602


def test_several_calls_in_one_request_are_answered_one_by_one(node: EthereumNode) -> None:
    calls: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": name, "method": method, "params": []}
        for name, method in (("a", "eth_chainId"), (7, "eth_nothing"), ("b", "eth_blockNumber"))
    ]
    answer = node.rpc.http.post(node.rpc.url, json=calls).json()
    by_id = {one["id"]: one for one in answer}
    assert by_id["a"]["result"] == hex(CHAIN_ID)
    assert by_id[7]["error"]["code"] == -32601
    assert int(by_id["b"]["result"], 16) == height(node)
