"""The faucet, blocks, finality and reorganisations on command."""

from typing import Any

import pytest

from tests.contract.ethereum_node.test_blocks import block, height
from tests.contract.ethereum_node.test_sending import balance, nonce, refusal
from tests.contract.provider_sandbox.test_process import wait_until
from tests.support.ethereum_keys import ETHER, GWEI, Wallet
from tests.support.ethereum_node import CHAIN_ID, OurNode
from tests.support.json_rpc import CallFailed, JsonRpc


def receipt(node: OurNode, txid: str) -> Any:
    return node.rpc("eth_getTransactionReceipt", txid)


def tokens(node: OurNode, symbol: str, address: str) -> int:
    contract = node.control("GET", "/contracts")[symbol]
    call = {"to": contract, "data": f"0x70a08231{int(address, 16):064x}"}
    return int(node.rpc("eth_call", call, "latest"), 16)


def test_a_payment_waits_and_is_then_in_a_block(node: OurNode, wallet: Wallet) -> None:
    amount = 12 * ETHER + 1
    txid = node.pay(wallet.address, amount)
    assert receipt(node, txid) is None
    assert balance(node, wallet.address) == 0
    node.mine()
    assert receipt(node, txid)["status"] == "0x1"
    assert balance(node, wallet.address) == amount


@pytest.mark.parametrize("symbol", ["USDC", "USDT"])
def test_tokens_are_paid(node: OurNode, wallet: Wallet, symbol: str) -> None:
    txid = node.pay(wallet.address, 1_500_000, token=symbol, confirm=1)
    [log] = receipt(node, txid)["logs"]
    assert log["address"] == node.control("GET", "/contracts")[symbol].lower()
    assert tokens(node, symbol, wallet.address) == 1_500_000


def test_the_rich_have_tokens_from_the_beginning_and_the_record_has_nothing_of_it(
    wallet: Wallet,
) -> None:
    rich = OurNode(CIFT_SANDBOX_ETHEREUM_RICH=wallet.address)
    try:
        held = [tokens(rich, symbol, wallet.address) for symbol in ("USDC", "USDT")]
        assert held == [10**12, 10**12]
        assert rich.control("GET", "/book")["entries"] == []
    finally:
        rich.close()


def test_a_payment_inside_a_contract_names_nobody(node: OurNode, wallet: Wallet) -> None:
    txid = node.pay(wallet.address, 777, by_contract=True, confirm=1)
    assert balance(node, wallet.address) == 777
    assert node.rpc("eth_getTransactionByHash", txid)["to"] != wallet.address.lower()


def test_a_payment_that_fails_moves_nothing(node: OurNode, wallet: Wallet) -> None:
    txid = node.pay(wallet.address, 777, fails=True, confirm=1)
    assert receipt(node, txid)["status"] == "0x0"
    assert balance(node, wallet.address) == 0


def test_only_chosen_transactions_are_mined(node: OurNode, wallet: Wallet) -> None:
    txid = node.pay(wallet.address, 5)
    node.mine(transactions=[])
    assert receipt(node, txid) is None
    node.mine(transactions=[txid])
    assert receipt(node, txid) is not None


def test_a_payment_is_replaced_by_its_nonce(node: OurNode, wallet: Wallet) -> None:
    order = {"address": wallet.address, "amount": "5", "max_fee_gwei": 50, "tip_gwei": 1}
    first = node.control("POST", "/pay", order)
    again = {**order, "amount": "6", "nonce": first["nonce"], "max_fee_gwei": 60, "tip_gwei": 2}
    second = node.control("POST", "/pay", again)
    node.mine()
    assert balance(node, wallet.address) == 6
    assert receipt(node, first["txid"]) is None
    assert receipt(node, second["txid"]) is not None


def test_a_high_base_fee_keeps_payments_waiting(node: OurNode, wallet: Wallet) -> None:
    txid = node.pay(wallet.address, 5, max_fee_gwei=20)
    node.control("PUT", "/fees", {"base_fee_gwei": 100})
    node.mine(2)
    assert receipt(node, txid) is None
    latest = block(node, "latest")
    assert int(latest["baseFeePerGas"], 16) == 100 * GWEI
    node.control("PUT", "/fees", {"base_fee_gwei": 5})
    node.mine()
    assert int(receipt(node, txid)["effectiveGasPrice"], 16) == 6 * GWEI


