"""Our twin with the card adapter in front of it, ready for the scenario."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from provider_sandbox.app import create_app
from tests.integration.card_worker.harness import twin_settings
from tests.peers.scenario import WEBHOOK_SECRET, Stand
from tests.support import cards
from tests.support.clocks import ShiftedClock
from tests.support.twin_transport import TwinTransport

KEY = httpx.BasicAuth(cards.SECRET_KEY, "")
Way = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]
"""From the adapter into the twin."""


@asynccontextmanager
async def open_twin(
    folder: Path, *, way: Way = TwinTransport, bare: bool = False
) -> AsyncIterator[Stand]:
    """A twin in a folder; ``bare`` leaves out parameters that not every stand-in knows."""
    webhooks: list[tuple[bytes, str]] = []

    def receive(request: httpx.Request) -> httpx.Response:
        webhooks.append((request.content, request.headers["stripe-signature"]))
        return httpx.Response(200)

    settings = twin_settings(folder, stripe_raw_cards=True, stripe_webhook_secret=WEBHOOK_SECRET)
    gate = create_app(settings, transport=httpx.MockTransport(receive))
    inside, clock = httpx.ASGITransport(gate), ShiftedClock()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(gate.inner.router.lifespan_context(gate.inner))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=inside, base_url="http://twin", auth=KEY)
        )

        async def finish_3ds(intent_id: str, _: str) -> None:
            answer = await http.post(
                f"/control/stripe/challenges/{intent_id}", json={"outcome": "approve"}
            )
            assert answer.status_code == 200, answer.text

        adapter = cards.processor(way(inside), clock, bare=bare)
        stack.push_async_callback(adapter.close)
        yield Stand(http, adapter, finish_3ds, webhooks, clock)
