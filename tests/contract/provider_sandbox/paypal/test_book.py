"""The book under random requests: repeats, refusals, lost answers, scripted people."""

import random
from decimal import Decimal
from typing import Any

import httpx
import pytest

from provider_sandbox.paypal.ledger import SIGNS
from provider_sandbox.paypal.payers import PAYERS, RECEIVERS
from tests.support.paypal_twin import PayPalTwin, capture_of

FAULTS = ["drop_after_effect", "drop_before", "saved_500_after_effect", "internal_error"]


async def twice(ask: Any, *words: str, key: str) -> httpx.Response:
    """A request that is repeated with its key until it is answered, and then once more."""
    while True:
        try:
            answer = await ask(*words, key=key)
        except (httpx.HTTPError, ConnectionResetError):
            continue
        if answer.status_code < 500:
            return await ask(*words, key=key)


async def pay(twin: PayPalTwin, noise: random.Random, key: str) -> None:
    email = f"{noise.choice(sorted(PAYERS))}@example.com"
    order = await twin.approved(email, f"{noise.randint(1, 300)}.{noise.randint(10, 99)}")
    answer = await twice(twin.capture, order, key=f"{key}c")
    if answer.status_code != 200:
        return
    capture = capture_of(answer.json())["id"]
    for part in range(noise.randint(0, 3)):
        await twice(twin.refund, capture, f"{noise.randint(1, 150)}.50", key=f"{key}r{part}")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_explains_the_balance_and_moves_nothing_twice(twin: PayPalTwin, seed: int) -> None:
    noise = random.Random(seed)
    for turn in range(12):
        if noise.random() < 0.6:
            operation = noise.choice(["paypal.orders.capture", "paypal.captures.refund"])
            await twin.fault(operation, noise.choice(FAULTS))
        await pay(twin, noise, f"k{turn}")
        receiver = f"{noise.choice(sorted(RECEIVERS))}@example.com"
        await twin.payout(receiver, sender_batch_id=f"b{turn}")
        await twin.payout(receiver, sender_batch_id=f"b{turn}")
        await twin.advance(noise.choice([1, 40, 70]))
    await twin.advance(80)
    entries = (await twin.control("GET", "/book"))["entries"]
    moved = sum(
        SIGNS[row["kind"]] * Decimal(row["amount"]) - Decimal(row["fee"]) for row in entries
    )
    assert str(Decimal("100000.00") + moved) == await twin.balance()
    paid: dict[str, Decimal] = {}
    for row in entries:
        about = row["provider_ids"].get("capture") or row["provider_ids"]["item"]
        if row["kind"] not in ("dispute_hold", "dispute_release"):
            sign = SIGNS[row["kind"]] * (1 if "capture" in row["provider_ids"] else -1)
            paid[about] = paid.get(about, Decimal(0)) + sign * Decimal(row["amount"])
    assert min(paid.values()) >= 0
    once = [row for row in entries if row["kind"] in ("capture", "payout")]
    orders = [
        row["provider_ids"].get("order") or row["caller_refs"]["sender_batch_id"] for row in once
    ]
    assert len(orders) == len(set(orders)) > 5
    events = [post.body["id"] for post in twin.posts]
    assert len(events) == len(set(events))
