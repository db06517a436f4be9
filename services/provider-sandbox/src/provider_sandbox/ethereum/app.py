"""The node as an ASGI app: the RPC at `/` or at a path with a key, the explorer, and `/control`."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from provider_sandbox.ethereum.call import Context
from provider_sandbox.ethereum.control import control_router
from provider_sandbox.ethereum.etherscan import Explorer, etherscan_router
from provider_sandbox.ethereum.node import Node
from provider_sandbox.ethereum.rpc import ethereum_rpc
from provider_sandbox.ethereum.settings import EthereumSettings
from provider_sandbox.node_rpc.block_clock import blocks_every

_OWN = ("/control/", "/v2/api", "/docs", "/openapi.json")


def create_app(settings: EthereumSettings, node: Node) -> ASGIApp:
    """The app."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with blocks_every(settings.ethereum_block_s, lambda: node.mine(1)):
            yield

    control = FastAPI(title="Ethereum node", lifespan=lifespan)
    explorer = Explorer(node, settings.etherscan_api_key.get_secret_value())
    control.include_router(control_router(node))
    control.include_router(etherscan_router(explorer))
    key = settings.ethereum_rpc_key.get_secret_value()
    rpc = ethereum_rpc(Context(node), f"/v3/{key}" if key else "/")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        own = scope["type"] != "http" or path.startswith(_OWN)
        await (control if own else rpc)(scope, receive, send)

    return app
