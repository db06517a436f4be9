"""A rail that was removed: its payments can be read, but nothing new can be done with it."""

from typing import Any

import httpx
import pytest

from tests.support.gateway import RunningGateway
from tests.support.payments import card_order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

REMOVE = """
set local session_replication_role = replica;  -- the terms of a payment are fixed
update ledger.payment
set method = 'cheque', rail = 'cheque', instrument = instrument || '{"kind": "cheque"}';
"""


async def removed(client: httpx.AsyncClient, gateway: RunningGateway) -> Any:
    """A completed payment by a rail that is not installed any more."""
    made = (await pay(client, card_order())).json()
    await gateway.settle(made["id"])
    await gateway.admin.execute(REMOVE)
    return made


async def test_its_payments_can_be_read(client: httpx.AsyncClient, gateway: RunningGateway) -> None:
    made = await removed(client, gateway)
    shown = (await client.get(f"/payments/{made['id']}")).json()
    assert (shown["method"], shown["rail"], shown["payment_method"]) == ("cheque", "cheque", None)
    assert (await client.get("/payments")).json()["data"] == [shown]
    timeline = await client.get(f"/payments/{made['id']}/timeline")
    assert [item["name"] for item in timeline.json()["items"]][-1] == "settlement"


async def test_its_payments_can_not_be_refunded(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    made = await removed(client, gateway)
    problem(await refund(client, made["id"]), 422, "method_unavailable")


async def test_an_instrument_of_a_kind_that_is_left_is_shown(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    made = (await pay(client, card_order())).json()
    await gateway.admin.execute(REMOVE.replace('cheque"}', 'card"}'))
    shown = (await client.get(f"/payments/{made['id']}")).json()
    assert shown["payment_method"]["kind"] == "card"


async def test_its_saved_methods_are_gone(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    wish = {"method": "mpesa", "customer_id": "c_1", "phone": "+254712345678"}
    saved = (await client.post("/payment-methods", json=wish)).json()
    assert saved["rail"] == "mpesa"
    await gateway.admin.execute("update gateway.payment_method set rail = 'cheque'")
    path = f"/payment-methods/{saved['id']}"
    problem(await client.get(path), 404, "payment_method_not_found")
    problem(await client.post(f"{path}/verify"), 404, "payment_method_not_found")
    problem(await client.delete(path), 404, "payment_method_not_found")
    assert (await client.get("/payment-methods")).json()["data"] == []


async def test_a_saved_method_is_for_payments_of_its_rail(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    wish = {"method": "mpesa", "customer_id": "c_1", "phone": "+254712345678"}
    saved = (await client.post("/payment-methods", json=wish)).json()
    await gateway.admin.execute("update gateway.payment_method set rail = 'card'")
    order = {
        "type": "deposit", "method": "mpesa", "amount": "100", "currency": "KES",
        "customer_id": "c_1", "payment_method": {"id": saved["id"]},
    }  # fmt: skip
    problem(await pay(client, order), 422, "payment_method_invalid")
