"""Relays of one schema: one leads, a frozen one is replaced, a thawed one does no harm."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from cift_shared.database.lease import LENGTH, Lease
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.held_topics import HOLD_S_MAX
from cift_shared.messaging.outbox import STANDBY_POLL_S, Relay
from tests.simulation.broker import MemoryBroker, MemoryProducer
from tests.simulation.loop import Network, Process, ProcessClock, Trace, VirtualLoop, Weather
from tests.simulation.memory_pool import MemoryPool
from tests.simulation.memory_sql import Schema
from tests.simulation.unexpected_errors import watched_log

SEEDS = range(60)
ENDS_S = 120.0
TAKEN_OVER_WITHIN_S = LENGTH.total_seconds() + STANDBY_POLL_S + 1


def _leases_asked_for(*, database_is_away: bool) -> int:
    """How often two relays asked for the lead in five minutes, woken once each."""
    loop = VirtualLoop()
    trace = Trace(loop)
    trace.keep = True
    outages = {"database": [(10.0, 300.0)]} if database_is_away else {}
    network = Network(loop, trace, Weather(Random(1), 300.0, outages=outages))
    schema = Schema("probe", ProcessClock(loop).now)
    pool: Any = MemoryPool(schema, network)
    processes = [Process(name, loop, trace, ProcessClock(loop)) for name in ("one", "other")]
    producer = MemoryProducer(MemoryBroker(network, Random(2)))

    async def live() -> None:
        for process in processes:
            relay = Relay(pool, "probe", producer, process.clock)
            process.start(relay.run())
            loop.call_later(20, relay.wake)
        await asyncio.sleep(300)
        for process in processes:
            process.kill("end")
        await asyncio.sleep(1)

    with watched_log():
        loop.run_until_complete(live())
    loop.close()
    return sum("probe.holder" in line for line in trace.lines)


def test_a_standby_asks_now_and_then() -> None:
    assert 250 < _leases_asked_for(database_is_away=False) <= 301


def test_an_absent_database_is_asked_with_growing_gaps() -> None:
    assert _leases_asked_for(database_is_away=True) < 300


@dataclass
class Publishing:
    """A producer's side of one relay: who holds the lease when it begins to publish?"""

    producer: MemoryProducer
    schema: Schema
    seen: "Seen"
    relay: Relay | None = None

    @property
    def failing(self) -> Mapping[str, str]:
        return self.producer.failing

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        assert self.relay is not None
        _, holder, _ = self.relay._lease.fence
        if self.schema.leases["relay"]["holder"] != holder:
            self.seen.wrong.append("a relay began to publish that leads no more")
        return await self.producer.publish(messages)


