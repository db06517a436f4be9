"""The merchant's client of the demo: what it waits for."""

from functools import partial

import httpx
import pytest

from cift_local.customer import Merchant

SAVED = "/api/v1/payment-methods/pm_1"


async def test_a_saved_method_is_returned_once_the_provider_has_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While its worker is replaced, the API answers that the method is pending."""
    looks = iter(["pending", "active"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, json={"id": "pm_1", "status": "pending"})
        assert request.url.path == SAVED
        return httpx.Response(200, json={"id": "pm_1", "status": next(looks)})

    client = partial(httpx.AsyncClient, transport=httpx.MockTransport(answer))
    monkeypatch.setattr(httpx, "AsyncClient", client)
    async with Merchant("http://gateway", "key") as merchant:
        saved = await merchant.save_method({"method": "card"})
    assert saved["status"] == "active"
