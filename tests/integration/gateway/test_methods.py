"""Saved phones: kept sealed, used by id, verified by what they did."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.gateway import RunningGateway
from tests.support.payments import PHONE, order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration


def phone(**fields: Any) -> dict[str, Any]:
    return {"method": "mpesa", "customer_id": "c_1", "phone": PHONE, "country": "KE", **fields}


async def save(client: httpx.AsyncClient, **fields: Any) -> Any:
    answer = await client.post("/payment-methods", json=phone(**fields))
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def test_save_show_list_delete(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    answer = await client.post("/payment-methods", json=phone(phone="0712 345 149"))
    saved = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/payment-methods/{saved['id']}"
    assert (saved["phone"], saved["verified"]) == ("2547****149", False)
    assert "first deposit" in saved["verification"]
    (row,) = await gateway.admin.fetch("select * from gateway.payment_method")
    assert PHONE not in str(dict(row))
    assert (await client.get(f"/payment-methods/{saved['id']}")).json() == saved

    again = await client.post("/payment-methods", json=phone())
    assert (again.status_code, again.json()["id"]) == (200, saved["id"])
    other = await save(client, customer_id="c_2")
    page = (await client.get("/payment-methods?limit=1")).json()
    assert [item["id"] for item in page["data"]] == [other["id"]]
    page = (await client.get(f"/payment-methods?limit=1&after={page['next_cursor']}")).json()
    assert [item["id"] for item in page["data"]] == [saved["id"]]
    mine = (await client.get("/payment-methods?customer_id=c_2")).json()["data"]
    assert [item["id"] for item in mine] == [other["id"]]

    assert (await client.delete(f"/payment-methods/{saved['id']}")).status_code == 204
    for call in (client.get, client.delete):
        answer = await call(f"/payment-methods/{saved['id']}")
        problem(answer, 404, "payment_method_not_found")
    problem(
        await client.post(f"/payment-methods/{uuid4()}/verify"), 404, "payment_method_not_found"
    )


async def test_a_field_that_is_wrong_for_a_phone_is_named(client: httpx.AsyncClient) -> None:
    for fields, pointer in (
        ({"phone": "12345678901"}, "/phone"),
        ({"country": "UG"}, "/phone"),  # a Kenyan number is none of Uganda's
        ({"country": "TD"}, "/country"),
        ({"phone": "+4242424242424242"}, "/phone"),
        ({"phone": 712345149}, "/phone"),
        ({"method": "dogecoin"}, "/method"),
        ({"customer_id": ""}, "/customer_id"),
        ({"pin": "1234"}, "/pin"),
    ):
        answer = await client.post("/payment-methods", json=phone(**fields))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert "4242424242424242" not in answer.text


async def test_verified_by_a_completed_deposit(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    saved, other = await save(client), await save(client, phone="0712345150")
    path = f"/payment-methods/{saved['id']}/verify"
    assert (await client.post(path)).json()["verified"] is False
    payment = (await pay(client, order(payment_method={"id": saved["id"]}))).json()
    assert payment["payment_method"]["phone"] == "2547****149"
    assert (await client.post(path)).json()["verified"] is False
    await gateway.settle(payment["id"])
    assert (await client.post(path)).json()["verified"] is True
    assert (await client.get(f"/payment-methods/{saved['id']}")).json()["verified"] is True
    other_path = f"/payment-methods/{other['id']}/verify"
    assert (await client.post(other_path)).json()["verified"] is False


async def test_saved_method_of_another_customer(client: httpx.AsyncClient) -> None:
    saved = await save(client, customer_id="c_2")
    answer = await pay(client, order(payment_method={"id": saved["id"]}))
    document = problem(answer, 422, "payment_method_invalid")
    assert document["errors"][0]["pointer"] == "/payment_method/id"


async def test_replay_survives_the_methods_deletion(client: httpx.AsyncClient) -> None:
    saved = await save(client)
    body = order(payment_method={"id": saved["id"]})
    first = await pay(client, body, key="k")
    await client.delete(f"/payment-methods/{saved['id']}")
    again = await pay(client, body, key="k")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content


async def test_a_key_that_cannot_be_read(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    for key in ("", "with blank", '"open'):
        answer = await client.post(
            "/payment-methods", json=phone(), headers={"Idempotency-Key": key}
        )
        problem(answer, 400, "idempotency_key_malformed")
    assert await gateway.count("gateway.payment_method") == 0
