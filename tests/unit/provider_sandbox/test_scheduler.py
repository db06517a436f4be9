"""Scheduled events: order, transactions, and what a faulty event does to the others."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from provider_sandbox.clock import Clock
from provider_sandbox.scheduled_events import ScheduledEvents
from provider_sandbox.scheduler import Handler, Scheduler
from provider_sandbox.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "twin.sqlite3")
    yield opened
    opened.close()


async def run(store: Store, events: ScheduledEvents, handlers: dict[str, Handler]) -> None:
    """Let the loop work for a short while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await Scheduler(store, events, handlers).run()


class TestScheduler:
    async def test_follow_ups_count_from_the_time_their_cause_was_due(self, store: Store) -> None:
        clock = Clock(speed=1)
        events, done = ScheduledEvents(store, clock), []

        def first(_: dict[str, Any]) -> None:
            done.append("first")
            events.add("third", {}, after_s=30)

        events.add("first", {}, after_s=10)
        events.add("second", {}, after_s=20)
        clock.skip(60)
        handlers: dict[str, Handler] = {
            "first": first,
            "second": lambda _: done.append("second"),
            "third": lambda _: done.append("third"),
        }
        await run(store, events, handlers)
        assert done == ["first", "second", "third"]
        assert events.counts() == {}

    async def test_a_faulty_event_undoes_its_own_work_only(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        events = ScheduledEvents(store, Clock(speed=1))

        def spoil(_: dict[str, Any]) -> None:
            store.set_meta("spoilt", "yes")
            raise ValueError("broken")

        events.add("spoil", {}, after_s=0)
        events.add("note", {"word": "kept"}, after_s=0)
        handlers: dict[str, Handler] = {
            "spoil": spoil,
            "note": lambda payload: store.set_meta("noted", payload["word"]),
        }
        await run(store, events, handlers)
        assert (store.meta("spoilt"), store.meta("noted")) == (None, "kept")
        assert events.counts() == {}
        assert "failed and is dropped" in caplog.text

    async def test_sleeps_until_something_nearer_is_planned(self, store: Store) -> None:
        events, done = ScheduledEvents(store, Clock(speed=1)), []
        events.add("far", {}, after_s=100)
        handlers: dict[str, Handler] = {"near": lambda _: done.append("near")}
        loop = asyncio.create_task(run(store, events, handlers))
        await asyncio.sleep(0.01)
        assert not events.wake.is_set()
        events.add("near", {}, after_s=0)
        await loop
        assert done == ["near"]

    def test_speed_divides_delays_and_rescales_what_is_planned(self, store: Store) -> None:
        events = ScheduledEvents(store, Clock(speed=10))
        events.add("x", {}, after_s=100)
        assert events.seconds_to_next() == pytest.approx(10, abs=0.5)
        events.change_speed(100)
        assert events.seconds_to_next() == pytest.approx(1, abs=0.5)


class TestStore:
    def test_a_transaction_inside_another_joins_it(self, store: Store) -> None:
        def fail() -> None:
            with store.transaction():
                with store.transaction():
                    store.set_meta("a", "1")
                raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            fail()
        assert store.meta("a") is None

    def test_the_book_cannot_be_changed(self, store: Store) -> None:
        names = (
            "at provider kind msisdn amount currency fee receipt provider_ids caller_refs"
            " callback_url"
        )
        store.insert("book", **dict.fromkeys(names.split(), "x"))
        with pytest.raises(Exception, match="append-only"):
            store.execute("UPDATE book SET amount = '2'")
