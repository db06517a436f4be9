"""Calls about unconfirmed transactions. They have the names of the RPC."""

from typing import Any

from provider_sandbox.bitcoin import parameters as given
from provider_sandbox.bitcoin import policy
from provider_sandbox.bitcoin.addresses import BadAddress, script_of
from provider_sandbox.bitcoin.call import Context, call
from provider_sandbox.bitcoin.chain import Coin
from provider_sandbox.bitcoin.mempool import MISSING, Mempool, Pooled
from provider_sandbox.bitcoin.parameters import INVALID, NOT_FOUND, coins
from provider_sandbox.bitcoin.policy import Rejected
from provider_sandbox.bitcoin.script_text import describe_script
from provider_sandbox.bitcoin.transaction import Outpoint, Transaction
from provider_sandbox.bitcoin.views import transaction_view
from provider_sandbox.node_rpc.errors import RpcError

_ERROR, _REJECTED, _ALREADY = -25, -26, -27
_DEFAULT_MAX_RATE = 10_000_000
"""Satoshi per 1000 virtual bytes: 0.10 BTC."""
_PLENTY = 25
"""Most transactions of one `testmempoolaccept`."""


@call("verbose", "mempool_sequence")
def getrawmempool(context: Context, verbose: Any, mempool_sequence: Any) -> Any:
    """The ids of the unconfirmed transactions, or their entries."""
    pool = context.node.pool
    numbered = given.flag(mempool_sequence, False)
    if given.flag(verbose, False):
        if numbered:
            raise RpcError(INVALID, "Verbose results cannot contain mempool sequence values.")
        return {txid: _entry_view(pool, pooled) for txid, pooled in pool.pooled.items()}
    txids = list(pool.pooled)
    return {"txids": txids, "mempool_sequence": pool.sequence} if numbered else txids


@call("txid", required=1)
def getmempoolentry(context: Context, txid: Any) -> dict[str, Any]:
    """One unconfirmed transaction."""
    pool = context.node.pool
    pooled = pool.pooled.get(given.hash_of(txid, "txid"))
    if pooled is None:
        raise RpcError(NOT_FOUND, "Transaction not in mempool")
    return _entry_view(pool, pooled)


def _entry_view(pool: Mempool, pooled: Pooled) -> dict[str, Any]:
    transaction = pooled.transaction
    above = [pool.pooled[one] for one in pool.ancestors(transaction)] + [pooled]
    below = [pool.pooled[one] for one in pool.descendants(transaction.id)]
    return {
        "vsize": pooled.size,
        "weight": transaction.weight,
        "time": pooled.time,
        "height": pooled.height,
        "descendantcount": len(below),
        "descendantsize": sum(one.size for one in below),
        "ancestorcount": len(above),
        "ancestorsize": sum(one.size for one in above),
        "wtxid": transaction.witness_id,
        "fees": {
            "base": coins(pooled.fee),
            "modified": coins(pooled.fee),
            "ancestor": coins(sum(one.fee for one in above)),
            "descendant": coins(sum(one.fee for one in below)),
        },
        "depends": pool.parents(transaction),
        "spentby": pool.children(transaction.id),
        "bip125-replaceable": any(policy.signals_replacement(one.transaction) for one in above),
        "unbroadcast": False,
    }


@call()
def getmempoolinfo(context: Context) -> dict[str, Any]:
    """The state of the mempool."""
    pool = context.node.pool
    size = sum(one.size for one in pool.pooled.values())
    return {
        "loaded": True,
        "size": len(pool.pooled),
        "bytes": size,
        "usage": 4 * size,
        "total_fee": coins(sum(one.fee for one in pool.pooled.values())),
        "maxmempool": 300_000_000,
        "mempoolminfee": coins(max(pool.fees.mempool_min, pool.fees.min_relay)),
        "minrelaytxfee": coins(pool.fees.min_relay),
        "incrementalrelayfee": coins(pool.fees.incremental),
        "unbroadcastcount": 0,
        "fullrbf": True,
    }


