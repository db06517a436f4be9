"""A payment is accepted whole or not at all, and shown as it is."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from cift_shared.messaging.messages import COMMANDS, RequestDeposit
from cift_shared.rails.registry import rails
from gateway.payments.service import Payments
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import PHONE, card_order, order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration


class TestAccept:
    async def test_deposit(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        answer = await pay(client, order(description="top up", metadata={"order": "7"}))
        assert answer.status_code == 202
        payment = answer.json()
        assert answer.headers["location"] == f"/api/v1/payments/{payment['id']}"
        assert UUID(payment["id"]).version == 7
        shown = {key: payment[key] for key in ("type", "status", "amount", "fee", "net", "version")}
        assert shown == {
            "type": "deposit",
            "status": "pending",
            "amount": "100.00",
            "fee": "2.50",
            "net": "97.50",
            "version": 1,
        }
        assert payment["payment_method"] == {
            "kind": "phone",
            "phone": "2547****149",
            "country": "KE",
        }
        assert (payment["metadata"], payment["description"]) == ({"order": "7"}, "top up")
        assert payment["livemode"] is False
        assert payment["parent"] is None

    async def test_shown_afterwards_as_it_was_answered(self, client: httpx.AsyncClient) -> None:
        payment = (await pay(client, order())).json()
        answer = await client.get(f"/payments/{payment['id']}")
        assert answer.status_code == 200
        assert answer.json() == payment

    async def test_command_leaves_with_the_payment(self, database: str) -> None:
        async with running_gateway(database, relay=True) as gateway:
            payment = (await pay(await gateway.client(), order())).json()
            async with asyncio.timeout(30):
                while not gateway.publisher.published:
                    await asyncio.sleep(0.01)
            (message,) = gateway.publisher.published
            command = COMMANDS.validate_json(message.body)
            assert isinstance(command, RequestDeposit)
            assert (message.topic, message.key) == ("payments.commands.mpesa", payment["id"])
            assert message.headers["ce_type"] == "cift.request_deposit.v1"
            assert command.amount.text == "100.00"
            vault = gateway.settings.vault()
            assert vault.open(command.instrument.sealed, context="phone") == PHONE.encode()
            assert PHONE.encode() not in message.body
            stored = await gateway.admin.fetchval("select command->'body' from ledger.payment")
            assert COMMANDS.validate_python(stored) == command

    async def test_phone_rests_sealed_everywhere(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await pay(client, order())
        for table in ("ledger.payment", "gateway.outbox", "gateway.idempotency_key"):
            rows = await gateway.admin.fetch(f"select row_to_json(t)::text as row from {table} t")
            assert rows
            assert PHONE not in rows[0]["row"]

    async def test_withdrawal_holds_amount_and_fee(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await gateway.funded(client, "c_1", "1000.00")
        answer = await pay(client, order(type="withdrawal", amount="100.00"))
        assert answer.status_code == 202
        assert (answer.json()["fee"], answer.json()["net"]) == ("2.50", "102.50")
        balances = (await client.get("/customers/c_1/balances")).json()["balances"]
        assert balances == [
            {"currency": "KES", "posted": "975.00", "held": "102.50", "available": "872.50"}
        ]

    async def test_withdrawal_over_balance(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await gateway.funded(client, "c_1", "100.00")
        answer = await pay(client, order(type="withdrawal", amount="97.00"), key="w1")
        refused = problem(answer, 422, "insufficient_funds")
        assert refused["errors"][0]["pointer"] == "/amount"
        # the refusal is what became of this key; another request takes another one
        other = order(type="withdrawal", amount="90.00")
        problem(await pay(client, other, key="w1"), 422, "idempotency_key_reused")
        assert (await pay(client, other, key="w2")).status_code == 202

    async def test_parallel_withdrawals_never_overdraw(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await gateway.funded(client, "c_1", "1000.00")
        asks = [pay(client, order(type="withdrawal", amount="100.00")) for _ in range(20)]
        answers = await asyncio.gather(*asks)
        accepted = [answer for answer in answers if answer.status_code == 202]
        assert len(accepted) == 9
        for answer in answers:
            if answer.status_code != 202:
                problem(answer, 422, "insufficient_funds")

    async def test_failed_payment_says_why(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, order())).json()
        failure = {
            "code": "payer_canceled",
            "category": "declined",
            "message": "The payer canceled.",
            "retryable": True,
        }
        await gateway.result(payment["id"], "declined", failure=failure)
        shown = (await client.get(f"/payments/{payment['id']}")).json()
        assert (shown["status"], shown["failure"]) == ("failed", failure)

    async def test_next_action_is_shown(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, order())).json()
        action = {"type": "phone_prompt", "message": "Enter your PIN."}
        await gateway.result(payment["id"], "action_required", next_action=action)
        shown = (await client.get(f"/payments/{payment['id']}")).json()
        assert (shown["status"], shown["next_action"]) == ("requires_action", action)


async def made(gateway: RunningGateway) -> str:
    """The one payment, once it is stored."""
    async with asyncio.timeout(30):
        while True:
            if found := await gateway.admin.fetchval("select payment_id from ledger.payment"):
                return str(found)
            await asyncio.sleep(0.01)


class TestWait:
    async def test_answers_as_soon_as_the_payment_is_final(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        asked = asyncio.create_task(pay(client, order(), Prefer="wait=20"))
        async with asyncio.timeout(30):
            while not (
                found := await gateway.admin.fetchval("select payment_id from ledger.payment")
            ):
                await asyncio.sleep(0.01)
            await gateway.settle(str(found))
            answer = await asked
        assert answer.status_code == 202
        assert answer.json()["status"] == "completed"
        assert answer.json()["provider_reference"]
        assert answer.headers["preference-applied"] == "wait=20"

    @pytest.mark.parametrize(
        "action",
        [
            {"type": "redirect_to_url", "url": "https://bank.example/3ds"},
            {"type": "send_to_address", "address": "bc1q"},
        ],
    )
    async def test_an_action_to_pass_on_ends_it(
        self, gateway: RunningGateway, client: httpx.AsyncClient, action: dict[str, str]
    ) -> None:
        asked = asyncio.create_task(pay(client, order(), Prefer="wait=60"))
        payment_id = await made(gateway)
        await gateway.result(payment_id, "action_required", next_action=action)
        async with asyncio.timeout(30):
            answer = await asked
        assert (answer.status_code, answer.json()["status"]) == (202, "requires_action")
        assert answer.json()["next_action"] == action
        assert answer.headers["preference-applied"] == "wait=60"

    async def test_a_prompt_that_the_payer_has_does_not(
        self,
        gateway: RunningGateway,
        client: httpx.AsyncClient,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        store, seen = gateway.parts[Payments].repository, asyncio.Event()
        read = store.one

        async def watched(*args: Any) -> Any:
            row = await read(*args)
            if row is not None and row["status"] == "requires_action":
                seen.set()
            return row

        monkeypatch.setattr(store, "one", watched)
        prompt = {"type": "confirm_on_phone", "message": "PIN", "delivered_by": "provider"}
        asked = asyncio.create_task(pay(client, order(), Prefer="wait=60"))
        payment_id = await made(gateway)
        await gateway.result(payment_id, "action_required", next_action=prompt)
        async with asyncio.timeout(30):
            await seen.wait()
        await gateway.settle(payment_id)
        async with asyncio.timeout(30):
            answer = await asked
        assert answer.json()["status"] == "completed"

    async def test_answers_in_time_anyway(self, client: httpx.AsyncClient) -> None:
        answer = await pay(client, order(), Prefer="respond-async, wait=1")
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        assert answer.headers["preference-applied"] == "wait=1"

    async def test_wait_that_cannot_be_read_is_no_wish(self, client: httpx.AsyncClient) -> None:
        answer = await pay(client, order(), Prefer="wait=soon")
        assert answer.status_code == 202
        assert "preference-applied" not in answer.headers

    async def test_no_wait_when_the_key_has_no_slot_left(self, database: str) -> None:
        async with running_gateway(database, streams_per_key=1) as gateway:
            client = await gateway.client()
            first = asyncio.create_task(pay(client, order(), Prefer="wait=60"))
            slots = gateway.parts[Payments].waiting.slots
            while not slots._open.total():
                await asyncio.sleep(0.01)
            second = await pay(client, order(), Prefer="wait=30")
            assert "preference-applied" not in second.headers
            [waiting] = await gateway.admin.fetch(
                "select payment_id from ledger.payment where payment_id <> $1", second.json()["id"]
            )
            await gateway.settle(str(waiting["payment_id"]))
            assert (await first).headers["preference-applied"] == "wait=60"


class TestCancel:
    async def test_pending(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        payment = (await pay(client, order())).json()
        answer = await client.post(f"/payments/{payment['id']}/cancel")
        assert answer.status_code == 202
        assert answer.json()["status"] == "pending"
        (row,) = await gateway.admin.fetch(
            "select topic, key, body from gateway.outbox order by id desc limit 1"
        )
        assert (row["topic"], row["key"]) == ("payments.commands.mpesa", payment["id"])
        assert COMMANDS.validate_json(row["body"]).kind == "cancel_payment"

    async def test_too_late(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        payment = await gateway.funded(client, "c_1", "100.00")
        answer = await client.post(f"/payments/{payment['id']}/cancel")
        assert problem(answer, 409, "not_cancelable")["retryable"] is False
        assert "retry-after" not in answer.headers

    @pytest.mark.parametrize(("able", "answered"), [(False, 409), (True, 202)])
    async def test_what_was_sent_is_canceled_only_where_the_rail_can(
        self,
        gateway: RunningGateway,
        client: httpx.AsyncClient,
        monkeypatch: pytest.MonkeyPatch,
        able: bool,
        answered: int,
    ) -> None:
        rail = replace(rails()["mpesa"], cancel_after_submit=able)
        monkeypatch.setattr("gateway.payments.commands.rails", lambda: {"mpesa": rail})
        payment = (await pay(client, order())).json()
        await gateway.result(payment["id"], "submitted")
        answer = await client.post(f"/payments/{payment['id']}/cancel")
        assert answer.status_code == answered
        sent = await gateway.admin.fetch("select body from gateway.outbox where key = $1",
                                         payment["id"])  # fmt: skip
        kinds = [COMMANDS.validate_json(row["body"]).kind for row in sent]
        assert ("cancel_payment" in kinds) is able

    async def test_cancel_against_success_ends_once(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, order())).json()
        await asyncio.gather(
            client.post(f"/payments/{payment['id']}/cancel"), gateway.settle(payment["id"])
        )
        shown = (await client.get(f"/payments/{payment['id']}")).json()
        assert shown["status"] == "completed"


class TestList:
    async def test_pages_hold_every_payment_once(self, client: httpx.AsyncClient) -> None:
        made = [(await pay(client, order())).json()["id"] for _ in range(7)]
        seen: list[str] = []
        path = "/payments?limit=3"
        while path:
            answer = await client.get(path)
            seen += [payment["id"] for payment in answer.json()["data"]]
            link = answer.links.get("next", {}).get("url", "")
            assert bool(link) == bool(answer.json()["next_cursor"])
            path = link.removeprefix("/api/v1")
        assert seen == list(reversed(made))

    async def test_filters(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        done = await gateway.funded(client, "c_1", "500.00")
        open_one = (await pay(client, order(customer_id="c_2"))).json()
        out = (await pay(client, order(type="withdrawal", amount="50.00"))).json()

        async def ids(query: str) -> set[str]:
            answer = await client.get(f"/payments?{query}")
            assert answer.status_code == 200, answer.text
            return {payment["id"] for payment in answer.json()["data"]}

        assert await ids("customer_id=c_2") == {open_one["id"]}
        assert await ids("status=completed") == {done["id"]}
        assert await ids("type=withdrawal") == {out["id"]}
        assert await ids("method=mpesa&customer_id=c_1") == {done["id"], out["id"]}
        future = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert await ids(f"created_after={future}") == set()
        assert len(await ids(f"created_before={future}")) == 3

    async def test_bad_query_is_named(self, client: httpx.AsyncClient) -> None:
        for query in ("limit=0", "limit=101", "limit=x", "after=nonsense", "after=W10",
                      "status=done", "statuss=failed", "created_after=2025-01-01T00:00:00",
                      "type=chargeback", "method=cash"):  # fmt: skip
            answer = await client.get(f"/payments?{query}")
            assert answer.status_code == 422, query
            (error,) = answer.json()["errors"]
            assert error["parameter"] == query.partition("=")[0]


class TestTimeline:
    async def test_tells_every_step(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, order())).json()
        at = datetime.now(UTC).isoformat()
        evidence = [{"at": at, "name": "mpesa.stk_push.accepted", "detail": {"code": "0"}}]
        attempt = uuid4()
        await gateway.result(
            payment["id"], "submitted", attempt_id=attempt, evidence=evidence, next_check_at=at
        )
        timeline = (await client.get(f"/payments/{payment['id']}/timeline")).json()
        assert timeline["next_check_at"]
        names = [item["name"] for item in timeline["items"]]
        assert names[0] == "accepted"
        assert {"mpesa.stk_push.accepted", "submitted"} <= set(names)
        await gateway.settle(payment["id"])
        timeline = (await client.get(f"/payments/{payment['id']}/timeline")).json()
        (posting,) = [item for item in timeline["items"] if item["kind"] == "posting"]
        amounts = {line["account"]: line["amount"] for line in posting["detail"]["entries"]}
        assert amounts == {
            "provider:mpesa:KES": "100.00",
            "customer:c_1:KES": "-97.50",
            "fees:mpesa:KES": "-2.50",
        }

    async def test_hides_what_the_provider_costs_us(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, card_order())).json()
        at = datetime.now(UTC).isoformat()
        told = {"intent": "pi_1", "amount": "20.00", "currency": "USD", "fee": "0.77"}
        evidence = [
            {"at": at, "name": "stripe.intent.succeeded", "detail": told},
            {"at": at, "name": "stripe.fee.known", "detail": {"intent": "pi_1", "fee": "0.77"}},
        ]
        fee = {"minor": "77", "currency": "USD"}
        await gateway.settle(payment["id"], evidence=evidence, provider_fee=fee)
        assert await gateway.admin.fetchval(
            "select count(*) from ledger.ledger_tx where kind = 'provider_fee'"
        ) == 1  # fmt: skip
        answer = await client.get(f"/payments/{payment['id']}/timeline")
        assert '"0.77"' not in answer.text
        assert "provider-costs" not in answer.text
        items = answer.json()["items"]
        assert [item["name"] for item in items if item["kind"] == "posting"] == ["settlement"]
        (step,) = [item for item in items if item["kind"] == "evidence"]
        assert step["detail"] == {"intent": "pi_1", "amount": "20.00", "currency": "USD"}

    async def test_amounts_are_decimal_text_everywhere(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, order(amount="100.00"))).json()
        await gateway.settle(payment["id"])
        await refund(client, payment["id"], "40.00")
        items = (await client.get(f"/payments/{payment['id']}/timeline")).json()["items"]
        (settled,) = [item["detail"] for item in items if item["name"] == "settled"]
        assert (settled["amount"], settled["currency"]) == ("100.00", "KES")
        (posting,) = [item["detail"] for item in items if item["kind"] == "posting"]
        amounts = [settled["amount"], *(line["amount"] for line in posting["entries"])]
        assert all(re.fullmatch(r"-?\d+\.\d\d", amount) for amount in amounts)

    async def test_shows_the_hold(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        await gateway.funded(client, "c_1", "1000.00")
        out = (await pay(client, order(type="withdrawal"))).json()
        timeline = (await client.get(f"/payments/{out['id']}/timeline")).json()
        (hold,) = [item for item in timeline["items"] if item["kind"] == "hold"]
        assert (hold["name"], hold["detail"]["amount"]) == ("hold.held", "102.50")
