"""Run one process of a service: loops, health and metrics, and a graceful stop of limited time.

start:  pool -> HTTP; relay, other loops and subscribers begin once the database's schema is
        compatible and the process holds its name
stop:   HTTP -> subscribers finish the current batch -> loops end -> last outbox rows are published

No step of the start waits for the database or the broker, so a signal ends it in every state.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from types import FrameType
from typing import Any, Protocol

import asyncpg
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
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
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger, start_logging
from cift_shared.observability.telemetry import start_tracing
from cift_shared.runtime.instance import InstanceName, instance_held
from cift_shared.runtime.readiness import Readiness
from cift_shared.settings import ServiceSettings
from cift_shared.waiting import backoff_s, was_cancelled

RESTART_S_MIN = 0.5
RESTART_S_MAX = 30.0
POOL_SIZE_MAX = 10
HTTP_GRACE_S = 10
PARTS_GRACE_S = 40.0
"""Time limit for the loops to end: longer than a worker waits for calls to its provider."""
STOP_S_MAX = 85.0
"""Time limit from the signal to the end of the process, whatever hangs; stored data is not lost."""
GARBAGE_OBJECTS = 20_000
"""New objects between two garbage collections. At Python's own 700 the objects of a request are
examined many times while it is in progress, which took a sixth of each service's CPU."""

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


@contextlib.asynccontextmanager
async def open_base(
    settings: ServiceSettings,
    *,
    schema: str,
    role: str,
    uses: Sequence[str] = (),
    name: InstanceName | None = None,
) -> AsyncIterator[Base]:
    """Open the pool, relay and clock of a service; at the end the outbox is drained once more.

    `schema` is the service's own, `uses` are others that it works on. With `name`, no loop begins
    before the process holds the name.
    """
    pool = await open_pool(
        settings.database_url.get_secret_value(), role=role, size_max=POOL_SIZE_MAX
    )
    readiness = Readiness(pool, [schema, *uses], is_named=lambda: name is None or name.is_held)
    producer = Producer(settings.kafka_bootstrap_servers, name=f"{schema}-relay")
    try:
        async with running([relay := Relay(pool, schema, producer)], after=readiness.wait):
            yield Base(settings, pool, relay, SystemClock(), readiness)
        # if the database does not answer now, draining would only use up the time of the stop
        if readiness.seen and await readiness.problem() is None:
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
    tasks = [asyncio.create_task(_keep_running(part, after), name=part.name) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=PARTS_GRACE_S)
            for task in late:
                log.warning("part.late", part=task.get_name())


def start_observing(service: str, settings: ServiceSettings) -> None:
    """Start logging and tracing."""
    start_logging(service, level=settings.log_level, style=settings.log_format)
    start_tracing(
        service,
        otlp_endpoint=settings.otlp_endpoint,
        file=settings.trace_file,
        sample_ratio=settings.trace_sample_ratio,
    )


async def serve(app: Any, settings: ServiceSettings, **options: Any) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT, then return."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=HTTP_GRACE_S,
        lifespan="on",
        **options,
    )
    server = _Server(config)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, server.handle_exit)  # also before and after uvicorn's own handlers
    gc.freeze()  # objects of the start live until the end: the collector can skip them
    gc.set_threshold(GARBAGE_OBJECTS)
    await server.serve()


class _Server(uvicorn.Server):
    """uvicorn's server, but it returns after a signal.

    uvicorn itself raises the signal again after its shutdown, and skips a part of the shutdown
    after a second SIGINT. Here the later steps (draining the outbox, closing connections) always
    run, or the process ends after `STOP_S_MAX`.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; this logs nothing, because a signal handler may interrupt a write to the log."""
        del sig, frame
        if not self.should_exit:
            last = threading.Timer(STOP_S_MAX, _give_up)
            last.daemon = True
            last.start()
        self.should_exit = True


async def run_service(
    service: str,
    settings: ServiceSettings,
    compose: Callable[[Base], Composition],
    *,
    schema: str,
    role: str,
) -> None:
    """Run a consumer service: everything in its composition, and its health endpoints."""
    start_observing(service, settings)
    log.info("service.starting", version=version(f"cift-{service}"), mode=settings.mode)
    async with (
        instance_held(service, settings, schema=schema, role=role) as name,
        open_base(settings, schema=schema, role=role, name=name) as base,
    ):
        composition = compose(base)
        broker = BatchBroker(settings.kafka_bootstrap_servers)
        broker.document_publishers(composition.publishes)
        for subscription in composition.subscriptions:
            broker.subscribe(
                replace(subscription, handler=base.readiness.guarded(subscription.handler)),
                instance=settings.group_instance(service),
                store_rejected=refusal_store(base, schema, subscription.group),
                after=base.readiness.wait,
            )
        app = AsgiFastStream(
            broker, logger=None, asgi_routes=_operations(base, broker), asyncapi_path="/asyncapi"
        )
        async with running(composition.parts, after=base.readiness.wait):
            await serve(app, settings)
        for close in composition.close:
            await close()
    log.info("service.stopped")


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


def _give_up() -> None:
    """End a process whose stop hangs; runs in a separate thread."""
    log.error("service.stop_hangs", ended_after_s=STOP_S_MAX)
    os._exit(1)


async def _drain(relay: Relay) -> None:
    try:
        async with asyncio.timeout(HTTP_GRACE_S):
            await relay.drain()
    except _NOT_DRAINED as error:
        log.warning("relay.not_drained", relay=relay.name, error=repr(error))


def refusal_store(base: Base, schema: str, group: str) -> StoreRejected:
    """Stores rejected records as dead letters in the schema's outbox."""

    async def keep(refusals: Sequence[RejectedRecord]) -> None:
        now = base.clock.now()
        letters = [dead_letters.dead_letter(refusal, group=group, at=now) for refusal in refusals]
        async with base.pool.acquire() as connection:
            await outbox.store(connection, schema, letters)
        base.relay.wake()

    return keep


def _operations(base: Base, broker: BatchBroker) -> list[tuple[str, Any]]:
    @get(include_in_schema=False)
    async def healthz(_: Any) -> AsgiResponse:
        dead = broker.dead_tasks()
        return _json({"status": "failing" if dead else "ok", "dead": dead}, bad=bool(dead))

    @get(include_in_schema=False)
    async def readyz(_: Any) -> AsgiResponse:
        problem = await base.readiness.problem()
        if problem is None:
            return _json({"status": "ok"}, bad=False)
        return _json({"status": "not_ready", "detail": problem}, bad=True)

    @get(include_in_schema=False)
    async def measured(_: Any) -> AsgiResponse:
        body, content_type = metrics.exposition()
        return AsgiResponse(body, 200, {"content-type": content_type})

    return [("/healthz", healthz), ("/readyz", readyz), ("/metrics", measured)]


def _json(body: dict[str, Any], *, bad: bool) -> AsgiResponse:
    return AsgiResponse(
        json.dumps(body).encode(), 503 if bad else 200, {"content-type": "application/json"}
    )
