"""Two workers share batches, die, lose answers and leases: each withdrawal is paid at most once."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from cift_shared.attempts.store import attempt_id_of
from tests.integration.paypal_worker.payouts_harness import PayoutsHarness, open_harness
from tests.support.deaths import Deaths
from tests.support.eventually import eventually
from tests.support.paypal import withdrawal

pytestmark = pytest.mark.integration

RECIPIENTS = ["receives", "receives", "fails", "onhold", "claims"]
FAULTS = [
    "delay",
    "delay_before",
    "drop_before",
    "drop_after_effect",
    "reset_mid_body",
    "html_502_after_effect",
    "http_429",
]
PLACES = [
    "worker.before_call",
    "paypal.before_places_commit",
    "paypal.before_batch",
    "paypal.before_request",
    "paypal.after_request",
    "paypal.after_batch",
    "worker.after_call",
]
FINAL = {"settled", "declined", "canceled"}
STEAL = """
update paypal.attempt set next_check_at = now(), lease_owner = null
 where lease_owner is not null and attempt_id = $1
"""
"""The lease of a process ends while it still works."""


@pytest.fixture
async def workers(database: str, tmp_path: Path) -> AsyncIterator[list[PayoutsHarness]]:
    async with (
        open_harness(database, tmp_path, payout_batch_max=4) as first,
        AsyncExitStack() as end,
    ):
        second = PayoutsHarness(first.pool, first.http, owner="p-1", payout_batch_max=4)
        second.clock = first.clock
        await second.start()
        end.push_async_callback(second.stop)
        yield [first, second]


@pytest.mark.parametrize("seed", range(4))
async def test_told_and_paid_agree(  # noqa: C901  a look does one thing of many
    workers: list[PayoutsHarness], deaths: Deaths, seed: int
) -> None:
    luck, one = random.Random(seed), workers[0]
    for _ in range(4):
        await one.fault(
            "paypal.payouts.post", luck.choice(FAULTS), times=luck.randint(1, 2), delay_s=0.3
        )
    for place in luck.sample(PLACES, 3):
        deaths.at(place, times=luck.randint(1, 2))
    await one.set_balance(luck.choice(["100000.00", "120.00", "0.00"]))
    requests = [withdrawal(f"{luck.choice(RECIPIENTS)}@example.com") for _ in range(7)]
    for worker in workers:
        await worker.stop()
    await one.send(*requests)
    for worker in workers:
        await worker.start()
    looks = dead = 0

    async def all_final() -> bool:
        nonlocal looks, dead
        looks += 1
        if len(deaths.met) > dead:  # who died comes back, as the same instance
            dead = len(deaths.met)
            await luck.choice(workers).restart()
        if looks == 8:
            await one.set_balance("100000.00")
        if looks < 12:
            await one.pool.execute(STEAL, attempt_id_of(luck.choice(requests).payment_id))
        if luck.random() < 0.15:
            await one.cancel(luck.choice(requests).payment_id)
        for worker in workers:
            await worker.make_due()
        await one.pass_time(timedelta(seconds=luck.choice([1, 5, 70])))
        kinds = [set(await one.kinds(request.payment_id)) for request in requests]
        return looks > 12 and all(told & FINAL for told in kinds)

    try:
        await eventually(all_final, "the end of every withdrawal")
    finally:
        await one.control("DELETE", "/faults")
    paid = await one.paid()
    for request in requests:
        told = [kind for kind in await one.kinds(request.payment_id) if kind in FINAL]
        assert len(told) == 1, told
        assert paid[str(attempt_id_of(request.payment_id))] == (told == ["settled"])
