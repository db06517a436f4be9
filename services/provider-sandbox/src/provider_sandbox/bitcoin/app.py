"""The node as an ASGI app: the RPC at `/`, the control routes at `/control`."""

import contextlib
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from provider_sandbox.bitcoin.call import Context
from provider_sandbox.bitcoin.control import control_router
from provider_sandbox.bitcoin.node import Node
from provider_sandbox.bitcoin.rpc import bitcoin_rpc
from provider_sandbox.bitcoin.settings import BitcoinSettings
from provider_sandbox.node_rpc.block_clock import blocks_every


def create_app(settings: BitcoinSettings, node: Node, stop: Callable[[], None]) -> ASGIApp:
    """The app.

    Args:
        settings: user and password of the RPC, time between blocks.
        node: the node; it is closed with the app.
        stop: ends the process, for the RPC's `stop`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with blocks_every(settings.bitcoin_block_s, lambda: node.mine(1)):
            yield
        node.close()

    control = FastAPI(title="Bitcoin node", lifespan=lifespan)
    control.include_router(control_router(node))
    password = settings.bitcoin_rpc_password.get_secret_value()
    rpc = bitcoin_rpc(Context(node, stop), user=settings.bitcoin_rpc_user, password=password)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        own = scope["type"] != "http" or path.startswith(("/control/", "/docs", "/openapi.json"))
        await (control if own else rpc)(scope, receive, send)

    return app
