"""A notice is kept once, sealed, and passed on; nothing it says changes anything here."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import ProviderNotice
from mpesa_method.purposes import Purpose
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

LISTED = ("196.201.212.69", 4711)
BODY = b'{"Body": {"stkCallback": {"ResultCode": 0, "PhoneNumber": 254712345149}}}'
TAKEN = {"ResultCode": 0, "ResultDesc": "Accepted"}


def token_of(gateway: RunningGateway, purpose: Purpose = Purpose.STK_PUSH) -> str:
    return gateway.settings.callback_tokens().make(AttemptId(uuid4()), purpose)


async def notices(gateway: RunningGateway) -> list[ProviderNotice]:
    rows = await gateway.admin.fetch("select topic, key, body from gateway.outbox order by id")
    found = []
    for row in rows:
        notice = ProviderNotice.model_validate_json(row["body"])
        assert row["topic"] == "payments.webhooks.mpesa"
        assert row["key"] == str(notice.attempt_id or notice.notice_id)
        found.append(notice)
    return found


async def test_callback_is_passed_on_sealed(gateway: RunningGateway) -> None:
    client = gateway.raw_client(address=LISTED)
    token = token_of(gateway)
    answer = await client.post(f"/callbacks/{token}", content=BODY)
    assert (answer.status_code, answer.json()) == (200, TAKEN)
    (notice,) = await notices(gateway)
    address = gateway.settings.callback_tokens().read(token)
    assert address is not None
    assert (notice.attempt_id, notice.purpose) == (address.attempt_id, Purpose.STK_PUSH)
    assert notice.source_listed
    vault = gateway.settings.vault()
    assert vault.open(notice.sealed_body, context="notice") == BODY
    (row,) = await gateway.admin.fetch("select * from gateway.inbox")
    assert (row["disposition"], row["source"]) == ("published", LISTED[0])
    assert "254712345149" not in str(dict(row))


QUERIES = ("", "?x=1", "?x=1&x=2", "?" + "a" * 300, "?card=4242424242424242", "?%ff", "?=&&")


@pytest.mark.parametrize("general", [True, False])
async def test_the_query_of_a_notice_is_not_judged(gateway: RunningGateway, general: bool) -> None:
    """Daraja does not repeat a refused callback, and a proxy on its way may add parameters."""
    client = gateway.raw_client(address=LISTED)
    for number, query in enumerate(QUERIES):
        path = "/webhooks/mpesa" if general else f"/callbacks/{token_of(gateway)}"
        body = BODY + b" " * number
        answer = await client.post(f"{path}{query}", content=body)
        assert (answer.status_code, answer.json()) == (200, TAKEN), query
    assert len(await notices(gateway)) == len(QUERIES)


async def test_repeats_with_another_query_are_one(gateway: RunningGateway) -> None:
    client, token = gateway.raw_client(), token_of(gateway)
    for query in QUERIES[1:]:
        await client.post(f"/callbacks/{token}{query}", content=BODY)
    assert len(await notices(gateway)) == 1


async def test_hundred_repeats_are_one(gateway: RunningGateway) -> None:
    client, token = gateway.raw_client(), token_of(gateway)
    answers = await asyncio.gather(
        *(client.post(f"/callbacks/{token}", content=BODY) for _ in range(100))
    )
    # 503 on a slow machine: it waited too long for the lock of another one, and would come again
    assert {200} <= {answer.status_code for answer in answers} <= {200, 503}
    assert len(await notices(gateway)) == 1
    await client.post(f"/callbacks/{token}", content=BODY + b" ")
    await client.post(f"/callbacks/{token_of(gateway)}", content=BODY)
    assert len(await notices(gateway)) == 3


async def test_forged_paths_find_nothing(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = (await pay(client, order())).json()
    token = token_of(gateway)
    flipped = token[:-1] + ("0" if token[-1] != "0" else "1")
    for forged in (flipped, token.upper(), token[:-2], "x", "%2e%2e", "0" * 66, "a" * 5000):
        answer = await client.post(f"/callbacks/{forged}", content=BODY)
        problem(answer, 404, "not_found")
    assert await gateway.count("gateway.inbox") == 0
    shown = (await client.get(f"/payments/{payment['id']}")).json()
    assert shown == payment


async def test_strange_bodies_are_kept_for_the_worker_to_judge(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    bodies = [b"", b"not json", b"\xff\x00", b"{}", b"[" * 1000, b" " * (256 * 1024)]
    for body in bodies:
        answer = await client.post(f"/callbacks/{token_of(gateway)}", content=body)
        assert (answer.status_code, answer.json()) == (200, TAKEN)
    vault = gateway.settings.vault()
    opened = [vault.open(notice.sealed_body, context="notice") for notice in await notices(gateway)]
    assert opened == bodies


async def test_huge_and_compressed_bodies(gateway: RunningGateway) -> None:
    client = gateway.raw_client()

    async def ten_megabytes():
        for _ in range(160):
            yield b"x" * 65_536

    for path in (f"/callbacks/{token_of(gateway)}", "/webhooks/mpesa"):
        problem(await client.post(path, content=ten_megabytes()), 413, "body_too_large")
        answer = await client.post(path, content=b"x", headers={"Content-Encoding": "gzip"})
        problem(answer, 415, "content_encoding_unsupported")
    assert await gateway.count("gateway.inbox") == 0


async def test_general_address_names_no_attempt(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    answer = await client.post("/webhooks/mpesa", json={"unheard": "of"})
    assert (answer.status_code, answer.json()) == (200, TAKEN)
    (notice,) = await notices(gateway)
    assert (notice.attempt_id, notice.purpose, notice.source_listed) == (None, None, False)


async def test_flood_on_the_general_address_is_bounded(database: str) -> None:
    async with running_gateway(database, notices_per_second=5) as gateway:
        stranger, other = gateway.raw_client(), gateway.raw_client(address=LISTED)
        answers = await asyncio.gather(
            *(stranger.post("/webhooks/mpesa", content=str(n).encode()) for n in range(30))
        )
        refused = [answer for answer in answers if answer.status_code != 200]
        assert len(refused) >= 10
        for answer in refused:
            problem(answer, 429, "too_many_notices")
            assert answer.headers["retry-after"] == "1"
        assert (await other.post("/webhooks/mpesa", content=b"x")).status_code == 200
        callback = await stranger.post(f"/callbacks/{token_of(gateway)}", content=b"x")
        assert callback.status_code == 200
        assert (await (await gateway.client()).get("/payments")).status_code == 200


async def test_enforced_sources_set_strangers_aside(database: str) -> None:
    async with running_gateway(database, rails={"mpesa": {"enforce_sources": True}}) as gateway:
        for address in (("203.0.113.9", 1), LISTED):
            client = gateway.raw_client(address=address)
            answer = await client.post(f"/callbacks/{token_of(gateway)}", content=BODY)
            assert (answer.status_code, answer.json()) == (200, TAKEN)
        rows = await gateway.admin.fetch(
            "select source, disposition from gateway.inbox order by received_at"
        )
        assert [tuple(row) for row in rows] == [
            ("203.0.113.9", "quarantined"),
            (LISTED[0], "published"),
        ]
        assert len(await notices(gateway)) == 1


async def test_stranger_who_comes_first_does_not_silence_the_provider(database: str) -> None:
    async with running_gateway(database, rails={"mpesa": {"enforce_sources": True}}) as gateway:
        token = token_of(gateway)
        for address in (("203.0.113.9", 1), LISTED, LISTED, ("203.0.113.9", 1)):
            client = gateway.raw_client(address=address)
            answer = await client.post(f"/callbacks/{token}", content=BODY)
            assert answer.status_code == 200
        (row,) = await gateway.admin.fetch("select source, disposition from gateway.inbox")
        assert tuple(row) == (LISTED[0], "published")
        assert len(await notices(gateway)) == 1


async def test_only_our_proxies_are_believed(database: str) -> None:
    proxies = "10.0.0.0/8"
    forwarded = f"198.51.100.7, {LISTED[0]}, 10.1.2.3"
    async with running_gateway(database, trusted_proxies=proxies) as gateway:
        for address in (("10.9.9.9", 1), ("203.0.113.9", 1)):
            client = gateway.raw_client(address=address, **{"X-Forwarded-For": forwarded})
            await client.post("/webhooks/mpesa", content=str(address).encode())
        rows = await gateway.admin.fetch(
            "select source, source_listed from gateway.inbox order by received_at"
        )
        assert [tuple(row) for row in rows] == [(LISTED[0], True), ("203.0.113.9", False)]
