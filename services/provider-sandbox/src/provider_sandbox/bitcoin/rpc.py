"""JSON-RPC over HTTP as bitcoind serves it: basic authentication, JSON-RPC 1 and 2, batches.

Source: Bitcoin Core's doc/JSON-RPC-interface.md. With version 2 an error is HTTP 200; without it
404 for an unknown method, 400 for a request that is none, 500 for every other error.
"""

import base64
import hmac
from typing import Any

from starlette.types import Scope

from provider_sandbox.bitcoin import calls  # noqa: F401
from provider_sandbox.bitcoin.call import CALLS, Context
from provider_sandbox.node_rpc.errors import RpcError
from provider_sandbox.node_rpc.json_text import read_json, write_json
from provider_sandbox.node_rpc.server import JSON, Answer, RpcServer

INVALID_REQUEST, UNKNOWN_METHOD, PARSE_ERROR, WARMING_UP = -32600, -32601, -32700, -28
_STATUS = {INVALID_REQUEST: 400, UNKNOWN_METHOD: 404}
_LARGEST_BODY = 0x02000000


def bitcoin_rpc(context: Context, *, user: str, password: str) -> RpcServer:
    """The ASGI app of the RPC, for callers with this user and password."""
    token = base64.b64encode(f"{user}:{password}".encode())
    authorization = b"Basic " + token

    def refuse(scope: Scope) -> Answer | None:
        if scope["method"] != "POST":
            return 405, b"JSONRPC server handles only POST requests", {}
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, authorization):
            return 401, b"", {"www-authenticate": 'Basic realm="jsonrpc"'}
        return None

    def answer(body: bytes, warming_up: bool) -> Answer:
        return answer_body(context, body, warming_up=warming_up)

    return RpcServer(context.node.behaviour, refuse=refuse, answer=answer, largest=_LARGEST_BODY)


def answer_body(context: Context, body: bytes, *, warming_up: bool = False) -> Answer:
    """The answer to the body of a request."""
    try:
        content = read_json(body)
    except ValueError:
        return _single(_reply(None, 1, error=RpcError(PARSE_ERROR, "Parse error")), 500)
    if not isinstance(content, dict | list):
        error = RpcError(PARSE_ERROR, "Top-level object parse error")
        return _single(_reply(None, 1, error=error), 500)
    if isinstance(content, dict):
        reply, status = _run(context, content, warming_up=warming_up)
        return _single(reply, status)
    replies = [_run(context, one, warming_up=warming_up)[0] for one in content]
    kept = [reply for reply in replies if reply is not None]
    if content and not kept:
        return 204, b"", {}
    return 200, write_json(kept).encode() + b"\n", JSON


def _single(reply: dict[str, Any] | None, status: int) -> Answer:
    if reply is None:
        return 204, b"", {}
    return status, write_json(reply).encode() + b"\n", JSON


def _run(context: Context, request: Any, *, warming_up: bool) -> tuple[dict[str, Any] | None, int]:
    """The reply to one request and its HTTP status; no reply to a notification."""
    version, name = 1, None
    try:
        version = _version(request)
        name = request.get("id")
        result = _result(context, request, warming_up=warming_up)
    except RpcError as error:
        reply = _reply(name, version, error=error)
        status = 200 if version > 1 else _STATUS.get(error.code, 500)
    else:
        reply, status = _reply(name, version, result=result), 200
    silent = version > 1 and "id" not in request
    return (None, 204) if silent else (reply, status)


def _version(request: Any) -> int:
    if not isinstance(request, dict):
        raise RpcError(INVALID_REQUEST, "Invalid Request object")
    version = request.get("jsonrpc")
    if version is None or version == "1.0":
        return 1
    if not isinstance(version, str):
        raise RpcError(INVALID_REQUEST, "jsonrpc field must be a string")
    if version != "2.0":
        raise RpcError(INVALID_REQUEST, "JSON-RPC version not supported")
    return 2


def _result(context: Context, request: dict[str, Any], *, warming_up: bool) -> Any:
    method, params = request.get("method"), request.get("params")
    if method is None:
        raise RpcError(INVALID_REQUEST, "Missing method")
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "Method must be a string")
    if params is not None and not isinstance(params, list | dict):
        raise RpcError(INVALID_REQUEST, "Params must be an array or object")
    if warming_up:
        raise RpcError(WARMING_UP, "Loading block index…")
    if method not in CALLS:
        raise RpcError(UNKNOWN_METHOD, "Method not found")
    return CALLS[method].run(context, params)


def _reply(
    name: Any, version: int, *, result: Any = None, error: RpcError | None = None
) -> dict[str, Any]:
    failed = error and {"code": error.code, "message": error.message}
    if version == 1:
        return {"result": result, "error": failed, "id": name}
    outcome = {"error": failed} if failed else {"result": result}
    return {"jsonrpc": "2.0", **outcome, "id": name}