@call("outputs", required=1)
def gettxspendingprevout(context: Context, outputs: Any) -> list[dict[str, Any]]:
    """The unconfirmed transactions that spend these outputs."""
    wanted = given.expect(outputs, "array")
    if not wanted:
        raise RpcError(INVALID, "Invalid parameter, outputs are missing")
    answers = []
    for item in wanted:
        one = given.expect(item, "object")
        txid, index = given.hash_of(one.get("txid"), "txid"), given.whole(one.get("vout"))
        if index < 0:
            raise RpcError(INVALID, "Invalid parameter, vout cannot be negative")
        answer = {"txid": txid, "vout": index}
        if spender := context.node.pool.spenders.get((txid, index)):
            answer["spendingtxid"] = spender
        answers.append(answer)
    return answers


@call("txid", "verbosity", "blockhash", required=1)
def getrawtransaction(context: Context, txid: Any, verbosity: Any, blockhash: Any) -> Any:
    """An unconfirmed transaction, or with `blockhash` one of that block."""
    wanted = given.hash_of(txid, "txid")
    level = given.verbosity(verbosity, 0)
    if blockhash is not None:
        return _from_block(context, wanted, given.hash_of(blockhash, "blockhash"), level)
    pooled = context.node.pool.pooled.get(wanted)
    if pooled is None:
        raise RpcError(
            NOT_FOUND,
            "No such mempool transaction. Use -txindex or provide a block hash to enable "
            "blockchain transaction queries. Use gettransaction for wallet transactions.",
        )
    raw = pooled.transaction.raw().hex()
    if not level:
        return raw
    spent = _spent(context, pooled.transaction)
    return {**_detailed(pooled.transaction, spent, level), "hex": raw}


def _from_block(context: Context, txid: str, block_hash: str, level: int) -> Any:
    seen = context.seen
    try:
        entry = seen.entry(block_hash)
    except RpcError as error:
        raise RpcError(NOT_FOUND, "Block hash not found") from error
    found = next((one for one in entry.block.transactions if one.id == txid), None)
    if found is None:
        raise RpcError(
            NOT_FOUND,
            "No such transaction found in the provided block. "
            "Use gettransaction for wallet transactions.",
        )
    if not level:
        return found.raw().hex()
    times = {"time": entry.block.time, "blocktime": entry.block.time}
    depth = seen.confirmations(entry)
    return {
        "in_active_chain": depth > 0,
        **_detailed(found, entry.spent, level),
        "hex": found.raw().hex(),
        "blockhash": block_hash,
        "confirmations": max(depth, 0),
        **(times if depth > 0 else {}),
    }


def _detailed(one: Transaction, spent: dict[Outpoint, Coin], level: int) -> dict[str, Any]:
    """Level 2 adds the fee and the spent outputs."""
    return transaction_view(one, spent if level > 1 else None, prevouts=True)


def _spent(context: Context, one: Transaction) -> dict[Outpoint, Coin]:
    found = {i.outpoint: context.node.pool.coin(i.outpoint) for i in one.inputs}
    return {outpoint: coin for outpoint, coin in found.items() if coin}


@call("hexstring", required=1)
def decoderawtransaction(context: Context, hexstring: Any) -> dict[str, Any]:
    """The fields of a transaction."""
    del context
    return transaction_view(given.transaction(hexstring))


@call("conf_target", "estimate_mode", required=1)
def estimatesmartfee(context: Context, conf_target: Any, estimate_mode: Any) -> dict[str, Any]:
    """The fee rate that the control routes have set; without one not enough data."""
    target = given.whole(conf_target)
    if not 1 <= target <= 1008:
        raise RpcError(INVALID, "Invalid conf_target, must be between 1 and 1008")
    if str(estimate_mode or "economical").lower() not in ("unset", "economical", "conservative"):
        names = '"unset", "economical", "conservative"'
        raise RpcError(INVALID, f"Invalid estimate_mode parameter, must be one of: {names}")
    fees = context.node.fees
    if fees.estimate is None:
        return {"errors": ["Insufficient data or no feerate found"], "blocks": max(target, 2)}
    rate = max(fees.estimate, fees.mempool_min, fees.min_relay)
    return {"feerate": coins(rate), "blocks": max(target, 2)}


