"""`cift canary` over a real gateway behind a real socket; the ledger settles what it makes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from cift_shared.clock import SystemClock
from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.amount import Money
from tests.integration.gateway.test_payment_options import mpesa, report, status
from tests.support.cift import Said, cift
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.served import listening

pytestmark = pytest.mark.integration

CANARY = ["canary", "mpesa", "--currency", "KES", "--phone", "0712345678", "--country", "KE"]
OPEN = "select payment_id::text, type from ledger.payment where status = 'pending'"


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database) as gateway:
        yield gateway


async def run(gateway: RunningGateway, *words: str, mode: str = "test") -> Said:
    key = str(await gateway.key(mode=mode))
    async with listening(gateway) as port:
        base = f"http://127.0.0.1:{port}"
        return await cift(*words, CIFT_API_KEY=key, CIFT_API_BASE=base)


@asynccontextmanager
async def settling(gateway: RunningGateway, *, only: str = "") -> AsyncIterator[None]:
    """The provider completes every payment, or only those of a kind."""

    async def settle() -> None:
        while True:
            for row in await gateway.admin.fetch(OPEN):
                if only in ("", row["type"]):
                    await gateway.settle(row["payment_id"])
            await asyncio.sleep(0.05)

    task = asyncio.create_task(settle())
    try:
        yield
    finally:
        task.cancel()


async def test_the_smallest_deposit_is_made_and_refunded(gateway: RunningGateway) -> None:
    async with settling(gateway):
        said = await run(gateway, *CANARY, "--json")
    assert said.code == 0, said
    deposit, refund = said.json["deposit"], said.json["refund"]
    assert (deposit["status"], deposit["customer_id"]) == ("completed", "canary")
    assert (refund["status"], refund["parent"]) == ("completed", deposit["id"])
    smallest = (await mpesa(await gateway.client()))["limits"]["min"]
    assert deposit["amount"] == smallest
    assert deposit["seconds"] > 0


async def test_a_given_amount_is_left_where_it_is(gateway: RunningGateway) -> None:
    async with settling(gateway):
        said = await run(gateway, *CANARY, "--amount", "7.00", "--no-refund", "--json")
    assert said.code == 0, said
    assert "refund" not in said.json
    assert said.json["deposit"]["amount"] == "7.00"


async def test_a_payment_that_does_not_end_is_a_finding(gateway: RunningGateway) -> None:
    said = await run(gateway, *CANARY, "--timeout", "1")
    assert said.code == 1, said
    assert ": pending after " in said.out


async def test_a_refund_that_does_not_end_is_a_finding(gateway: RunningGateway) -> None:
    async with settling(gateway, only="deposit"):
        said = await run(gateway, *CANARY, "--timeout", "1", "--json")
    assert said.code == 1, said
    assert said.json["deposit"]["status"] == "completed"
    assert said.json["refund"]["status"] == "pending"


async def test_a_method_without_refunds_keeps_the_money(gateway: RunningGateway) -> None:
    now = datetime.now(UTC)
    fee = NetworkFee(type="deposit", currency="BTC", fee=Money(500, "BTC"), estimated_at=now)
    reported = status(SystemClock(), rail="bitcoin", network_fees=[fee])
    assert await report(gateway, reported) == []
    async with settling(gateway):
        said = await run(gateway, "canary", "bitcoin", "--currency", "BTC", "--json")
    assert said.code == 0, said
    assert "bitcoin_refund_unsupported" in said.err
    assert "refund" not in said.json


async def test_real_money_needs_a_yes(gateway: RunningGateway) -> None:
    said = await run(gateway, *CANARY, mode="live")
    said.is_one_line(2, "--yes")


async def test_an_unknown_currency_is_named(gateway: RunningGateway) -> None:
    said = await run(gateway, "canary", "mpesa", "--currency", "USD", "--phone", "0712345678")
    said.is_one_line(2, "no deposit by mpesa in USD")
