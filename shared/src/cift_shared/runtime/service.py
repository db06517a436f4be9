"""Run one process of a service: loops, health and metrics, and a graceful stop of limited time.

A process has one unit, or several that share only the process and its operations port: a worker of
several rails has one unit for each.

start:  pool -> HTTP; relay, other loops and subscribers begin once the database's schema is
        compatible and the process holds its name
stop:   HTTP -> subscribers finish the current batch -> loops end -> last outbox rows are published

No step of the start waits for the database or the broker, so a signal ends it in every state.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Protocol

import asyncpg
from faststream.asgi import AsgiFastStream
from pydantic import BaseModel

from cift_shared.clock import Clock, SystemClock
from cift_shared.database.pool import (
    INFRASTRUCTURE_ERRORS,
    Pool,
    close_pool,
    open_pool,
)
from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.kafka.producer import Producer
from cift_shared.kafka.subscriber import StoreRejected
from cift_shared.messaging import dead_letters, outbox
from cift_shared.messaging.outbox import Relay
from cift_shared.messaging.record import RejectedRecord
from cift_shared.observability.log import get_logger, start_logging
from cift_shared.observability.telemetry import start_tracing
from cift_shared.runtime.http_server import serve
from cift_shared.runtime.instance import InstanceName, instance_held
from cift_shared.runtime.operations import Operations
from cift_shared.runtime.readiness import Readiness
from cift_shared.settings import ProcessSettings, ServiceSettings
from cift_shared.waiting import backoff_s, was_cancelled

RESTART_S_MIN = 0.5
RESTART_S_MAX = 30.0
POOL_SIZE_MAX = 10
PARTS_GRACE_S = 40.0
"""Time limit for the loops to end: longer than a worker waits for calls to its provider."""
DRAIN_S_MAX = 10

_NOT_DRAINED: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

log = get_logger()


class Part(Protocol):
    """A loop of the service."""

    @property
    def name(self) -> str:
        """Shown in logs and health."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Base:
    """The resources that every service has."""

    settings: ServiceSettings
    pool: "Pool[asyncpg.Record]"
    relay: Relay
    clock: Clock
    readiness: Readiness


@dataclass(frozen=True, slots=True)
class Composition:
    """The components of a service; its `app.py` builds it."""

    subscriptions: Sequence[Subscription] = ()
    publishes: Sequence[tuple[str, type[BaseModel]]] = ()
    """Topics to which its outbox publishes, for the AsyncAPI document."""
    parts: Sequence[Part] = ()
    close: Sequence[Callable[[], Any]] = field(default=())
    """Called (and awaited) at the end, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The part of a process that works on one schema: a pool, a relay, loops and subscribers."""

    name: str
    """Part of the Kafka member name and of the name of the lease, with the replica's name. A unit
    keeps its name when it moves to another process, so two processes never both run it."""
    schema: str
    role: str
    compose: Callable[[Base], Composition]


@contextlib.asynccontextmanager
async def open_base(
    settings: ServiceSettings,
    *,
    schema: str,
    role: str,
    uses: Sequence[str] = (),
    name: InstanceName | None = None,
    generic_plans: bool = False,
) -> AsyncIterator[Base]:
    """Open the pool, relay and clock of a service; at the end the outbox is drained once more.

    `schema` belongs to the service, `uses` are other schemas that it works on. With `name`, no loop
    begins before the process holds the name. `generic_plans` are those of `open_pool`.
    """
    pool = await open_pool(
        settings.database_url.get_secret_value(),
        role=role,
        size_max=POOL_SIZE_MAX,
        generic_plans=generic_plans,
    )
    readiness = Readiness(pool, [schema, *uses], is_named=lambda: name is None or name.is_held)
    producer = Producer(settings.brokers, name=f"{schema}-relay")
    try:
        async with running([relay := Relay(pool, schema, producer)], after=readiness.wait):
            yield Base(settings, pool, relay, SystemClock(), readiness)
        # if the database does not answer now, draining would only use up the time of the stop
        if readiness.was_ready and await readiness.problem() is None:
            await _drain(relay)
    finally:
        await producer.close()
        await close_pool(pool)


