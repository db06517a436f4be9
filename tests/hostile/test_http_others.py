"""Every route with every wrong key: nobody sees or touches what is another merchant's or mode's.

The routes are those of the application; one that is not in the table below fails the test.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest

from gateway.app import create_app
from gateway.auth.authenticator import SCOPES
from gateway.http.api_route import ApiRoute
from tests.support.gateway import OTHER_MERCHANT, RunningGateway, running_gateway, settings_for
from tests.support.payments import PHONE, card_order, order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

CUSTOMER = "c_of_acme"
DISPUTE = "du_of_acme"
EXCHANGE = {"from": {"amount": "100.00", "currency": "KES"}, "to_currency": "USD"}
PART = {"amount": "1.00"}
PRICE = {"type": "deposit", "method": "mpesa", "amount": "100.00", "currency": "KES"}
SAVE = {"method": "mpesa", "customer_id": "c_own", "phone": PHONE}


@dataclass(frozen=True)
class Case:
    """What another caller is answered at a route that the owner may use."""

    code: str | None
    """The problem's code; none for a route that answers every merchant with what is their own."""
    status: int = 404
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)


TABLE = {
    "POST /api/v1/payments": Case(None, 202, order(customer_id="c_own")),
    "POST /api/v1/payments/batch": Case(
        None, 200, {"items": [order(customer_id="c_own", idempotency_key="item")]}
    ),
    "GET /api/v1/payments": Case(None, 200),
    "GET /api/v1/payments/{payment_id}": Case("payment_not_found"),
    "GET /api/v1/payments/{payment_id}/timeline": Case("payment_not_found"),
    "GET /api/v1/payments/{payment_id}/events": Case("payment_not_found"),
    "POST /api/v1/payments/{payment_id}/cancel": Case("payment_not_found"),
    "POST /api/v1/payments/{payment_id}/verify": Case("payment_not_found"),
    "POST /api/v1/payments/{payment_id}/refunds": Case(
        "payment_not_found", body={"amount": "1.00"}
    ),
    "GET /api/v1/payment-options": Case(None, 200),
    "GET /api/v1/fees/quote": Case(None, 200, query=PRICE),
    "POST /api/v1/quotes": Case(None, 201, PRICE),
    "POST /api/v1/payment-methods": Case(None, 201, SAVE),
    "GET /api/v1/payment-methods": Case(None, 200),
    "GET /api/v1/payment-methods/{method_id}": Case("payment_method_not_found"),
    "POST /api/v1/payment-methods/{method_id}/verify": Case("payment_method_not_found"),
    "DELETE /api/v1/payment-methods/{method_id}": Case("payment_method_not_found"),
    "GET /api/v1/customers/{customer_id}/balances": Case("customer_not_found"),
    "GET /api/v1/customers/{customer_id}/statement": Case("customer_not_found"),
    "POST /api/v1/customers/{customer_id}/conversions": Case("insufficient_funds", 422, EXCHANGE),
    "POST /api/v1/conversions/batch": Case(
        None, 200, {"items": [EXCHANGE | {"customer_id": CUSTOMER, "idempotency_key": "item"}]}
    ),
    "GET /api/v1/customers/{customer_id}/conversions/{conversion_id}": Case("conversion_not_found"),
    "GET /api/v1/disputes": Case(None, 200),
    "GET /api/v1/disputes/{dispute_id}": Case("dispute_not_found"),
    "GET /api/v1/ledger/head": Case(None, 200),
}


def scoped_routes() -> dict[str, ApiRoute]:
    """Every route that needs a key, by method and path."""
    found: dict[str, ApiRoute] = {}
    for included in create_app(settings_for("postgresql://nowhere/none")).routes:
        for context in cast("Any", included).effective_route_contexts():
            route = context.original_route
            if route.scopes:
                found |= {f"{method} {context.path}": route for method in route.methods - {"HEAD"}}
    return found


ROUTES = scoped_routes()


@dataclass(frozen=True)
class Owned:
    """One thing of each kind, all of one merchant in test mode."""

    ids: dict[str, str]
    quote_id: str
    cursors: dict[str, str]
    """Path of a list to a cursor that was given out for it."""

    def things(self) -> list[str]:
        """What no answer to another caller may contain."""
        return [*self.ids.values(), self.quote_id]


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database) as running:
        yield running


async def furnish(gateway: RunningGateway) -> tuple[httpx.AsyncClient, Owned]:
    """A merchant's client and what it owns."""
    client = await gateway.client()
    payment = await gateway.funded(client, CUSTOMER, "1000.00")
    await gateway.funded(client, CUSTOMER, "500.00")
    phone = {**SAVE, "customer_id": CUSTOMER}
    saved = (await client.post("/payment-methods", json=phone)).json()
    await client.post("/payment-methods", json={**phone, "phone": "0712000000"})
    headers = {"Idempotency-Key": uuid4().hex}
    path = f"/customers/{CUSTOMER}/conversions"
    exchanged = (await client.post(path, json=EXCHANGE, headers=headers)).json()
    quoted = (await client.post("/quotes", json=PRICE)).json()
    await _dispute(gateway, client)
    lists = ("/payments", "/payment-methods", f"/customers/{CUSTOMER}/statement")
    cursors = {
        path: (await client.get(path, params={"limit": "1"})).json()["next_cursor"]
        for path in lists
    }
    ids = {
        "payment_id": payment["id"],
        "method_id": saved["id"],
        "customer_id": CUSTOMER,
        "conversion_id": exchanged["id"],
        "dispute_id": DISPUTE,
    }
    return client, Owned(ids, quoted["id"], cursors)


