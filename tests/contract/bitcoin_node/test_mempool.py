"""Unconfirmed transactions: accepted, refused with Bitcoin Core's reasons, replaced, confirmed."""

from decimal import Decimal

import pytest

from tests.contract.bitcoin_node.conftest import Peer
from tests.contract.bitcoin_node.test_blocks import UNKNOWN, failed, paid
from tests.support.bitcoin_keys import Coin, Form, Key, txid_of, virtual_size

SIZE = 110
"""Virtual bytes of a transaction with one input and one output, both P2WPKH."""


def one_to_one(peer: Peer, coin: Coin, script: bytes, fee: int) -> str:
    return peer.key.spend([coin], [(script, coin.sats - fee)])


def reason(peer: Peer, raw: str) -> str:
    """Why a transaction is refused; both calls must agree."""
    [checked] = peer.rpc("testmempoolaccept", [raw])
    assert checked["allowed"] is False
    error = failed(peer, "sendrawtransaction", raw)
    if checked["reject-reason"] == "missing-inputs":
        assert (error.code, error.message) == (-25, "bad-txns-inputs-missingorspent")
    else:
        assert error.code == -26
        assert error.message.startswith(checked["reject-reason"])
    assert error.status == 500
    return error.message


def test_an_accepted_transaction_is_seen_everywhere(peer: Peer, other: Key) -> None:
    coin = peer.coin()
    raw = one_to_one(peer, coin, other.script, 1_100)
    [checked] = peer.rpc("testmempoolaccept", [raw])
    assert (checked["allowed"], checked["vsize"]) == (True, SIZE)
    assert checked["fees"]["base"] == Decimal("0.00001100")
    assert checked["fees"]["effective-feerate"] == Decimal("0.00010000")
    before = peer.rpc("getrawmempool", False, True)["mempool_sequence"]
    txid = peer.rpc("sendrawtransaction", raw)
    assert txid == txid_of(raw) == checked["txid"]
    after = peer.rpc("getrawmempool", False, True)
    assert txid in after["txids"]
    assert after["mempool_sequence"] > before
    entry = peer.rpc("getmempoolentry", txid)
    assert entry["vsize"] == virtual_size(raw) == -(-entry["weight"] // 4)
    assert (entry["ancestorcount"], entry["descendantcount"]) == (1, 1)
    assert entry["bip125-replaceable"] is True
    assert peer.rpc("getrawtransaction", txid) == raw
    outpoint = {"txid": coin.txid, "vout": coin.vout}
    [spending] = peer.rpc("gettxspendingprevout", [outpoint])
    assert spending["spendingtxid"] == txid
    assert peer.rpc("gettxout", coin.txid, coin.vout) is None
    assert peer.rpc("gettxout", coin.txid, coin.vout, False)["value"] == Decimal("0.10000000")


def test_sending_again_succeeds_until_it_is_confirmed(peer: Peer, other: Key) -> None:
    raw = one_to_one(peer, peer.coin(), other.script, 1_000)
    txid = peer.rpc("sendrawtransaction", raw)
    assert peer.rpc("sendrawtransaction", raw) == txid
    [block] = peer.mine()
    error = failed(peer, "sendrawtransaction", raw)
    assert (error.code, error.message) == (-27, "Transaction outputs already in utxo set")
    [checked] = peer.rpc("testmempoolaccept", [raw])
    assert checked["reject-reason"] == "txn-already-known"
    found = peer.rpc("getrawtransaction", txid, 1, block)
    assert (found["confirmations"], found["in_active_chain"]) == (1, True)
    assert found["blockhash"] == block
    assert failed(peer, "getrawtransaction", txid, 1, UNKNOWN).code == -5
    assert failed(peer, "getmempoolentry", txid).code == -5


def test_a_taproot_coin_is_spent_with_its_key(peer: Peer, other: Key) -> None:
    txid = paid(peer, other.taproot_script, 50_000)
    raw = other.spend_taproot(Coin(txid, 0, 50_000), [(other.script, 49_000)])
    changed = f"{raw[:-40]}{int(raw[-40], 16) ^ 1:x}{raw[-39:]}"  # in the signature
    assert "script-verify-flag" in reason(peer, changed)
    assert peer.rpc("sendrawtransaction", raw) == txid_of(raw)
    [block] = peer.mine()
    assert txid_of(raw) in peer.rpc("getblock", block)["tx"]


def test_a_signature_for_another_amount_is_refused(peer: Peer, other: Key) -> None:
    coin = peer.coin()
    raw = peer.key.spend([coin], [(other.script, 1_000_000)], signed_sats=coin.sats + 1)
    assert "script-verify-flag" in reason(peer, raw)


def test_a_stranger_cannot_spend(peer: Peer, other: Key) -> None:
    raw = other.spend([peer.coin()], [(other.script, 1_000_000)])
    assert "script-verify-flag" in reason(peer, raw)


def test_bytes_that_are_no_transaction(peer: Peer, other: Key) -> None:
    raw = one_to_one(peer, peer.coin(), other.script, 1_000)
    for bad in (raw[:-2], raw + "00", "", "zz", "00" * 60):
        assert failed(peer, "sendrawtransaction", bad).code == -22


def test_inputs_that_are_spent_or_unknown(peer: Peer, other: Key) -> None:
    unknown = other.spend([Coin(UNKNOWN, 0, 5_000)], [(other.script, 4_000)])
    assert reason(peer, unknown) == "bad-txns-inputs-missingorspent"
    coin = peer.coin()
    peer.rpc("sendrawtransaction", one_to_one(peer, coin, other.script, 1_000))
    peer.mine()
    again = one_to_one(peer, coin, other.script, 2_000)
    assert reason(peer, again) == "bad-txns-inputs-missingorspent"


def test_rules_of_relay(peer: Peer, other: Key) -> None:
    coin = peer.coin()
    poor = peer.key.spend([coin], [(other.script, coin.sats + 1)])
    assert reason(peer, poor).startswith("bad-txns-in-belowout")
    dust = peer.key.spend([coin], [(other.script, 293), (peer.key.script, 1_000_000)])
    assert reason(peer, dust).startswith("dust")
    cheap = one_to_one(peer, coin, other.script, 0)
    assert "relay fee not met" in reason(peer, cheap)
    odd = peer.key.spend([coin], [(b"\x51\x52", 1_000_000)])
    assert reason(peer, odd) == "scriptpubkey"
    height = peer.rpc("getblockcount")
    locked = Form(lock_time=height + 5)
    early = peer.key.spend([coin], [(other.script, 1_000_000)], locked)
    assert reason(peer, early) == "non-final"
    relative = Form(sequence=10_000)
    young = peer.key.spend([coin], [(other.script, 1_000_000)], relative)
    assert reason(peer, young) == "non-BIP68-final"
    twice = peer.key.spend([coin, coin], [(other.script, 1_000_000)])
    assert reason(peer, twice) == "bad-txns-inputs-duplicate"
    smallest = peer.key.spend([coin], [(other.script, 294), (peer.key.script, 9_990_000)])
    assert peer.rpc("testmempoolaccept", [smallest])[0]["allowed"] is True


def test_a_reward_needs_a_hundred_blocks(peer: Peer, other: Key) -> None:
    [block] = peer.rpc("generatetoaddress", 1, other.address)
    [reward] = peer.rpc("getblock", block, 2)["tx"][:1]
    sats = int(reward["vout"][0]["value"] * 10**8)
    raw = other.spend([Coin(reward["txid"], 0, sats)], [(other.script, sats - 1_000)])
    peer.mine(98)
    assert reason(peer, raw).startswith("bad-txns-premature-spend-of-coinbase")
    peer.mine()
    assert peer.rpc("sendrawtransaction", raw) == txid_of(raw)


def test_a_fee_above_the_callers_limit_is_refused(peer: Peer, other: Key) -> None:
    rich = one_to_one(peer, peer.coin(), other.script, 2_000_000)
    error = failed(peer, "sendrawtransaction", rich)
    assert error.code == -25
    assert error.message.startswith("Fee exceeds maximum configured by user")
    assert peer.rpc("testmempoolaccept", [rich])[0]["reject-reason"] == "max-fee-exceeded"
    assert failed(peer, "sendrawtransaction", rich, 0.001).code == -25
    assert peer.rpc("sendrawtransaction", rich, 0) == txid_of(rich)


def test_a_replacement_must_pay_more(peer: Peer, other: Key) -> None:
    coin = peer.coin()
    first = peer.rpc("sendrawtransaction", one_to_one(peer, coin, other.script, 1_100))
    less = one_to_one(peer, coin, other.script, 1_000)
    assert reason(peer, less).startswith("insufficient fee")
    barely = one_to_one(peer, coin, other.script, 1_101)
    assert reason(peer, barely).startswith("insufficient fee")
    enough = one_to_one(peer, coin, other.script, 1_100 + SIZE)
    second = peer.rpc("sendrawtransaction", enough)
    pooled = peer.rpc("getrawmempool")
    assert second in pooled
    assert first not in pooled
    assert failed(peer, "getrawtransaction", first).code == -5


def test_a_replacement_takes_the_children_with_it(peer: Peer, other: Key) -> None:
    coin = peer.coin()
    parent = one_to_one(peer, coin, other.script, 1_100)
    parent_id = peer.rpc("sendrawtransaction", parent)
    child = other.spend([Coin(parent_id, 0, coin.sats - 1_100)], [(other.script, 9_000_000)])
    child_id = peer.rpc("sendrawtransaction", child)
    entry = peer.rpc("getmempoolentry", child_id)
    assert (entry["depends"], entry["ancestorcount"]) == ([parent_id], 2)
    assert peer.rpc("getmempoolentry", parent_id)["spentby"] == [child_id]
    child_fee = coin.sats - 1_100 - 9_000_000
    too_little = one_to_one(peer, coin, peer.key.script, 1_100 + child_fee - 1)
    assert reason(peer, too_little).startswith("insufficient fee")
    enough = one_to_one(peer, coin, peer.key.script, 1_100 + child_fee + SIZE)
    replaced_by = peer.rpc("sendrawtransaction", enough, 0)
    pooled = peer.rpc("getrawmempool")
    assert replaced_by in pooled
    assert not {parent_id, child_id} & set(pooled)
    assert failed(peer, "sendrawtransaction", child).code == -25


def test_a_child_pays_for_its_parent_and_both_are_mined_in_order(peer: Peer, other: Key) -> None:
    coin = peer.coin()
    parent = peer.rpc("sendrawtransaction", one_to_one(peer, coin, other.script, 200))
    raw = other.spend([Coin(parent, 0, coin.sats - 200)], [(other.script, 9_000_000)])
    child = peer.rpc("sendrawtransaction", raw, 0)
    [block] = peer.mine()
    mined = peer.rpc("getblock", block)["tx"]
    assert mined.index(parent) < mined.index(child)


def test_long_chains_of_unconfirmed_transactions_are_limited(peer: Peer, other: Key) -> None:
    if peer.rpc("getnetworkinfo")["version"] >= 310_000:
        pytest.skip("since version 31 the limit is one of clusters")
    coin = peer.coin()
    txid = peer.rpc("sendrawtransaction", one_to_one(peer, coin, other.script, 1_000))
    sats = coin.sats - 1_000
    for _ in range(24):
        raw = other.spend([Coin(txid, 0, sats)], [(other.script, sats - 1_000)])
        txid, sats = peer.rpc("sendrawtransaction", raw), sats - 1_000
    raw = other.spend([Coin(txid, 0, sats)], [(other.script, sats - 1_000)])
    assert reason(peer, raw).startswith("too-long-mempool-chain")
    peer.mine()
    assert peer.rpc("sendrawtransaction", raw) == txid_of(raw)


def test_without_data_there_is_no_fee_estimate(peer: Peer) -> None:
    found = peer.rpc("estimatesmartfee", 6)
    assert ("feerate" in found) != ("errors" in found)
    assert failed(peer, "estimatesmartfee", 0).code == -8
    relay = peer.rpc("getmempoolinfo")["minrelaytxfee"]
    assert relay == peer.rpc("getnetworkinfo")["relayfee"]
