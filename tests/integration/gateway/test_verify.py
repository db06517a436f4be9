"""Have a payment looked at now: one command, for its owner, and not too often."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from cift_shared.messaging import topics
from cift_shared.messaging.messages import COMMANDS, VerifyPayment
from cift_shared.testing import FakeClock
from gateway.operations.retention import VERIFICATION_LIFETIME, Retention
from gateway.payments.repository import VERIFY_EVERY
from tests.support.gateway import OTHER_MERCHANT, RunningGateway, running_gateway
from tests.support.payments import card_order, order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

RECEIPT = "TKF7RT61SV"
OTHER_RECEIPT = "TKF7AB12CD"
CARD = "4242424242424242"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(database: str, clock: FakeClock) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database, clock=clock) as running:
        yield running


async def ask(
    client: httpx.AsyncClient, payment_id: str, reference: str | None = None
) -> httpx.Response:
    body = {} if reference is None else {"provider_reference": reference}
    return await client.post(f"/payments/{payment_id}/verify", json=body)


async def made(client: httpx.AsyncClient, **fields: Any) -> str:
    answer = await pay(client, order(**fields))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def asked(gateway: RunningGateway, rail: str = "mpesa") -> list[VerifyPayment]:
    """The commands to verify that wait to be published."""
    rows = await gateway.outbox(topics.commands(rail))
    commands = [(row["key"], COMMANDS.validate_json(row["body"])) for row in rows]
    found = [(key, one) for key, one in commands if isinstance(one, VerifyPayment)]
    assert all(key == str(one.payment_id) for key, one in found)
    return [one for _, one in found]


class TestOpenPayments:
    async def test_the_worker_is_asked(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        payment_id = await made(client)
        answer = await ask(client, payment_id)
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/api/v1/payments/{payment_id}"
        assert answer.json() == (await client.get(f"/payments/{payment_id}")).json()
        (command,) = await asked(gateway)
        assert (command.payment_id, command.requested_at) == (UUID(payment_id), clock.now())
        assert command.sealed_reference is None

    async def test_a_body_is_not_needed(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        answer = await client.post(f"/payments/{await made(client)}/verify")
        assert answer.status_code == 202
        assert len(await asked(gateway)) == 1

    async def test_a_reference_travels_sealed(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment_id = await made(client)
        assert (await ask(client, payment_id, RECEIPT)).status_code == 202
        (command,) = await asked(gateway)
        assert command.sealed_reference is not None
        opened = gateway.settings.vault().open(command.sealed_reference, context="notice")
        assert opened == RECEIPT.encode()
        kept = await gateway.admin.fetch("select v::text from gateway.verification v")
        waiting = [bytes(row["body"]).decode() for row in await gateway.outbox(
            topics.commands("mpesa")
        )]  # fmt: skip
        assert RECEIPT not in json.dumps([*(row["v"] for row in kept), *waiting])

    async def test_it_goes_to_the_rail_of_the_payment(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment_id = (await pay(client, card_order())).json()["id"]
        assert (await ask(client, payment_id)).status_code == 202
        assert [one.payment_id for one in await asked(gateway, "card")] == [UUID(payment_id)]
        assert await asked(gateway, "mpesa") == []

    async def test_one_in_review_is_asked_about(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment_id = await made(client)
        await gateway.result(payment_id, "conflicting", reason="two answers")
        answer = await ask(client, payment_id, RECEIPT)
        assert (answer.status_code, answer.json()["status"]) == (202, "in_review")
        assert len(await asked(gateway)) == 1


class TestFinalPayments:
    @pytest.mark.parametrize("status", ["completed", "failed"])
    async def test_are_shown_and_nothing_is_sent(
        self, status: str, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment_id = await made(client)
        if status == "completed":
            await gateway.settle(payment_id)
        else:
            failure = {"code": "payer_canceled", "category": "declined", "message": "No.",
                       "retryable": True}  # fmt: skip
            await gateway.result(payment_id, "declined", failure=failure)
        answer = await ask(client, payment_id, RECEIPT)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert answer.json() == (await client.get(f"/payments/{payment_id}")).json()
        assert await asked(gateway) == []
        assert await gateway.count("gateway.verification") == 0


class TestNotTooOften:
    async def test_within_ten_seconds_nothing_more_is_sent(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        payment_id = await made(client)
        for _ in range(5):
            assert (await ask(client, payment_id, RECEIPT)).status_code == 202
            assert (await ask(client, payment_id)).status_code == 202
            clock.advance(timedelta(seconds=2))
        assert len(await asked(gateway)) == 1
        clock.advance(timedelta(milliseconds=1))
        assert (await ask(client, payment_id)).status_code == 202
        assert len(await asked(gateway)) == 2

    async def test_another_reference_has_to_wait_and_is_not_lost_in_silence(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        payment_id = await made(client)
        await ask(client, payment_id, OTHER_RECEIPT)
        refused = await ask(client, payment_id, RECEIPT)
        assert problem(refused, 429, "verification_too_soon")["retryable"] is True
        assert refused.headers["retry-after"] == "10"
        assert len(await asked(gateway)) == 1
        clock.advance(VERIFY_EVERY + timedelta(milliseconds=1))
        assert (await ask(client, payment_id, RECEIPT)).status_code == 202
        assert len(await asked(gateway)) == 2

    async def test_payments_do_not_hold_each_other_up(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        for _ in range(3):
            assert (await ask(client, await made(client), RECEIPT)).status_code == 202
        assert len(await asked(gateway)) == 3

    async def test_a_clock_that_was_put_back_holds_nobody_up(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        payment_id = await made(client)
        await ask(client, payment_id)
        ahead = clock.now() + timedelta(hours=1)
        await gateway.admin.execute("update gateway.verification set requested_at = $1", ahead)
        await ask(client, payment_id)
        assert len(await asked(gateway)) == 2

    async def test_old_requests_are_forgotten(
        self, gateway: RunningGateway, client: httpx.AsyncClient, clock: FakeClock
    ) -> None:
        await ask(client, await made(client))
        clock.advance(VERIFICATION_LIFETIME)
        await gateway.parts[Retention].delete_expired()
        assert await gateway.count("gateway.verification") == 1
        clock.advance(timedelta(milliseconds=1))
        await gateway.parts[Retention].delete_expired()
        assert await gateway.count("gateway.verification") == 0


class TestWhoMay:
    async def test_only_the_owner(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        payment_id = await made(client)
        other = await gateway.client(merchant=OTHER_MERCHANT)
        for answer in (await ask(other, payment_id), await ask(client, str(uuid4()))):
            problem(answer, 404, "payment_not_found")
        assert await asked(gateway) == []

    async def test_the_scope_is_that_of_the_payments_type(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        deposit = await gateway.funded(client, "c_1", "1000.00")
        payout = await made(client, type="withdrawal", amount="100.00")
        back = (await refund(client, deposit["id"], "10.00")).json()["id"]
        fresh = await made(client)
        scopes = {fresh: "payments:write", payout: "payouts:write", back: "refunds:write"}
        for payment_id, needed in scopes.items():
            for scope in scopes.values():
                answer = await ask(await gateway.client(scopes=[scope]), payment_id)
                assert answer.status_code == (202 if scope == needed else 403), (needed, scope)
        reader = await gateway.client(scopes=["read"])
        problem(await ask(reader, fresh), 403, "scope_missing")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "reference", ["", "x" * 256, "two words", "caf\u00e9", "tab\t", 7, ["x"]], ids=repr
    )
    async def test_a_reference_out_of_bounds(
        self, reference: Any, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        path = f"/payments/{await made(client)}/verify"
        answer = await client.post(path, json={"provider_reference": reference})
        (error,) = problem(answer, 422, "validation_failed")["errors"]
        assert error["pointer"] == "/provider_reference"
        assert await asked(gateway) == []

    async def test_a_card_number(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        answer = await ask(client, await made(client), CARD)
        assert CARD not in json.dumps(problem(answer, 422, "card_number_refused"))
        assert await asked(gateway) == []

    async def test_an_unknown_field(self, client: httpx.AsyncClient) -> None:
        path = f"/payments/{await made(client)}/verify"
        problem(await client.post(path, json={"receipt": RECEIPT}), 422, "validation_failed")
