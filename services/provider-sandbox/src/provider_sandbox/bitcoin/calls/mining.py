"""Calls that make or judge blocks. They have the names of the RPC."""

from typing import Any

from provider_sandbox.bitcoin import parameters as given
from provider_sandbox.bitcoin.addresses import BadAddress, script_of
from provider_sandbox.bitcoin.call import Context, call
from provider_sandbox.bitcoin.chain import BlockRefused
from provider_sandbox.bitcoin.parameters import DECODING, INVALID, MISC, NOT_FOUND
from provider_sandbox.node_rpc.errors import RpcError

_MOST_BLOCKS = 10_000


@call("nblocks", "address", "maxtries", required=2)
def generatetoaddress(context: Context, nblocks: Any, address: Any, maxtries: Any) -> list[str]:
    """Mine blocks that pay their reward to an address."""
    count = given.whole(nblocks)
    if maxtries is not None:
        given.whole(maxtries)
    try:
        script = script_of(given.text(address))
    except BadAddress as error:
        raise RpcError(NOT_FOUND, "Error: Invalid address") from error
    if not 0 <= count <= _MOST_BLOCKS:
        raise RpcError(INVALID, f"nblocks must be between 0 and {_MOST_BLOCKS}")
    try:
        return context.node.mine(count, script=script)
    except BlockRefused as error:
        raise RpcError(MISC, f"the block is not valid: {error}") from error


@call("hexdata", "dummy", required=1)
def submitblock(context: Context, hexdata: Any, dummy: Any) -> str | None:
    """Add a block; the reason if it is not accepted, null if it is."""
    del dummy
    try:
        raw = bytes.fromhex(given.text(hexdata))
    except ValueError as error:
        raise RpcError(DECODING, "Block decode failed") from error
    try:
        context.node.submit(raw)
    except BlockRefused as error:
        if str(error) == "Block decode failed":
            raise RpcError(DECODING, str(error)) from error
        return str(error)
    # A block on a branch with less work is stored, and not judged completely.
    return None if context.node.chain.tip.block.raw == raw else "inconclusive"


@call("blockhash", required=1)
def invalidateblock(context: Context, blockhash: Any) -> None:
    """Treat a block as invalid."""
    block_hash = _known(context, blockhash)
    if context.node.chain.entries[block_hash].height == 0:
        raise RpcError(MISC, "The first block cannot be invalidated")
    context.node.invalidate(block_hash)


@call("blockhash", required=1)
def reconsiderblock(context: Context, blockhash: Any) -> None:
    """Undo `invalidateblock`."""
    context.node.reconsider(_known(context, blockhash))


def _known(context: Context, value: Any) -> str:
    block_hash = given.hash_of(value, "blockhash")
    if block_hash not in context.node.chain.entries:
        raise RpcError(NOT_FOUND, "Block not found")
    return block_hash
