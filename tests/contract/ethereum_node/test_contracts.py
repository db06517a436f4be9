"""Contracts: the tokens, transfers inside contracts, and transactions that fail.

On anvil this also shows that the contracts, which were assembled by hand, are good on another EVM.
"""

from typing import Any

import pytest

from provider_sandbox.ethereum.contracts import FORWARDER, REFUSER, TOKENS
from tests.contract.ethereum_node.test_blocks import block
from tests.contract.ethereum_node.test_sending import balance
from tests.support.ethereum_keys import Wallet
from tests.support.ethereum_node import EthereumNode
from tests.support.json_rpc import CallFailed

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SOMEBODY = Wallet(77).address
SELECTORS = {
    "name": "06fdde03", "symbol": "95d89b41", "decimals": "313ce567", "totalSupply": "18160ddd",
    "balanceOf": "70a08231", "transfer": "a9059cbb", "transferFrom": "23b872dd",
    "approve": "095ea7b3", "allowance": "dd62ed3e", "blacklist": "f9f92be4",
}  # fmt: skip


def data(name: str, *arguments: str | int) -> str:
    """The data of a call of a token."""
    words = [int(one, 16) if isinstance(one, str) else one for one in arguments]
    return "0x" + SELECTORS[name] + "".join(f"{word:064x}" for word in words)


def sent(node: EthereumNode, wallet: Wallet, nonce: int, to: str | None, **more: Any) -> Any:
    """The receipt of a transaction with much gas."""
    raw, expected = wallet.sign(nonce, to, **{"gas": 1_500_000, **more})
    node.rpc("eth_sendRawTransaction", raw)
    node.mine()
    return node.rpc("eth_getTransactionReceipt", expected)


def deployed(node: EthereumNode, wallet: Wallet, code: bytes) -> str:
    receipt = sent(node, wallet, 0, None, data="0x" + code.hex())
    assert receipt["status"] == "0x1"
    assert node.rpc("eth_getCode", receipt["contractAddress"], "latest") != "0x"
    return str(receipt["contractAddress"])


def token_of(node: EthereumNode, wallet: Wallet, symbol: str) -> str:
    [token] = [one for one in TOKENS if one.symbol == symbol]
    return deployed(node, wallet, token.deployment(bytes.fromhex(wallet.address[2:])))


def asked(node: EthereumNode, token: str, name: str, *arguments: str | int) -> str:
    call = {"to": token, "data": data(name, *arguments)}
    return str(node.rpc("eth_call", call, "latest"))


def text(answer: str) -> str:
    raw = bytes.fromhex(answer[2:])
    return raw[64 : 64 + int.from_bytes(raw[32:64])].decode()


@pytest.mark.parametrize("symbol", ["USDC", "USDT"])
def test_a_token_moves_and_leaves_a_log(node: EthereumNode, wallet: Wallet, symbol: str) -> None:
    token = token_of(node, wallet, symbol)
    assert text(asked(node, token, "symbol")) == symbol
    assert int(asked(node, token, "decimals"), 16) == 6
    supply = int(asked(node, token, "totalSupply"), 16)
    receipt = sent(node, wallet, 1, token, data=data("transfer", SOMEBODY, 1_234_567))
    assert receipt["status"] == "0x1"
    [log] = receipt["logs"]
    assert log["address"] == token
    assert log["topics"][0] == TRANSFER
    assert log["topics"][1:] == [f"0x{int(one, 16):064x}" for one in (wallet.address, SOMEBODY)]
    assert int(log["data"], 16) == 1_234_567
    assert int(asked(node, token, "balanceOf", SOMEBODY), 16) == 1_234_567
    assert int(asked(node, token, "balanceOf", wallet.address), 16) == supply - 1_234_567


def test_logs_are_found_by_block_and_topics(node: EthereumNode, wallet: Wallet) -> None:
    token = token_of(node, wallet, "USDC")
    receipt = sent(node, wallet, 1, token, data=data("transfer", SOMEBODY, 5))
    receiver = f"0x{int(SOMEBODY, 16):064x}"
    of_block = {"blockHash": receipt["blockHash"], "topics": [TRANSFER, None, [receiver]]}
    [found] = node.rpc("eth_getLogs", of_block)
    assert found == receipt["logs"][0]
    assert node.rpc("eth_getLogs", {**of_block, "topics": [TRANSFER, receiver]}) == []
    assert node.rpc("eth_getLogs", {**of_block, "address": SOMEBODY}) == []
    ranged = {"fromBlock": receipt["blockNumber"], "address": [token], "topics": []}
    assert node.rpc("eth_getLogs", ranged) == receipt["logs"]
    with pytest.raises(CallFailed):
        node.rpc("eth_getLogs", {"blockHash": "0x" + "34" * 32})


