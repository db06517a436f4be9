"""A process of several units, and rails whose provider posts nothing."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cift_shared.attempts import compose_worker
from cift_shared.errors import SettingsInvalid
from cift_shared.messaging.topics import all_topics, topics_of
from cift_shared.observability import metrics
from cift_shared.rails import gateway, registry
from cift_shared.rails.rail import Rail
from cift_shared.runtime import service
from cift_shared.runtime.operations import Operations
from cift_shared.testing.processor import ScriptedProcessor
from tests.support.commands import CLOCK, VAULT

RAIL = replace(registry.example_rail(), has_notices=True)
POLLED = replace(
    RAIL,
    name="polled",
    method="polled",
    provider="quiet",
    has_notices=False,
    cancel_after_submit=False,
)


class Ready:
    """A unit's readiness."""

    def __init__(self, problem: str | None) -> None:
        self._problem = problem

    async def problem(self) -> str | None:
        return self._problem


@pytest.mark.parametrize(
    ("problems", "answer"),
    [
        ([None, None], None),
        ([None, "b is not migrated"], "b is not migrated"),
        (["away", "away"], "away"),
        (["a is not migrated", "b is not migrated"], "a is not migrated; b is not migrated"),
    ],
)
async def test_a_process_is_ready_when_all_its_units_are(
    problems: list[str | None], answer: str | None
) -> None:
    units: list[Any] = [Ready(problem) for problem in problems]
    operations = Operations()
    operations.watch(units, [])
    assert await operations.problem() == answer


async def test_a_process_that_starts_or_stops_is_not_ready() -> None:
    operations = Operations()
    assert await operations.problem() == "the process is starting"
    units: list[Any] = [Ready(None)]
    operations.watch(units, [])
    assert await operations.problem() is None
    operations.stop()
    assert await operations.problem() == "the process is stopping"


class Part:
    """A loop that takes a moment to end."""

    name = "part"

    def __init__(self) -> None:
        self.ended = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            self.ended = True


async def test_loops_of_all_units_wait_for_their_own_readiness_and_end_together() -> None:
    early, late, never = Part(), Part(), asyncio.Event()

    async def at_once() -> None:
        return None

    async def later() -> None:
        await never.wait()

    loops: list[Any] = [(early, at_once), (late, later)]
    running: AbstractAsyncContextManager[None] = service._running(loops)
    async with running:
        await asyncio.sleep(0.01)
    assert (early.ended, late.ended) == (True, False)


def test_a_rail_without_notices_has_no_notice_topic() -> None:
    assert topics_of(POLLED) == ["payments.commands.polled"]
    names = {topic.name for topic in all_topics([RAIL, POLLED])}
    assert not any(name.startswith("payments.webhooks.quiet") for name in names)
    assert f"payments.webhooks.{RAIL.provider}" in names


def test_rails_of_one_provider_share_its_notice_topic() -> None:
    names = [topic.name for topic in all_topics([RAIL, replace(POLLED, provider=RAIL.provider,
             has_notices=True)])]  # fmt: skip
    assert len(names) == len(set(names))


def _base() -> Any:
    settings = SimpleNamespace(vault=lambda: VAULT, group_instance=lambda name: f"{name}-0")
    return SimpleNamespace(
        settings=settings, pool=None, clock=CLOCK, relay=SimpleNamespace(wake=lambda: None)
    )


def _installed(monkeypatch: pytest.MonkeyPatch, rail: Rail) -> None:
    monkeypatch.setattr("cift_shared.attempts.worker.rails", lambda: {rail.name: rail})


def _composed(rail: Rail) -> list[str]:
    processor = ScriptedProcessor(rail=rail.name)
    found = compose_worker(_base(), processor, schema="probe", concurrency=1)
    return [subscription.topic for subscription in found.subscriptions]


def test_a_worker_without_notices_reads_only_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, POLLED)
    assert _composed(POLLED) == ["payments.commands.polled"]


def test_a_processor_that_cant_read_its_notices_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, loud := replace(POLLED, has_notices=True))
    with pytest.raises(SettingsInvalid, match="polled"):
        _composed(loud)


def test_a_webhook_without_a_topic_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    route: Any = object()
    found = gateway.GatewayRail(gateway.RailSettings, {}, webhooks=[route])
    monkeypatch.setattr(gateway, "load_entries", lambda *_: [("polled", found)])
    monkeypatch.setattr(gateway, "rails", lambda: {"polled": POLLED})
    with pytest.raises(SettingsInvalid, match="polled"):
        gateway.gateway_rails.__wrapped__()


class Counts:
    """The open attempts of a rail."""

    async def count_open(self) -> dict[str, int]:
        return {"waiting": 2}


async def test_counting_one_rails_attempts_leaves_the_others_numbers_alone() -> None:
    from cift_shared.attempts.worker import OpenAttempts

    store: Any = Counts()
    metrics.ATTEMPTS_OPEN.labels("other_rail", "unknown").set(7)
    metrics.ATTEMPTS_OPEN.labels("polled", "unknown").set(1)
    counting = asyncio.create_task(OpenAttempts(store, "polled").run())
    await asyncio.sleep(0.01)
    counting.cancel()
    seen = {
        tuple(sample.labels.values()): sample.value
        for family in metrics.ATTEMPTS_OPEN.collect()
        for sample in family.samples
    }
    assert seen["other_rail", "unknown"] == 7
    assert (seen["polled", "waiting"], seen["polled", "unknown"]) == (2, 0)
