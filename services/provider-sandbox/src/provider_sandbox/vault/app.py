"""The engine as an ASGI app: `/v1/transit`, `/v1/sys/health`, and `/control`."""

import asyncio
import json
import uuid
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict

from provider_sandbox.endless import endless_answer
from provider_sandbox.node_rpc.json_text import read_json
from provider_sandbox.vault.engine import Engine, Mode, Refused

MOUNT = "transit"
_LARGEST_BODY = 1024 * 1024
_PAGE = b"<!doctype html><html><body><h1>Sign in</h1></body></html>"


class Misbehave(BaseModel):
    """How the engine answers."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode = Mode.NORMAL


def create_app(engine: Engine) -> FastAPI:
    """The app."""
    app = FastAPI(title="Vault, transit engine")
    changed = [asyncio.Event()]

    @app.get("/control/health")
    async def up() -> dict[str, str]:
        """Report that the engine is running."""
        return {"status": "ok"}

    @app.put("/control/behaviour")
    async def behave(order: Misbehave) -> Misbehave:
        """Change how it answers, and let go of the requests that hang."""
        engine.mode = order.mode
        changed.pop().set()
        changed.append(asyncio.Event())
        return order

    @app.post("/control/keys/{name}/rotate")
    async def rotate(name: str) -> dict[str, int]:
        """Add a version to a key, or make it."""
        return {"latest_version": engine.rotate(name)}

    @app.get("/v1/sys/health")
    async def health() -> Response:
        """Vault's own health: 200 active, 503 sealed."""
        is_sealed = engine.mode is Mode.SEALED
        told = {"initialized": True, "sealed": is_sealed, "standby": False, "version": "1.20.0"}
        return _json(told, 503 if is_sealed else 200)

    @app.api_route("/v1/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def engine_route(path: str, request: Request) -> Response:
        """The routes of the engine."""
        engine.asked += 1
        if engine.mode is Mode.HANG:
            await changed[0].wait()
        return _instead(engine.mode) or await _answer(engine, path, request)

    return app


async def _answer(engine: Engine, path: str, request: Request) -> Response:
    try:
        data = _data(engine, path, request, await request.body())
    except Refused as refused:
        return _json({"errors": [str(refused)]}, refused.status)
    document = {
        "request_id": str(uuid.uuid4()),
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": _changed(engine.mode, data),
        "wrap_info": None,
        "warnings": None,
        "auth": None,
        "mount_type": "transit",
    }
    if engine.mode is Mode.EMPTY:
        document = {}
    raw = json.dumps(document).encode()
    if engine.mode is Mode.TRUNCATED:
        raw = raw[: len(raw) // 2]
    return Response(raw, media_type="application/json")


def _data(engine: Engine, path: str, request: Request, body: bytes) -> dict[str, Any]:
    if engine.mode is Mode.SEALED:
        raise Refused(503, "Vault is sealed")
    token = request.headers.get("x-vault-token", "")
    if token != engine.token or engine.mode is Mode.FORBIDDEN:
        raise Refused(403, "permission denied")
    mount, _, rest = path.partition("/")
    action, _, name = rest.partition("/")
    if mount != MOUNT or action not in ("encrypt", "decrypt") or not name:
        raise Refused(404, f'no handler for route "{path}". route entry not found.')
    if request.method not in ("POST", "PUT"):
        raise Refused(405, "unsupported operation")
    return (engine.encrypt if action == "encrypt" else engine.decrypt)(name, _order(body))


def _order(body: bytes) -> dict[str, Any]:
    try:
        content = read_json(body) if len(body) <= _LARGEST_BODY else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(400, "error parsing JSON")
    return content


def _changed(mode: Mode, data: dict[str, Any]) -> dict[str, Any]:
    """What the mode makes of true data."""
    match mode:
        case Mode.WRONG_TYPES:
            return dict.fromkeys(data, 5)
        case Mode.HUGE:
            return dict.fromkeys(data, "vault:v1:" + "A" * 10_000)
        case Mode.SHORT:
            return {**data, "plaintext": "A" * 40 + "AA=="}
        case Mode.OTHER_KEY:
            return {**data, "plaintext": "B" * 43 + "="}
    return data


def _instead(mode: Mode) -> Response | None:
    match mode:
        case Mode.HTML:
            return Response(_PAGE, media_type="text/html")
        case Mode.STANDBY:
            return Response(status_code=307, headers={"location": "http://127.0.0.1:1/v1/"})
        case Mode.ENDLESS:
            return endless_answer()
    return None


def _json(document: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(document), status_code=status, media_type="application/json")
