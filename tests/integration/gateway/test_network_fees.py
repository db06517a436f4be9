"""A worker's estimate of its network's fee: in quotes, payments, options, and in the books."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import pytest

from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.amount import Money
from cift_shared.money.fees import DIRECTIONS
from cift_shared.rails.registry import rails
from cift_shared.testing import FakeClock
from gateway.payment_options.availability import ESTIMATE_VALID
from tests.integration.gateway.test_payment_options import mpesa, options, report, status
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

WISH = {"type": "deposit", "method": "mpesa", "amount": "100.00", "currency": "KES"}
KENYA = {"currency": "KES", "country": "KE"}
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(
    database: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningGateway]:
    """A gateway with a rail that estimates: our fee is 2.5 %, the network's is added."""
    rail = replace(rails()["mpesa"], estimates_network_fee=True)
    monkeypatch.setitem(cast("dict[str, Any]", rails()), "mpesa", rail)
    rules = [
        {"method": "mpesa", "direction": direction, "percent": "2.5", "network_fee": True,
         "valid_from": "2025-01-01T00:00:00Z"}
        for direction in DIRECTIONS
    ]  # fmt: skip
    prices = tmp_path / "fees.json"
    prices.write_text(json.dumps({"rules": rules}))
    async with running_gateway(database, clock=clock, fee_schedule=str(prices)) as running:
        yield running


async def estimate(
    gateway: RunningGateway,
    clock: FakeClock,
    fee: Money,
    *,
    ago: timedelta = timedelta(0),
    **fields: Any,
) -> None:
    """A worker reports what its network charges, for deposits and for withdrawals."""
    at = fields.get("reported_at", clock.now()) - ago
    fees = [
        NetworkFee(type=direction, currency="KES", fee=fee, estimated_at=at)
        for direction in DIRECTIONS
    ]
    assert await report(gateway, status(clock, network_fees=fees, **fields)) == []


