"""JSON-RPC 2.0 over HTTP as geth serves it: always HTTP 200, batches, errors by code."""

from typing import Any

from starlette.types import Scope

from provider_sandbox.ethereum import calls  # noqa: F401 - fills the table
from provider_sandbox.ethereum.call import CALLS, Context
from provider_sandbox.node_rpc.errors import RpcError
from provider_sandbox.node_rpc.json_text import read_json, write_json
from provider_sandbox.node_rpc.server import JSON, Answer, RpcServer

INVALID_REQUEST, UNKNOWN_METHOD, PARSE_ERROR = -32600, -32601, -32700
_LARGEST_BODY = 5 * 1024 * 1024
_LONGEST_BATCH = 1000


def ethereum_rpc(context: Context, path: str) -> RpcServer:
    """The ASGI app of the RPC, at a path that can contain a key."""

    def refuse(scope: Scope) -> Answer | None:
        if scope["method"] != "POST":
            return 405, b"method not allowed", {}
        if scope["path"].rstrip("/") != path.rstrip("/"):
            return 401, b'{"error":"invalid project id"}', JSON
        return None

    def answer(body: bytes, warming_up: bool) -> Answer:
        return (503, b"starting", {}) if warming_up else answer_body(context, body)

    return RpcServer(context.node.behaviour, refuse=refuse, answer=answer, largest=_LARGEST_BODY)


def answer_body(context: Context, body: bytes) -> Answer:
    """The answer to the body of a request."""
    try:
        content = read_json(body)
    except ValueError:
        return _sent(_failed(None, RpcError(PARSE_ERROR, "parse error")))
    if not isinstance(content, list):
        reply = _run(context, content)
        return (200, b"", JSON) if reply is None else _sent(reply)
    if not content:
        return _sent(_failed(None, RpcError(INVALID_REQUEST, "empty batch")))
    if len(content) > _LONGEST_BATCH:
        return _sent([_failed(None, RpcError(INVALID_REQUEST, "batch too large"))])
    replies = [reply for one in content if (reply := _run(context, one)) is not None]
    return _sent(replies) if replies else (200, b"", JSON)


def _sent(reply: Any) -> Answer:
    return 200, write_json(reply).encode() + b"\n", JSON


def _run(context: Context, request: Any) -> dict[str, Any] | None:
    """The reply to one request; None: it is a notification."""
    if not _is_request(request):
        name = request.get("id") if isinstance(request, dict) else None
        return _failed(name, RpcError(INVALID_REQUEST, "invalid request"))
    name = request.get("id")
    try:
        result = _result(context, request["method"], request.get("params") or [])
    except RpcError as error:
        reply = _failed(name, error)
    else:
        reply = {"jsonrpc": "2.0", "id": name, "result": result}
    return reply if "id" in request else None


def _is_request(request: Any) -> bool:
    return (
        isinstance(request, dict)
        and request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and not isinstance(request.get("id"), list | dict)
    )


def _result(context: Context, method: str, params: Any) -> Any:
    if method not in CALLS:
        text = f"the method {method} does not exist/is not available"
        raise RpcError(UNKNOWN_METHOD, text)
    if not isinstance(params, list):
        raise RpcError(-32602, "non-array args")
    return CALLS[method].run(context, params)


def _failed(name: Any, error: RpcError) -> dict[str, Any]:
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "id": name, "error": told}
