"""Many at once, at two gateways over one database: money moves once and never further than it may.

One gateway alone is tested beside its routes (test_idempotency, test_refunds, test_payments).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import httpx
import pytest

from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

Pair = tuple[RunningGateway, list[httpx.AsyncClient]]


@pytest.fixture
async def pair(database: str) -> AsyncIterator[Pair]:
    async with running_gateway(database) as first, running_gateway(database) as second:
        yield first, [await first.client(), await second.client()]


def by_status(answers: Sequence[httpx.Response]) -> dict[int, int]:
    codes = [answer.status_code for answer in answers]
    return {code: codes.count(code) for code in codes}


async def available(client: httpx.AsyncClient) -> float:
    (balance,) = (await client.get("/customers/c_1/balances")).json()["balances"]
    return float(balance["available"])


async def test_one_key_fifty_times(pair: Pair) -> None:
    gateway, clients = pair
    answers = await asyncio.gather(
        *(pay(clients[n % 2], order(), key="k", Prefer="wait=0") for n in range(50))
    )
    assert set(by_status(answers)) <= {202, 409}
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(ids) == 1
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "idempotency_key_in_flight")
    assert await gateway.count("ledger.payment") == 1
    assert await gateway.count("gateway.outbox") == 1
    (again,) = {(await pay(client, order(), key="k")).json()["id"] for client in clients}
    assert again in ids


async def test_one_key_many_wishes(pair: Pair) -> None:
    """Twenty amounts under one key: the first that is stored stands, the others are refused."""
    gateway, clients = pair
    answers = await asyncio.gather(
        *(pay(clients[n % 2], order(amount=f"{100 + n}.00"), key="k") for n in range(20))
    )
    assert by_status(answers).get(202) == 1
    for answer in answers:
        if answer.status_code != 202:
            assert answer.json()["code"] in ("idempotency_key_reused", "idempotency_key_in_flight")
    assert await gateway.count("ledger.payment") == 1


async def test_twenty_partial_refunds(pair: Pair) -> None:
    gateway, clients = pair
    deposit = await gateway.funded(clients[0], "c_1", "1000.00")
    answers = await asyncio.gather(
        *(refund(clients[n % 2], deposit["id"], "90.00") for n in range(20))
    )
    accepted = [answer.json() for answer in answers if answer.status_code == 202]
    assert len(accepted) == 11
    for answer in answers:
        if answer.status_code != 202:
            problem(answer, 422, "refund_exceeds_captured")
    await asyncio.gather(*(gateway.settle(made["id"]) for made in accepted))
    shown = (await clients[1].get(f"/payments/{deposit['id']}")).json()
    assert shown["refunded"] == "990.00"
    assert await available(clients[0]) == 9.75
    problem(await refund(clients[0], deposit["id"], "11.00"), 422, "refund_exceeds_captured")


async def test_twenty_ways_to_spend_one_balance(pair: Pair) -> None:
    """Withdrawals, refunds and conversions of 100 each want 975 together."""
    gateway, clients = pair
    deposit = await gateway.funded(clients[0], "c_1", "1000.00")

    def exchange(client: httpx.AsyncClient):
        wish = {"from": {"amount": "100.00", "currency": "KES"}, "to_currency": "USD"}
        headers = {"Idempotency-Key": uuid4().hex}
        return client.post("/customers/c_1/conversions", json=wish, headers=headers)

    wishes = []
    for n in range(21):
        client = clients[n % 2]
        wishes += [
            pay(client, order(type="withdrawal", amount="100.00"))
            if n % 3 == 0
            else refund(client, deposit["id"], "100.00")
            if n % 3 == 1
            else exchange(client)
        ]
    answers = await asyncio.gather(*wishes)
    spent = sum(answer.status_code in (201, 202) for answer in answers)
    assert 9 <= spent <= 10  # a refund takes 97.50 of the balance, a withdrawal 102.50
    for answer in answers:
        if answer.status_code not in (201, 202):
            problem(answer, 422, "insufficient_funds")
    balances = (await clients[0].get("/customers/c_1/balances")).json()["balances"]
    assert all(float(balance["available"]) >= 0 for balance in balances)


async def test_canceled_against_settled(pair: Pair) -> None:
    """Ten payments whose worker says canceled while the provider says settled: one end each."""
    gateway, clients = pair
    made = [(await pay(clients[0], order())).json()["id"] for _ in range(10)]
    for payment_id in made:
        outcomes = await asyncio.gather(
            gateway.result(payment_id, "canceled"),
            gateway.result(payment_id, "settled", provider_reference=uuid4().hex[:10].upper()),
            clients[1].post(f"/payments/{payment_id}/cancel"),
            clients[0].post(f"/payments/{payment_id}/cancel"),
        )
        assert {answer.status_code for answer in outcomes[2:]} <= {202, 409}
        changes = await gateway.admin.fetch(
            "select to_status from ledger.payment_event "
            "where payment_id = $1 and to_status in ('completed', 'canceled', 'failed', 'expired')",
            payment_id,
        )
        assert len(changes) <= 1, payment_id
        shown = (await clients[1].get(f"/payments/{payment_id}")).json()
        assert shown["status"] in ("completed", "canceled", "in_review")
