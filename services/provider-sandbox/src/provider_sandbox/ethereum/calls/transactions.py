"""Calls about transactions and fees. They have the names of the RPC."""

from typing import Any

from provider_sandbox.ethereum import parameters as given
from provider_sandbox.ethereum.call import Context, call
from provider_sandbox.ethereum.chain import Entry
from provider_sandbox.ethereum.evm import BadTransaction, base_fee_of, decode
from provider_sandbox.ethereum.node import GWEI
from provider_sandbox.ethereum.outside import effective_price
from provider_sandbox.ethereum.parameters import FAILED, bytes_shown, shown
from provider_sandbox.ethereum.pool import PoolRefused
from provider_sandbox.ethereum.views import receipt_view, transaction_view
from provider_sandbox.node_rpc.errors import RpcError

_MOST_BLOCKS = 1024
_PERCENT = 100


@call(1)
def eth_sendRawTransaction(context: Context, raw: Any) -> str:  # noqa: N802 - the RPC's name
    """Accept a signed transaction; its hash."""
    try:
        transaction = decode(given.data(raw, 0))
        return bytes_shown(context.node.send(transaction))
    except (BadTransaction, PoolRefused) as error:
        raise RpcError(FAILED, str(error)) from error


@call(1)
def eth_getTransactionByHash(context: Context, transaction_hash: Any) -> Any:  # noqa: N802
    """A transaction of the active chain or one that waits; null if there is none."""
    key = given.hash_of(transaction_hash, 0)
    if place := context.place(key):
        return transaction_view(place.executed.transaction, place)
    waiting = context.node.pool.find(key)
    return None if waiting is None else transaction_view(waiting, None)


@call(1)
def eth_getRawTransactionByHash(context: Context, transaction_hash: Any) -> str:  # noqa: N802
    """The bytes of a transaction; `0x` if there is none."""
    key = given.hash_of(transaction_hash, 0)
    place = context.place(key)
    found = place.executed.transaction if place else context.node.pool.find(key)
    return bytes_shown(found.encode() if found else b"")


@call(1)
def eth_getTransactionReceipt(context: Context, transaction_hash: Any) -> Any:  # noqa: N802
    """What a transaction of the active chain did; null if it is in none of its blocks."""
    place = context.place(given.hash_of(transaction_hash, 0))
    return None if place is None else receipt_view(place)


@call()
def eth_gasPrice(context: Context) -> str:  # noqa: N802 - the RPC's name
    """Base fee and priority fee, in wei per gas."""
    return shown(context.node.next_base_fee + GWEI)


@call()
def eth_maxPriorityFeePerGas(context: Context) -> str:  # noqa: N802 - the RPC's name
    """A priority fee that is enough, in wei per gas."""
    del context
    return shown(GWEI)


@call(3, 2)
def eth_feeHistory(  # noqa: N802 - the RPC's name
    context: Context, count: Any, newest: Any, percentiles: Any
) -> dict[str, Any]:
    """Fees of the last blocks; the last base fee is that of the next block."""
    wanted = min(_count(count), _MOST_BLOCKS)
    last = context.state_at(newest, 1)
    first = max(last.number - wanted + 1, 0)
    numbers = range(first, last.number + 1)
    entries = [context.chain.entries[context.chain.active[number]] for number in numbers]
    following = context.chain.at(last.number + 1)
    after = base_fee_of(following.header) if following else context.node.next_base_fee
    fees = [base_fee_of(entry.header) for entry in entries]
    history: dict[str, Any] = {
        "oldestBlock": shown(first),
        "baseFeePerGas": [shown(fee) for fee in (*fees, after)],
        "gasUsedRatio": [entry.header.gas_used / entry.header.gas_limit for entry in entries],
        "baseFeePerBlobGas": ["0x1"] * (len(entries) + 1),
        "blobGasUsedRatio": [0] * len(entries),
    }
    if shares := _percentiles(percentiles):
        history["reward"] = [_rewards(entry, shares) for entry in entries]
    return history


def _count(value: Any) -> int:
    """The number of blocks; geth also takes it as a plain number."""
    found = value if isinstance(value, int) else given.number(value, 0)
    if isinstance(value, bool) or found < 1:
        raise given.invalid(0, "invalid block count")
    return found


def _percentiles(value: Any) -> list[float]:
    shares = value or []
    if not isinstance(shares, list) or any(isinstance(one, str | bool) for one in shares):
        raise given.invalid(2, "json: cannot unmarshal into Go value of type []float64")
    numbers = [float(one) for one in shares]
    if numbers != sorted(numbers) or any(not 0 <= one <= _PERCENT for one in numbers):
        raise RpcError(FAILED, "invalid reward percentile")
    return numbers


def _rewards(entry: Entry, shares: list[float]) -> list[str]:
    """The priority fee below which each share of the block's gas was paid."""
    base = base_fee_of(entry.header)
    paid = sorted((effective_price(one, entry) - base, one.gas_used) for one in entry.executed)
    if not paid:
        return ["0x0"] * len(shares)
    return [shown(_reward(paid, entry.header.gas_used * share / _PERCENT)) for share in shares]


def _reward(paid: list[tuple[int, int]], wanted: float) -> int:
    """The priority fee at which so much gas is reached."""
    passed = 0
    for tip, gas in paid:
        passed += gas
        if passed >= wanted:
            return tip
    return paid[-1][0]
