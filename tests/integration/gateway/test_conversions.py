"""Conversions over HTTP: once for each key, at a rate that is told, never more than there is."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.gateway import OTHER_MERCHANT, RunningGateway, running_gateway
from tests.support.problems import problem

pytestmark = pytest.mark.integration

PATH = "/customers/c_1/conversions"


def wish(amount: str = "500.00", currency: str = "KES", to: str = "USD") -> dict[str, Any]:
    return {"from": {"amount": amount, "currency": currency}, "to_currency": to}


async def convert(
    client: httpx.AsyncClient, body: Any, *, key: str | None = None, path: str = PATH
) -> httpx.Response:
    return await client.post(path, json=body, headers={"Idempotency-Key": key or uuid4().hex})


async def balances(client: httpx.AsyncClient) -> dict[str, str]:
    found = (await client.get("/customers/c_1/balances")).json()["balances"]
    return {balance["currency"]: balance["available"] for balance in found}


async def test_a_conversion_is_done_when_it_is_answered(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    answer = await convert(client, wish())
    assert answer.status_code == 201, answer.text
    deal = answer.json()
    assert deal["from"] == {"amount": "500.00", "currency": "KES"}
    assert deal["to"] == {"amount": "3.84", "currency": "USD"}  # 3.849
    assert (deal["market_rate"], deal["spread_bps"]) == ("0.00773694390715667311", 50)
    assert deal["rate"] == "0.00769825918762088974"
    assert (deal["rate_source"], deal["rate_as_of"]) == ("cift-static", "2025-11-15T00:00:00Z")
    assert await balances(client) == {"KES": "475.00", "USD": "3.84"}
    assert answer.headers["Location"] == f"/api/v1{PATH}/{deal['id']}"
    assert (await client.get(f"{PATH}/{deal['id']}")).json() == deal
    statement = (await client.get("/customers/c_1/statement?limit=2")).json()["data"]
    assert {(line["kind"], line["transaction_id"]) for line in statement} == {
        ("conversion", deal["transaction_id"])
    }
    assert {line["amount"] for line in statement} == {"-500.00", "3.84"}


async def test_a_statement_of_two_currencies_pages_through_every_entry_once(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    for _ in range(3):
        await convert(client, wish("100.00"))
    whole = (await client.get("/customers/c_1/statement")).json()["data"]
    assert [line["booked_at"] for line in whole] == sorted(
        (line["booked_at"] for line in whole), reverse=True
    )
    assert len({line["id"] for line in whole}) == 7
    found, query = [], {"limit": "2"}
    while "after" not in query or query["after"]:
        page = (await client.get("/customers/c_1/statement", params=query)).json()
        found += page["data"]
        query["after"] = page["next_cursor"]
    assert found == whole
    assert len(found) == 7
    dollars = (await client.get("/customers/c_1/statement?currency=USD")).json()["data"]
    assert dollars == [line for line in whole if line["currency"] == "USD"]


async def test_there_and_back_costs_the_spread_twice(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "100000.00")
    there = (await convert(client, wish("97500.00"))).json()
    back = (await convert(client, wish(there["to"]["amount"], "USD", "KES"))).json()
    assert back["to"]["amount"] == "96527.40"  # less 0.5 % twice, and cents cut off
    assert await balances(client) == {"KES": "96527.40", "USD": "0.00"}


async def test_the_same_key_converts_once(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    first = await convert(client, wish("975.00"), key="k")
    again = await convert(client, wish("975.00"), key="k")
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert list(again.json().items()) == list(first.json().items())
    problem(await convert(client, wish("1.00"), key="k"), 422, "idempotency_key_reused")
    missing = await client.post(PATH, json=wish())
    problem(missing, 400, "idempotency_key_missing")
    assert await gateway.count("ledger.conversion") == 1


async def test_parallel_conversions_never_exchange_more_than_there_is(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    answers = await asyncio.gather(*[convert(client, wish("200.00")) for _ in range(8)])
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [422] * 4
    refused = next(answer for answer in answers if answer.status_code == 422)
    found = problem(refused, 422, "insufficient_funds")
    assert found["errors"][0]["pointer"] == "/from/amount"
    assert (await balances(client))["KES"] == "175.00"


@pytest.mark.parametrize(
    ("body", "code", "pointer", "stored"),
    [
        (wish(to="KES"), "conversion_same_currency", "/to_currency", False),
        (wish(to="XYZ"), "currency_unknown", "/to_currency", False),
        (wish(currency="XYZ"), "currency_unknown", "/from/currency", False),
        (wish("0.001"), "amount_invalid", "/from/amount", False),
        (wish("0.01"), "amount_out_of_limits", "/from/amount", True),
        (wish("100000.00"), "insufficient_funds", "/from/amount", True),
        ({"from": {"amount": 1, "currency": "KES"}, "to_currency": "USD"}, "validation_failed",
         "/from/amount", False),
        ({"given": {"amount": "1", "currency": "KES"}, "to_currency": "USD"}, "validation_failed",
         "/from", False),
        ({**wish(), "rate": "1"}, "validation_failed", "/rate", False),
    ],
)  # fmt: skip
async def test_a_conversion_that_is_refused_names_code_and_place(
    gateway: RunningGateway, client: httpx.AsyncClient, body, code, pointer, stored
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    found = problem(await convert(client, body), 422, code)
    assert pointer in {error["pointer"] for error in found["errors"]}
    # the deposit's, and the refusal's if another moment could reverse it
    assert await gateway.count("gateway.idempotency_key") == 1 + stored


async def test_others_see_nothing_of_it(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    deal = (await convert(client, wish())).json()
    other = await gateway.client(merchant=OTHER_MERCHANT)
    problem(await other.get(f"{PATH}/{deal['id']}"), 404, "conversion_not_found")
    problem(await convert(other, wish()), 422, "insufficient_funds")
    other_customer = f"/customers/c_2/conversions/{deal['id']}"
    problem(await client.get(other_customer), 404, "conversion_not_found")
    payer = await gateway.client(scopes=["payments:write", "payouts:write", "read"])
    problem(await convert(payer, wish()), 403, "scope_missing")


async def test_live_money_is_not_exchanged_at_the_shipped_rates(database: str) -> None:
    async with running_gateway(database, mode="live") as gateway:
        client = await gateway.client(mode="live")
        problem(await convert(client, wish()), 422, "rate_unavailable")
