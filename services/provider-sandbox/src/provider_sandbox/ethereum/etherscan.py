"""The explorer beside the node: Etherscan's API V2, module `proxy`, over the node's chain.

    GET /v2/api?chainid=31337&module=proxy&action=eth_getTransactionReceipt&txhash=0x…&apikey=KEY

It answers as Etherscan does: what it refuses has HTTP status 200 and `{"status": "0", "message":
"NOTOK", "result": …}`, a call that fails at its node is a JSON-RPC error, and all parameters
are text.

Source: docs.etherscan.io (Geth/Parity Proxy; Common Error Messages; Rate Limits).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.endless import endless_answer
from provider_sandbox.ethereum import calls  # noqa: F401 - fills the table
from provider_sandbox.ethereum.call import CALLS, Context
from provider_sandbox.ethereum.node import Node
from provider_sandbox.node_rpc.errors import RpcError
from provider_sandbox.node_rpc.json_text import write_json

_PARAMETERS = {
    "eth_blockNumber": (),
    "eth_getTransactionByHash": ("txhash",),
    "eth_getTransactionReceipt": ("txhash",),
    "eth_getBlockByNumber": ("tag", "boolean"),
    "eth_getTransactionCount": ("address", "tag"),
    "eth_getCode": ("address", "tag"),
    "eth_gasPrice": (),
}
"""The actions, and their parameters in the order of the call."""
_CHAIN = (
    "Missing or unsupported chainid parameter (required for v2 api), please see "
    "https://api.etherscan.io/v2/chainlist for the list of supported chainids"
)
_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
_WORD_LAST = 2**256 - 1


class ExplorerMode(StrEnum):
    """How the explorer answers."""

    NORMAL = "normal"
    LIMITED = "limited"
    """The rate limit is reached, with HTTP status 200."""
    KEY_REFUSED = "key_refused"
    HTML = "html"
    """HTTP 200 with an HTML page."""
    BUSY = "busy"
    """HTTP 503 with an HTML page."""
    HANG = "hang"
    """No answer for as long as the mode lasts."""
    TRUNCATED = "truncated"
    """The first half of the JSON."""
    ENDLESS = "endless"
    """A body that does not end."""
    NODE_ERROR = "node_error"
    """A JSON-RPC error of the node behind it."""
    UNKNOWN = "unknown"
    """It knows no transaction."""
    OTHER_BLOCK = "other_block"
    """Transactions are in another block."""
    OTHER_RECEIVER = "other_receiver"
    OTHER_AMOUNT = "other_amount"
    FAILED = "failed"
    """Receipts say that the transaction failed."""
    HUGE = "huge"
    """Amounts and numbers of blocks have more digits than the chain allows."""
    NUMBERS = "numbers"
    """JSON numbers instead of text in hex."""
    BEHIND = "behind"
    """It has only read the first block."""


class Misbehave(BaseModel):
    """How the explorer answers."""

    model_config = ConfigDict(extra="forbid")

    mode: ExplorerMode = ExplorerMode.NORMAL
    times: int | None = Field(default=None, ge=1)
    """For how many answers; without it until it is changed."""


@dataclass(slots=True)
class Explorer:
    """The explorer of a node."""

    node: Node
    key: str = ""
    """The only key that it takes; empty: each that is not empty."""
    mode: ExplorerMode = ExplorerMode.NORMAL
    times: int | None = None
    """For how many answers; None: until it is changed."""
    asked: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, mode: ExplorerMode, times: int | None) -> None:
        """Change the mode, and let go of the requests that hang."""
        self.mode, self.times = mode, times
        self._changed.set()
        self._changed = asyncio.Event()

    async def take(self) -> ExplorerMode:
        """The mode of the next answer; waits while the explorer hangs."""
        self.asked += 1
        mode = self.mode
        if mode is ExplorerMode.HANG:
            await self._changed.wait()
            return ExplorerMode.BUSY
        if self.times is not None:
            self.times -= 1
            if self.times <= 0:
                self.mode, self.times = ExplorerMode.NORMAL, None
        return mode


def etherscan_router(explorer: Explorer) -> APIRouter:
    """The route of the explorer, and the one that disturbs it."""
    router = APIRouter(tags=["explorer"])

    @router.put("/control/explorer")
    async def behave(order: Misbehave) -> Misbehave:
        """Change how the explorer answers. Not a part of Etherscan."""
        explorer.change(order.mode, order.times)
        return order

    @router.get("/v2/api")
    async def api(request: Request) -> Response:
        """Etherscan's API V2, module `proxy`."""
        mode = await explorer.take()
        return _instead(mode) or _sent(answer(explorer, request.query_params, mode), mode)

    return router