@contextlib.asynccontextmanager
async def running(
    parts: Sequence[Part], *, after: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[None]:
    """Run loops while the block runs; a loop that raises is logged and started again.

    Each start of a loop waits for `after` first.
    """
    async with _running([(part, after) for part in parts]):
        yield


@contextlib.asynccontextmanager
async def _running(
    parts: Sequence[tuple[Part, Callable[[], Awaitable[None]] | None]],
) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_keep_running(*pair), name=pair[0].name) for pair in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=PARTS_GRACE_S)
            for task in unfinished:
                log.warning("part.late", part=task.get_name())


def start_observing(service: str, settings: ProcessSettings) -> None:
    """Start logging and tracing."""
    start_logging(service, level=settings.log_level, style=settings.log_format)
    start_tracing(
        service,
        otlp_endpoint=settings.otlp_endpoint,
        file=settings.trace_file,
        sample_ratio=settings.trace_sample_ratio,
    )


async def run_service(
    service: str,
    settings: ServiceSettings,
    compose: Callable[[Base], Composition],
    *,
    schema: str,
    role: str,
) -> None:
    """Run a consumer service: everything in its composition, and its health endpoints."""
    await run_units(
        service, settings, [Unit(name=service, schema=schema, role=role, compose=compose)]
    )


async def run_units(service: str, settings: ServiceSettings, units: Sequence[Unit]) -> None:
    """Run a consumer service of several units; it is ready when each of them is."""
    start_observing(service, settings)
    log.info("service.starting", version=version(f"cift-{service}"), mode=settings.mode)
    broker = BatchBroker(settings.brokers)
    async with contextlib.AsyncExitStack() as exit_stack:
        bases = [await exit_stack.enter_async_context(_unit_open(unit, settings)) for unit in units]
        composed = [_connect(*pair, broker) for pair in zip(units, bases, strict=True)]
        operations = Operations()
        operations.watch([base.readiness for base in bases], [broker])
        app = AsgiFastStream(
            broker, logger=None, asgi_routes=operations.routes(), asyncapi_path="/asyncapi"
        )
        parts = [
            (part, base.readiness.wait)
            for base, composition in zip(bases, composed, strict=True)
            for part in composition.parts
        ]
        async with _running(parts):  # all of them end at the same time, within one grace
            await serve(app, settings.ops_host, settings.ops_port)
        for close in (close for composition in composed for close in composition.close):
            await close()
    log.info("service.stopped")


@contextlib.asynccontextmanager
async def _unit_open(unit: Unit, settings: ServiceSettings) -> AsyncIterator[Base]:
    schema, role = unit.schema, unit.role
    async with (
        instance_held(unit.name, settings, schema=schema, role=role) as name,
        open_base(settings, schema=schema, role=role, name=name, generic_plans=True) as base,
    ):
        yield base


def _connect(unit: Unit, base: Base, broker: BatchBroker) -> Composition:
    """Build a unit and subscribe it to its topics."""
    composition = unit.compose(base)
    broker.document_publishers(composition.publishes)
    for subscription in composition.subscriptions:
        broker.subscribe(
            replace(subscription, handler=base.readiness.guarded(subscription.handler)),
            instance=base.settings.group_instance(unit.name),
            store_rejected=store_rejected_records(base, unit.schema, subscription.group),
            after=base.readiness.wait,
        )
    return composition


async def _keep_running(part: Part, after: Callable[[], Awaitable[None]] | None) -> None:
    failures = 0
    while True:
        if after is not None:
            await after()
        began = asyncio.get_running_loop().time()
        try:
            await part.run()
        except Exception:
            ran_well = asyncio.get_running_loop().time() - began > RESTART_S_MAX
            failures = 1 if ran_well else failures + 1  # a failure after a long run counts as first
            log.exception("part.failed", part=part.name)
        if was_cancelled():
            return
        await asyncio.sleep(backoff_s(failures, first_s=RESTART_S_MIN, longest_s=RESTART_S_MAX))


async def _drain(relay: Relay) -> None:
    try:
        async with asyncio.timeout(DRAIN_S_MAX):
            await relay.drain()
    except _NOT_DRAINED as error:
        log.warning("relay.not_drained", relay=relay.name, error=repr(error))


def store_rejected_records(base: Base, schema: str, group: str) -> StoreRejected:
    """Return the function that stores rejected records as dead letters in the schema's outbox."""

    async def store(rejected: Sequence[RejectedRecord]) -> None:
        now = base.clock.now()
        letters = [dead_letters.dead_letter(one, group=group, at=now) for one in rejected]
        async with base.pool.acquire() as connection:
            await outbox.store(connection, schema, letters)
        base.relay.wake()

    return store
