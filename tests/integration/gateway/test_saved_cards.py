"""Saved cards: kept at the provider; here a sealed id, four digits and what the worker has said."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from cift_shared.messaging.envelope import message_key
from cift_shared.messaging.messages import COMMANDS, RequestDeposit, RequestDetach, RequestSetup
from gateway.payment_methods.service import PaymentMethods
from tests.support.gateway import OTHER_MERCHANT, PUBLISHABLE_KEY, RunningGateway
from tests.support.payment_methods import CARD_DETAILS, CARD_TOKEN, method_result
from tests.support.payments import card_order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

SECRET = "seti_1Qabc_secret_xyz"
OWNER = "cus_1QaBcDeF"
FAILURE = {
    "code": "card_declined",
    "category": "declined",
    "message": "The card was declined.",
    "retryable": True,
}


def wish(**fields: Any) -> dict[str, Any]:
    return {"method": "card", "customer_id": "c_1", **fields}


async def ask(client: httpx.AsyncClient, wait: str = "wait=0", **fields: Any) -> httpx.Response:
    """Ask for a card to be saved, without waiting for the worker."""
    key = fields.pop("key", None)
    headers = {"Prefer": wait, **({"Idempotency-Key": key} if key else {})}
    return await client.post("/payment-methods", json=wish(**fields), headers=headers)


async def saved(gateway: RunningGateway, client: httpx.AsyncClient, **fields: Any) -> Any:
    """An active card."""
    card = (await ask(client, **fields)).json()
    assert await gateway.answer(card["id"], "saved", owner=OWNER, fingerprint="f" * 64) == []
    return await shown(client, card["id"])


async def shown(client: httpx.AsyncClient, card_id: str) -> Any:
    answer = await client.get(f"/payment-methods/{card_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def commands(gateway: RunningGateway) -> list[Any]:
    rows = await gateway.outbox("payments.commands.card")
    found = [COMMANDS.validate_json(row["body"]) for row in rows]
    for row, command in zip(rows, found, strict=True):
        assert row["key"] == message_key(command)
    return found


async def test_entered_by_the_customer(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    answer = await ask(client, return_url="https://shop.example/cards")
    card = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/payment-methods/{card['id']}"
    assert (card["kind"], card["status"], card["verified"]) == ("card", "pending", False)
    assert (card["setup"], card["next_action"], card["brand"]) == (None, None, None)
    (asked,) = await commands(gateway)
    assert isinstance(asked, RequestSetup)
    assert str(asked.payment_method_id) == card["id"]
    assert (asked.instrument, asked.return_url) == (None, "https://shop.example/cards")

    await gateway.answer(card["id"], "action_required", client_secret=SECRET)
    card = await shown(client, card["id"])
    assert card["status"] == "requires_action"
    assert card["setup"] == {"client_secret": SECRET, "publishable_key": PUBLISHABLE_KEY}
    assert card["next_action"] == {"type": "confirm_setup"}
    (row,) = await gateway.admin.fetch(
        "select row_to_json(t)::text as text from gateway.payment_method t"
    )
    assert SECRET not in row["text"]

    await gateway.answer(card["id"], "saved", 2, owner=OWNER, fingerprint="f" * 64)
    card = await shown(client, card["id"])
    assert (card["status"], card["verified"], card["setup"]) == ("active", True, None)
    assert {name: card[name] for name in CARD_DETAILS} == CARD_DETAILS
    assert (await client.get("/payment-methods?customer_id=c_1")).json()["data"] == [card]
    verified = await client.post(f"/payment-methods/{card['id']}/verify")
    assert verified.json() == card
    (row,) = await gateway.admin.fetch(
        "select row_to_json(t)::text as text from gateway.payment_method t"
    )
    assert CARD_TOKEN not in row["text"]
    assert OWNER not in row["text"]


async def test_saved_by_a_token(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    card = (await ask(client, token=CARD_TOKEN)).json()
    (asked,) = await commands(gateway)
    vault = gateway.settings.vault()
    assert vault.open(asked.instrument.sealed, context="card") == CARD_TOKEN.encode()
    await gateway.answer(card["id"], "failed", failure=FAILURE)
    card = await shown(client, card["id"])
    assert (card["status"], card["failure"]) == ("failed", FAILURE)


async def test_waits_for_the_worker(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    asked = asyncio.create_task(ask(client, "wait=30"))
    async with asyncio.timeout(60):
        while not (
            found := await gateway.admin.fetchval(
                "select payment_method_id from gateway.payment_method"
            )
        ):
            await asyncio.sleep(0.01)
        await gateway.answer(str(found), "pending")
        await gateway.answer(str(found), "action_required", 2, client_secret=SECRET)
        answer = await asked
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.json()["setup"]["client_secret"] == SECRET


async def test_waits_without_being_asked_but_not_for_ever(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.payment_methods.service.WAIT_S", 1)
    answer = await client.post("/payment-methods", json=wish())
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    assert "preference-applied" not in answer.headers


async def test_key_makes_no_twins(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(ask(client, key="k") for _ in range(10)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409, "idempotency_key_in_flight")
    assert await gateway.count("gateway.payment_method") == 1
    assert len(await commands(gateway)) == 1
    (card_id,) = made
    await gateway.answer(card_id, "action_required", client_secret=SECRET)
    again = await ask(client, key="k")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == await shown(client, card_id)
    stored = await gateway.admin.fetchval(
        "select row_to_json(t)::text from gateway.idempotency_key t"
    )
    assert SECRET not in stored
    problem(await ask(client, key="k", customer_id="c_2"), 422, "idempotency_key_reused")
    problem(await ask(client, key="not a key"), 400, "idempotency_key_malformed")
    assert (await ask(client)).json()["id"] != card_id
    await client.delete(f"/payment-methods/{card_id}")
    problem(await ask(client, key="k"), 404, "payment_method_not_found")


async def test_answers_count_upwards(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    card_id = (await ask(client)).json()["id"]
    await gateway.answer(card_id, "saved", 3)
    for kind, seq, more in (
        ("action_required", 2, {"client_secret": SECRET}),
        ("failed", 3, {"failure": FAILURE}),
        ("pending", 1, {}),
        ("failed", 9, {"failure": FAILURE, "attempt_id": uuid4()}),
    ):
        assert await gateway.answer(card_id, kind, seq, **more) == []
        assert (await shown(client, card_id))["status"] == "active"
    await gateway.answer(card_id, "failed", 4, failure=FAILURE)
    assert (await shown(client, card_id))["status"] == "failed"


async def test_poison_is_set_aside_alone(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    card_id, vault = (await ask(client)).json()["id"], gateway.settings.vault()
    good = method_result(vault, card_id, "saved").model_dump_json(exclude_none=True).encode()
    unknown = method_result(vault, str(uuid4()), "saved").model_dump_json(exclude_none=True)
    refusals = await gateway.hand_in(b"", b"{", unknown.encode(), good, b'{"kind": "saved"}')
    assert [(refusal.record.offset, refusal.reason) for refusal in refusals] == [
        (0, "undecodable"),
        (1, "undecodable"),
        (2, "unknown_payment_method"),
        (4, "undecodable"),
    ]
    assert (await shown(client, card_id))["status"] == "active"


async def test_pay_with_it(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    card = await saved(gateway, client)
    body = card_order(payment_method={"id": card["id"]}, off_session=True)
    payment = (await pay(client, body)).json()
    assert payment["payment_method"] == {"kind": "card", **CARD_DETAILS}
    asked = (await commands(gateway))[-1]
    assert isinstance(asked, RequestDeposit)
    vault = gateway.settings.vault()
    assert vault.open(asked.instrument.sealed, context="card") == CARD_TOKEN.encode()
    assert vault.open(asked.instrument.customer_sealed or "", context="card") == OWNER.encode()
    assert asked.off_session
    assert (await client.get(f"/payments/{payment['id']}")).json() == payment


async def test_only_an_active_card_of_this_customer_pays(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    card_id = (await ask(client)).json()["id"]
    body = card_order(payment_method={"id": card_id})
    for kind, seq, more in (
        ("pending", 1, {}),
        ("action_required", 2, {"client_secret": SECRET}),
        ("failed", 3, {"failure": FAILURE}),
    ):
        await gateway.answer(card_id, kind, seq, **more)
        document = problem(await pay(client, body), 422, "payment_method_invalid")
        assert document["errors"][0]["pointer"] == "/payment_method/id"
    await gateway.answer(card_id, "saved", 4)
    assert (await pay(client, body)).status_code == 202
    for wrong in (
        card_order(payment_method={"id": card_id}, customer_id="c_2"),
        {**card_order(payment_method={"id": card_id}), "method": "mpesa", "currency": "KES"},
    ):
        problem(await pay(client, wrong), 422, "payment_method_invalid")


async def test_delete_is_at_once_and_reaches_the_provider(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    card = await saved(gateway, client)
    path = f"/payment-methods/{card['id']}"
    assert (await client.delete(path)).status_code == 204
    for call in (client.get(path), client.delete(path), client.post(f"{path}/verify")):
        problem(await call, 404, "payment_method_not_found")
    assert (await client.get("/payment-methods")).json()["data"] == []
    answer = await pay(client, card_order(payment_method={"id": card["id"]}))
    problem(answer, 422, "payment_method_invalid")
    told = [command for command in await commands(gateway) if isinstance(command, RequestDetach)]
    (asked,) = told
    vault = gateway.settings.vault()
    assert vault.open(asked.instrument.sealed, context="card") == CARD_TOKEN.encode()
    assert asked.detach_id != asked.payment_method_id

    await gateway.answer(card["id"], "detached", attempt_id=uuid4())
    (row,) = await gateway.admin.fetch("select * from gateway.payment_method")
    assert (row["state"], row["sealed"], row["customer_sealed"]) == ("detached", None, None)
    assert row["forgotten_at"]
    # what comes again finds its card, and changes nothing
    for kind in ("saved", "detached"):
        assert await gateway.answer(card["id"], kind) == []
    assert await gateway.admin.fetchval("select sealed from gateway.payment_method") is None


async def test_deleted_before_it_was_saved(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    card_id = (await ask(client)).json()["id"]
    await gateway.answer(card_id, "action_required", client_secret=SECRET)
    assert (await client.delete(f"/payment-methods/{card_id}")).status_code == 204
    assert len(await commands(gateway)) == 1
    await gateway.answer(card_id, "saved", 2)
    problem(await client.get(f"/payment-methods/{card_id}"), 404, "payment_method_not_found")
    asked = (await commands(gateway))[-1]
    assert isinstance(asked, RequestDetach)
    assert str(asked.payment_method_id) == card_id
    await gateway.answer(card_id, "saved", 2)
    assert len(await commands(gateway)) == 2


async def test_delete_and_answer_in_the_same_moment(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """Whoever is first: an active card of a deleted one is always forgotten at the provider."""
    ids = [(await ask(client)).json()["id"] for _ in range(8)]
    calls: list[Any] = [gateway.answer(card_id, "saved") for card_id in ids]
    calls += [client.delete(f"/payment-methods/{card_id}") for card_id in ids]
    await asyncio.gather(*calls)
    asked = [one for one in await commands(gateway) if isinstance(one, RequestDetach)]
    assert sorted(str(one.payment_method_id) for one in asked) == sorted(ids)
    rows = await gateway.admin.fetch("select state from gateway.payment_method")
    assert {row["state"] for row in rows} == {"detached"}


async def test_an_answer_that_waited_for_a_delete(
    database: str, gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """The answer's statement began before the delete was committed, and ends after it."""
    card_id = (await ask(client)).json()["id"]
    deleting = await asyncpg.connect(database)
    try:
        async with deleting.transaction():
            await deleting.execute(
                "update gateway.payment_method set state = 'detached', detached_at = now()"
            )
            answer = asyncio.create_task(gateway.answer(card_id, "saved"))
            await _until_somebody_waits(gateway)
        assert await answer == []
    finally:
        await deleting.close()
    assert await gateway.admin.fetchval("select state from gateway.payment_method") == "detached"
    assert isinstance((await commands(gateway))[-1], RequestDetach)


