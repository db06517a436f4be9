"""Deposits by card: the token rests sealed, secrets open for their owner only."""

import json
from typing import Any

import httpx
import pytest

from cift_shared.messaging.messages import COMMANDS, RequestDeposit, RequestRefund
from tests.support.event_stream import LiveStream
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payment_methods import CARD_DETAILS, CARD_TOKEN
from tests.support.payments import card_order, order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

SECRET = "pi_3Qabc_secret_xyz"
UNKNOWN = {"kind": "card", "brand": None, "last4": None, "exp_month": None, "exp_year": None}
KNOWN = {"kind": "card", **CARD_DETAILS}


async def command(gateway: RunningGateway) -> Any:
    rows = await gateway.outbox("payments.commands.card")
    return COMMANDS.validate_json(rows[-1]["body"])


async def sealed_action(gateway: RunningGateway, payment_id: str) -> None:
    sealed = gateway.settings.vault().seal(SECRET.encode(), context="next_action")
    action = {"type": "use_stripe_sdk", "client_secret_sealed": sealed}
    await gateway.result(payment_id, "action_required", next_action=action)


async def everything_stored(gateway: RunningGateway) -> str:
    tables = await gateway.admin.fetch(
        "select schemaname || '.' || tablename as name from pg_tables "
        "where schemaname in ('gateway', 'ledger', 'card')"
    )
    dump = ""
    for table in tables:
        rows = await gateway.admin.fetch(f"select row_to_json(t)::text as row from {table[0]} t")
        dump += "".join(row["row"] for row in rows)
    bodies = await gateway.admin.fetch(
        "select body from gateway.outbox union all select body from ledger.outbox"
    )
    return dump + "".join(row["body"].decode() for row in bodies)