def answer(explorer: Explorer, query: Mapping[str, str], mode: ExplorerMode) -> dict[str, Any]:
    """The document that answers a request."""
    refusal = _refusal(explorer, query, mode)
    if refusal is not None:
        return {"status": "0", "message": "NOTOK", "result": refusal}
    if mode is ExplorerMode.NODE_ERROR:
        return _failed(-32000, "internal error")
    names = _PARAMETERS[query["action"]]
    try:
        result = _result(explorer, query["action"], [query.get(one) for one in names], mode)
    except RpcError as error:
        return _failed(error.code, error.message)
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def _refusal(explorer: Explorer, query: Mapping[str, str], mode: ExplorerMode) -> str | None:
    """What Etherscan says instead of an answer; None: nothing."""
    key = query.get("apikey", "")
    checks: list[tuple[bool, str]] = [
        (query.get("chainid") != str(explorer.node.chain_id), _CHAIN),
        (not key or mode is ExplorerMode.KEY_REFUSED, "Invalid API Key"),
        (bool(explorer.key) and key != explorer.key, "Invalid API Key"),
        (mode is ExplorerMode.LIMITED, "Max calls per sec rate limit reached (3/sec)"),
        (query.get("module") != "proxy", "Error! Missing Or invalid Module name"),
        (query.get("action") not in _PARAMETERS, "Error! Missing Or invalid Action name"),
    ]
    return next((text for is_so, text in checks if is_so), None)


def _result(explorer: Explorer, action: str, given: list[str | None], mode: ExplorerMode) -> Any:
    params: list[Any] = [{"true": True, "false": False}.get(one or "", one) for one in given]
    result = CALLS[action].run(Context(explorer.node), params)
    change = _LIES.get(mode)
    return result if change is None else change(action, result)


def _in_objects(change: Callable[[dict[str, Any]], None]) -> Callable[[str, Any], Any]:
    """A lie about what a transaction is or did; other results stay."""

    def changed(_: str, result: Any) -> Any:
        if isinstance(result, dict):
            result = dict(result)
            change(result)
        return result

    return changed


def _other_block(result: dict[str, Any]) -> None:
    result["blockHash"] = "0x" + "ee" * 32
    result["logs"] = [{**one, "blockHash": "0x" + "ee" * 32} for one in result.get("logs", ())]


def _other_receiver(result: dict[str, Any]) -> None:
    result["to"] = "0x" + "ee" * 20
    for log in (logs := [dict(one) for one in result.get("logs", ())]):
        log["topics"] = [*log["topics"][:2], "0x" + "00" * 12 + "ee" * 20]
    result["logs"] = logs


def _other_amount(result: dict[str, Any]) -> None:
    result["value"] = "0x1"
    result["logs"] = [{**one, "data": "0x" + f"{1:064x}"} for one in result.get("logs", ())]


def _fails(result: dict[str, Any]) -> None:
    if "status" in result:
        result["status"] = "0x0"


def _huge(_: str, result: Any) -> Any:
    if isinstance(result, dict):
        return {**result, "value": hex(_WORD_LAST * 16), "status": hex(_WORD_LAST * 16)}
    return hex(_WORD_LAST)


def _numbers(_: str, result: Any) -> Any:
    if isinstance(result, dict):
        return {**result, "value": 10**18, "status": 1, "blockNumber": 1.5e30}
    return 12


def _behind(action: str, _: Any) -> Any:
    return "0x0" if action == "eth_blockNumber" else None


def _unknown(action: str, result: Any) -> Any:
    return result if action == "eth_blockNumber" else None


_LIES: dict[ExplorerMode, Callable[[str, Any], Any]] = {
    ExplorerMode.UNKNOWN: _unknown,
    ExplorerMode.OTHER_BLOCK: _in_objects(_other_block),
    ExplorerMode.OTHER_RECEIVER: _in_objects(_other_receiver),
    ExplorerMode.OTHER_AMOUNT: _in_objects(_other_amount),
    ExplorerMode.FAILED: _in_objects(_fails),
    ExplorerMode.HUGE: _huge,
    ExplorerMode.NUMBERS: _numbers,
    ExplorerMode.BEHIND: _behind,
}


def _failed(code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}


def _instead(mode: ExplorerMode) -> Response | None:
    match mode:
        case ExplorerMode.HTML:
            return Response(_PAGE, media_type="text/html")
        case ExplorerMode.BUSY:
            return Response(_PAGE, status_code=503, media_type="text/html")
        case ExplorerMode.ENDLESS:
            return endless_answer()
    return None


def _sent(document: dict[str, Any], mode: ExplorerMode) -> Response:
    raw = write_json(document).encode()
    if mode is ExplorerMode.TRUNCATED:
        raw = raw[: len(raw) // 2]
    return Response(raw, media_type="application/json")