def test_finality_stands_still_and_moves_on(node: OurNode) -> None:
    at = height(node)
    found = node.control("PUT", "/finality", {"finalized": at - 3, "safe_lag": 1})
    assert found == {"latest": at, "safe": at - 1, "finalized": at - 3}
    node.mine(20)
    assert int(block(node, "finalized")["number"], 16) == at - 3
    assert int(block(node, "safe")["number"], 16) == at + 19
    node.control("PUT", "/finality", {"safe_lag": 2, "finalized_lag": 5})
    assert int(block(node, "finalized")["number"], 16) == at + 15


def test_a_reorganisation_keeps_the_payments(node: OurNode, wallet: Wallet) -> None:
    txid = node.pay(wallet.address, 5, confirm=3)
    old = receipt(node, txid)
    node.reorg(3, blocks=4)
    new = receipt(node, txid)
    assert new["blockNumber"] == old["blockNumber"]
    assert new["blockHash"] != old["blockHash"]
    assert balance(node, wallet.address) == 5
    off = node.rpc("eth_getBlockByHash", old["blockHash"], False)
    assert off["hash"] == old["blockHash"]
    assert block(node, int(off["number"], 16))["hash"] == new["blockHash"]


def test_a_dropped_payment_comes_back_unless_it_is_forgotten(node: OurNode, wallet: Wallet) -> None:
    txid = node.pay(wallet.address, 5, confirm=1)
    node.reorg(1, drop=[txid])
    assert balance(node, wallet.address) == 0
    assert node.rpc("eth_getTransactionByHash", txid)["blockHash"] is None
    node.mine()
    assert balance(node, wallet.address) == 5
    node.reorg(1, drop=[txid], forget=True)
    assert node.rpc("eth_getTransactionByHash", txid) is None
    node.mine()
    assert balance(node, wallet.address) == 0


def test_a_replaced_payment_can_never_come_back(node: OurNode, wallet: Wallet) -> None:
    paid = node.control("POST", "/pay", {"address": wallet.address, "amount": "5", "confirm": 1})
    other = Wallet(int(wallet.address[2:12], 16)).address
    node.reorg(1, replace=[{"txid": paid["txid"], "address": other, "amount": "4"}])
    assert (balance(node, wallet.address), balance(node, other)) == (0, 4)
    assert "nonce too low" in refusal(node, paid["hex"])


def test_the_book_follows_the_chain(node: OurNode, wallet: Wallet) -> None:
    paid = [
        node.pay(wallet.address, 2 * ETHER),
        node.pay(wallet.address, 30_000_000, token="USDC"),
        node.pay(wallet.address, 777, by_contract=True),
        node.pay(wallet.address, 999, fails=True, confirm=1),
    ]
    person = node.control("POST", "/addresses")["address"]
    usdc = node.control("GET", "/contracts")["USDC"]
    raw, ether = wallet.sign(0, person, ETHER)
    node.rpc("eth_sendRawTransaction", raw)
    call = f"0xa9059cbb{int(person, 16):064x}{20_000_000:064x}"
    raw, token = wallet.sign(1, usdc, 0, data=call, gas=100_000)
    node.rpc("eth_sendRawTransaction", raw)
    own = Wallet(int(wallet.address[2:12], 16)).address
    raw, moved = wallet.sign(2, own, 5)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine()
    fees = {
        one: int(receipt(node, one)["gasUsed"], 16)
        * int(receipt(node, one)["effectiveGasPrice"], 16)
        for one in (ether, token, moved)
    }

    def entries() -> list[tuple[str, str, int, int]]:
        lines = [
            one
            for one in node.control("GET", "/book")["entries"]
            if one["provider_ids"]["txid"] in (*paid, ether, token, moved)
        ]
        currencies = [one["provider_ids"].get("fee_currency", one["currency"]) for one in lines]
        assert set(currencies) <= {"ETH"}
        return [
            (one["kind"], one["currency"], int(one["amount"]), int(one["fee"])) for one in lines
        ]

    found = entries()
    assert found == [
        ("payment", "ETH", 2 * ETHER, 0),
        ("payment", "USDC", 30_000_000, 0),
        ("payment", "ETH", 777, 0),
        ("withdrawal", "ETH", ETHER, fees[ether]),
        ("withdrawal", "USDC", 20_000_000, fees[token]),
        ("move", "ETH", 0, fees[moved]),
    ]
    signs = {"payment": 1, "withdrawal": -1, "move": 0}
    ether_moved = sum(signs[kind] * amount for kind, unit, amount, _ in found if unit == "ETH")
    left = ether_moved - sum(fee for *_, fee in found)
    assert left == balance(node, wallet.address) + balance(node, own)
    node.reorg(1, drop_all=True, forget=True)
    assert entries() == found[:3]
    assert nonce(node, wallet) == 0


