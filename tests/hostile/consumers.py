"""The consumers of every service as their programs run them, on topics of a test's own.

Nothing else runs: no relay empties an outbox, no engine calls a provider. So what became of each
record can be read from the tables.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from bitcoin_watcher import app as bitcoin_app
from bitcoin_watcher.chain_store import SCHEMA as BITCOIN_SCHEMA
from card_worker import app as card_app
from card_worker.settings import WorkerSettings as CardWorkerSettings
from cift_shared.clock import SystemClock
from cift_shared.database.pool import open_pool
from cift_shared.ids import SystemIds
from cift_shared.kafka import create_topics
from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.messaging import topics
from cift_shared.messaging.messages import MethodResult
from cift_shared.messaging.outbox import Relay
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.messaging.topics import DAY_MS, Topic
from cift_shared.runtime.readiness import Readiness
from cift_shared.runtime.service import Base, Composition, store_rejected_records
from cift_shared.security.kafka import Brokers
from crypto_watcher.settings import WorkerSettings as CryptoWatcherSettings
from ethereum_watcher import app as ethereum_app
from ethereum_watcher.chain_store import SCHEMA as ETHEREUM_SCHEMA
from gateway.app import ROLE as GATEWAY_ROLE
from gateway.payment_methods.repository import MethodRepository
from gateway.payment_methods.results import GROUP as GATEWAY_GROUP
from gateway.payment_methods.results import SCHEMA as GATEWAY_SCHEMA
from gateway.payment_methods.results import MethodResultsHandler
from gateway.payment_options.repository import RailStatusRepository
from gateway.payment_options.statuses import GROUP as RAILS_GROUP
from gateway.payment_options.statuses import RailStatusHandler
from ledger import app as ledger_app
from ledger.settings import LedgerSettings
from momo_worker import app as momo_app
from mpesa_worker import app as mpesa_app
from mpesa_worker.settings import WorkerSettings as MpesaWorkerSettings
from paypal_worker import app as paypal_app
from paypal_worker.settings import WorkerSettings as PayPalWorkerSettings
from tests.support import bitcoin, cards, ethereum, momo, mpesa, paypal, vodacom
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY
from tests.support.gateway import MemoryPublisher
from tests.support.kafka import Broker
from vodacom_worker import app as vodacom_app

PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Garbage:
    """A record as nobody of ours would write it."""

    about: str
    body: bytes | None
    key: bytes | None = b"k"
    headers: Sequence[tuple[str, bytes | None]] = ()
    partition: int = 0


@dataclass
class Consumers:
    """Everything that reads, and the way to its topics."""

    admin: "asyncpg.Pool[asyncpg.Record]"
    producer: AIOKafkaProducer
    names: dict[str, str] = field(default_factory=dict)
    """The test's topic for each of ours."""

    async def send(self, topic: str, *records: Garbage) -> None:
        """Put records on a topic of ours, in order."""
        for record in records:
            await self.producer.send_and_wait(
                self.names[topic],
                value=record.body,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )

    async def letters(self, schema: str, topic: str) -> list[Any]:
        """What a service has set aside of a topic, in order."""
        query = f"select key, headers, body from {schema}.outbox where topic = $1 order by id"
        return list(await self.admin.fetch(query, topics.dead_letter(self.names[topic])))

    async def until(self, look: Callable[[], Any], what: str) -> Any:
        """Waits for an answer that is not false."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (found := await look()):
                    await asyncio.sleep(0.05)
                return found
        except TimeoutError:
            raise AssertionError(f"never: {what}; last: {await look()}") from None


def _settings(kind: Any, dsn: str, bootstrap: str) -> Any:
    return kind(
        database_url=dsn,
        kafka_bootstrap_servers=bootstrap,
        data_keys=DATA_KEYS,
        index_key=INDEX_KEY,
        callback_key=CALLBACK_KEY,
        ops_port=8070,
    )


def _gateway(base: Base) -> Composition:
    handler = MethodResultsHandler(
        MethodRepository(base.pool), base.clock, wake_relay=base.relay.wake
    )
    about = topics.ABOUT_METHOD_RESULTS
    subscription = Subscription(topics.METHOD_RESULTS, MethodResult, GATEWAY_GROUP, handler, about)
    rails = Subscription(
        topics.RAIL_STATUSES,
        RailStatus,
        RAILS_GROUP,
        RailStatusHandler(RailStatusRepository(base.pool), base.clock),
        topics.ABOUT_RAIL_STATUSES,
    )
    return Composition(subscriptions=[subscription, rails])


def _momo(base: Base) -> Composition:
    settings: Any = base.settings
    return momo_app.compose(base, settings, momo.config())


def _services() -> Iterator[tuple[str, str, Any, Callable[[Base], Composition]]]:
    """Schema, role, settings and composition of each."""
    yield GATEWAY_SCHEMA, GATEWAY_ROLE, LedgerSettings, _gateway
    yield "momo_ug", "cift_momo_ug", MpesaWorkerSettings, _momo
    for module, settings, config in (
        (ledger_app, LedgerSettings, None),
        (mpesa_app, MpesaWorkerSettings, mpesa.config()),
        (card_app, CardWorkerSettings, cards.config()),
        (paypal_app, PayPalWorkerSettings, paypal.config()),
        (vodacom_app, MpesaWorkerSettings, vodacom.config()),
    ):

        def compose(base: Base, module: Any = module, config: Any = config) -> Composition:
            more = (config,) if config else ()
            composed: Composition = module.compose(base, base.settings, *more)
            return composed

        yield module.SCHEMA, module.ROLE, settings, compose

    def bitcoin_unit(base: Base) -> Composition:
        return bitcoin_app.compose(base, bitcoin.config(), concurrency=4)

    def ethereum_unit(base: Base) -> Composition:
        return ethereum_app.compose(base, ethereum.config(), concurrency=4)

    yield BITCOIN_SCHEMA, bitcoin_app.ROLE, CryptoWatcherSettings, bitcoin_unit
    yield ETHEREUM_SCHEMA, ethereum_app.ROLE, CryptoWatcherSettings, ethereum_unit


@asynccontextmanager
async def consuming(dsn: str, broker: Broker) -> AsyncIterator[Consumers]:
    """Runs every consumer of every service."""
    suffix = SystemIds().new_id().hex
    admin = await open_pool(dsn, role=None, size_max=2)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, max_request_size=2_000_000)
    await producer.start()
    consumers = Consumers(admin, producer)
    brokers: list[BatchBroker] = []
    closing: list[Callable[[], Any]] = []
    pools = [admin]
    try:
        for schema, role, kind, compose in _services():
            pool = await open_pool(dsn, role=role, size_max=3)
            pools.append(pool)
            relay = Relay(pool, schema, MemoryPublisher())
            settings = _settings(kind, dsn, broker.bootstrap)
            base = Base(settings, pool, relay, SystemClock(), Readiness(pool, [schema]))
            composed = compose(base)
            closing += composed.close
            reading = BatchBroker(Brokers(broker.bootstrap))
            for subscription in composed.subscriptions:
                name = consumers.names[subscription.topic] = f"{subscription.topic}.{suffix}"
                group = f"{subscription.group}.{suffix}"
                await create_topics(Brokers(broker.bootstrap), [Topic(name, 2, DAY_MS)])
                reading.subscribe(
                    replace(subscription, topic=name, group=group),
                    instance=f"{group}-0",
                    store_rejected=store_rejected_records(base, schema, group),
                )
            await reading.start()
            brokers.append(reading)
        yield consumers
        assert [name for reading in brokers for name in reading.dead_tasks()] == []
    finally:
        await asyncio.gather(*(reading.stop() for reading in brokers))
        await producer.stop()
        for close in closing:
            await close()
        for pool in pools:
            await pool.close()
