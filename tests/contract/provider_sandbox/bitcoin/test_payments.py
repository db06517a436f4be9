"""The faucet, blocks and reorganisations on command."""

from decimal import Decimal

import pytest

from tests.contract.provider_sandbox.test_process import wait_until
from tests.support.bitcoin_keys import Key, txid_of, virtual_size
from tests.support.bitcoin_node import BitcoinNode, RpcFailed


def confirmations(node: BitcoinNode, txid: str) -> int | None:
    """Of a transaction's first output; None: it does not exist or is spent."""
    found = node.rpc("gettxout", txid, 0)
    return None if found is None else int(found["confirmations"])


def test_a_payment_is_seen_and_then_confirmed(node: BitcoinNode) -> None:
    txid = node.pay(Key(1).address, 29_999_999)
    seen = node.rpc("getrawtransaction", txid, 2)
    assert seen["vout"][0]["value"] == Decimal("0.29999999")
    assert seen["vout"][0]["scriptPubKey"]["address"] == Key(1).address
    assert confirmations(node, txid) == 0
    [first] = node.mine()
    node.mine(2)
    assert confirmations(node, txid) == 3
    assert txid in node.rpc("getblock", first)["tx"]
    assert txid not in node.rpc("getrawmempool")


def test_a_payment_pays_the_rate_it_was_told_and_is_a_transaction_to_others(
    node: BitcoinNode,
) -> None:
    order = {"outputs": [{"address": Key(2).address, "sats": 5_000}] * 3, "fee_rate": "7.5"}
    paid = node.control("POST", "/pay", order)
    assert txid_of(paid["hex"]) == paid["txid"]
    entry = node.rpc("getmempoolentry", paid["txid"])
    size = virtual_size(paid["hex"])
    assert entry["vsize"] == size
    assert entry["fees"]["base"] * 10**8 == -(-size * 15 // 2)
    assert [one["sats"] for one in paid["outputs"]][:3] == [5_000] * 3


def test_only_chosen_transactions_are_mined(node: BitcoinNode) -> None:
    first, second = node.pay(Key(3).address, 1_000), node.pay(Key(3).address, 1_000)
    node.mine(transactions=[second])
    assert confirmations(node, first) == 0
    assert confirmations(node, second) == 1
    node.mine(transactions=[])
    assert confirmations(node, first) == 0


def test_fees_above_what_is_paid_leave_a_payment_waiting(node: BitcoinNode) -> None:
    node.control("PUT", "/fees", {"block_min": "50", "estimate": "60"})
    waiting, quick = node.pay(Key(4).address, 1_000), node.pay(Key(4).address, 1_000, fee_rate="60")
    node.mine()
    assert confirmations(node, waiting) == 0
    assert confirmations(node, quick) == 1
    assert node.rpc("estimatesmartfee", 2)["feerate"] == Decimal("0.00060000")


def test_a_reorganisation_keeps_the_transactions(node: BitcoinNode) -> None:
    txid = node.pay(Key(5).address, 2_000)
    [old, *_] = node.mine(3)
    height = node.rpc("getblockcount")
    new = node.reorg(3)
    assert len(new) == 4
    assert node.rpc("getblockcount") == height + 1
    assert node.rpc("getblockheader", old)["confirmations"] == -1
    assert confirmations(node, txid) == 4
    assert txid in node.rpc("getblock", new[0])["tx"]


@pytest.mark.parametrize("depth", [1, 2, 6, 20])
def test_a_dropped_payment_is_unconfirmed_again(node: BitcoinNode, depth: int) -> None:
    txid = node.pay(Key(6).address, 2_000)
    node.mine(depth)
    node.reorg(depth, drop=[txid])
    assert confirmations(node, txid) == 0
    node.mine()
    assert confirmations(node, txid) == 1


def test_a_forgotten_payment_is_gone_until_it_is_sent_again(node: BitcoinNode) -> None:
    paid = node.control(
        "POST", "/pay", {"outputs": [{"address": Key(7).address, "sats": 9_000}], "confirm": 2}
    )
    node.reorg(2, drop=[paid["txid"]], forget=True)
    assert confirmations(node, paid["txid"]) is None
    assert node.rpc("sendrawtransaction", paid["hex"]) == paid["txid"]
    assert confirmations(node, paid["txid"]) == 0


def test_a_replaced_payment_can_never_confirm(node: BitcoinNode) -> None:
    paid = node.control(
        "POST", "/pay", {"outputs": [{"address": Key(8).address, "sats": 9_000}], "confirm": 1}
    )
    thief = Key(9).address
    replaced = [{"txid": paid["txid"], "outputs": [{"address": thief, "sats": 9_000}]}]
    [old] = paid["blocks"]
    [block, _] = node.reorg(1, replace=replaced)
    known = node.rpc("getblock", old)["tx"]
    [stolen] = [one for one in node.rpc("getblock", block)["tx"][1:] if one not in known]
    found = node.rpc("gettxout", stolen, 0)
    assert found["scriptPubKey"]["address"] == thief
    assert confirmations(node, paid["txid"]) is None
    with pytest.raises(RpcFailed) as failed:
        node.rpc("sendrawtransaction", paid["hex"])
    assert (failed.value.code, failed.value.message) == (-25, "bad-txns-inputs-missingorspent")


def test_a_payment_can_be_replaced_before_it_is_confirmed(node: BitcoinNode) -> None:
    txid = node.pay(Key(10).address, 3_000)
    order = {"txid": txid, "fee_rate": "9", "outputs": [{"address": Key(11).address, "sats": 10}]}
    assert node.http.post("/replace", json=order).status_code == 422  # dust
    order["outputs"] = [{"address": Key(11).address, "sats": 1_000}]
    other = node.control("POST", "/replace", order)["txid"]
    assert txid not in node.rpc("getrawmempool")
    bumped = node.control("POST", "/replace", {"txid": other, "fee_rate": "20"})["txid"]
    node.mine()
    assert confirmations(node, bumped) == 1
    assert confirmations(node, other) is None


def test_an_evicted_payment_comes_back_when_it_is_sent_again(node: BitcoinNode) -> None:
    txid = node.pay(Key(12).address, 3_000)
    [gone] = node.control("DELETE", f"/mempool/{txid}")["removed"]
    assert node.rpc("getrawmempool").count(txid) == 0
    assert node.rpc("sendrawtransaction", gone["hex"]) == txid


def test_the_book_has_what_moved_and_follows_a_reorganisation(node: BitcoinNode) -> None:
    txid = node.pay(Key(13).address, 4_321, confirm=1)

    def moved() -> list[tuple[str, str, str]]:
        return [
            (one["kind"], one["amount"], one["fee"])
            for one in node.control("GET", "/book")["entries"]
            if one["provider_ids"]["txid"] == txid
        ]

    assert moved() == [("payment", "4321", "0")]
    node.reorg(1, drop=[txid])
    assert moved() == []


def test_blocks_can_come_by_themselves() -> None:
    with BitcoinNode(CIFT_SANDBOX_BITCOIN_BLOCK_S="0.1") as timed:
        txid = timed.pay(Key(14).address, 4_321)
        wait_until(lambda: (confirmations(timed, txid) or 0) >= 2)