def test_rules_of_geth_that_anvil_does_not_have(node: OurNode, wallet: Wallet) -> None:
    node.fund(wallet.address, 10 * ETHER)
    raw, _ = wallet.sign(0, wallet.address, 1)
    assert refusal(node, raw + "00")
    below, expected = wallet.sign(0, wallet.address, 1, maxFeePerGas=7, maxPriorityFeePerGas=7)
    assert node.rpc("eth_sendRawTransaction", below) == expected
    node.mine()
    assert receipt(node, expected) is None
    node.rpc("eth_sendRawTransaction", wallet.sign(0, wallet.address, 2)[0])
    for most, tip in ((21, 2), (22, 1)):
        fees = {"maxFeePerGas": most * GWEI, "maxPriorityFeePerGas": tip * GWEI}
        weak, _ = wallet.sign(0, wallet.address, 3, **fees)
        assert refusal(node, weak) == "replacement transaction underpriced"
    poor = {"from": Wallet(6_000).address, "to": wallet.address, "value": "0x1"}
    with pytest.raises(CallFailed, match="insufficient funds"):
        node.rpc("eth_estimateGas", poor)
    spending, _ = wallet.sign(1, wallet.address, 10 * ETHER - 5 * 10**14)
    assert "queued cost" in refusal(node, spending)
    node.control("PUT", "/fees", {"pool_full": True})
    assert refusal(node, wallet.sign(1, wallet.address, 1)[0]) == "txpool is full"
    node.control("PUT", "/fees", {"min_tip_wei": 2 * GWEI})
    assert "transaction underpriced" in refusal(node, wallet.sign(1, wallet.address, 1)[0])
    legacy, _ = wallet.sign_legacy(1, wallet.address, 1, chain_id=None)
    assert "only replay-protected" in refusal(node, legacy)


def test_a_legacy_transaction_is_shown_with_its_price(node: OurNode, wallet: Wallet) -> None:
    node.fund(wallet.address, ETHER)
    raw, expected = wallet.sign_legacy(0, wallet.address, 1, chain_id=CHAIN_ID)
    assert node.rpc("eth_sendRawTransaction", raw) == expected
    node.mine()
    shown = node.rpc("eth_getTransactionByHash", expected)
    assert (shown["type"], shown["gasPrice"]) == ("0x0", hex(20 * GWEI))
    assert receipt(node, expected)["effectiveGasPrice"] == hex(20 * GWEI)
    latest = block(node, "latest")
    assert latest["transactions"] == [expected]
    assert int(latest["size"], 16) > 600


def test_a_key_in_the_path_is_needed() -> None:
    with OurNode(
        CIFT_SANDBOX_ETHEREUM_RPC_KEY="s3cret", CIFT_SANDBOX_ETHEREUM_CHAIN_ID="5"
    ) as node:
        assert node.rpc("eth_chainId") == "0x5"
        other = JsonRpc(node.url.replace("s3cret", "guess"))
        answer = other.http.post(other.url, json={})
        other.close()
        assert answer.status_code == 401


def test_blocks_can_come_by_themselves(wallet: Wallet) -> None:
    with OurNode(CIFT_SANDBOX_ETHEREUM_BLOCK_S="0.1") as timed:
        txid = timed.pay(wallet.address, 5)
        wait_until(lambda: receipt(timed, txid) is not None)
        wait_until(lambda: int(block(timed, "finalized")["number"], 16) > 12)
