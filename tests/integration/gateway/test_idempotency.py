"""The same key, however often it is sent, makes one payment."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.idempotency.acceptance import KEY_LIFETIME
from gateway.operations.retention import Retention
from tests.support.gateway import OTHER_MERCHANT, RunningGateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration


async def test_replay_answers_the_stored_reply(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    first = await pay(client, order(metadata={"b": "1", "a": "2"}), key="k1")
    await gateway.settle(first.json()["id"])
    quoted = await pay(client, order(metadata={"a": "2", "b": "1"}), key='"k1"')
    assert "idempotency-replayed" not in first.headers
    assert quoted.headers["idempotency-replayed"] == "true"
    assert quoted.headers["location"] == first.headers["location"]
    assert (quoted.status_code, quoted.content) == (202, first.content)
    assert await gateway.count("ledger.payment") == 1


async def test_fifty_at_once_make_one_payment(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(*(pay(client, order(), key="k") for _ in range(50)))
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) <= {202, 409}
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.json()["id"] for answer in accepted}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in accepted) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert problem(answer, 409, "idempotency_key_in_flight")["retryable"]
            assert answer.headers["retry-after"] == "1"
    assert await gateway.count("ledger.payment") == 1
    assert await gateway.count("gateway.outbox") == 1


async def test_in_flight_key_is_told_at_once(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """Another process that is in the middle of the same acceptance holds the latch."""
    await pay(client, order(), key="seen")
    (row,) = await gateway.admin.fetch("select * from gateway.idempotency_key")
    await gateway.admin.execute("delete from gateway.idempotency_key")
    async with gateway.admin.acquire() as connection, connection.transaction():
        await connection.execute(
            "select pg_advisory_xact_lock("
            "hashtextextended(concat_ws(chr(31), $1::text, $2::boolean, $3::text, $4::text), 20))",
            row["merchant_id"], row["livemode"], row["route"], row["key_digest"],
        )  # fmt: skip
        problem(await pay(client, order(), key="seen"), 409, "idempotency_key_in_flight")
    assert await gateway.count("ledger.payment") == 1
    assert await gateway.count("gateway.idempotency_key") == 0


async def test_other_body_is_refused(client: httpx.AsyncClient) -> None:
    await pay(client, order(), key="k")
    answer = await pay(client, order(amount="101.00"), key="k")
    problem(answer, 422, "idempotency_key_reused")


async def test_keys_of_merchants_are_apart(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    other = await gateway.client(merchant=OTHER_MERCHANT)
    mine, theirs = await pay(client, order(), key="k"), await pay(other, order(), key="k")
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_keys_of_modes_and_routes_are_apart(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "100.00")
    first = (await pay(client, order(), key="k")).json()
    await gateway.admin.execute(
        "update gateway.idempotency_key set livemode = not livemode where resource_id = $1",
        UUID(first["id"]),
    )
    second = await pay(client, order(), key="k")
    given_back = await refund(client, deposit["id"], key="k")
    for fresh in (second, given_back):
        assert fresh.status_code == 202
        assert "idempotency-replayed" not in fresh.headers
    assert second.json()["id"] != first["id"]


async def test_faults_of_a_body_are_not_stored(client: httpx.AsyncClient) -> None:
    problem(await pay(client, order(amount="0.50"), key="k"), 422, "amount_not_whole")
    assert (await pay(client, order(), key="k")).status_code == 202


async def test_key_is_required(client: httpx.AsyncClient) -> None:
    for path, body in (("/payments", order()), (f"/payments/{uuid4()}/refunds", {})):
        answer = await client.post(path, json=body)
        document = problem(answer, 400, "idempotency_key_missing")
        assert document["errors"][0]["parameter"] == "Idempotency-Key"


async def test_a_malformed_key_is_refused(client: httpx.AsyncClient) -> None:
    for key in (b"", b'""', b" ", b"k" * 256, b'"' + b"k" * 256 + b'"', "kÿ".encode(), b"a\x01b",
                b'"open', b"two words", b"tab\tkey"):  # fmt: skip
        headers = [(b"Idempotency-Key", key), (b"Content-Type", b"application/json")]
        answer = await client.post("/payments", content=json.dumps(order()), headers=headers)
        problem(answer, 400, "idempotency_key_malformed")


async def test_two_keys_are_none(client: httpx.AsyncClient) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await client.post("/payments", json=order(), headers=headers)
    problem(answer, 400, "idempotency_key_malformed")


async def test_refund_replays_after_everything_is_refunded(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = await gateway.funded(client, "c_1", "100.00")
    first = await refund(client, deposit["id"], key="r")
    again = await refund(client, deposit["id"], key="r")
    assert first.status_code == 202
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    problem(await refund(client, deposit["id"], "1.00", key="r"), 422, "idempotency_key_reused")


async def test_what_is_stored_is_the_reply_that_other_releases_read(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """During a roll-out a retry may reach a replica of the release before, or after.

    The stored form is the reply itself; for a refund, with the terms that the ledger worked out.
    """
    deposit = (await pay(client, order())).json()
    assert await stored_reply(gateway, deposit["id"]) == deposit
    await gateway.settle(deposit["id"])
    given_back = (await refund(client, deposit["id"])).json()
    stored = await stored_reply(gateway, given_back["id"])
    assert (stored.pop("fee_minor"), stored.pop("net_minor")) == ("250", "9750")
    assert {**stored, "fee": "2.50", "net": "97.50"} == given_back


async def stored_reply(gateway: RunningGateway, payment_id: str) -> dict[str, Any]:
    text = await gateway.admin.fetchval(
        "select reply::text from gateway.idempotency_key where resource_id = $1", UUID(payment_id)
    )
    reply: dict[str, Any] = json.loads(text)
    return reply


async def test_refund_key_is_bound_to_its_payment(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    one = await gateway.funded(client, "c_1", "100.00")
    two = await gateway.funded(client, "c_1", "100.00")
    await refund(client, one["id"], "10.00", key="r")
    problem(await refund(client, two["id"], "10.00", key="r"), 422, "idempotency_key_reused")


async def test_keys_are_forgotten_after_their_time(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await pay(client, order(), key="k")
    retention = gateway.parts[Retention]
    clock = retention.clock

    class Later:
        def now(self):
            return clock.now() + KEY_LIFETIME * 2

    await retention.delete_expired()
    assert await gateway.count("gateway.idempotency_key") == 1
    await replace(retention, clock=Later()).delete_expired()
    assert await gateway.count("gateway.idempotency_key") == 0
