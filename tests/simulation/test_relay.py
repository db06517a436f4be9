"""A relay that does not lead leaves the database alone, however often it is woken."""

import asyncio
from random import Random
from typing import Any

from cift_shared.outbox import Relay
from tests.simulation.broker import MemoryBroker, MemoryProducer
from tests.simulation.loop import Network, Process, ProcessClock, Trace, VirtualLoop, Weather
from tests.simulation.memory_pool import MemoryPool
from tests.simulation.memory_sql import Schema
from tests.simulation.quiet import quiet_log


def _locks_asked_for(*, database_is_away: bool) -> int:
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
            relay = Relay(pool, "probe", producer)
            process.start(relay.run())
            loop.call_later(20, relay.wake)
        await asyncio.sleep(300)
        for process in processes:
            process.kill("end")
        await asyncio.sleep(1)

    with quiet_log():
        loop.run_until_complete(live())
    loop.close()
    return sum("lock" in line for line in trace.lines)


def test_a_standby_asks_now_and_then() -> None:
    assert _locks_asked_for(database_is_away=False) < 300


def test_an_absent_database_is_asked_with_growing_gaps() -> None:
    assert _locks_asked_for(database_is_away=True) < 300