def test_an_allowance_is_used_up(node: EthereumNode, wallet: Wallet) -> None:
    token = token_of(node, wallet, "USDC")
    spender = Wallet(int(wallet.address[2:10], 16))
    node.fund(spender.address, 10**18)
    sent(node, wallet, 1, token, data=data("approve", spender.address, 10))
    move = data("transferFrom", wallet.address, SOMEBODY, 7)
    assert sent(node, spender, 0, token, data=move)["status"] == "0x1"
    assert int(asked(node, token, "allowance", wallet.address, spender.address), 16) == 3
    assert sent(node, spender, 1, token, data=move)["status"] == "0x0"


def test_the_two_tokens_answer_differently(node: EthereumNode, wallet: Wallet) -> None:
    loud = token_of(node, wallet, "USDC")
    call = {"from": wallet.address, "to": loud, "data": data("transfer", SOMEBODY, 1)}
    assert int(node.rpc("eth_call", call, "latest"), 16) == 1
    other = Wallet(int(wallet.address[2:12], 16))
    node.fund(other.address, 10**18)
    silent = token_of(node, other, "USDT")
    call = {"from": other.address, "to": silent, "data": data("transfer", SOMEBODY, 1)}
    assert node.rpc("eth_call", call, "latest") == "0x"
    too_much = data("transfer", SOMEBODY, 10**30)
    with pytest.raises(CallFailed) as reasoned:
        node.rpc("eth_call", {"from": wallet.address, "to": loud, "data": too_much}, "latest")
    assert reasoned.value.code == 3
    assert "transfer amount exceeds balance" in reasoned.value.message
    assert reasoned.value.data.startswith("0x08c379a0")
    with pytest.raises(CallFailed) as silently:
        node.rpc("eth_estimateGas", {"from": other.address, "to": silent, "data": too_much})
    assert "revert" in silently.value.message


def test_a_frozen_account_neither_pays_nor_receives(node: EthereumNode, wallet: Wallet) -> None:
    token = token_of(node, wallet, "USDC")
    victim = Wallet(88).address
    sent(node, wallet, 1, token, data=data("blacklist", victim))
    assert sent(node, wallet, 2, token, data=data("transfer", victim, 1))["status"] == "0x0"
    sent(node, wallet, 3, token, data=data("blacklist", wallet.address))
    assert sent(node, wallet, 4, token, data=data("transfer", SOMEBODY, 1))["status"] == "0x0"


def test_ether_that_a_contract_passes_on_is_in_no_transaction(
    node: EthereumNode, wallet: Wallet
) -> None:
    forwarder = deployed(node, wallet, FORWARDER)
    receiver = Wallet(int(wallet.address[2:14], 16)).address
    padded = f"0x{int(receiver, 16):064x}"
    receipt = sent(node, wallet, 1, forwarder, value=12_345, data=padded)
    assert balance(node, receiver) == 12_345
    latest = block(node, "latest", full=True)
    assert [one["to"] for one in latest["transactions"]] == [forwarder]
    options = {"tracer": "callTracer"}
    [traced] = node.rpc("debug_traceBlockByHash", latest["hash"], options)
    frame = traced["result"]
    assert (frame["to"], frame["value"]) == (forwarder, hex(12_345))
    assert int(frame["gasUsed"], 16) == int(receipt["gasUsed"], 16)
    [inner] = frame["calls"]
    assert (inner["from"], inner["to"]) == (forwarder, receiver.lower())
    assert (inner["type"], inner["value"]) == ("CALL", hex(12_345))


def test_a_failed_transaction_moves_nothing_and_costs_its_fee(
    node: EthereumNode, wallet: Wallet
) -> None:
    refuser = deployed(node, wallet, REFUSER)
    before = balance(node, wallet.address)
    receipt = sent(node, wallet, 1, refuser, value=999, gas=100_000)
    assert receipt["status"] == "0x0"
    assert balance(node, refuser) == 0
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert balance(node, wallet.address) == before - fee
    shown = block(node, "latest", full=True)["transactions"][0]
    assert shown["value"] == hex(999)


def test_the_estimate_is_enough_and_one_less_is_not(node: EthereumNode, wallet: Wallet) -> None:
    token = token_of(node, wallet, "USDT")
    moved = data("transfer", Wallet(int(wallet.address[2:16], 16)).address, 1)
    call = {"from": wallet.address, "to": token, "data": moved}
    gas = int(node.rpc("eth_estimateGas", call), 16)
    assert sent(node, wallet, 1, token, data=moved, gas=gas)["status"] == "0x1"
