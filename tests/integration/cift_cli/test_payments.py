"""`cift payments` over a real gateway behind a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.cift import Said, cift
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay
from tests.support.served import listening

pytestmark = pytest.mark.integration

DEPOSIT = [
    "payments", "create", "--type", "deposit", "--method", "mpesa", "--amount", "100.00",
    "--currency", "KES", "--customer", "c_1", "--phone", "0712345678", "--country", "KE",
]  # fmt: skip


@dataclass
class Shop:
    """A merchant with the command."""

    gateway: RunningGateway
    env: dict[str, str]

    async def cift(self, *words: str) -> Said:
        return await cift(*words, **self.env)


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    async with running_gateway(database) as gateway, listening(gateway) as port:
        env = {
            "CIFT_API_KEY": str(await gateway.key()),
            "CIFT_API_BASE": f"http://127.0.0.1:{port}",
        }
        yield Shop(gateway, env)


async def test_made_shown_and_listed(shop: Shop) -> None:
    made = await shop.cift(*DEPOSIT, "--metadata", "order=7", "--json")
    assert made.code == 0, made
    payment = made.json["payment"]
    assert payment["metadata"] == {"order": "7"}
    shown = await shop.cift("payments", "show", payment["id"], "--json")
    assert shown.json == payment
    listed = await shop.cift("payments", "list", "--json")
    assert listed.json == {"data": [payment], "next_cursor": None, "previous_cursor": None}
    assert (await shop.cift("payments", "list", "--quiet")).out == f"{payment['id']}\n"
    assert (await shop.cift("payments", "list", "--status", "failed", "--quiet")).out == ""
    text = await shop.cift("payments", "list")
    assert text.out.splitlines()[1].split()[:2] == [payment["id"], "pending"]
    assert "\x1b" not in text.out


async def test_the_key_is_printed_and_repeats_nothing(shop: Shop) -> None:
    first = await shop.cift(*DEPOSIT, "--json")
    key = first.json["idempotency_key"]
    assert first.err == f"idempotency key: {key}\n"
    again = await shop.cift(*DEPOSIT, "--json", "--idempotency-key", key)
    assert again.json["payment"]["id"] == first.json["payment"]["id"]
    other = await shop.cift(*DEPOSIT, "--json")
    assert other.json["payment"]["id"] != first.json["payment"]["id"]


async def test_followed_to_its_end(shop: Shop) -> None:
    client = await shop.gateway.client()
    payment = (await pay(client, order())).json()
    following = asyncio.create_task(shop.cift("payments", "follow", payment["id"], "--json"))
    await shop.gateway.settle(payment["id"])
    said = await following
    assert said.code == 0, said
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["status"] for event in events] == ["pending", "completed"]
    assert len({event["event_id"] for event in events}) == len(events)
    again = await shop.cift("payments", "follow", payment["id"])
    assert again.out.splitlines()[-1].split()[1] == "completed"


async def test_refusals_are_one_line_with_a_code(shop: Shop) -> None:
    missing = await shop.cift("payments", "show", "018f3a4b-1c2d-7e3f-8a4b-254708374149")
    missing.is_one_line(3, "payment_not_found")
    wrong = await cift("payments", "list", **{**shop.env, "CIFT_API_KEY": "cift_test_x"})
    wrong.is_one_line(3, "401", "unauthenticated")
    (await cift("payments", "list")).is_one_line(2, "CIFT_API_KEY is not set")
    away = await cift("payments", "list", CIFT_API_KEY="x", CIFT_API_BASE="http://127.0.0.1:9")
    away.is_one_line(4, "http://127.0.0.1:9")
    odd = await cift("payments", "list", CIFT_API_KEY="x", CIFT_API_BASE="gateway")
    odd.is_one_line(2, "CIFT_API_BASE")


async def test_a_lost_answer_names_the_key_to_repeat_with() -> None:
    said = await cift(*DEPOSIT, CIFT_API_KEY="x", CIFT_API_BASE="http://127.0.0.1:9")
    assert said.code == 4
    told, error = said.err.splitlines()
    assert f"--idempotency-key {told.rpartition(' ')[2]}" in error