async def _until_somebody_waits(gateway: RunningGateway) -> None:
    waiting = (
        "select exists (select from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock')"
    )
    async with asyncio.timeout(60):
        while not await gateway.admin.fetchval(waiting):
            await asyncio.sleep(0.02)


async def test_detached_at_the_provider(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    card = await saved(gateway, client)
    await gateway.answer(card["id"], "detached", attempt_id=uuid4())
    problem(await client.get(f"/payment-methods/{card['id']}"), 404, "payment_method_not_found")


async def test_forgotten_cards_leave_after_a_while(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    for _ in range(2):
        card = await saved(gateway, client)
        await client.delete(f"/payment-methods/{card['id']}")
    await gateway.answer(card["id"], "detached", attempt_id=uuid4())
    methods = gateway.parts[PaymentMethods]
    store, now = methods.repository, methods.clock.now()
    await store.delete_old(before=now - timedelta(days=1))
    assert await gateway.count("gateway.payment_method") == 2
    await store.delete_old(before=now + timedelta(days=1))
    (row,) = await gateway.admin.fetch("select payment_method_id from gateway.payment_method")
    assert row["payment_method_id"] != UUID(card["id"])


async def test_a_field_that_is_wrong_for_a_card_is_named(client: httpx.AsyncClient) -> None:
    for fields, pointer in (
        ({"phone": "0712345678"}, "/phone"),
        ({"country": "KE"}, "/country"),
        ({"token": "tok_visa"}, "/token"),
        ({"return_url": "http://shop.example"}, "/return_url"),
        ({"cvc": "123"}, "/cvc"),
        ({"method": "mpesa"}, "/phone"),
        ({"method": "mpesa", "country": "XX"}, "/country"),
        ({"method": "mpesa", "country": "KE"}, "/phone"),
        ({"method": "mpesa", "phone": "+254712345678", "token": CARD_TOKEN}, "/token"),
    ):
        answer = await ask(client, **fields)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_another_merchants_card_does_not_exist(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    card = await saved(gateway, client)
    stranger = await gateway.client(merchant=OTHER_MERCHANT)
    path = f"/payment-methods/{card['id']}"
    for call in (stranger.get(path), stranger.delete(path), stranger.post(f"{path}/verify")):
        problem(await call, 404, "payment_method_not_found")
    answer = await pay(stranger, card_order(payment_method={"id": card["id"]}))
    problem(answer, 422, "payment_method_invalid")
    assert (await stranger.get("/payment-methods")).json()["data"] == []
    assert await shown(client, card["id"]) == card
    reader = await gateway.client(scopes=["read"])
    for call in (reader.post("/payment-methods", json=wish()), reader.delete(path)):
        problem(await call, 403, "scope_missing")
