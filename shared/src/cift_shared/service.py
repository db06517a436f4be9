"""One process of one service: its loops, its health and metrics, a bounded graceful stop.

start:  pool -> relay and other loops -> subscribers -> HTTP
stop:   HTTP -> subscribers finish the batch in hand -> loops end -> last outbox rows go out
"""

import asyncio
import contextlib
import gc
import json
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Protocol

import asyncpg
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from pydantic import BaseModel

from cift_shared import metrics, outbox
from cift_shared.clock import Clock, SystemClock
from cift_shared.database import INFRASTRUCTURE_ERRORS, Pool, open_pool
from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.kafka.producer import Producer
from cift_shared.kafka.record import Refusal
from cift_shared.kafka.subscriber import StoreRefusals
from cift_shared.log import get_logger, start_logging
from cift_shared.outbox import Relay
from cift_shared.settings import ServiceSettings
from cift_shared.telemetry import start_tracing
from cift_shared.waiting import backoff_s

RESTART_S_MIN = 0.5
RESTART_S_MAX = 30.0
POOL_SIZE_MAX = 10
HTTP_GRACE_S = 10
GARBAGE_OBJECTS = 20_000
"""New objects between two looks for cycles. At Python's own 700 a request is looked at many times
while it is under way, which took a sixth of each service's CPU."""

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
    """What every service stands on."""

    settings: ServiceSettings
    pool: "Pool[asyncpg.Record]"
    relay: Relay
    clock: Clock


@dataclass(frozen=True, slots=True)
class Composition:
    """What a service is made of; its `app.py` builds it."""

    subscriptions: Sequence[Subscription] = ()
    publishes: Sequence[tuple[str, type[BaseModel]]] = ()
    """Topics its outbox feeds, for the AsyncAPI document."""
    parts: Sequence[Part] = ()
    close: Sequence[Callable[[], Any]] = field(default=())
    """Called (and awaited) at the end, in order."""


@contextlib.asynccontextmanager
async def open_base(settings: ServiceSettings, *, schema: str, role: str) -> AsyncIterator[Base]:
    """Pool, relay and clock of a service; at the end the outbox is drained once more."""
    pool = await open_pool(
        settings.database_url.get_secret_value(), role=role, size_max=POOL_SIZE_MAX
    )
    producer = Producer(settings.kafka_bootstrap_servers, name=f"{schema}-relay")
    try:
        async with running([relay := Relay(pool, schema, producer)]):
            yield Base(settings, pool, relay, SystemClock())
        await _drain(relay)
    finally:
        await producer.close()
        await pool.close()


@contextlib.asynccontextmanager
async def running(parts: Sequence[Part]) -> AsyncIterator[None]:
    """Run loops beside the block; a loop that raises is told and started again."""
    tasks = [asyncio.create_task(_keep_running(part), name=part.name) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def start_observing(service: str, settings: ServiceSettings) -> None:
    """Turn logs and traces on."""
    start_logging(service, level=settings.log_level, style=settings.log_format)
    start_tracing(
        service,
        otlp_endpoint=settings.otlp_endpoint,
        file=settings.trace_file,
        sample_ratio=settings.trace_sample_ratio,
    )


async def serve(app: Any, settings: ServiceSettings, **options: Any) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT, then come back.

    uvicorn raises a signal again after its own shutdown; a handler that does nothing takes it, so
    that what comes after (the outbox drained, connections closed) still happens.
    """
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _already_stopping)
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
    gc.freeze()  # what is there at the start stays: no need to look at it again
    gc.set_threshold(GARBAGE_OBJECTS)
    await uvicorn.Server(config).serve()


async def run_service(
    service: str,
    settings: ServiceSettings,
    compose: Callable[[Base], Composition],
    *,
    schema: str,
    role: str,
) -> None:
    """Run a consumer service: everything its composition names, with health beside it."""
    start_observing(service, settings)
    log.info("service.starting", version=version(f"cift-{service}"), mode=settings.mode)
    async with open_base(settings, schema=schema, role=role) as base:
        composition = compose(base)
        broker = BatchBroker(settings.kafka_bootstrap_servers)
        broker.document_publishers(composition.publishes)
        for subscription in composition.subscriptions:
            broker.subscribe(
                subscription,
                instance=settings.group_instance(service),
                store_refusals=refusal_store(base, schema, subscription.group),
            )
        app = AsgiFastStream(
            broker, logger=None, asgi_routes=_operations(base, broker), asyncapi_path="/asyncapi"
        )
        async with running(composition.parts):
            await serve(app, settings)
        for close in composition.close:
            await close()
    log.info("service.stopped")


async def ready(pool: "Pool[asyncpg.Record]") -> bool:
    """True when the database answers."""
    try:
        await pool.fetchval("select 1", timeout=2)
    except INFRASTRUCTURE_ERRORS:
        return False
    return True


async def _keep_running(part: Part) -> None:
    failures = 0
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await part.run()
        except Exception:
            ran_well = asyncio.get_running_loop().time() - began > RESTART_S_MAX
            failures = 1 if ran_well else failures + 1  # a fall after a long run is a first fall
            log.exception("part.failed", part=part.name)
        await asyncio.sleep(backoff_s(failures, first_s=RESTART_S_MIN, longest_s=RESTART_S_MAX))


def _already_stopping(number: int, _: object) -> None:
    log.debug("service.signal_repeated", signal=number)


async def _drain(relay: Relay) -> None:
    try:
        async with asyncio.timeout(HTTP_GRACE_S):
            await relay.drain()
    except INFRASTRUCTURE_ERRORS as error:
        log.warning("relay.not_drained", relay=relay.name, error=repr(error))


def refusal_store(base: Base, schema: str, group: str) -> StoreRefusals:
    """Keeps refused records as dead letters in the schema's outbox."""

    async def keep(refusals: Sequence[Refusal]) -> None:
        now = base.clock.now()
        letters = [outbox.dead_letter(refusal, group=group, at=now) for refusal in refusals]
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
        answers = await ready(base.pool)
        return _json({"status": "ok" if answers else "database_unreachable"}, bad=not answers)

    @get(include_in_schema=False)
    async def measured(_: Any) -> AsgiResponse:
        body, content_type = metrics.exposition()
        return AsgiResponse(body, 200, {"content-type": content_type})

    return [("/healthz", healthz), ("/readyz", readyz), ("/metrics", measured)]


def _json(body: dict[str, Any], *, bad: bool) -> AsgiResponse:
    return AsgiResponse(
        json.dumps(body).encode(), 503 if bad else 200, {"content-type": "application/json"}
    )
