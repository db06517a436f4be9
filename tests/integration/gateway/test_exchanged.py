"""Deposits that are priced in dollars and paid in a coin: quoted, accepted, credited, shown."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from cift_shared.messaging.messages import COMMANDS, RequestDeposit
from cift_shared.testing import FakeClock
from tests.integration.gateway.test_live_rates import rate
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

WISH: dict[str, Any] = {
    "type": "deposit", "method": "bitcoin", "amount": "50.00", "currency": "USD",
    "customer_id": "c_1",
}  # fmt: skip
ONLY_SHILLINGS = {
    "source": "treasury",
    "sheets": [{"as_of": "2020-01-01T00:00:00Z", "one_usd_in": {"KES": "125"}}],
}
QUOTED = {name: WISH[name] for name in ("type", "method", "amount", "currency")}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(database: str, clock: FakeClock) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database, clock=clock, rate_currencies="BTC,ETH") as running:
        await estimate(running, clock)
        yield running


async def estimate(gateway: RunningGateway, clock: FakeClock) -> None:
    """The watcher has reported what the network charges."""
    now = clock.now().isoformat()
    fees = [
        {
            "type": "deposit", "currency": currency, "estimated_at": now,
            "fee": {"minor": "680", "currency": "BTC"},
        }
        for currency in ("BTC", "USD")
    ]  # fmt: skip
    await gateway.admin.execute(
        "insert into gateway.rail_status (rail, instance, available, reported_at, seen_at, since,"
        " network_fees) values ('bitcoin', 'w', true, $1, $1, $1, $2)"
        " on conflict (rail, instance) do update set network_fees = excluded.network_fees,"
        " seen_at = excluded.seen_at, reported_at = excluded.reported_at",
        clock.now(),
        fees,
    )


async def command(gateway: RunningGateway, payment_id: str) -> RequestDeposit:
    body = await gateway.admin.fetchval(
        "select command->'body' from ledger.payment where payment_id = $1", UUID(payment_id)
    )
    found = COMMANDS.validate_json(json.dumps(body))
    assert isinstance(found, RequestDeposit)
    return found


async def test_the_worker_is_told_what_the_payer_owes(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await rate(gateway, clock, "95000")
    answer = await pay(client, WISH)
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    # 0.50 dollars, and 680 satoshi at 95,000 rounded up
    assert (shown["amount"], shown["currency"], shown["fee"]) == ("50.00", "USD", "1.15")
    told = (await command(gateway, shown["id"])).exchange
    assert told is not None
    assert (told.amount.text, told.amount.currency) == ("0.00052632", "BTC")
    assert (told.rate.value, told.rate.source) == ("95000", "coinbase,kraken")
    assert told.expires_at == clock.now() + timedelta(minutes=15)


async def test_a_deposit_in_coin_has_no_exchange(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await rate(gateway, clock, "95000")
    answer = await pay(client, {**WISH, "amount": "0.01", "currency": "BTC"})
    assert (await command(gateway, answer.json()["id"])).exchange is None


async def test_it_is_credited_in_dollars(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await rate(gateway, clock, "95000")
    payment_id = (await pay(client, WISH)).json()["id"]
    told = (await command(gateway, payment_id)).exchange
    assert told is not None
    part = {
        "amount": {"minor": "52632", "currency": "BTC"},
        "rate": told.rate.model_dump(mode="json"),
        "at_most": {"minor": "5000", "currency": "USD"},
    }
    await gateway.settle(payment_id, exchanged={"amount": part["amount"], "parts": [part]})
    shown = (await client.get(f"/payments/{payment_id}")).json()
    assert (shown["status"], shown["amount"], shown["net"]) == ("completed", "50.00", "48.85")
    balances = (await client.get("/customers/c_1/balances")).json()["balances"]
    assert [(one["currency"], one["available"]) for one in balances] == [("USD", "48.85")]
    timeline = (await client.get(f"/payments/{payment_id}/timeline")).json()["items"]
    (booked,) = [one for one in timeline if one["kind"] == "posting"]
    entries = {one["account"]: one["amount"] for one in booked["detail"]["entries"]}
    assert entries["provider:bitcoin:BTC"] == "0.00052632"
    assert entries["liquidity:USD"] == "50.00"


async def test_a_quote_locks_the_rate(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await rate(gateway, clock, "95000")
    quote = (await client.post("/quotes", json=QUOTED)).json()
    assert quote["exchange"]["amount"] == "0.00052632"
    assert quote["exchange"]["currency"] == "BTC"
    assert quote["exchange"]["rate"]["value"] == "95000"
    await rate(gateway, clock, "50000")
    payment_id = (await pay(client, {**WISH, "quote_id": quote["id"]})).json()["id"]
    told = (await command(gateway, payment_id)).exchange
    assert told is not None
    assert told.amount.text == "0.00052632"
    clock.advance(timedelta(minutes=15))
    await estimate(gateway, clock)
    await rate(gateway, clock, "50000")
    problem(await pay(client, {**WISH, "quote_id": quote["id"]}), 422, "quote_expired")


async def test_without_a_rate_nothing_is_priced(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await rate(gateway, clock, None)
    problem(await pay(client, WISH), 503, "rate_unavailable")
    problem(await client.post("/quotes", json=QUOTED), 503, "rate_unavailable")


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"amount": "9.99"}, "amount_out_of_limits"),
        ({"type": "withdrawal", "payment_method": {"bitcoin_address": "bc1q"}},
         "currency_unsupported"),
        ({"currency": "KES"}, "currency_unsupported"),
    ],
)  # fmt: skip
async def test_what_is_refused(
    gateway: RunningGateway,
    client: httpx.AsyncClient,
    clock: FakeClock,
    over: dict[str, Any],
    code: str,
) -> None:
    await rate(gateway, clock, "95000")
    problem(await pay(client, {**WISH, **over}), 422, code)


async def dollars(client: httpx.AsyncClient, **wish: str) -> list[Any]:
    """The options of deposits in dollars by Bitcoin."""
    query = {"type": "deposit", "currency": "USD", **wish}
    found = (await client.get("/payment-options", params=query)).json()["data"]
    return [option for option in found if option["rail"] == "bitcoin"]


@pytest.mark.parametrize("wish", [{}, {"amount": "50.00"}])
async def test_an_option_without_a_rate_is_not_available(
    gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock, wish: dict[str, str]
) -> None:
    await rate(gateway, clock, None)
    (option,) = await dollars(client, **wish)
    assert (option["available"], option["unavailable_reason"]) == (False, "rate_unavailable")
    await rate(gateway, clock, "95000")
    (option,) = await dollars(client, **wish)
    assert option["available"]
    assert (option["fee"] is not None) is bool(wish)


async def test_where_there_is_no_rate_at_all_nothing_is_offered_in_dollars(
    database: str, clock: FakeClock, tmp_path: Path
) -> None:
    table = tmp_path / "rates.json"
    table.write_text(json.dumps(ONLY_SHILLINGS))
    async with running_gateway(database, clock=clock, rate_table=str(table)) as running:
        await estimate(running, clock)
        client = await running.client()
        assert await dollars(client) == []
        found = (await client.get("/payment-options", params={"currency": "BTC"})).json()["data"]
        assert [option["rail"] for option in found] == ["bitcoin"]
