"""Calls about blocks and unspent outputs. They have the names of the RPC."""

from decimal import Decimal
from typing import Any

from provider_sandbox.bitcoin import parameters as given
from provider_sandbox.bitcoin.block import target_of
from provider_sandbox.bitcoin.call import Context, call
from provider_sandbox.bitcoin.chain import Chain, Entry
from provider_sandbox.bitcoin.descriptors import scripts_of
from provider_sandbox.bitcoin.parameters import INVALID, coins
from provider_sandbox.bitcoin.script_text import describe_script, descriptor
from provider_sandbox.bitcoin.views import block_view, difficulty, header_view
from provider_sandbox.node_rpc.errors import RpcError

MAIN_GENESIS = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
VERSION = 300000


@call()
def getblockchaininfo(context: Context) -> dict[str, Any]:
    """The state of the chain."""
    seen = context.seen
    tip, chain = seen.tip, context.node.chain
    return {
        "chain": "main" if context.node.behaviour.wrong_chain else "regtest",
        "blocks": tip.height,
        "headers": chain.height,
        "bestblockhash": tip.block.hash,
        "bits": f"{tip.block.bits:08x}",
        "target": f"{target_of(tip.block.bits):064x}",
        "difficulty": difficulty(tip.block.bits),
        "time": tip.block.time,
        "mediantime": chain.median_time(tip),
        "verificationprogress": 1 if seen.height == chain.height else 0.99,
        "initialblockdownload": seen.height < chain.height,
        "chainwork": f"{tip.work:064x}",
        "size_on_disk": sum(len(entry.block.raw) for entry in chain.entries.values()),
        "pruned": False,
        "warnings": [],
    }


@call()
def getbestblockhash(context: Context) -> str:
    """The hash of the highest block."""
    return context.seen.tip.block.hash


@call()
def getblockcount(context: Context) -> int:
    """The height."""
    return context.seen.height


@call("height", required=1)
def getblockhash(context: Context, height: Any) -> str:
    """The hash of the block at a height."""
    wanted = given.whole(height)
    if wanted == 0 and context.node.behaviour.wrong_chain:
        return MAIN_GENESIS
    return context.seen.at(wanted).block.hash


@call("blockhash", "verbose", required=1)
def getblockheader(context: Context, blockhash: Any, verbose: Any) -> Any:
    """The header, as fields or in hexadecimal."""
    seen = context.seen
    entry = seen.entry(given.hash_of(blockhash, "hash"))
    return header_view(seen, entry) if given.flag(verbose, True) else entry.block.header.hex()


@call("blockhash", "verbosity", required=1)
def getblock(context: Context, blockhash: Any, verbosity: Any) -> Any:
    """The block: in hexadecimal (0), with ids (1), transactions (2), spent outputs (3)."""
    seen = context.seen
    entry = seen.entry(given.hash_of(blockhash, "blockhash"))
    level = given.verbosity(verbosity, 1)
    if level > 0:
        return block_view(seen, entry, level)
    raw = entry.block.raw
    if context.node.behaviour.corrupt_blocks:
        raw = raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:]
    return raw.hex()


@call()
def getchaintips(context: Context) -> list[dict[str, Any]]:
    """The ends of all branches, highest first."""
    chain = context.node.chain
    parents = {entry.block.previous for entry in chain.entries.values()}
    ends = (chain.entries.keys() - parents - set(chain.active)) | {chain.active[-1]}
    tips = [_tip(chain, chain.entries[block_hash]) for block_hash in ends]
    return sorted(tips, key=lambda tip: -tip["height"])


def _tip(chain: Chain, entry: Entry) -> dict[str, Any]:
    depths = enumerate(chain.branch(entry))
    length = next(depth for depth, one in depths if chain.is_active(one.block.hash))
    status = "valid-fork" if length else "active"
    if chain.is_invalid(entry.block.hash):
        status = "invalid"
    return {
        "height": entry.height,
        "hash": entry.block.hash,
        "branchlen": length,
        "status": status,
    }


@call("txid", "n", "include_mempool", required=2)
def gettxout(context: Context, txid: Any, n: Any, include_mempool: Any) -> Any:
    """An unspent output; null if it is spent or unknown."""
    outpoint = given.hash_of(txid, "txid"), given.whole(n)
    chain, pool = context.node.chain, context.node.pool
    if given.flag(include_mempool, True):
        coin = None if outpoint in pool.spenders else pool.coin(outpoint)
    else:
        coin = chain.coins.get(outpoint)
    if coin is None:
        return None
    return {
        "bestblock": chain.tip.block.hash,
        "confirmations": max(chain.height - coin.height + 1, 0),
        "value": coins(coin.output.value),
        "scriptPubKey": describe_script(coin.output.script),
        "coinbase": coin.coinbase,
    }


@call("action", "scanobjects", required=1)
def scantxoutset(context: Context, action: Any, scanobjects: Any) -> Any:
    """The unspent confirmed outputs of descriptors; a scan ends at once."""
    wanted = given.text(action)
    if wanted in ("abort", "status"):
        return False if wanted == "abort" else None
    if wanted != "start":
        raise RpcError(INVALID, f"Invalid action '{wanted}'")
    if scanobjects is None:
        raise RpcError(given.MISC, "scanobjects argument is required for the start action")
    chain = context.node.chain
    scripts = [one for item in given.expect(scanobjects, "array") for one in scripts_of(item)]
    found = [
        _unspent(context, outpoint)
        for script in dict.fromkeys(scripts)
        for outpoint in sorted(chain.by_script.get(script, ()))
    ]
    return {
        "success": True,
        "txouts": len(chain.coins),
        "height": chain.height,
        "bestblock": chain.tip.block.hash,
        "unspents": found,
        "total_amount": sum((one["amount"] for one in found), Decimal("0.00000000")),
    }


def _unspent(context: Context, outpoint: tuple[str, int]) -> dict[str, Any]:
    chain = context.node.chain
    coin = chain.coins[outpoint]
    return {
        "txid": outpoint[0],
        "vout": outpoint[1],
        "scriptPubKey": coin.output.script.hex(),
        "desc": descriptor(coin.output.script),
        "amount": coins(coin.output.value),
        "coinbase": coin.coinbase,
        "height": coin.height,
        "blockhash": chain.active[coin.height],
        "confirmations": chain.height - coin.height + 1,
    }


@call()
def getnetworkinfo(context: Context) -> dict[str, Any]:
    """Version and relay fees. The node has no peers."""
    fees = context.node.fees
    return {
        "version": VERSION,
        "subversion": "/Satoshi:30.0.0/",
        "protocolversion": 70016,
        "localservices": "0000000000000c09",
        "localservicesnames": ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2"],
        "localrelay": True,
        "timeoffset": 0,
        "networkactive": True,
        "connections": 0,
        "connections_in": 0,
        "connections_out": 0,
        "networks": [],
        "relayfee": coins(fees.min_relay),
        "incrementalfee": coins(fees.incremental),
        "localaddresses": [],
        "warnings": [],
    }


@call()
def getconnectioncount(context: Context) -> int:
    """The number of peers: none."""
    del context
    return 0


@call()
def uptime(context: Context) -> int:
    """Seconds since the start."""
    return context.node.now() - context.node.started


@call()
def stop(context: Context) -> str:
    """End the process."""
    context.stop()
    return "Bitcoin Core stopping"