async def _dispute(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    payment = (await pay(client, card_order(customer_id=CUSTOMER))).json()
    await gateway.settle(payment["id"])
    usd = {"minor": "2000", "currency": "USD"}
    news = {"reference": DISPUTE, "status": "needs_response", "reason": "fraud", "amount": usd}
    news |= {"withdrawn": usd}
    assert await gateway.result(payment["id"], "disputed", dispute=news) == "applied"


async def ask(client: httpx.AsyncClient, route: str, owned: Owned) -> httpx.Response:
    """Call a route about the owner's things."""
    method, path = route.split(" ")
    case = TABLE[route]
    return await client.request(
        method,
        path.removeprefix("/api/v1").format_map(owned.ids),
        params=case.query,
        headers={"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"},
        content=b"" if case.body is None else json.dumps(case.body),
    )


def test_every_route_is_in_the_table() -> None:
    assert set(ROUTES) == set(TABLE)


async def test_the_owner_gets_in_everywhere(gateway: RunningGateway) -> None:
    """Without this the refusals below would prove nothing."""
    client, owned = await furnish(gateway)
    last = ("cancel", "DELETE")
    for route in sorted(TABLE, key=lambda route: any(word in route for word in last)):
        answer = await ask(client, route, owned)
        assert answer.status_code in (200, 201, 202, 204, 409), (route, answer.text)


async def test_without_a_good_key(gateway: RunningGateway) -> None:
    _, owned = await furnish(gateway)
    nobody, other_mode = gateway.raw_client(), await gateway.client(mode="live")
    revoked = await gateway.key()
    await gateway.admin.execute(
        "update gateway.api_key set revoked_at = now() where key_id = $1", revoked.key_id
    )
    no_more = await gateway.client(revoked)
    for route in TABLE:
        for client in (nobody, other_mode, no_more):
            answer = await ask(client, route, owned)
            problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_without_the_scope(gateway: RunningGateway) -> None:
    _, owned = await furnish(gateway)
    for route, guarded in ROUTES.items():
        others = [scope for scope in SCOPES if scope not in guarded.scopes]
        answer = await ask(await gateway.client(scopes=others), route, owned)
        problem(answer, 403, "scope_missing")


async def test_another_merchant_finds_nothing_and_changes_nothing(gateway: RunningGateway) -> None:
    client, owned = await furnish(gateway)
    before = await everything(client, owned)
    await strangers_find_nothing(await gateway.client(merchant=OTHER_MERCHANT), owned)
    assert await everything(client, owned) == before


async def test_the_other_mode_of_the_same_merchant(gateway: RunningGateway, database: str) -> None:
    client, owned = await furnish(gateway)
    before = await everything(client, owned)
    async with running_gateway(database, mode="live") as other:
        stranger = await other.client(mode="live")
        expected = {"POST /api/v1/customers/{customer_id}/conversions": "rate_unavailable"}
        await strangers_find_nothing(stranger, owned, expected)
    assert await everything(client, owned) == before


async def strangers_find_nothing(
    stranger: httpx.AsyncClient, owned: Owned, codes: dict[str, str] | None = None
) -> None:
    """Each route answers another caller as if the owner's objects did not exist."""
    for route, case in TABLE.items():
        answer = await ask(stranger, route, owned)
        code = (codes or {}).get(route, case.code)
        if code is None:
            assert answer.status_code == case.status, (route, answer.text)
        else:
            problem(answer, case.status, code)
        for thing in owned.things():
            assert thing not in answer.text, route
    await _nothing_by_a_side_door(stranger, owned)


async def _nothing_by_a_side_door(stranger: httpx.AsyncClient, owned: Owned) -> None:
    by_quote = await pay(stranger, order(quote_id=owned.quote_id))
    problem(by_quote, 422, "quote_not_found")
    wanted = order(customer_id=CUSTOMER, payment_method={"id": owned.ids["method_id"]})
    problem(await pay(stranger, wanted), 422, "payment_method_invalid")
    for path, cursor in owned.cursors.items():
        answer = await stranger.get(path, params={"after": cursor})
        for thing in owned.things():
            assert thing not in answer.text, path
    for name in ("payment_id", "customer_id"):
        answer = await stranger.get("/disputes", params={name: owned.ids[name]})
        assert answer.json()["data"] == []


async def everything(client: httpx.AsyncClient, owned: Owned) -> list[Any]:
    """All that the owner can see of its own."""
    paths = [
        "/payments",
        "/payment-methods",
        "/disputes",
        f"/payments/{owned.ids['payment_id']}/timeline",
        f"/customers/{CUSTOMER}/statement",
    ]
    found = [(await client.get(path)).json() for path in paths]
    for answer in found:
        answer.pop("as_of", None)
    return found


async def test_idempotency_keys_of_others(gateway: RunningGateway) -> None:
    client, owned = await furnish(gateway)
    stranger = await gateway.client(merchant=OTHER_MERCHANT)
    mine = await pay(client, order(), key="same")
    theirs = await pay(stranger, order(), key="same")
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert "idempotency-replayed" not in theirs.headers
    assert mine.json()["id"] != theirs.json()["id"]
    headers = {"Idempotency-Key": "same"}
    path = f"/payments/{owned.ids['payment_id']}/refunds"
    problem(await stranger.post(path, headers=headers), 404, "payment_not_found")
    card = {"method": "card", "customer_id": CUSTOMER}
    headers["Prefer"] = "wait=0"
    saved = {
        (await one.post("/payment-methods", json=card, headers=headers)).json()["id"]
        for one in (client, stranger)
    }
    assert len(saved) == 2
