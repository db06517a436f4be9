"""What a payer can use now: rails that fit, their price, and whether their provider is there."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from cift_shared.clock import Clock
from cift_shared.kafka import Record, RejectedRecord
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.messaging.topics import RAIL_STATUSES
from cift_shared.rails.registry import rails
from cift_shared.testing import FakeClock
from gateway.operations.retention import SILENT_PROCESS_LIFETIME, Retention
from gateway.payment_options.statuses import RailStatusHandler
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

EVERY = timedelta(seconds=5)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(database: str, clock: FakeClock) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database, clock=clock) as running:
        yield running


async def options(client: httpx.AsyncClient, **wish: str) -> list[Any]:
    answer = await client.get("/payment-options", params=wish)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["data"]
    return found


async def mpesa(client: httpx.AsyncClient) -> Any:
    (found,) = [one for one in await options(client, currency="KES") if one["rail"] == "mpesa"]
    return found


def status(clock: Clock, **fields: Any) -> RailStatus:
    given = {"rail": "mpesa", "instance": "w-0", "reason": None, "reported_at": clock.now()}
    told = given | fields
    return RailStatus.model_validate({**told, "available": told["reason"] is None})


async def report(gateway: RunningGateway, *statuses: RailStatus) -> list[RejectedRecord]:
    """Hand in what workers report, as the subscriber does."""
    bodies = [one.model_dump_json(exclude_none=True).encode() for one in statuses]
    records = [Record(RAIL_STATUSES, 0, place, None, body) for place, body in enumerate(bodies)]
    return await gateway.parts[RailStatusHandler](records)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class TestWhatFits:
    async def test_every_rail_and_currency_without_a_wish(self, client: httpx.AsyncClient) -> None:
        found = [(one["rail"], one["currency"]) for one in await options(client)]
        assert found == [
            (name, currency)
            for name, rail in rails().items()
            for currency in sorted(rail.limits)
            if "deposit" in rail.limits[currency]
        ]

    async def test_one_entry_tells_everything(self, client: httpx.AsyncClient) -> None:
        wish = {"country": "KE", "currency": "KES", "amount": "1000", "type": "deposit"}
        found = {one["rail"]: one for one in await options(client, **wish)}
        assert found["mpesa"] == {
            "type": "deposit",
            "method": "mpesa",
            "rail": "mpesa",
            "provider": "mpesa",
            "provider_name": "M-Pesa",
            "currency": "KES",
            "limits": {"min": "1.00", "max": "250000.00"},
            "fee": "25.00",
            "network_fee": "0.00",
            "expected_seconds": 30,
            "available": False,
            "unavailable_reason": "not_reporting",
            "since": None,
            "reported_at": None,
        }
        assert found["card"]["fee"] == "67.78"  # as `POST /quotes` says

    async def test_no_fee_without_an_amount(self, client: httpx.AsyncClient) -> None:
        assert (await mpesa(client))["fee"] is None

    @pytest.mark.parametrize(
        ("wish", "rail_names"),
        [
            ({"country": "KE", "currency": "KES"}, ["card", "mpesa"]),
            ({"country": "UG", "currency": "KES"}, ["card"]),
            ({"country": "TZ", "currency": "TZS"}, ["card", "mpesa_tz"]),
            ({"country": "KE", "currency": "TZS"}, ["card"]),
            ({"currency": "TZS", "type": "withdrawal"}, ["mpesa_tz"]),
            ({"country": "UG", "currency": "UGX"}, ["card", "momo_ug"]),
            ({"country": "RW", "currency": "RWF"}, ["card", "momo_rw"]),
            ({"country": "RW", "currency": "UGX"}, ["card"]),
            ({"currency": "RWF", "type": "withdrawal"}, ["momo_rw"]),
            ({"currency": "UGX", "amount": "5000001", "type": "withdrawal"}, []),
            ({"currency": "USD"}, ["bitcoin", "card", "ethereum", "paypal"]),
            ({"currency": "KES", "type": "withdrawal"}, ["mpesa"]),
            ({"currency": "USD", "type": "withdrawal"}, ["paypal"]),
            ({"currency": "KES", "amount": "250000.00"}, ["card", "mpesa"]),
            ({"currency": "KES", "amount": "250001.00"}, ["card"]),  # more than M-Pesa moves
            ({"currency": "KES", "amount": "100.50"}, ["card"]),  # M-Pesa moves whole shillings
            ({"currency": "KES", "amount": "5.00", "type": "withdrawal"}, []),
            ({"currency": "KES", "amount": "1.00"}, ["mpesa"]),  # the card's fee is above it
        ],
        ids=str,
    )
    async def test_a_wish_narrows(
        self, wish: dict[str, str], rail_names: list[str], client: httpx.AsyncClient
    ) -> None:
        assert sorted(one["rail"] for one in await options(client, **wish)) == rail_names

    async def test_a_rail_that_is_not_set_up_is_not_offered(self, database: str) -> None:
        async with running_gateway(database, rails={"card": {"publishable_key": None}}) as gateway:
            found = await options(await gateway.client())
            assert {one["rail"] for one in found} == set(rails()) - {"card"}

    @pytest.mark.parametrize(
        ("wish", "code", "name"),
        [
            ({"amount": "100.00"}, "amount_invalid", "amount"),
            ({"amount": "1,000", "currency": "KES"}, "amount_invalid", "amount"),
            ({"amount": "0.00", "currency": "KES"}, "amount_invalid", "amount"),
            ({"amount": "1.001", "currency": "KES"}, "amount_invalid", "amount"),
            ({"currency": "kes"}, "currency_unknown", "currency"),
            ({"currency": "ZZZ", "amount": "1.00"}, "currency_unknown", "currency"),
            ({"country": "kenya"}, "validation_failed", "country"),
            ({"type": "refund"}, "validation_failed", "type"),
            ({"method": "mpesa"}, "validation_failed", "method"),
        ],
        ids=str,
    )
    async def test_a_wish_that_can_not_be_read(
        self, wish: dict[str, str], code: str, name: str, client: httpx.AsyncClient
    ) -> None:
        answer = await client.get("/payment-options", params=wish)
        (error,) = problem(answer, 422, code)["errors"]
        assert (error["in"], error["parameter"]) == ("query", name)

    async def test_it_needs_a_key_that_may_read(self, gateway: RunningGateway) -> None:
        problem(await gateway.raw_client().get("/payment-options"), 401, "unauthenticated")
        writer = await gateway.client(scopes=["payments:write"])
        problem(await writer.get("/payment-options"), 403, "scope_missing")


class TestTheLifeOfARail:
    async def test_a_worker_comes_loses_its_provider_and_stops(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        began = clock.now()
        for _ in range(3):
            assert await report(gateway, status(clock)) == []
            clock.advance(EVERY)
        known = await mpesa(client)
        assert (known["available"], known["unavailable_reason"]) == (True, None)
        assert moment(known["since"]) == began
        assert moment(known["reported_at"]) == clock.now() - EVERY

        lost = clock.now()
        await report(gateway, status(clock, reason="provider_unavailable"))
        known = await mpesa(client)
        assert (known["available"], known["unavailable_reason"]) == (False, "provider_unavailable")
        assert moment(known["since"]) == lost

        clock.advance(EVERY)
        await report(gateway, status(clock))
        last = clock.now()
        assert (await mpesa(client))["available"]
        clock.advance(timedelta(seconds=15))
        assert (await mpesa(client))["available"]
        clock.advance(timedelta(milliseconds=1))
        known = await mpesa(client)
        assert (known["available"], known["unavailable_reason"]) == (False, "not_reporting")
        assert moment(known["since"]) == moment(known["reported_at"]) == last

        clock.advance(EVERY)
        await report(gateway, status(clock))
        known = await mpesa(client)
        assert known["available"]
        assert moment(known["since"]) == clock.now()  # the silence lies between

    async def test_one_replica_is_enough(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        away = status(clock, instance="w-1", reason="provider_unavailable")
        await report(gateway, status(clock), away)
        assert (await mpesa(client))["available"]
        clock.advance(timedelta(seconds=16))
        await report(gateway, status(clock, instance="w-1", reason="provider_unavailable"))
        assert (await mpesa(client))["unavailable_reason"] == "provider_unavailable"

    async def test_a_rail_says_nothing_about_another(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await report(gateway, status(clock, rail="card"), status(clock, rail="unheard_of"))
        found = {one["rail"]: one["available"] for one in await options(client, currency="KES")}
        assert found == {"card": True, "mpesa": False}

    async def test_the_newest_report_wins_in_any_order(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        old = status(clock)
        clock.advance(EVERY)
        new = status(clock, reason="provider_unavailable")
        await report(gateway, new, old)
        assert not (await mpesa(client))["available"]
        await report(gateway, old)
        assert not (await mpesa(client))["available"]

    async def test_what_waited_for_the_broker_says_nothing(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        old = status(clock, reported_at=clock.now() - timedelta(seconds=31))
        with capture_logs() as logs:
            await report(gateway, old)
        assert [(one["event"], one["lag_s"]) for one in logs] == [("rail_status.late", 31)]
        assert (await mpesa(client))["unavailable_reason"] == "not_reporting"

    @pytest.mark.parametrize("off_s", [-20, 20, 3600])
    async def test_a_worker_whose_clock_is_wrong_still_counts(
        self, off_s: int, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        off = timedelta(seconds=off_s)
        for _ in range(4):
            await report(gateway, status(clock, reported_at=clock.now() + off))
            clock.advance(EVERY)
        known = await mpesa(client)
        assert known["available"]
        assert moment(known["reported_at"]) <= clock.now()
        # its clock is put right: the report after that is newer than those before
        clock.advance(timedelta(seconds=60))
        await report(gateway, status(clock, reason="provider_unavailable"))
        assert (await mpesa(client))["unavailable_reason"] == "provider_unavailable"

    async def test_what_can_not_be_read_is_set_aside(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        contradicts = status(clock).model_dump_json().replace("true", "false").encode()
        bodies = [b"{", None, contradicts, status(clock).model_dump_json().encode()]
        records = [Record(RAIL_STATUSES, 0, place, None, body) for place, body in enumerate(bodies)]
        refusals = await gateway.parts[RailStatusHandler](records)
        assert [refusal.record.offset for refusal in refusals] == [0, 1, 2]
        assert (await mpesa(client))["available"]

    async def test_rows_of_processes_that_are_gone_are_deleted(
        self, gateway: RunningGateway, clock: FakeClock
    ) -> None:
        await report(gateway, status(clock, instance="gone"))
        clock.advance(timedelta(minutes=1))
        await report(gateway, status(clock, instance="here"))
        clock.advance(SILENT_PROCESS_LIFETIME)
        await gateway.parts[Retention].delete_expired()
        rows = await gateway.admin.fetch("select instance from gateway.rail_status")
        assert [row["instance"] for row in rows] == ["here"]


class TestFloat:
    async def withdraw(self, client: httpx.AsyncClient, key: str) -> httpx.Response:
        wish = order(type="withdrawal", amount="10.00")
        return await client.post("/payments", json=wish, headers={"Idempotency-Key": key})

    async def test_withdrawals_are_refused_while_it_is_low_and_none_is_lost(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await gateway.funded(client, "c_1", "100.00")
        assert (accepted := await self.withdraw(client, "k-1")).status_code == 202
        await report(gateway, status(clock, float_low=["KES"]), status(clock, instance="w-1"))
        answer = await self.withdraw(client, "k-2")
        assert problem(answer, 503, "float_low")["retryable"] is True
        assert "retry-after" in answer.headers
        repeated = await self.withdraw(client, "k-1")
        assert (repeated.status_code, repeated.json()["id"]) == (202, accepted.json()["id"])
        assert (await pay(client, order())).status_code == 202  # a deposit
        clock.advance(EVERY)
        await report(gateway, status(clock))
        assert (await self.withdraw(client, "k-2")).status_code == 202

    async def test_another_currency_is_not_concerned(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await gateway.funded(client, "c_1", "100.00")
        await report(gateway, status(clock, float_low=["UGX"]))
        assert (await self.withdraw(client, "k-1")).status_code == 202

    async def test_options_show_it_for_withdrawals_only(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await report(gateway, status(clock, float_low=["KES"]))
        (out,) = await options(client, currency="KES", type="withdrawal")
        assert (out["available"], out["unavailable_reason"], out["since"]) == (
            False, "float_low", None,
        )  # fmt: skip
        assert (await mpesa(client))["available"] is True

    async def test_a_silent_process_refuses_nothing(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await gateway.funded(client, "c_1", "100.00")
        await report(gateway, status(clock, float_low=["KES"]))
        clock.advance(timedelta(seconds=16))
        assert (await self.withdraw(client, "k-1")).status_code == 202
