"""Stripe's notices: proved by signature, kept once, passed on in the order of their subject."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from stripe import WebhookSignature
from structlog.testing import capture_logs

from cift_shared.messaging.messages import ProviderNotice
from tests.support.breakable import breakable
from tests.support.gateway import WEBHOOK_SECRET, RunningGateway, running_gateway
from tests.support.problems import problem

pytestmark = pytest.mark.integration

TOPIC = "payments.webhooks.stripe"


def event(event_id: str = "evt_1", **fields: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "amount": 2000}},
        **fields,
    }


async def send(
    client: httpx.AsyncClient,
    body: dict[str, Any] | bytes,
    *,
    secret: str = WEBHOOK_SECRET,
    late_s: int = 0,
    query: str = "",
) -> httpx.Response:
    """Post a body as Stripe signs it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed_at = int(time.time()) - late_s
    header = WebhookSignature.generate_signature_header(raw.decode("latin-1"), secret, signed_at)
    if not raw.isascii():
        header = sign_bytes(raw, secret, signed_at)
    return await client.post(
        f"/webhooks/stripe{query}", content=raw, headers={"Stripe-Signature": header}
    )


def sign_bytes(raw: bytes, secret: str, signed_at: int) -> str:
    import hashlib
    import hmac

    signed = hmac.new(secret.encode(), f"{signed_at}.".encode() + raw, hashlib.sha256)
    return f"t={signed_at},v1={signed.hexdigest()}"


async def notices(gateway: RunningGateway) -> list[tuple[str, ProviderNotice]]:
    rows = await gateway.outbox(TOPIC)
    return [(row["key"], ProviderNotice.model_validate_json(row["body"])) for row in rows]