@call("rawtxs", "maxfeerate", required=1)
def testmempoolaccept(context: Context, rawtxs: Any, maxfeerate: Any) -> list[dict[str, Any]]:
    """Whether the mempool would accept a transaction. Packages are not checked together, so only
    one transaction is taken.
    """
    raws = given.expect(rawtxs, "array")
    if not 1 <= len(raws) <= _PLENTY:
        raise RpcError(INVALID, f"Array must contain between 1 and {_PLENTY} transactions.")
    if len(raws) > 1:
        raise RpcError(INVALID, "This node checks one transaction at a time.")
    one = given.transaction(raws[0])
    limit = _max_rate(maxfeerate)
    ids = {"txid": one.id, "wtxid": one.witness_id}
    try:
        checked = context.node.pool.check(one, now=context.node.now())
    except Rejected as error:
        reason = "missing-inputs" if error.reason == MISSING else error.reason
        return [{**ids, "allowed": False, "reject-reason": reason, "reject-details": str(error)}]
    if limit and checked.fee > policy.fee_at(limit, checked.size):
        return [{**ids, "allowed": False, "reject-reason": "max-fee-exceeded"}]
    fees = {
        "base": coins(checked.fee),
        "effective-feerate": coins(policy.rate_of(checked.fee, checked.size)),
        "effective-includes": [one.witness_id],
    }
    return [{**ids, "allowed": True, "vsize": checked.size, "fees": fees}]


@call("hexstring", "maxfeerate", "maxburnamount", required=1)
def sendrawtransaction(
    context: Context, hexstring: Any, maxfeerate: Any, maxburnamount: Any
) -> str:
    """Accept a transaction; again without an error if it is in the mempool already."""
    one = given.transaction(hexstring)
    limit = _max_rate(maxfeerate)
    burnt = 0 if maxburnamount is None else given.amount(maxburnamount)
    if any(out.script[:1] == b"\x6a" and out.value > burnt for out in one.outputs):
        raise RpcError(
            _ERROR, "Unspendable output exceeds maximum configured by user (maxburnamount)"
        )
    node = context.node
    if any((one.id, index) in node.chain.coins for index in range(len(one.outputs))):
        raise RpcError(_ALREADY, "Transaction outputs already in utxo set")
    if one.id in node.pool.pooled:
        return one.id
    try:
        checked = node.pool.check(one, now=node.now())
        if limit and checked.fee > policy.fee_at(limit, checked.size):
            raise RpcError(
                _ERROR, "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"
            )
        node.send(one)
    except Rejected as error:
        code = _ERROR if error.reason == MISSING else _REJECTED
        raise RpcError(code, str(error)) from error
    return one.id


def _max_rate(value: Any) -> int:
    """The highest fee rate in satoshi per 1000 virtual bytes; 0: none."""
    rate = _DEFAULT_MAX_RATE if value is None else given.amount(value)
    if rate > policy.COIN:
        raise RpcError(INVALID, "Fee rates larger than or equal to 1BTC/kvB are not accepted")
    return rate


@call("address", required=1)
def validateaddress(context: Context, address: Any) -> dict[str, Any]:
    """Whether an address is valid on this network."""
    del context
    written = given.text(address)
    try:
        script = script_of(written)
    except BadAddress as error:
        return {"isvalid": False, "error_locations": [], "error": str(error)}
    described = describe_script(script)
    witness = described["type"].startswith("witness_") or described["type"] == "anchor"
    view = {
        "isvalid": True,
        "address": described["address"],
        "scriptPubKey": script.hex(),
        "isscript": described["type"] in ("scripthash", "witness_v0_scripthash"),
        "iswitness": witness,
    }
    if witness:
        view["witness_version"] = script[0] - 0x50 if script[0] else 0
        view["witness_program"] = script[2:].hex()
    return view
