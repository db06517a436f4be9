"""Quotes, payments and conversions at live rates: the stored ones, while they are new."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cift_shared.runtime.rate_reader import RateReader
from cift_shared.testing import FakeClock
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.problems import problem
from tests.support.rates import put_rate

pytestmark = pytest.mark.integration

CONVERSIONS = "/customers/c_1/conversions"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(database: str, clock: FakeClock) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database, clock=clock, rate_currencies="BTC,ETH") as running:
        yield running


async def rate(gateway: RunningGateway, clock: FakeClock, usd: str | None, ago_s: int = 0) -> None:
    """The reader has stored this rate of BTC, and the gateway has read it."""
    as_of = clock.now() - timedelta(seconds=ago_s)
    await put_rate(gateway.admin, "BTC", usd, as_of=as_of)
    await gateway.parts[RateReader].read()


async def convert(
    client: httpx.AsyncClient, to: str = "BTC", *, key: str | None = None
) -> httpx.Response:
    body = {"from": {"amount": "400.00", "currency": "KES"}, "to_currency": to}
    return await client.post(
        CONVERSIONS, json=body, headers={"Idempotency-Key": key or uuid4().hex}
    )


async def test_a_conversion_at_the_live_rate(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    await rate(gateway, clock, "100000")
    deal = (await convert(client)).json()
    # 400 KES are 3.094 USD at 129.25, less 0.5 %
    assert deal["to"] == {"amount": "0.00003079", "currency": "BTC"}
    assert deal["rate_source"] == "cift-static; coinbase,kraken"


@pytest.mark.parametrize(("usd", "ago_s"), [(None, 0), ("95000", 61)], ids=["apart", "old"])
async def test_without_a_new_rate_nothing_is_converted_and_nothing_stored(
    gateway: RunningGateway,
    client: httpx.AsyncClient,
    clock: FakeClock,
    usd: str | None,
    ago_s: int,
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    await rate(gateway, clock, usd, ago_s)
    key = uuid4().hex
    refused = await convert(client, key=key)
    problem(refused, 503, "rate_unavailable")
    assert (refused.headers["Retry-After"], refused.json()["retryable"]) == ("1", True)
    assert (await convert(client, "USD")).status_code == 201  # no live currency
    await rate(gateway, clock, "95000")
    assert (await convert(client, key=key)).status_code == 201


async def test_a_batch_answers_each_item(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    await rate(gateway, clock, None)
    items = [
        {"customer_id": "c_1", "idempotency_key": uuid4().hex, "to_currency": to,
         "from": {"amount": "400.00", "currency": "KES"}}
        for to in ("BTC", "USD")
    ]  # fmt: skip
    answer = (await client.post("/conversions/batch", json={"items": items})).json()["items"]
    assert [one["status"] for one in answer] == [503, 201]
    assert answer[0]["problem"]["code"] == "rate_unavailable"


async def test_prices_need_the_live_rate(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    wish: dict[str, Any] = {
        "type": "deposit", "method": "bitcoin", "amount": "0.01", "currency": "BTC",
    }  # fmt: skip
    await gateway.admin.execute(
        "insert into gateway.rail_status (rail, instance, available, reported_at, seen_at, since,"
        " network_fees) values ('bitcoin', 'w', true, $1, $1, $1, $2)",
        clock.now(),
        [
            {
                "type": "deposit", "currency": "BTC", "estimated_at": clock.now().isoformat(),
                "fee": {"minor": "680", "currency": "BTC"},
            }
        ],
    )  # fmt: skip
    await rate(gateway, clock, None)
    problem(await client.get("/fees/quote", params=wish), 503, "rate_unavailable")
    problem(await client.post("/quotes", json=wish), 503, "rate_unavailable")
    (option,) = (
        await client.get(
            "/payment-options", params={k: v for k, v in wish.items() if k != "method"}
        )
    ).json()["data"]
    assert option["unavailable_reason"] == "rate_unavailable"
    await rate(gateway, clock, "50000")
    shown = (await client.get("/fees/quote", params=wish)).json()
    assert (shown["fee"], shown["network_fee"]) == ("0.00001680", "0.00000680")