async def test_kept_sealed_and_passed_on(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    raw = json.dumps(event(), indent=2).encode()
    answer = await send(client, raw)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    ((key, notice),) = await notices(gateway)
    vault = gateway.settings.vault()
    assert key == "pi_1"
    assert (notice.provider, notice.attempt_id, notice.purpose) == ("stripe", None, None)
    assert notice.notice_id == vault.fingerprint(b"stripe|evt_1", context="notice")
    assert vault.open(notice.sealed_body, context="notice") == raw
    (row,) = await gateway.admin.fetch("select * from gateway.inbox")
    assert (row["provider"], row["disposition"]) == ("stripe", "published")
    assert "pi_1" not in row["sealed_body"]


async def test_the_query_is_not_judged(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    for number, query in enumerate(("?x=1", "?x=1&x=2", "?card=4242424242424242")):
        answer = await send(client, event(f"evt_{number}"), query=query)
        assert (answer.status_code, answer.json()) == (200, {"received": True}), query
    assert len(await notices(gateway)) == 3


async def test_hundred_repeats_are_one(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    answers = await asyncio.gather(*(send(client, event()) for _ in range(100)))
    # 503 on a slow machine: it waited too long for the lock of another one, and would come again
    assert {200} <= {answer.status_code for answer in answers} <= {200, 503}
    assert len(await notices(gateway)) == 1
    # the same event may come with other bytes (pending_webhooks counts down): it is still the same
    assert (await send(client, event(pending_webhooks=0))).status_code == 200
    assert len(await notices(gateway)) == 1
    await send(client, event("evt_2"))
    assert len(await notices(gateway)) == 2


async def test_one_subject_one_key(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    things = [
        {"id": "pi_1"},
        {"id": "re_1", "payment_intent": "pi_1"},
        {"id": "dp_1", "payment_intent": {"id": "pi_1"}},
        {"id": "seti_1"},
    ]
    for number, thing in enumerate(things):
        await send(client, event(f"evt_{number}", data={"object": thing}))
    assert [key for key, _ in await notices(gateway)] == ["pi_1", "pi_1", "pi_1", "seti_1"]


async def test_forgeries_are_kept_out(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    raw = json.dumps(event()).encode()
    good = sign_bytes(raw, WEBHOOK_SECRET, int(time.time()))
    headers: list[dict[str, str]] = [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "nonsense"},
        {"Stripe-Signature": good[:-1] + ("0" if good[-1] != "0" else "1")},
        {"Stripe-Signature": good.replace("v1=", "v0=")},
        {"Stripe-Signature": "t=1," + good},
        {"Stripe-Signature": "é" * 10},
    ]
    for header in headers:
        sent = {name: text.encode("latin-1") for name, text in header.items()}
        answer = await client.post("/webhooks/stripe", content=raw, headers=sent)
        problem(answer, 400, "signature_invalid")
    twice = [("Stripe-Signature", good), ("Stripe-Signature", good)]
    answer = await client.post("/webhooks/stripe", content=raw, headers=twice)
    problem(answer, 400, "signature_invalid")
    answer = await client.post(
        "/webhooks/stripe", content=raw + b" ", headers={"Stripe-Signature": good}
    )
    problem(answer, 400, "signature_invalid")
    for late_s in (400, -400):
        problem(await send(client, event(), late_s=late_s), 400, "signature_invalid")
    problem(await send(client, event(), secret="whsec_other"), 400, "signature_invalid")
    for late_s in (200, -200):
        assert (
            await send(client, event(f"evt_{late_s}".replace("-", "m")), late_s=late_s)
        ).is_success
    assert await gateway.count("gateway.inbox") == 2


async def test_bodies_that_are_no_events(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    bodies: list[dict[str, Any] | bytes] = [
        b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 50_000, event(""), event(livemode=None),
        event(object="v2.core.event"), event(data={}), {"id": "evt_1"},
    ]  # fmt: skip
    for body in bodies:
        problem(await send(client, body), 400, "webhook_event_invalid")
    problem(await send(client, event(livemode=True)), 400, "webhook_mode_mismatch")
    assert await gateway.count("gateway.inbox") == 0


async def test_a_webhook_over_the_limit_is_refused(gateway: RunningGateway) -> None:
    client = gateway.raw_client()

    async def ten_megabytes():
        for _ in range(160):
            yield b"x" * 65_536

    headers = {"Stripe-Signature": "t=1,v1=" + "0" * 64}
    answer = await client.post("/webhooks/stripe", content=ten_megabytes(), headers=headers)
    problem(answer, 413, "body_too_large")
    answer = await client.post(
        "/webhooks/stripe", content=b"x", headers={**headers, "Content-Encoding": "gzip"}
    )
    problem(answer, 415, "content_encoding_unsupported")
    assert (await send(client, event(padding="x" * 200_000))).status_code == 200


async def test_rotation_takes_both_secrets(database: str) -> None:
    async with running_gateway(
        database, rails={"card": {"webhook_secret": "whsec_new,whsec_old"}}
    ) as gateway:
        client = gateway.raw_client()
        for number, secret in enumerate(("whsec_new", "whsec_old")):
            assert (await send(client, event(f"evt_{number}"), secret=secret)).status_code == 200
        problem(await send(client, event("evt_3"), secret=""), 400, "signature_invalid")
        both = "whsec_new,whsec_old"
        problem(await send(client, event("evt_3"), secret=both), 400, "signature_invalid")


@pytest.mark.parametrize("secret", [None, "", " , "])
async def test_not_set_up(database: str, secret: str | None) -> None:
    async with running_gateway(database, rails={"card": {"webhook_secret": secret}}) as gateway:
        client = gateway.raw_client()
        for forged in ("", " ", WEBHOOK_SECRET):
            problem(await send(client, event(), secret=forged), 404, "webhook_not_configured")
        assert await gateway.count("gateway.inbox") == 0


async def test_card_numbers_in_events_are_not_our_business(gateway: RunningGateway) -> None:
    """Stripe's ids and amounts are Stripe's: the bytes are sealed as they came."""
    client = gateway.raw_client()
    thing = {"id": "pi_1", "metadata": {"order": "4242424242424242"}}
    assert (await send(client, event(data={"object": thing}))).status_code == 200


async def test_log_line_tells_no_content(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    with capture_logs() as lines:
        await send(client, event(data={"object": {"id": "pi_1", "description": "private words"}}))
        problem(await send(client, b"private words"), 400, "webhook_event_invalid")
    assert "private words" not in str(lines)
    (line,) = [line for line in lines if line["event"] == "gateway.notice.taken"]
    assert (line["event_type"], line["new"]) == ("payment_intent.succeeded", True)


async def test_database_that_is_away(database: str) -> None:
    """Stripe sends again what was not answered with 2xx."""
    async with breakable(database) as (address, line), running_gateway(address) as gateway:
        client = gateway.raw_client()
        await line.cut()
        problem(await send(client, event()), 503, "unavailable")
        await line.mend()
        assert (await send(client, event())).status_code == 200
        assert await gateway.count("gateway.inbox") == 1
