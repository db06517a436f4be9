"""Blocks: hashes, links, branches, and the unspent outputs."""

import hashlib
from decimal import Decimal

import pytest

from tests.contract.bitcoin_node.conftest import Peer
from tests.support.bitcoin_keys import Key, txid_of
from tests.support.bitcoin_node import RpcFailed
from tests.support.wally import wally

UNKNOWN = "12" * 32


def double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def merkle_root(txids: list[str]) -> str:
    """The root over transaction ids, written again from the protocol's description."""
    level = [bytes.fromhex(one)[::-1] for one in txids]
    while len(level) > 1:
        level += level[-1:] * (len(level) % 2)
        level = [double_sha256(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
    return level[0][::-1].hex()


def paid(peer: Peer, script: bytes, sats: int = 1_000_000) -> str:
    """The id of a transaction to a script; what is left is its fee."""
    coin = peer.coin()
    change = coin.sats - sats - 1_000
    raw = peer.key.spend([coin], [(script, sats), (peer.key.script, change)])
    return str(peer.rpc("sendrawtransaction", raw))


def failed(peer: Peer, method: str, *params: object) -> RpcFailed:
    with pytest.raises(RpcFailed) as error:
        peer.rpc(method, *params)
    return error.value


def test_the_chain_is_known(peer: Peer) -> None:
    found = peer.rpc("getblockchaininfo")
    assert found["chain"] == "regtest"
    assert found["blocks"] == found["headers"] == peer.rpc("getblockcount")
    assert found["bestblockhash"] == peer.rpc("getbestblockhash")
    assert found["pruned"] is False
    assert isinstance(found["initialblockdownload"], bool)
    genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    assert peer.rpc("getblockhash", 0) == genesis


def test_a_raw_block_has_its_hash_its_link_and_its_root(peer: Peer, other: Key) -> None:
    txids = [paid(peer, other.script) for _ in range(4)]
    [block_hash] = peer.mine()
    raw = bytes.fromhex(peer.rpc("getblock", block_hash, 0))
    header = raw[:80]
    assert double_sha256(header)[::-1].hex() == block_hash
    assert bytes.fromhex(peer.rpc("getblockheader", block_hash, False)) == header
    shown = peer.rpc("getblock", block_hash, 2)
    assert header[4:36][::-1].hex() == shown["previousblockhash"]
    assert header[36:68][::-1].hex() == shown["merkleroot"]
    found = [one["txid"] for one in shown["tx"]]
    assert [txid_of(one["hex"]) for one in shown["tx"]] == found
    assert merkle_root(found) == shown["merkleroot"]
    assert set(found[1:]) == set(txids)
    body = b"".join(bytes.fromhex(one["hex"]) for one in shown["tx"])
    assert raw[80:] == bytes([len(found)]) + body
    assert (shown["size"], shown["nTx"]) == (len(raw), 5)
    assert shown["weight"] == 3 * shown["strippedsize"] + shown["size"]


def test_verbosity_three_shows_what_was_spent(peer: Peer, other: Key) -> None:
    txid = paid(peer, other.script)
    [block_hash] = peer.mine()
    found = {one["txid"]: one for one in peer.rpc("getblock", block_hash, 3)["tx"]}[txid]
    [spent] = found["vin"]
    assert spent["prevout"]["value"] == Decimal("0.10000000")
    assert spent["prevout"]["scriptPubKey"]["hex"] == peer.key.script.hex()
    assert found["fee"] == Decimal("0.00001000")
    shown = found["vout"][0]["scriptPubKey"]
    assert (shown["address"], shown["type"]) == (other.address, "witness_v0_keyhash")
    assert shown["asm"] == f"0 {other.script[2:].hex()}"


def test_amounts_are_written_exactly(peer: Peer, other: Key) -> None:
    coin = peer.coin()
    sats = [1_000_001, 2_000_002, 6_990_000]
    raw = peer.key.spend([coin], [(other.script, one) for one in sats])
    peer.rpc("sendrawtransaction", raw)
    peer.mine()
    question = {"method": "getblock", "params": [peer.rpc("getbestblockhash"), 2]}
    answer = peer.rpc.http.post("/", json=question).text.replace(": ", ":")
    for text in ("0.01000001", "0.02000002", "0.06990000"):
        assert f'"value":{text},' in answer
    assert '"fee":0.00009997,' in answer


def test_a_block_off_the_active_chain_has_minus_one_confirmation(peer: Peer, other: Key) -> None:
    txid = paid(peer, other.script)
    [old, *_] = peer.mine(3)
    height = peer.rpc("getblockheader", old)["height"]
    peer.rpc("invalidateblock", old)
    assert peer.rpc("getblockcount") == height - 1
    assert peer.rpc("getblockheader", old)["confirmations"] == -1
    assert txid in peer.rpc("getrawmempool")
    [new] = peer.mine()
    assert peer.rpc("getblockhash", height) == new != old
    assert txid in peer.rpc("getblock", new)["tx"]
    peer.rpc("reconsiderblock", old)
    assert peer.rpc("getblockhash", height) == old
    assert peer.rpc("getblockheader", new)["confirmations"] == -1
    tips = {one["hash"]: one for one in peer.rpc("getchaintips")}
    assert (tips[new]["status"], tips[new]["branchlen"]) == ("valid-fork", 1)
    assert tips[peer.rpc("getbestblockhash")]["status"] == "active"
    assert txid in peer.rpc("getblock", old)["tx"]


def test_confirmations_and_links_follow_the_chain(peer: Peer) -> None:
    [low, middle, high] = peer.mine(3)
    found = [peer.rpc("getblockheader", one) for one in (low, middle, high)]
    assert [one["confirmations"] for one in found] == [3, 2, 1]
    assert (found[1]["previousblockhash"], found[1]["nextblockhash"]) == (low, high)
    assert "nextblockhash" not in found[2]
    assert found[0]["mediantime"] <= found[2]["mediantime"] <= found[2]["time"]
    assert int(found[2]["chainwork"], 16) > int(found[1]["chainwork"], 16)


def test_wrong_questions_have_their_codes(peer: Peer) -> None:
    unknown = failed(peer, "getblock", UNKNOWN)
    assert (unknown.code, unknown.message, unknown.status) == (-5, "Block not found", 500)
    high = failed(peer, "getblockhash", 10**6)
    assert (high.code, high.message) == (-8, "Block height out of range")
    short = failed(peer, "getblock", "abc")
    assert short.code == -8
    assert "must be of length 64 (not 3, for 'abc')" in short.message
    assert failed(peer, "getblockheader", "z" * 64).code == -8
    assert failed(peer, "getblockhash").code == -1
    assert failed(peer, "getblockhash", "1").code in (-1, -3)
    nothing = failed(peer, "getnothing")
    assert (nothing.code, nothing.message, nothing.status) == (-32601, "Method not found", 404)


def test_submitted_blocks_are_judged(peer: Peer) -> None:
    tip = peer.rpc("getbestblockhash")
    raw = peer.rpc("getblock", tip, 0)
    assert peer.rpc("submitblock", raw) == "duplicate"
    assert failed(peer, "submitblock", "00" * 10).code == -22
    peer.rpc("invalidateblock", tip)
    assert peer.rpc("submitblock", raw) == "duplicate-invalid"
    changed = raw[:-12] + ("0" if raw[-12] != "0" else "1") + raw[-11:]
    assert peer.rpc("submitblock", changed) not in (None, "duplicate", "inconclusive")
    assert peer.rpc("getblockcount") == peer.rpc("getblockheader", tip)["height"] - 1
    peer.rpc("reconsiderblock", tip)
    assert peer.rpc("getbestblockhash") == tip


def test_unspent_outputs_are_found_and_counted(peer: Peer, other: Key) -> None:
    first, second = paid(peer, other.script, 1_000_000), paid(peer, other.script, 2_000_003)
    seen = peer.rpc("gettxout", first, 0)
    assert (seen["confirmations"], seen["value"]) == (0, Decimal("0.01000000"))
    assert peer.rpc("gettxout", first, 0, False) is None
    peer.mine(2)
    found = peer.rpc("scantxoutset", "start", [f"addr({other.address})", f"raw({UNKNOWN})"])
    assert found["total_amount"] == Decimal("0.03000003")
    assert {one["txid"] for one in found["unspents"]} == {first, second}
    assert found["height"] == peer.rpc("getblockcount")
    assert peer.rpc("gettxout", first, 0)["confirmations"] == 2
    assert peer.rpc("gettxout", UNKNOWN, 0) is None
    assert failed(peer, "scantxoutset", "start", ["addr(nothing)"]).code == -5


def test_the_outputs_of_an_extended_public_key_are_found(peer: Peer, other: Key) -> None:
    """Keys and scripts by libwally; the last two are beyond the range that is asked for."""
    account = wally.bip32_key_from_seed(wally.sha256(other.script), wally.BIP32_VER_TEST_PRIVATE, 0)
    xpub = wally.bip32_key_to_base58(account, wally.BIP32_FLAG_KEY_PUBLIC)
    paths = [[0, 0], [0, 7], [1, 3], [0, 8], [1, 9]]
    for sats, path in enumerate(paths, 1_000_001):
        child = wally.bip32_key_from_parent_path(account, path, wally.BIP32_FLAG_KEY_PUBLIC)
        key = wally.bip32_key_get_pub_key(child)
        paid(peer, bytes.fromhex("0014") + bytes(wally.hash160(key)), sats)
    peer.mine()
    wanted = {"desc": f"wpkh([73c5da0a/84h/1h/0h]{xpub}/<0;1>/*)", "range": 7}
    found = peer.rpc("scantxoutset", "start", [wanted])
    assert sorted(one["amount"] for one in found["unspents"]) == [
        Decimal(f"0.0100000{number}") for number in (1, 2, 3)
    ]
    single = peer.rpc("scantxoutset", "start", [f"wpkh({xpub}/1/9)"])
    assert single["total_amount"] == Decimal("0.01000005")
    assert failed(peer, "scantxoutset", "start", [f"wpkh({xpub}/0h/*)"]).code == -5
    assert failed(peer, "scantxoutset", "start", [{**wanted, "range": [5, 2]}]).code == -8