async def is_priced(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/fees/quote", params=WISH)
    if answer.status_code == 200:
        return True
    problem(answer, 503, "network_fee_unknown")
    return False


async def stored(gateway: RunningGateway, payment_id: str) -> Any:
    query = "select fee_minor, net_minor, pricing from ledger.payment where payment_id = $1"
    return await gateway.admin.fetchrow(query, UUID(payment_id))


class TestPrices:
    async def test_the_estimate_is_a_part_of_the_fee(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await estimate(gateway, clock, Money(1_50, "KES"))
        shown = (await client.get("/fees/quote", params=WISH)).json()
        quoted = (await client.post("/quotes", json=WISH)).json()
        for price in shown, quoted:
            assert (price["fee"], price["network_fee"], price["net"]) == ("4.00", "1.50", "96.00")
        paid = (await pay(client, order())).json()
        assert (paid["fee"], paid["net"]) == ("4.00", "96.00")
        out = await client.get("/fees/quote", params={**WISH, "type": "withdrawal"})
        assert (out.json()["fee"], out.json()["net"]) == ("4.00", "104.00")

    async def test_another_currency_is_converted_and_rounded_up(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await estimate(gateway, clock, Money(1, "USD"))
        paid = (await pay(client, order())).json()
        assert paid["fee"] == "3.80"  # 0.01 USD at 129.25 is 1.2925
        timeline = (await client.get(f"/payments/{paid['id']}/timeline")).json()
        (pricing,) = [item["detail"] for item in timeline["items"] if item["kind"] == "pricing"]
        assert pricing["network_fee"] == "1.30"
        assert pricing["network_estimate"]["fee"] == "0.01 USD"
        assert pricing["network_estimate"]["rate"]["value"] == "129.25"

    async def test_a_quote_keeps_its_estimate_and_the_books_have_it(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await estimate(gateway, clock, Money(1_50, "KES"))
        quote_id = (await client.post("/quotes", json=WISH)).json()["id"]
        clock.advance(timedelta(seconds=10))
        await estimate(gateway, clock, Money(9_00, "KES"))
        new = (await pay(client, order())).json()
        kept = (await pay(client, order(quote_id=quote_id))).json()
        assert (new["fee"], kept["fee"]) == ("11.50", "4.00")
        for paid in new, kept:
            await gateway.settle(paid["id"])
        query = "select posted from ledger.balance join ledger.account using (account_id)"
        posted = await gateway.admin.fetchval(f"{query} where code = 'fees:mpesa:KES'")
        assert int(posted) == -(11_50 + 4_00)
        for paid in new, kept:
            row = await stored(gateway, paid["id"])
            fee = await gateway.admin.fetchval(
                "select ledger.fee_by_pricing($1, 10000, 'KES')", row["pricing"]
            )
            assert fee == row["fee_minor"]

    async def test_a_withdrawal_costs_its_customer_the_network_fee(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await estimate(gateway, clock, Money(1_50, "KES"))
        await gateway.funded(client, "c_1", "1000.00")
        out = (await pay(client, order(type="withdrawal"))).json()
        assert (out["fee"], out["net"]) == ("4.00", "104.00")
        await gateway.settle(out["id"])
        balances = (await client.get("/customers/c_1/balances")).json()["balances"]
        assert balances[0]["available"] == "869.50"  # 1000 less 26.50, less 104


class TestWithoutAnEstimate:
    async def test_nothing_is_priced_and_nothing_stored(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await report(gateway, status(clock))
        assert not await is_priced(client)
        for answer in (
            await client.post("/quotes", json=WISH),
            await pay(client, order(), key="k-1"),
        ):
            assert problem(answer, 503, "network_fee_unknown")["retryable"] is True
            assert "retry-after" in answer.headers
        assert await gateway.count("gateway.quote") == await gateway.count("ledger.payment") == 0
        clock.advance(MOMENT)
        await estimate(gateway, clock, Money(1_50, "KES"))
        assert (await pay(client, order(), key="k-1")).status_code == 202

    async def test_what_was_promised_or_accepted_before_stays(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await estimate(gateway, clock, Money(1_50, "KES"))
        quote_id = (await client.post("/quotes", json=WISH)).json()["id"]
        accepted = await pay(client, order(), key="k-1")
        clock.advance(timedelta(minutes=2))
        problem(await pay(client, order()), 503, "network_fee_unknown")
        repeated = await pay(client, order(), key="k-1")
        assert (repeated.status_code, repeated.json()["id"]) == (202, accepted.json()["id"])
        assert repeated.headers["Idempotency-Replayed"] == "true"
        problem(await pay(client, order(amount="7.00"), key="k-1"), 422, "idempotency_key_reused")
        kept = await pay(client, order(quote_id=quote_id))
        assert (kept.status_code, kept.json()["fee"]) == (202, "4.00")

    async def test_it_ends_a_minute_after_it_was_made(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        """The worker still reports, but its network does not answer."""
        await estimate(gateway, clock, Money(1_50, "KES"))
        clock.advance(ESTIMATE_VALID)
        await estimate(gateway, clock, Money(1_50, "KES"), ago=ESTIMATE_VALID)
        assert await is_priced(client)
        clock.advance(MOMENT)
        await estimate(gateway, clock, Money(1_50, "KES"), ago=ESTIMATE_VALID + MOMENT)
        assert not await is_priced(client)

    @pytest.mark.parametrize("off_s", [-20, 20, 3600])
    async def test_a_wrong_clock_makes_no_old_estimate_new(
        self, off_s: int, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        off, old = timedelta(seconds=off_s), ESTIMATE_VALID + MOMENT
        await estimate(gateway, clock, Money(1, "KES"), ago=old, reported_at=clock.now() + off)
        assert not await is_priced(client)
        clock.advance(MOMENT)
        await estimate(gateway, clock, Money(1, "KES"), reported_at=clock.now() + off)
        assert await is_priced(client)

    async def test_a_process_takes_over_without_a_gap(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await estimate(gateway, clock, Money(1_50, "KES"), instance="w-0")
        clock.advance(timedelta(seconds=20))
        await report(gateway, status(clock, instance="w-1"))
        assert await is_priced(client)
        clock.advance(MOMENT)
        await estimate(gateway, clock, Money(2_50, "KES"), instance="w-1")
        assert (await client.get("/fees/quote", params=WISH)).json()["network_fee"] == "2.50"

    async def test_rows_of_earlier_gateways_have_none(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await gateway.admin.execute(
            "insert into gateway.rail_status (rail, instance, available, reported_at, seen_at, "
            "since) values ('mpesa', 'w-0', true, $1, $1, $1)",
            clock.now(),
        )
        assert not await is_priced(client)
        assert (await mpesa(client))["unavailable_reason"] == "network_fee_unknown"
        clock.advance(MOMENT)
        await estimate(gateway, clock, Money(1_50, "KES"))
        assert await is_priced(client)
        clock.advance(ESTIMATE_VALID + MOMENT)
        # an earlier gateway stores a new report, and leaves the estimates as they are
        await gateway.admin.execute(
            "update gateway.rail_status set reported_at = $1, seen_at = $1", clock.now()
        )
        assert not await is_priced(client)


class TestOptions:
    async def test_they_show_the_fee_with_it(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await estimate(gateway, clock, Money(1_50, "KES"))
        (found,) = await options(client, **KENYA, amount="100.00")
        assert (found["fee"], found["network_fee"]) == ("4.00", "1.50")
        assert (found["available"], found["unavailable_reason"]) == (True, None)
        assert (await mpesa(client))["network_fee"] is None  # without an amount

    @pytest.mark.parametrize("amount", [{}, {"amount": "100.00"}])
    @pytest.mark.parametrize("kind", DIRECTIONS)
    async def test_without_an_estimate_the_rail_is_not_available(
        self,
        gateway: RunningGateway,
        client: httpx.AsyncClient,
        clock: FakeClock,
        amount: dict[str, str],
        kind: str,
    ) -> None:
        await report(gateway, status(clock))
        wish = {**KENYA, "type": kind, **amount}
        (found,) = [one for one in await options(client, **wish) if one["rail"] == "mpesa"]
        assert (found["fee"], found["network_fee"]) == (None, None)
        assert (found["available"], found["unavailable_reason"], found["since"]) == (
            False, "network_fee_unknown", None,
        )  # fmt: skip
        assert not await options(client, **wish | {"amount": "250001.00"})