async def test_deposit_with_a_token(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    answer = await pay(client, card_order(return_url="https://shop.example/done", description="x"))
    assert answer.status_code == 202
    payment = answer.json()
    assert payment["payment_method"] == UNKNOWN
    assert (payment["method"], payment["status"], payment["next_action"]) == (
        "card",
        "pending",
        None,
    )
    assert (payment["reversed"], payment["disputed"]) == ("0.00", "0.00")
    asked = await command(gateway)
    assert isinstance(asked, RequestDeposit)
    assert (asked.instrument.kind, asked.instrument.display) == ("card", "card")
    assert (asked.instrument.country, asked.instrument.customer_sealed) == (None, None)
    vault = gateway.settings.vault()
    assert vault.open(asked.instrument.sealed, context="card") == CARD_TOKEN.encode()
    assert (asked.return_url, asked.off_session) == ("https://shop.example/done", False)
    assert (await client.get(f"/payments/{payment['id']}")).json() == payment
    assert CARD_TOKEN not in await everything_stored(gateway)


async def test_card_is_shown_once_it_is_known(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = (await pay(client, card_order())).json()
    await gateway.settle(payment["id"], card=CARD_DETAILS)
    shown = (await client.get(f"/payments/{payment['id']}")).json()
    assert (shown["status"], shown["payment_method"]) == ("completed", KNOWN)
    assert (await client.get("/payments?method=card")).json()["data"] == [shown]
    (row,) = await gateway.admin.fetch("select body from ledger.outbox order by id desc limit 1")
    told = json.loads(row["body"])["payment"]
    assert told["payment_method"] == KNOWN
    # a message names only the rail, from which the other two follow
    assert set(told) == set(shown) - {"provider", "provider_name"}

    back = (await refund(client, payment["id"], "5.00")).json()
    assert back["payment_method"] == KNOWN
    asked = await command(gateway)
    assert isinstance(asked, RequestRefund)
    assert asked.original.provider_reference == shown["provider_reference"]


async def test_client_secret_is_opened_for_the_owner_only(
    gateway: RunningGateway, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    first = await pay(client, card_order(), key="k")
    payment = first.json()
    await sealed_action(gateway, payment["id"])
    shown = (await client.get(f"/payments/{payment['id']}")).json()
    assert shown["status"] == "requires_action"
    assert shown["next_action"] == {"type": "use_stripe_sdk", "client_secret": SECRET}
    (listed,) = (await client.get("/payments")).json()["data"]
    assert listed == shown
    known = {"authorization": client.headers["authorization"]}
    stream = LiveStream(gateway.app, f"/api/v1/payments/{payment['id']}/events", known)
    told = [await stream.next_event(), await stream.next_event()][-1]
    assert told is not None
    assert told["payment"] == shown
    await stream.hang_up()

    timeline = (await client.get(f"/payments/{payment['id']}/timeline")).text
    assert SECRET not in timeline
    assert "_sealed" not in timeline
    replayed = await pay(client, card_order(), key="k")
    assert replayed.headers["idempotency-replayed"] == "true"
    assert replayed.json() == payment
    stored = await everything_stored(gateway)
    assert SECRET not in stored
    (event,) = await gateway.admin.fetch("select body from ledger.outbox order by id desc limit 1")
    assert "client_secret" not in event["body"].decode()
    assert SECRET not in capsys.readouterr().out


async def test_wait_and_replay_leave_no_secret_behind(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    answer = await pay(client, card_order(), Prefer="wait=1")
    await sealed_action(gateway, answer.json()["id"])
    canceled = await client.post(f"/payments/{answer.json()['id']}/cancel")
    problem(canceled, 409, "not_cancelable")
    assert SECRET not in await everything_stored(gateway)


async def test_cards_cannot_be_paid_out(client: httpx.AsyncClient) -> None:
    answer = await pay(client, card_order(type="withdrawal"))
    document = problem(answer, 422, "card_withdrawal_unsupported")
    assert "refund" in document["detail"]
    assert "another method" in document["detail"]
    assert document["errors"][0]["pointer"] == "/type"
    query = "type=withdrawal&method=card&amount=20.00&currency=USD"
    problem(await client.get(f"/fees/quote?{query}"), 422, "card_withdrawal_unsupported")


async def test_amounts_that_stripe_does_not_move(client: httpx.AsyncClient) -> None:
    for fields, pointer, code in (
        ({"amount": "0.49"}, "/amount", "amount_out_of_limits"),
        ({"amount": "1000000.00"}, "/amount", "amount_out_of_limits"),
        ({"amount": "10.001"}, "/amount", "amount_invalid"),
        ({"currency": "BTC", "amount": "1"}, "/currency", "currency_unsupported"),
        ({"currency": "KWD", "amount": "10.001"}, "/amount", "amount_not_whole"),
    ):
        document = problem(await pay(client, card_order(**fields)), 422, code)
        assert document["errors"][0]["pointer"] == pointer
    for currency, amount in (("JPY", "500"), ("KES", "150.00"), ("UGX", "20000"), ("EUR", "1.00")):
        answer = await pay(client, card_order(currency=currency, amount=amount))
        assert answer.status_code == 202, answer.text


async def test_payment_method_must_fit_the_method(client: httpx.AsyncClient) -> None:
    phone, token = {"phone": "0712345678"}, {"token": CARD_TOKEN}
    some_id = {"id": "019a5f6e-3c1d-7a2b-9c3d-424242424242"}
    for body in (
        card_order(payment_method={}),
        card_order(payment_method=phone),
        card_order(payment_method={**token, **phone}),
        card_order(payment_method={**token, **some_id}),
        card_order(payment_method={**token, "country": "KE"}),
        order(payment_method=token),
        order(payment_method={**phone, **token}),
    ):
        document = problem(await pay(client, body), 422, "payment_method_invalid")
        assert document["errors"][0]["pointer"] == "/payment_method"
    for wrong in ("tok_visa", "pm_", "pm_a b", "PM_1", "pm_" + "a" * 251, "src_1", "card_1", 7):
        answer = await pay(client, card_order(payment_method={"token": wrong}))
        problem(answer, 422, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == "/payment_method/token"
    answer = await pay(client, card_order(payment_method=some_id))
    assert problem(answer, 422, "payment_method_invalid")["errors"][0]["pointer"] == (
        "/payment_method/id"
    )


async def test_off_session_needs_a_saved_card(client: httpx.AsyncClient) -> None:
    for body in (card_order(off_session=True), order(off_session=True)):
        document = problem(await pay(client, body), 422, "payment_method_invalid")
        assert document["errors"][0]["pointer"] == "/off_session"
    answer = await pay(client, card_order(off_session="yes"))
    problem(answer, 422, "validation_failed")


async def test_cards_that_are_not_set_up_are_refused(database: str) -> None:
    async with running_gateway(database, rails={"card": {"publishable_key": None}}) as gateway:
        client = await gateway.client()
        document = problem(await pay(client, card_order()), 422, "method_unavailable")
        assert document["errors"][0]["pointer"] == "/method"
        card = {"method": "card", "customer_id": "c_1"}
        problem(await client.post("/payment-methods", json=card), 422, "method_unavailable")
        assert (await pay(client, order())).status_code == 202
