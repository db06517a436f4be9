"""What holds for every address of the API, none forgotten."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from gateway.http.api_route import ApiRoute
from tests.support.gateway import RunningGateway
from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

_PARTS = {
    "payment_id": "019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f",
    "method_id": "019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f",
    "conversion_id": "019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f",
    "customer_id": "c_1",
    "dispute_id": "du_1",
    "token": "x",
    "name": "page.js",
}

# A provider does not repeat a refused notice, and a proxy on its way may add parameters. What they
# take whatever the query says: test_webhooks.py and test_stripe_webhook.py. It also adds parameters
# to the address of a returning payer: test_returns.py.
NOTICES = {
    "/api/v1/callbacks/x",
    "/api/v1/callbacks/tz/x",
    "/api/v1/callbacks/momo-rw/x",
    "/api/v1/callbacks/momo-ug/x",
    "/api/v1/returns/x",
    "/api/v1/webhooks/mpesa",
    "/api/v1/webhooks/paypal",
    "/api/v1/webhooks/stripe",
}


def routes(app: FastAPI) -> Iterator[tuple[str, str, ApiRoute]]:
    """Verb, address and route of everything that is answered."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        assert isinstance(route, ApiRoute), route
        path = str(context.path_format)
        for name, value in _PARTS.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, path
        for verb in context.methods or ():
            yield verb, path, route


def at(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same client at the root of the gateway."""
    client.base_url = httpx.URL("http://gateway.test")
    return client


async def test_unknown_query_parameters(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    root, seen = at(client), 0
    for verb, path, _ in routes(gateway.app):
        if path in NOTICES:
            continue
        answer = await root.request(verb, path, params={"statsu": "failed"})
        assert answer.status_code == 422, (verb, path, answer.text)
        if verb == "HEAD":
            continue
        (error,) = problem(answer, 422, "validation_failed")["errors"]
        assert (error["in"], error["parameter"]) == ("query", "statsu"), path
        assert error["code"] == "field_unknown"
        assert error["detail"].startswith("Unknown query parameter. "), path
        seen += 1
    assert seen > 25
    listed = (await root.get("/api/v1/payments", params={"statsu": "failed"})).json()
    assert listed["errors"][0]["detail"] == (
        "Unknown query parameter. Known here: after, before, created_after, created_before, "
        "customer_id, limit, metadata[...], method, parent, provider_reference, status, type."
    )
    shown = (await root.get(f"/api/v1/payments/{_PARTS['payment_id']}?x=1")).json()
    assert shown["errors"][0]["detail"].endswith("This address accepts no query parameters.")


async def test_nobody_without_a_key_learns_the_parameters(gateway: RunningGateway) -> None:
    answer = await gateway.raw_client().get("/payments?statsu=failed")
    problem(answer, 401, "unauthenticated")


async def test_a_parameter_is_sent_once(client: httpx.AsyncClient) -> None:
    for query in ("status=failed&status=completed", "metadata[a]=1&metadata[a]=2"):
        answer = await client.get(f"/payments?{query}")
        (error,) = problem(answer, 422, "validation_failed")["errors"]
        assert error["detail"] == "Send this parameter once."


async def test_head_of_every_read(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    """The same status and headers as GET, and no body (RFC 9110, 9.3.2)."""
    payment = await gateway.funded(client, "c_1", "100.00")
    root, seen = at(client), 0
    for verb, template, _ in routes(gateway.app):
        if verb != "GET":
            continue
        path = template.replace(_PARTS["payment_id"], payment["id"])
        full = await root.get(path)
        head = await root.head(path)
        assert head.status_code == full.status_code, path
        assert head.content == b"", path
        assert kept(head) == kept(full), path
        seen += 1
    assert seen > 15


def kept(answer: httpx.Response) -> dict[str, str]:
    """Headers, without what differs from request to request."""
    left_out = {"x-request-id", "content-length", "x-accel-buffering"}
    return {name: value for name, value in answer.headers.items() if name not in left_out}


async def test_head_opens_no_stream(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    payment = (await pay(client, order())).json()
    for _ in range(gateway.settings.streams_per_key + 1):
        answer = await client.head(f"/payments/{payment['id']}/events")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")


async def test_head_is_not_for_writes(client: httpx.AsyncClient) -> None:
    answer = await client.head("/quotes")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert (await client.request("PUT", "/payments")).headers["allow"] == "GET, HEAD, POST"
