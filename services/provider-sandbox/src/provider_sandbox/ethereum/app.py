"""The node as an ASGI app: the RPC at `/` or at a path with a key, and `/control`."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from provider_sandbox.ethereum.call import Context
from provider_sandbox.ethereum.control import control_router
from provider_sandbox.ethereum.node import Node
from provider_sandbox.ethereum.rpc import ethereum_rpc
from provider_sandbox.ethereum.settings import EthereumSettings


def create_app(settings: EthereumSettings, node: Node) -> ASGIApp:
    """The app."""
    control = FastAPI(title="Ethereum node")
    control.include_router(control_router(node))
    key = settings.ethereum_rpc_key.get_secret_value()
    rpc = ethereum_rpc(Context(node), f"/v3/{key}" if key else "/")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        own = scope["type"] != "http" or path.startswith(("/control/", "/docs", "/openapi.json"))
        await (control if own else rpc)(scope, receive, send)

    return app
