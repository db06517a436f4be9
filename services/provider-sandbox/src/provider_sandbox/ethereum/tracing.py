"""What happened inside a transaction, as geth's `callTracer` shows it."""

from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import Revert

from provider_sandbox.ethereum.evm import Executed
from provider_sandbox.ethereum.parameters import bytes_shown, shown


def trace(one: Executed) -> dict[str, Any]:
    """The frame of a transaction, with the frames inside it."""
    frame = _frame(one.computation)
    return {**frame, "gas": shown(one.transaction.gas), "gasUsed": shown(one.gas_used)}


def _frame(computation: ComputationAPI) -> dict[str, Any]:
    message = computation.msg
    kind = _kind(computation)
    creates = kind == "CREATE"
    recipient = message.code_address if kind in _BORROWING else message.storage_address
    frame: dict[str, Any] = {
        "type": kind,
        "from": bytes_shown(message.storage_address if kind in _BORROWING else message.sender),
        "to": bytes_shown(recipient),
        "gas": shown(message.gas),
        "gasUsed": shown(computation.get_gas_used()),
        "input": bytes_shown(message.code if creates else message.data_as_bytes),
    }
    if kind != "STATICCALL":
        frame["value"] = shown(message.value)
    if computation.output:
        frame["output"] = bytes_shown(computation.output)
    if computation.is_error:
        reverted = isinstance(computation.error, Revert)
        frame["error"] = "execution reverted" if reverted else str(computation.error)
    if computation.children:
        frame["calls"] = [_frame(child) for child in computation.children]
    return frame


_BORROWING = frozenset({"DELEGATECALL", "CALLCODE"})
"""Calls that run the code of another contract on the own account."""


def _kind(computation: ComputationAPI) -> str:
    """The kind of a call; CREATE2 is shown as CREATE."""
    message = computation.msg
    if message.is_create:
        return "CREATE"
    if not message.should_transfer_value:
        return "DELEGATECALL"
    if message.code_address != message.storage_address and computation.msg.depth:
        return "CALLCODE"
    return "STATICCALL" if message.is_static else "CALL"
