"""Calls about blocks, logs and the node. They have the names of the RPC."""

from typing import Any

from provider_sandbox.ethereum import parameters as given
from provider_sandbox.ethereum.call import Context, call
from provider_sandbox.ethereum.chain import Entry, Place
from provider_sandbox.ethereum.logs import read_filter
from provider_sandbox.ethereum.parameters import bytes_shown, shown
from provider_sandbox.ethereum.tracing import trace
from provider_sandbox.ethereum.views import block_view, log_views, receipt_view
from provider_sandbox.node_rpc.errors import RpcError

CLIENT = "CIFT-test-node/py-evm"
MAIN_CHAIN = 1


@call()
def web3_clientVersion(context: Context) -> str:  # noqa: N802 - the RPC's name
    """The name of the program."""
    del context
    return CLIENT


@call()
def eth_chainId(context: Context) -> str:  # noqa: N802 - the RPC's name
    """The chain's id."""
    return shown(MAIN_CHAIN if context.node.behaviour.wrong_chain else context.node.chain_id)


@call()
def net_version(context: Context) -> str:
    """The network's id, decimal."""
    return str(MAIN_CHAIN if context.node.behaviour.wrong_chain else context.node.chain_id)


@call()
def net_peerCount(context: Context) -> str:  # noqa: N802 - the RPC's name
    """The number of peers: none."""
    del context
    return "0x0"


@call()
def eth_syncing(context: Context) -> Any:
    """False, or how far the node is."""
    if context.height == context.chain.height:
        return False
    return {
        "startingBlock": "0x0",
        "currentBlock": shown(context.height),
        "highestBlock": shown(context.chain.height),
    }


@call()
def eth_blockNumber(context: Context) -> str:  # noqa: N802 - the RPC's name
    """The number of the latest block."""
    return shown(context.height)


@call(2, 1)
def eth_getBlockByNumber(context: Context, block: Any, full: Any) -> Any:  # noqa: N802
    """A block of the active chain; null if there is none."""
    return _view(context, context.by_number(block), full)


@call(2, 1)
def eth_getBlockByHash(context: Context, block_hash: Any, full: Any) -> Any:  # noqa: N802
    """A block, also of another branch; null if there is none."""
    return _view(context, context.by_hash(given.hash_of(block_hash, 0)), full)


def _view(context: Context, entry: Entry | None, full: Any) -> Any:
    if full not in (None, True, False):
        raise given.invalid(1, "json: cannot unmarshal into Go value of type bool")
    if entry is None:
        return None
    view = block_view(entry, full=bool(full))
    if context.node.behaviour.corrupt_blocks:
        view["parentHash"] = bytes_shown(bytes(reversed(entry.header.parent_hash)))
    return view


@call(1)
def eth_getBlockReceipts(context: Context, block: Any) -> Any:  # noqa: N802 - the RPC's name
    """The receipts of a block, by number, tag or hash; null if there is none."""
    entry = _any_block(context, block)
    return None if entry is None else [receipt_view(place) for place in _places(entry)]


def _any_block(context: Context, block: Any) -> Entry | None:
    if isinstance(block, dict):
        block = block.get("blockHash", block.get("blockNumber"))
    if isinstance(block, str) and len(block) == 66:
        return context.by_hash(given.hash_of(block, 0))
    return context.by_number(block)


@call(1)
def eth_getLogs(context: Context, wanted: Any) -> list[dict[str, Any]]:  # noqa: N802
    """The logs of a block or of a range of the active chain."""
    if not isinstance(wanted, dict):
        raise given.invalid(0, "json: cannot unmarshal into Go value of type filters.input")
    kept = read_filter(wanted)
    return [
        log
        for entry in _chosen(context, wanted)
        for place in _places(entry)
        for log in log_views(place)
        if kept.matches(log)
    ]


def _chosen(context: Context, wanted: dict[str, Any]) -> list[Entry]:
    if wanted.get("blockHash") is not None:
        if wanted.get("fromBlock") is not None or wanted.get("toBlock") is not None:
            text = "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
            raise given.invalid(0, text)
        entry = context.by_hash(given.hash_of(wanted["blockHash"], 0))
        if entry is None or not context.chain.is_active(entry):
            raise RpcError(given.FAILED, "unknown block")
        return [entry]
    start, end = (_edge(context, wanted.get(name)) for name in ("fromBlock", "toBlock"))
    if start > end:
        raise RpcError(given.FAILED, "invalid block range params")
    numbers = range(start, min(end, context.height) + 1)
    return [context.chain.entries[context.chain.active[number]] for number in numbers]


def _edge(context: Context, block: Any) -> int:
    entry = context.by_number("latest" if block is None else block)
    return given.number(block, 0) if entry is None else entry.number


@call(2, 1)
def debug_traceBlockByHash(context: Context, block_hash: Any, options: Any) -> Any:  # noqa: N802
    """What happened inside each transaction of a block."""
    entry = context.by_hash(given.hash_of(block_hash, 0))
    if entry is None:
        raise RpcError(given.FAILED, f"block {block_hash} not found")
    return _traces(entry, options)


@call(2, 1)
def debug_traceBlockByNumber(context: Context, block: Any, options: Any) -> Any:  # noqa: N802
    """The same, by number or tag."""
    entry = context.by_number(block)
    if entry is None:
        raise RpcError(given.FAILED, f"block #{block} not found")
    return _traces(entry, options)


def _traces(entry: Entry, options: Any) -> list[dict[str, Any]]:
    tracer = options.get("tracer") if isinstance(options, dict) else None
    if tracer != "callTracer":
        raise RpcError(given.FAILED, "this node has only the tracer callTracer")
    return [
        {"txHash": bytes_shown(one.transaction.hash), "result": trace(one)}
        for one in entry.executed
    ]


def _places(entry: Entry) -> list[Place]:
    return [Place(entry, index) for index in range(len(entry.executed))]