@dataclass
class Seen:
    """What one seed came to."""

    stored_at: dict[str, float] = field(default_factory=dict)
    published_at: dict[str, list[float]] = field(default_factory=dict)
    freezes: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Frozen:
    """Two or three relays of one schema, each frozen now and then; messages all the while."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.loop = VirtualLoop()
        self.clock = ProcessClock(self.loop)
        trace = Trace(self.loop)
        slow = self.random.choice((0.0, 0.1))
        weather = Weather(Random(seed + 1), ENDS_S, slow=slow)
        network = Network(self.loop, trace, weather)
        self.schema = Schema("probe", self.clock.now)
        self.pool: Any = MemoryPool(self.schema, network)
        self.broker = MemoryBroker(network, Random(seed + 2))
        self.seen = Seen()
        self.relays: list[Relay] = []
        names = ("one", "two", "three")[: self.random.choice((2, 2, 3))]
        self.processes = [Process(name, self.loop, trace, self.clock) for name in names]

    def run(self) -> Seen:
        with watched_log():
            self.loop.run_until_complete(self._live())
        self.loop.close()
        return self.seen

    async def _live(self) -> None:
        note, append = self.seen.published_at, self.broker.append

        def appended(message: OutgoingMessage) -> None:
            note.setdefault(message.body.decode(), []).append(self.loop.time())
            append(message)

        self.broker.append = appended  # type: ignore[method-assign]  # to see when
        for process in self.processes:
            publishing = Publishing(MemoryProducer(self.broker), self.schema, self.seen)
            relay = publishing.relay = Relay(self.pool, "probe", publishing, self.clock)
            self.relays.append(relay)
            process.start(relay.run())
        self._freeze_now_and_then()
        for number in range(300):
            self.loop.call_at(number / 2, self._store, f"{number}")
        await asyncio.sleep(ENDS_S + 60)
        for process in self.processes:
            process.kill("end")
        await asyncio.sleep(1)

    def _freeze_now_and_then(self) -> None:
        """One at a time, so that somebody can lead."""
        at_s = 5.0
        while (at_s := at_s + 15 * self.random.random()) < ENDS_S - 30:
            lasts_s = self.random.choice((3.0, 9.0, 25.0))
            self.loop.call_at(at_s, self._freeze, at_s + lasts_s)
            self.seen.freezes.append((at_s, at_s + lasts_s))
            at_s += lasts_s

    def _freeze(self, until_s: float) -> None:
        """Mostly the leader."""
        leads = [relay._lease.is_held for relay in self.relays]
        chosen = leads.index(True) if any(leads) and self.random.random() < 0.8 else 0
        self.processes[chosen].frozen_until = until_s

    def _store(self, body: str) -> None:
        self.seen.stored_at[body] = self.loop.time()
        self.schema.queue("payments.results", f"key-{int(body) % 4}", {}, body.encode())
        for relay, process in zip(self.relays, self.processes, strict=True):
            if process.frozen_until <= self.loop.time():
                relay.wake()


def findings(seed: int) -> list[str]:
    """Everything that is wrong with a seed."""
    simulated = Frozen(seed)
    seen, slow = simulated.run(), simulated.broker.network.weather.slow
    wrong = [str(fault.get("exception")) for fault in simulated.loop.faults]
    wrong += [*seen.wrong, *(["the outbox is not empty"] if simulated.schema.outbox else [])]
    firsts: dict[str, list[int]] = {}
    for body in sorted(seen.published_at, key=lambda body: seen.published_at[body][0]):
        firsts.setdefault(f"key-{int(body) % 4}", []).append(int(body))
    wrong += [f"{key} out of order" for key, bodies in firsts.items() if bodies != sorted(bodies)]
    times_published = Counter({body: len(times) for body, times in seen.published_at.items()})
    for body, stored_s in seen.stored_at.items():
        if not times_published[body]:
            wrong.append(f"message {body} was lost")
        elif stored_s > ENDS_S and times_published[body] > 1:
            wrong.append(f"message {body} was sent {times_published[body]} times")
        elif not slow and seen.published_at[body][0] > stored_s + TAKEN_OVER_WITHIN_S:
            wrong.append(f"message {body} waited {seen.published_at[body][0] - stored_s:.1f} s")
    return wrong


class TopicAway(Frozen):
    """Nobody is frozen; every third message is for a topic that is missing for a while."""

    away_s = (20.0, 80.0)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.broker.missing["payments.events"] = self.away_s

    def _freeze_now_and_then(self) -> None:
        """Nobody."""

    def _store(self, body: str) -> None:
        super()._store(body)
        if int(body) % 3 == 0:
            self.schema.outbox[-1]["topic"] = "payments.events"


def waits(simulated: TopicAway, *, events: bool) -> list[tuple[float, float]]:
    """When each message of the topic (or of the other one) was published, and how long it took."""
    seen = simulated.seen
    return [
        (times[0], times[0] - seen.stored_at[body])
        for body, times in seen.published_at.items()
        if (int(body) % 3 == 0) is events
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_topic_that_is_missing_holds_up_no_other(seed: int) -> None:
    simulated = TopicAway(seed)
    seen, slow = simulated.run(), simulated.broker.network.weather.slow
    assert not simulated.schema.outbox
    others, events = waits(simulated, events=False), waits(simulated, events=True)
    assert slow or max(wait for _, wait in others) < 1.0
    back_s = TopicAway.away_s[1]
    assert not [at for at, _ in events if TopicAway.away_s[0] <= at < back_s]
    assert slow or max(wait for at, wait in events if at > back_s + HOLD_S_MAX + 5) < 1.0
    for key in range(4):
        for is_event in (True, False):
            bodies = [
                int(body)
                for body in sorted(seen.published_at, key=lambda body: seen.published_at[body][0])
                if int(body) % 4 == key and (int(body) % 3 == 0) is is_event
            ]
            assert bodies == sorted(bodies)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_frozen_relay_is_replaced_and_a_thawed_one_stands_by(seed: int) -> None:
    assert not findings(seed)


def fencing_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Schema, "holds_lease", lambda self, name, *_: name in self.leases)


def own_clock_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lease, "is_sure", property(lambda self: self.is_held))


def lease_never_ends(patch: pytest.MonkeyPatch) -> None:
    take = Schema._take_lease

    def patient(self: Schema, name: str, *more: Any) -> Any:
        held = self.leases.get(name)
        return [] if held is not None and held["holder"] else take(self, name, *more)

    patch.setattr(Schema, "_take_lease", patient)


@pytest.mark.parametrize(
    "bug", [fencing_is_not_checked, own_clock_is_not_checked, lease_never_ends]
)
def test_a_seeded_bug_is_found(bug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    assert any(findings(seed) for seed in SEEDS)
