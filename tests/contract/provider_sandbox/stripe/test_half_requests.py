"""A caller that dies while it sends: half a request is none, as with any real server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from provider_sandbox.app import create_app
from tests.support.daraja_twin import settings
from tests.support.stripe_twin import SECRET_KEY

HEADERS = {
    "authorization": f"Bearer {SECRET_KEY}",
    "content-type": "application/x-www-form-urlencoded",
    "idempotency-key": "key-1",
}
HALF, WHOLE = b"metadata[a]=1&meta", b"metadata[a]=1&metadata[b]=2"


def dying() -> AsyncIterator[Any]:
    """The caller is gone after half of the body."""

    async def messages() -> AsyncIterator[Any]:
        yield {"type": "http.request", "body": HALF, "more_body": True}
        yield {"type": "http.disconnect"}

    return messages()


async def test_half_a_request_is_not_carried_out(tmp_path: Path) -> None:
    gate = create_app(settings(tmp_path, stripe_secret_key=SECRET_KEY))
    answers: list[Any] = []
    caller = dying()

    async def keep(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": "POST", "path": "/v1/customers", "raw_path": b"/v1/customers",
        "query_string": b"", "root_path": "", "server": ("twin", 80), "client": ("caller", 1),
        "headers": [(name.encode(), text.encode()) for name, text in HEADERS.items()],
    }  # fmt: skip
    async with (
        gate.inner.router.lifespan_context(gate.inner),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(gate), base_url="http://twin", headers=HEADERS
        ) as http,
    ):
        await gate(scope, caller.__anext__, keep)
        assert answers == []
        assert (await http.get("/v1/customers")).json()["data"] == []
        made = await http.post("/v1/customers", content=WHOLE)
        assert made.json()["metadata"] == {"a": "1", "b": "2"}
