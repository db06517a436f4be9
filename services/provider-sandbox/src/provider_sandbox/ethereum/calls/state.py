"""Calls about accounts, and calls of contracts. They have the names of the RPC."""

from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import OutOfGas, Revert

from provider_sandbox.ethereum import parameters as given
from provider_sandbox.ethereum.call import Context, call
from provider_sandbox.ethereum.chain import Entry
from provider_sandbox.ethereum.evm import GAS_LIMIT, NEW_CONTRACT, BadTransaction, Request
from provider_sandbox.ethereum.parameters import FAILED, REVERTED, bytes_shown, shown
from provider_sandbox.node_rpc.errors import RpcError

_REASON = bytes.fromhex("08c379a0")
"""The selector of `Error(string)`."""
_REASON_START = 4 + 2 * 32


@call(2, 1)
def eth_getBalance(context: Context, address: Any, block: Any) -> str:  # noqa: N802
    """The wei of an account after a block."""
    entry = context.state_at(block, 1)
    return shown(context.chain.accounts(entry).balance(given.address(address, 0)))


@call(2, 1)
def eth_getCode(context: Context, address: Any, block: Any) -> str:  # noqa: N802
    """The code of a contract after a block."""
    entry = context.state_at(block, 1)
    return bytes_shown(context.chain.accounts(entry).code(given.address(address, 0)))


@call(2, 1)
def eth_getTransactionCount(context: Context, address: Any, block: Any) -> str:  # noqa: N802
    """The next nonce of an account; `pending` counts waiting transactions."""
    account = given.address(address, 0)
    if block == "pending":
        return shown(context.node.pool.next_nonce(account, context.chain.accounts()))
    return shown(context.chain.accounts(context.state_at(block, 1)).nonce(account))


@call(2, 1)
def eth_call(context: Context, transaction: Any, block: Any) -> str:
    """What a contract answers."""
    entry = context.state_at(block, 1)
    return bytes_shown(_executed(context, entry, _request(transaction)).output)


@call(2, 1)
def eth_estimateGas(context: Context, transaction: Any, block: Any) -> str:  # noqa: N802
    """The smallest limit with which a transaction succeeds."""
    entry = context.state_at(block, 1)
    request = _request(transaction)
    enough = request.gas
    used = _executed(context, entry, request, estimating=True)
    too_little = max(used.get_gas_used() - 1, 20_999)
    while enough - too_little > 1:
        middle = (enough + too_little) // 2
        if _succeeds(context, entry, request, middle):
            enough = middle
        else:
            too_little = middle
    return shown(enough)


def _succeeds(context: Context, entry: Entry, request: Request, gas: int) -> bool:
    tried = Request(request.sender, request.to, request.value, request.data, gas)
    try:
        return not context.chain.evm.call(entry.header, tried).is_error
    except BadTransaction:
        return False  # less than the gas that every transaction costs


def _request(value: Any) -> Request:
    """The call in a request."""
    if not isinstance(value, dict):
        raise given.invalid(
            0, "json: cannot unmarshal into Go value of type ethapi.TransactionArgs"
        )
    data = value.get("input", value.get("data"))
    gas = GAS_LIMIT if value.get("gas") is None else given.number(value["gas"], 0)
    return Request(
        sender=given.address(value.get("from") or "0x" + "00" * 20, 0),
        to=NEW_CONTRACT if value.get("to") is None else given.address(value["to"], 0),
        value=given.number(value.get("value") or "0x0", 0),
        data=given.data(data or "0x", 0),
        gas=min(gas, GAS_LIMIT),
    )


def _executed(
    context: Context, entry: Entry, request: Request, *, estimating: bool = False
) -> ComputationAPI:
    """The computation of a call that succeeds.

    Raises:
        RpcError: it reverts, fails, or cannot start.
    """
    try:
        done = context.chain.evm.call(entry.header, request)
    except BadTransaction as error:
        text = "insufficient funds for transfer" if "balance" in str(error) else str(error)
        raise RpcError(FAILED, text) from error
    if not done.is_error:
        return done
    if isinstance(done.error, Revert):
        raise RpcError(REVERTED, _reverted(done.output), bytes_shown(done.output))
    if estimating and isinstance(done.error, OutOfGas):
        raise RpcError(FAILED, f"gas required exceeds allowance ({request.gas})")
    raise RpcError(FAILED, str(done.error) or type(done.error).__name__)


def _reverted(output: bytes) -> str:
    text = "execution reverted"
    if output[:4] == _REASON and len(output) >= _REASON_START:
        size = int.from_bytes(output[36:_REASON_START])
        reason = output[_REASON_START : _REASON_START + size].decode(errors="replace")
        text += f": {reason}"
    return text
