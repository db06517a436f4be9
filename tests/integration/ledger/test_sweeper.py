"""Payments without a result are queried again, at growing intervals, and reported."""

import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY

from cift_shared.testing.clock import FakeClock
from ledger.posting.sweeper import Sweeper
from tests.integration.ledger.books import NOON, Books

pytestmark = pytest.mark.integration


class Sweeping:
    """A sweeper with a clock to turn."""

    def __init__(self, books: Books) -> None:
        self.clock = FakeClock(NOON)
        self.wakes = 0
        self.sweeper = Sweeper(books.store, self.clock, interval_s=10, wake_relay=self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    async def at(self, moment: datetime) -> int:
        """Sweep at a moment; how many commands went out again."""
        self.clock.advance(moment - self.clock.now())
        return await self.sweeper.sweep_once()


def after(**delta: float) -> datetime:
    return NOON + timedelta(**delta)


def stuck(status: str) -> float | None:
    return REGISTRY.get_sample_value("cift_payments_stuck", {"method": "mpesa", "status": status})


async def test_a_silent_command_goes_out_again_as_it_was(books: Books) -> None:
    paid = await books.deposit()
    sweeping = Sweeping(books)
    assert await sweeping.at(after(seconds=29)) == 0
    assert await sweeping.at(after(seconds=30)) == 1
    assert sweeping.wakes == 1
    (row,) = await books.outbox()
    command = (await books.payment(paid))["command"]
    assert (row["topic"], row["key"]) == ("payments.commands.mpesa", str(paid.payment_id))
    assert row["headers"] == command["headers"]
    assert json.loads(row["body"]) == command["body"]
    assert stuck("pending") == 1


async def test_gaps_grow_and_stop_growing(books: Books) -> None:
    await books.deposit()
    sweeping = Sweeping(books)
    swept = [second for second in range(0, 9_000, 30) if await sweeping.at(after(seconds=second))]
    gaps = [later - earlier for earlier, later in pairwise(swept)]
    assert swept[0] == 30
    assert gaps == [60, 120, 240, 480, 960, 1920, 1920, 1920]


async def test_news_starts_the_count_afresh(books: Books) -> None:
    paid = await books.deposit()
    sweeping = Sweeping(books)
    await sweeping.at(after(seconds=30))
    await sweeping.at(after(seconds=90))
    await books.apply(paid.result("noted", occurred_at=after(seconds=95)))
    row = await books.payment(paid)
    assert (row["sweep_count"], row["swept_at"]) == (0, None)
    assert await sweeping.at(after(seconds=124)) == 0
    assert await sweeping.at(after(seconds=125)) == 1


async def test_an_announced_check_that_is_overdue(books: Books) -> None:
    paid = await books.deposit()
    await books.apply(paid.result("submitted", next_check_at=after(hours=2)))
    sweeping = Sweeping(books)
    assert await sweeping.at(after(hours=2, minutes=4)) == 0
    assert await sweeping.at(after(hours=2, minutes=5)) == 1
    assert stuck("processing") == 1


async def test_an_hour_of_silence_without_an_announced_check(books: Books) -> None:
    paid = await books.deposit()
    await books.apply(paid.result("submitted", occurred_at=NOON))
    sweeping = Sweeping(books)
    assert await sweeping.at(after(minutes=59)) == 0
    assert await sweeping.at(after(minutes=60)) == 1


async def test_a_pending_payment_whose_check_is_announced_waits_for_it(books: Books) -> None:
    paid = await books.deposit()
    await books.apply(paid.result("noted", next_check_at=after(hours=2)))
    assert await books.status(paid) == "pending"
    sweeping = Sweeping(books)
    assert await sweeping.at(after(hours=2, minutes=4, seconds=59)) == 0
    assert await sweeping.at(after(hours=2, minutes=5)) == 1


async def test_a_payer_who_has_to_act_is_not_forgotten(books: Books) -> None:
    paid = await books.deposit()
    told = paid.result("action_required", next_action={"type": "pin"}, occurred_at=NOON)
    await books.apply(told)
    sweeping = Sweeping(books)
    assert await sweeping.at(after(seconds=3_599)) == 0
    assert await sweeping.at(after(hours=1)) == 1


async def test_gaps_are_longer_once_the_worker_has_spoken(books: Books) -> None:
    paid = await books.deposit()
    await books.apply(paid.result("submitted", next_check_at=NOON))
    sweeping = Sweeping(books)
    swept = [minute for minute in range(60) if await sweeping.at(after(minutes=minute))]
    assert swept == [5, 15, 35]


async def test_ended_payments_are_left_alone(books: Books) -> None:
    await books.settled_deposit()
    failed = await books.deposit()
    await books.apply(failed.result("declined"))
    assert await Sweeping(books).at(after(days=30)) == 0


async def test_those_in_review_wait_for_people_and_are_shown(books: Books) -> None:
    paid = await books.deposit()
    await books.apply(paid.result("conflicting", reason="two answers"))
    assert await Sweeping(books).at(after(days=1)) == 0
    assert stuck("in_review") == 1
    assert stuck("pending") is None


async def test_many_go_out_in_rounds(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.posting.sweeper.SWEEP_ROWS_MAX", 2)
    for _ in range(5):
        await books.deposit()
    sweeping = Sweeping(books)
    assert await sweeping.at(after(minutes=1)) == 5
    assert sweeping.wakes == 3


async def test_two_sweepers_at_once_send_each_command_once(books: Books) -> None:
    for _ in range(6):
        await books.deposit()
    now = after(minutes=1)
    async with books.ledger.acquire() as one, books.ledger.acquire() as other:
        async with one.transaction():
            assert await one.fetchval("select ledger.sweep($1, 4)", now) == 4
            assert await other.fetchval("select ledger.sweep($1, 10)", now) == 2
        assert await other.fetchval("select ledger.sweep($1, 10)", now) == 0


async def test_holds_end_when_their_time_is_over(books: Books) -> None:
    await books.settled_deposit(10_000, 0)
    target = await books.admin.fetchval("select account_id from ledger.balance where not house")
    for number in range(3):
        await books.admin.fetchval(
            "select ledger.hold_funds($1, $2, 100, 'a test', $3, $4)",
            f"k{number}", target, NOON, after(seconds=10),
        )  # fmt: skip
    await Sweeping(books).at(after(seconds=9))
    assert await books.customer() == (10_000, 300)
    await Sweeping(books).at(after(seconds=10))
    assert await books.customer() == (10_000, 0)
