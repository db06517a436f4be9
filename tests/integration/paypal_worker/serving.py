"""The PayPal twin behind a socket of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from provider_sandbox.app import create_app
from provider_sandbox.settings import Settings
from tests.support.paypal_twin import CLIENT_ID, CLIENT_SECRET


def twin_settings(folder: Path, **over: Any) -> Settings:
    """A twin of PayPal at the real provider's speed."""
    fields: dict[str, Any] = {
        "state": folder / "twin.sqlite3",
        "consumer_key": "unused",
        "consumer_secret": "unused",
        "passkey": "unused",
        "initiator_password": "unused",
        "paypal_client_id": CLIENT_ID,
        "paypal_client_secret": CLIENT_SECRET,
    }
    return Settings(**{**fields, **over})


@asynccontextmanager
async def serving_twin(folder: Path, **over: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the twin's address; whatever PayPal would never do fails the test.

    Raises:
        AssertionError: at the end, naming what the twin would not do.
    """
    gate = create_app(twin_settings(folder, **over))
    config = uvicorn.Config(
        gate, port=0, lifespan="off", log_config=None, access_log=False, timeout_keep_alive=30
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    async with gate.inner.router.lifespan_context(gate.inner):
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=base) as http:
                body = {"paypal_public_url": base}
                (await http.patch("/control/settings", json=body)).raise_for_status()
                yield http
                answer = await http.get("/control/paypal/violations")
                assert answer.json()["violations"] == []
        finally:
            server.should_exit = True
            await serving
