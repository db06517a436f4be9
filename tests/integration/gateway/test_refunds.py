"""Never more goes back than came in, counting what is under way."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from cift_shared.messaging.messages import COMMANDS, RequestRefund
from tests.support.gateway import RunningGateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration


async def test_a_part_is_refunded_with_its_share_of_the_fee(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "1000.00")
    answer = await refund(client, deposit["id"], "400.00")
    assert answer.status_code == 202
    made = answer.json()
    assert (made["type"], made["parent"], made["status"]) == ("refund", deposit["id"], "pending")
    assert (made["amount"], made["fee"], made["net"]) == ("400.00", "10.00", "390.00")
    assert answer.headers["location"] == f"/api/v1/payments/{made['id']}"
    assert (await client.get(f"/payments/{made['id']}")).json() == made

    body = await gateway.admin.fetchval("select body from gateway.outbox order by id desc limit 1")
    command = COMMANDS.validate_json(body)
    assert isinstance(command, RequestRefund)
    assert (str(command.original.payment_id), command.amount.text) == (deposit["id"], "400.00")
    assert command.original.provider_reference

    await gateway.settle(made["id"])
    shown = (await client.get(f"/payments/{deposit['id']}")).json()
    assert shown["refunded"] == "400.00"


async def test_without_an_amount_all_that_is_left(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "1000.00")
    await refund(client, deposit["id"], "400.00")
    headers = {"Idempotency-Key": uuid4().hex}
    answer = await client.post(f"/payments/{deposit['id']}/refunds", headers=headers)
    assert (answer.status_code, answer.json()["amount"]) == (202, "600.00")
    problem(await refund(client, deposit["id"]), 422, "refund_exceeds_captured")


async def test_more_than_captured(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    deposit = await gateway.funded(client, "c_1", "100.00")
    refused = problem(await refund(client, deposit["id"], "101.00"), 422, "refund_exceeds_captured")
    assert refused["errors"][0]["pointer"] == "/amount"


async def test_twenty_at_once_never_exceed(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "100.00")
    answers = await asyncio.gather(*(refund(client, deposit["id"], "9.00") for _ in range(20)))
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert len(accepted) == 11
    for answer in answers:
        if answer.status_code != 202:
            problem(answer, 422, "refund_exceeds_captured")


async def test_money_that_was_spent_cannot_go_back(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "100.00")
    await pay(client, order(type="withdrawal", amount="90.00"))
    problem(await refund(client, deposit["id"], "50.00"), 422, "insufficient_funds")


async def test_only_completed_deposits(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    pending = (await pay(client, order())).json()
    problem(await refund(client, pending["id"]), 409, "not_refundable")
    await gateway.funded(client, "c_1", "500.00")
    out = (await pay(client, order(type="withdrawal"))).json()
    await gateway.settle(out["id"])
    problem(await refund(client, out["id"]), 409, "not_refundable")


async def test_a_malformed_amount_of_a_refund_is_refused(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "100.00")
    for amount in ("0", "-1.00", "1.50", "1e2", "NaN", "", "1,000.00"):
        answer = await refund(client, deposit["id"], amount)
        assert answer.status_code == 422, amount
        assert answer.json()["errors"][0]["pointer"] == "/amount"
