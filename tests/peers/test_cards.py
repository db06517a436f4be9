"""The card adapter in front of our twin and of an independent stand-in: where do they differ?

What differs is written down and expected. So a twin that drifts shows up, and so does a stand-in
that was repaired.
"""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.peers import localstripe
from tests.peers.scenario import WEBHOOK_SECRET, Stand, play
from tests.peers.twin import KEY, open_twin
from tests.support import cards
from tests.support.clocks import ShiftedClock

pytestmark = pytest.mark.peers

TWIN: dict[str, Any] = {
    "a card that works": ["Submitted", "Settled", "succeeded"],
    "a part refunded": "Settled",
    "more refunded than was paid": "Declined refund_exceeds_payment",
    "a declined card": ["Submitted", "Declined card_declined", "canceled"],
    "a card that is declined when charged": ["Submitted", "Declined card_declined", "canceled"],
    "the same key twice": "one intent",
    "3-D Secure": [
        "Submitted",
        "ActionRequired use_stripe_sdk",
        "requires_action",
        "Settled",
        "succeeded",
    ],
    "3-D Secure that nobody finishes": [
        "Submitted",
        "ActionRequired use_stripe_sdk",
        "requires_action",
        "Expired",
        "canceled",
    ],
    "a card saved": ["Submitted", "Saved"],
    "a saved card forgotten": "Detached",
    "a webhook of a payment": "signed",
}
"""As the real one documents it."""

LOCALSTRIPE_DIFFERS: dict[str, Any] = {
    # its intents name no amount_received, so we know that money moved and not how much
    "a card that works": ["Submitted", "Conflicting", "succeeded"],
    "3-D Secure": [
        "Submitted",
        "ActionRequired use_stripe_sdk",
        "requires_action",
        "Conflicting",
        "succeeded",
    ],
    # it gives back more than was paid
    "more refunded than was paid": "Settled",
    # it declines this card when it is saved, never when it is charged
    "a declined card": ["Submitted", "Conflicting", "succeeded"],
    # it does not read the idempotency key
    "the same key twice": "two intents",
}
"""Where localstripe 1.15.10 is wrong, measured."""


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Stand]:
    async with open_twin(tmp_path, bare=True) as stand:
        yield stand


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[bytes, str]]]]:
    """Takes webhooks from another process."""
    webhooks: list[tuple[bytes, str]] = []

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            webhooks.append((body, self.headers["stripe-signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receive) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", webhooks
        server.shutdown()
        thread.join()


@pytest.fixture
async def peer(tmp_path: Path, receiver: Any) -> AsyncIterator[Stand]:
    clock = ShiftedClock()
    with localstripe.running(tmp_path) as address:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=address, auth=KEY))
            url, webhooks = receiver
            hook = {"url": url, "secret": WEBHOOK_SECRET}
            assert (await http.post("/_config/webhooks/probe", json=hook)).status_code == 200

            async def finish_3ds(intent_id: str, client_secret: str) -> None:
                form = {"client_secret": client_secret, "success": "true"}
                path = f"/v1/payment_intents/{intent_id}/_authenticate"
                answer = await http.post(path, data=form)
                assert answer.status_code == 200, answer.text

            adapter = cards.processor(None, clock, bare=True, api_base=address)
            stack.push_async_callback(adapter.close)
            yield Stand(http, adapter, finish_3ds, webhooks, clock)


async def test_our_twin_does_what_the_real_one_documents(twin: Stand) -> None:
    assert await play(twin) == TWIN


@pytest.mark.timeout(300)
async def test_an_independent_stand_in_agrees_but_for_what_is_written_down(peer: Stand) -> None:
    assert await play(peer) == {**TWIN, **LOCALSTRIPE_DIFFERS}
