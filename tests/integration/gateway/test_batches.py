"""Batches over HTTP: every item is answered as a single request would be."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.http.batches import BATCH_BODY_BYTES_MAX, ITEMS_MAX
from gateway.http.limits import API_BODY_BYTES_MAX
from tests.support.gateway import OTHER_MERCHANT, RunningGateway, running_gateway
from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

CARD = "4111 1111 1111 1111"
PAYMENTS, CONVERSIONS = "/payments/batch", "/conversions/batch"


def item(key: str | None = None, **fields: Any) -> dict[str, Any]:
    return order(idempotency_key=uuid4().hex if key is None else key, **fields)


def exchange(key: str, amount: str = "100.00", **fields: Any) -> dict[str, Any]:
    return {
        "customer_id": "c_1",
        "from": {"amount": amount, "currency": "KES"},
        "to_currency": "USD",
        "idempotency_key": key,
        **fields,
    }


async def send(client: httpx.AsyncClient, items: Any, path: str = PAYMENTS) -> list[Any]:
    answer = await client.post(path, json={"items": items})
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["items"]
    return found


def codes(answers: list[Any]) -> list[str]:
    """The status of each item, or the code of its problem."""
    for one in answers:
        assert list(one) in (
            ["status", "location", "replayed", "body", "problem"],
            ["status", "location", "replayed", "problem", "body"],
        )
        refused = one["problem"] is not None
        assert refused == (one["status"] >= 400) == (one["body"] is None)
        assert refused == (one["location"] is None)
        assert not refused or one["problem"]["status"] == one["status"]
    return [one["problem"]["code"] if one["problem"] else str(one["status"]) for one in answers]


async def test_items_are_answered_in_their_order(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    answers = await send(client, [item(amount=f"{100 + n}.00") for n in range(120)])
    assert codes(answers) == ["202"] * 120
    assert [one["body"]["amount"] for one in answers] == [f"{100 + n}.00" for n in range(120)]
    assert await gateway.count("ledger.payment") == 120
    assert await gateway.count("gateway.outbox") == 120
    for one in answers[:3]:
        shown = await client.get(one["location"].removeprefix("/api/v1"))
        assert shown.json() == one["body"]


async def test_each_item_is_refused_for_itself(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    request = [
        item(),
        item(amount="0.50"),
        item(type="withdrawal"),
        item(unknown=1),
        item(amount=100),
        {"idempotency_key": "k"},
        "no object",
        None,
        order(),
        item(key=""),
        item(key="two words"),
        item(description=f"card {CARD}"),
        item(key=CARD.replace(" ", "")),
        item(description="half \ud800"),
        item(currency="XXX"),
        item(method="nothing"),
        item(),
    ]
    answer = await client.post(PAYMENTS, content=json.dumps({"items": request}), headers=JSON)
    answers = answer.json()["items"]
    assert codes(answers) == [
        "202", "amount_not_whole", "insufficient_funds", "validation_failed", "validation_failed",
        "validation_failed", "validation_failed", "validation_failed", "validation_failed",
        "validation_failed", "validation_failed", "card_number_refused", "card_number_refused",
        "text_refused", "currency_unknown", "method_unavailable", "202",
    ]  # fmt: skip
    assert answers[8]["problem"]["errors"][0]["pointer"] == "/idempotency_key"
    assert CARD not in answer.text
    assert CARD.replace(" ", "") not in answer.text
    assert {one["problem"]["instance"] for one in answers if one["problem"]} == {
        f"urn:uuid:{answer.headers['x-request-id']}"
    }
    assert await gateway.count("ledger.payment") == 2
    assert await gateway.count("gateway.idempotency_key") == 3  # with the stored refusal


JSON = {"Content-Type": "application/json"}


async def test_an_item_is_the_single_request_with_its_key(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    single = await pay(client, order(), key="a")
    (first, second) = await send(client, [item("a"), item("b")])
    assert (first["status"], first["body"], first["replayed"]) == (202, single.json(), True)
    assert first["location"] == single.headers["location"]
    assert not second["replayed"]
    again = await pay(client, order(), key="b")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == second["body"]
    problem(await pay(client, order(amount="7.00"), key="b"), 422, "idempotency_key_reused")
    assert codes(await send(client, [item("b", amount="7.00")])) == ["idempotency_key_reused"]


async def test_a_batch_again_answers_the_same(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "500.00")
    request = [item("a"), item("b", type="withdrawal", amount="900.00"), item("c"), item("a")]
    first = await send(client, request)
    assert codes(first) == ["202", "insufficient_funds", "202", "202"]
    assert [one["replayed"] for one in first] == [False, False, False, True]
    assert first[3]["body"] == first[0]["body"]
    await gateway.funded(client, "c_1", "5000.00")
    again = await send(client, request)
    assert [one["replayed"] for one in again] == [True] * 4
    for one in (*first, *again):
        del one["replayed"]
    assert again == first
    assert await gateway.count("ledger.payment") == 4


async def test_the_second_of_a_key_is_judged_like_a_repeat(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    request = [
        item("a"), item("a", amount="7.00"), item("a"),  # another body, the same
        item("b", type="withdrawal"), item("b", type="withdrawal"),  # a stored refusal
        item("c", amount="0.50"), item("c"),  # a refusal that is not stored
    ]  # fmt: skip
    answers = await send(client, request)
    assert codes(answers) == [
        "202", "idempotency_key_reused", "202",
        "insufficient_funds", "insufficient_funds", "amount_not_whole", "202",
    ]  # fmt: skip
    assert [one["replayed"] for one in answers] == [
        False, False, True, False, True, False, False,
    ]  # fmt: skip
    assert await gateway.count("ledger.payment") == 2


async def test_scopes_count_for_each_item(gateway: RunningGateway) -> None:
    client = await gateway.client(scopes=["payments:write"])
    answers = await send(client, [item(), item(type="withdrawal")])
    assert codes(answers) == ["202", "scope_missing"]
    problem(await client.post(CONVERSIONS, json={"items": [exchange("k")]}), 403, "scope_missing")


async def test_conversions(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    request = [
        exchange("a"), exchange("b", "5000.00"), exchange("a"), exchange("c", to_currency="KES"),
        exchange("d", customer_id="a/b"), exchange("e", customer_id="c_2"),
    ]  # fmt: skip
    first = await send(client, request, CONVERSIONS)
    assert codes(first) == [
        "201", "insufficient_funds", "201", "conversion_same_currency", "validation_failed",
        "insufficient_funds",
    ]  # fmt: skip
    body = {name: request[0][name] for name in ("from", "to_currency")}
    single = await client.post(
        "/customers/c_1/conversions", json=body, headers={"Idempotency-Key": "a"}
    )
    assert single.headers["idempotency-replayed"] == "true"
    assert single.json() == first[0]["body"] == first[2]["body"]
    assert single.headers["location"] == first[0]["location"]
    assert await gateway.count("ledger.conversion") == 1
    again = await send(client, request, CONVERSIONS)
    assert [one["replayed"] for one in again] == [True, True, True, False, False, True]


@pytest.mark.parametrize("path", [PAYMENTS, CONVERSIONS])
async def test_a_body_that_is_no_list_of_items_is_refused_as_a_whole(
    gateway: RunningGateway, client: httpx.AsyncClient, path: str
) -> None:
    for body, code, status in (
        ({"items": []}, "validation_failed", 422),
        ({"items": [{}] * (ITEMS_MAX + 1)}, "validation_failed", 422),
        ({"items": {"a": 1}}, "validation_failed", 422),
        ({}, "validation_failed", 422),
        ([item()], "validation_failed", 422),
        ({"items": [{}], "more": 1}, "validation_failed", 422),
        ({"items": [{}], "note": CARD}, "card_number_refused", 422),
        ({"items": [{}], CARD: 1}, "card_number_refused", 422),
        ({"items": CARD}, "card_number_refused", 422),
    ):
        client = await gateway.client()  # another key: its rate counts the items
        answer = await client.post(path, json=body)
        assert CARD not in problem(answer, status, code)["detail"]
        assert CARD not in answer.text
    for content, code, status in (
        (b'{"items": [{"a": 1, "a": 2}]}', "json_refused", 422),
        (b'{"items": [NaN]}', "json_refused", 422),
        (b'{"items": [', "json_malformed", 400),
        (b"[" * 100_000, "json_malformed", 400),
    ):
        problem(await client.post(path, content=content, headers=JSON), status, code)
    deep = b'{"items": [' + b"[" * 30 + b"]" * 30 + b"]}"
    answer = await client.post(path, content=deep, headers=JSON)
    assert codes(answer.json()["items"]) == ["json_refused"]
    problem(await client.post(path, content=b"", headers=JSON), 422, "validation_failed")
    assert await gateway.count("gateway.idempotency_key") == 0


async def test_a_body_may_have_one_mebibyte_on_these_routes_only(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    def padded(body: dict[str, Any], size: int) -> bytes:
        content = json.dumps(body).encode()
        return content + b" " * (size - len(content))

    full = padded({"items": [item()]}, BATCH_BODY_BYTES_MAX)
    answer = await client.post(PAYMENTS, content=full, headers=JSON)
    assert codes(answer.json()["items"]) == ["202"]
    for path, content in (
        (PAYMENTS, full + b" "),
        (CONVERSIONS, full + b" "),
        ("/payments", padded(order(), API_BODY_BYTES_MAX + 1)),
    ):
        headers = {**JSON, "Idempotency-Key": "k"}
        problem(await client.post(path, content=content, headers=headers), 413, "body_too_large")


async def test_the_rate_counts_items(database: str) -> None:
    async with running_gateway(database, requests_per_second=20) as gateway:
        client = await gateway.client()
        assert codes(await send(client, [item() for _ in range(40)])) == ["202"] * 40
        refused = await client.get("/payments")
        assert problem(refused, 429, "too_many_requests")["retryable"]
        answer = await client.post(PAYMENTS, json={"items": [item()]})
        problem(answer, 429, "too_many_requests")
        other = await gateway.client(merchant=OTHER_MERCHANT)
        assert (await other.get("/payments")).status_code == 200
        assert await gateway.count("ledger.payment") == 40


async def test_an_item_that_fails_on_our_side_does_not_hide_the_others(
    gateway: RunningGateway, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.payments.service import Payments

    create = Payments.create

    async def failing(self: Payments, body: Any, key: Any) -> Any:
        if body.customer_id == "c_timeout":
            raise TimeoutError
        if body.customer_id == "c_bug":
            raise RuntimeError("a bug")
        return await create(self, body, key)

    monkeypatch.setattr(Payments, "create", failing)
    wishes = [item(customer_id=name) for name in ("c_1", "c_timeout", "c_bug", "c_2")]
    answers = await send(client, wishes)
    assert codes(answers) == ["202", "unavailable", "internal_error", "202"]
    assert [answers[n]["problem"]["retryable"] for n in (1, 2)] == [True, True]
