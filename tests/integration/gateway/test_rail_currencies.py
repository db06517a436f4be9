"""A deployment may set up a part of a rail's currencies: the others are neither shown nor taken."""

from collections.abc import Mapping

import httpx
import pytest

from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction
from cift_shared.testing import FakeClock
from tests.integration.gateway.test_payment_options import options, report, status
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

COSTS: Mapping[Direction, Money] = {
    "deposit": Money(86_000 * 10**10, "ETH"),
    "withdrawal": Money(65_000 * 10**10, "ETH"),
}
ORDER = {
    "type": "deposit", "method": "ethereum", "amount": "25", "currency": "USDC",
    "customer_id": "c_1",
}  # fmt: skip


async def open_client(gateway: RunningGateway, clock: FakeClock) -> httpx.AsyncClient:
    """A merchant's client; the watcher has told what the network charges."""
    fees = [
        NetworkFee(type=direction, currency=currency, fee=fee, estimated_at=clock.now())
        for direction, fee in COSTS.items()
        for currency in ("ETH", "USDC", "USDT")
    ]
    assert await report(gateway, status(clock, rail="ethereum", network_fees=fees)) == []
    return await gateway.client()


async def shown(client: httpx.AsyncClient) -> list[str]:
    return [one["currency"] for one in await options(client) if one["rail"] == "ethereum"]


async def test_tokens_of_the_main_network_are_offered_and_priced(database: str) -> None:
    clock = FakeClock()
    async with running_gateway(database, clock=clock) as gateway:
        client = await open_client(gateway, clock)
        assert await shown(client) == ["ETH", "USD", "USDC", "USDT"]
        answer = await pay(client, ORDER)
        assert answer.status_code == 202, answer.text
        payment = answer.json()
        # 0.50 dollars, and 0.00086 ether at 3,150 dollars
        assert (payment["amount"], payment["fee"], payment["net"]) == (
            "25.000000", "3.209000", "21.791000",
        )  # fmt: skip
        assert payment["currency"] == "USDC"
        low = await pay(client, {**ORDER, "amount": "0.999999"})
        problem(low, 422, "amount_out_of_limits")
        problem(await pay(client, {**ORDER, "amount": "25.0000001"}), 422, "amount_invalid")


async def test_a_withdrawal_in_a_token_is_priced_in_the_token(database: str) -> None:
    clock = FakeClock()
    async with running_gateway(database, clock=clock) as gateway:
        client = await open_client(gateway, clock)
        wish = {"type": "withdrawal", "method": "ethereum", "amount": "10", "currency": "USDC"}
        price = (await client.post("/quotes", json=wish)).json()
        # 5 dollars, and 0.00065 ether at 3,150 dollars
        assert (price["fee"], price["network_fee"], price["net"]) == (
            "7.047500", "2.047500", "17.047500",
        )  # fmt: skip
        assert price["currency"] == "USDC"


async def test_a_token_that_is_not_set_up_is_neither_shown_nor_taken(database: str) -> None:
    clock, only = FakeClock(), {"ethereum": {"tokens": "USDT,-USDC"}}
    async with running_gateway(database, clock=clock, rails=only) as gateway:
        client = await open_client(gateway, clock)
        assert await shown(client) == ["ETH", "USD", "USDT"]
        refused = problem(await pay(client, ORDER), 422, "currency_unsupported")
        assert refused["errors"][0]["pointer"] == "/currency"
        assert (await pay(client, {**ORDER, "currency": "USDT"})).status_code == 202
