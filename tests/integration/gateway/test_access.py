"""Who gets in, with what key, and what they can see of others."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from gateway.app import create_app
from gateway.auth.authenticator import SCOPES
from gateway.auth.key_format import new_key, read_key
from gateway.http.api_route import ApiRoute
from gateway.payments.service import Payments
from tests.support.gateway import OTHER_MERCHANT, RunningGateway, running_gateway, settings_for
from tests.support.payments import PHONE, order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

PUBLIC = {
    "/api/v1/callbacks/{token}",
    "/api/v1/callbacks/tz/{token}",
    "/api/v1/callbacks/momo-rw/{token}",
    "/api/v1/callbacks/momo-ug/{token}",
    "/api/v1/returns/{token}",
    "/api/v1/webhooks/mpesa",
    "/api/v1/webhooks/paypal",
    "/api/v1/webhooks/stripe",
    "/openapi.json",
    "/docs",
    "/docs/{name}",
}


def routes_of(app: FastAPI) -> list[tuple[str, ApiRoute]]:
    """Every route with its whole path; the framework keeps included routers as they are."""
    found = []
    for included in app.routes:
        for context in cast("Any", included).effective_route_contexts():
            assert isinstance(context.original_route, ApiRoute), f"{context.path} is not guarded"
            found.append((context.path, context.original_route))
    return found


def test_every_route_has_a_scope_or_is_public() -> None:
    app = create_app(settings_for("postgresql://nowhere/none"))
    routes = routes_of(app)
    assert len(routes) == 38
    assert {path for path, route in routes if not route.scopes} == PUBLIC
    for path, route in routes:
        assert set(route.scopes) <= set(SCOPES), path


async def test_no_key_or_a_bad_one(gateway: RunningGateway) -> None:
    key = str(await gateway.key())
    unknown = str(new_key("test"))
    bad = [
        None,
        "",
        "Basic abc",
        "Bearer",
        "Bearer nonsense",
        f"Bearer {key[:-1]}{'0' if key[-1] != '0' else '1'}",
        f"Bearer {key}x",
        f"Bearer {unknown}",
        f"Token {key}",
        "Bearer " + "x" * 5000,
    ]
    for value in bad:
        client = gateway.raw_client(**({"Authorization": value} if value is not None else {}))
        answer = await client.get("/payments")
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    good = gateway.raw_client(Authorization=f"bearer {key}")
    assert (await good.get("/payments")).status_code == 200


async def test_right_id_with_another_secret(gateway: RunningGateway) -> None:
    key, other = await gateway.key(), new_key("test")
    forged = type(key)(key.mode, key.key_id, other.secret)
    assert read_key(str(forged)) == forged
    problem(await (await gateway.client(forged)).get("/payments"), 401, "unauthenticated")


async def test_revoked_key_stops_working_within_five_seconds(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = gateway.parts[Payments].clock
    key = await gateway.key()
    client = await gateway.client(key)
    assert (await client.get("/payments")).status_code == 200
    await gateway.admin.execute(
        "update gateway.api_key set revoked_at = now() where key_id = $1", key.key_id
    )
    now = clock.monotonic()
    monkeypatch.setattr(type(clock), "monotonic", lambda self: now + 4)
    problem(await client.get("/payments"), 401, "unauthenticated")


async def test_an_expired_key_is_refused(gateway: RunningGateway) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    client = await gateway.client(expires_at=past)
    problem(await client.get("/payments"), 401, "unauthenticated")


async def test_key_of_the_other_mode(gateway: RunningGateway) -> None:
    client = await gateway.client(mode="live")
    problem(await client.get("/payments"), 401, "unauthenticated")


async def test_scopes_open_their_routes_only(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "1000.00")
    method_body = {"method": "mpesa", "customer_id": "c_1", "phone": PHONE}

    async def codes(scope: str) -> dict[str, int]:
        one = await gateway.client(scopes=[scope])
        headers = {"Idempotency-Key": uuid4().hex}
        path = f"/payments/{deposit['id']}/refunds"
        answers = {
            "read": await one.get("/payments"),
            "payments:write": await pay(one, order()),
            "payouts:write": await pay(one, order(type="withdrawal", amount="10.00")),
            "refunds:write": await one.post(path, json={"amount": "1.00"}, headers=headers),
            "methods:write": await one.post("/payment-methods", json=method_body),
            "conversions:write": await one.post("/customers/c_1/conversions", json={}),
        }
        for answer in answers.values():
            if answer.status_code == 403:
                problem(answer, 403, "scope_missing")
        return {name: answer.status_code for name, answer in answers.items()}

    for scope in SCOPES:
        refused = {name for name, code in (await codes(scope)).items() if code == 403}
        assert refused == set(SCOPES) - {scope}


async def test_cancel_needs_the_scope_of_its_payment(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = (await pay(client, order())).json()
    payouts_only = await gateway.client(scopes=["payouts:write"])
    answer = await payouts_only.post(f"/payments/{payment['id']}/cancel")
    problem(answer, 403, "scope_missing")


async def test_another_merchants_things_do_not_exist(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await gateway.funded(client, "c_1", "1000.00")
    body = {"method": "mpesa", "customer_id": "c_1", "phone": PHONE}
    saved = (await client.post("/payment-methods", json=body)).json()
    stranger = await gateway.client(merchant=OTHER_MERCHANT)
    headers = {"Idempotency-Key": "k"}
    calls = [
        ("GET", f"/payments/{payment['id']}"),
        ("GET", f"/payments/{payment['id']}/events"),
        ("GET", f"/payments/{payment['id']}/timeline"),
        ("POST", f"/payments/{payment['id']}/refunds"),
        ("POST", f"/payments/{payment['id']}/cancel"),
        ("POST", f"/payments/{payment['id']}/verify"),
        ("GET", f"/payment-methods/{saved['id']}"),
        ("POST", f"/payment-methods/{saved['id']}/verify"),
        ("DELETE", f"/payment-methods/{saved['id']}"),
        ("GET", "/customers/c_1/balances"),
        ("GET", "/customers/c_1/statement"),
        ("GET", f"/customers/c_1/conversions/{uuid4()}"),
        ("GET", "/disputes/dp_1"),
    ]
    for method, path in calls:
        answer = await stranger.request(method, path, headers=headers)
        assert answer.status_code == 404, (method, path, answer.text)
        assert payment["id"] not in answer.text.replace(path, "")
    assert (await stranger.get("/payments")).json()["data"] == []
    assert (await stranger.get("/payment-methods?customer_id=c_1")).json()["data"] == []
    answer = await pay(stranger, order(payment_method={"id": saved["id"]}))
    problem(answer, 422, "payment_method_invalid")
    assert (await client.get(f"/payment-methods/{saved['id']}")).status_code == 200


async def test_matrix_covers_every_route_with_an_id() -> None:
    """A new route with an id must join the list above."""
    app = create_app(settings_for("postgresql://nowhere/none"))
    with_id = [path for path, route in routes_of(app) if "_id}" in path and route.scopes]
    assert len(with_id) == 14


async def test_the_modes_share_nothing(
    gateway: RunningGateway, client: httpx.AsyncClient, database: str
) -> None:
    payment = await gateway.funded(client, "c_1", "100.00")
    async with running_gateway(database, mode="live") as live:
        same_merchant = await live.client(mode="live")
        answer = await same_merchant.get(f"/payments/{payment['id']}")
        problem(answer, 404, "payment_not_found")
        assert (await same_merchant.get("/payments")).json()["data"] == []
