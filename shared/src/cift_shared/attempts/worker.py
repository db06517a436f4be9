"""Wire the attempt engine, the consumers and the metrics around a processor."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, get_args, runtime_checkable

from pydantic import BaseModel

from cift_shared.attempts.consumers import CommandConsumer, FindAttempts, NoticeConsumer
from cift_shared.attempts.engine import AttemptEngine
from cift_shared.attempts.fee_watch import FeeWatch
from cift_shared.attempts.float_watch import FloatWatch
from cift_shared.attempts.processor import (
    CancelsAtProvider,
    EstimatesNetworkFee,
    HasJobs,
    HoldsCallsOpen,
    PaymentProcessor,
    ReportsFloat,
    ReportsLowFloat,
    SavedMethodProvider,
)
from cift_shared.attempts.results import State
from cift_shared.attempts.status_report import StatusReport
from cift_shared.attempts.store import LEASE, AttemptStore
from cift_shared.errors import SettingsInvalid
from cift_shared.ids import AttemptId
from cift_shared.kafka.broker import Subscription
from cift_shared.messaging import topics
from cift_shared.messaging.messages import (
    MethodResult,
    PaymentCommand,
    PaymentResult,
    ProviderNotice,
)
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.observability import metrics
from cift_shared.rails.registry import rails
from cift_shared.runtime.job import Job
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Part
from cift_shared.security.field_encryption import Vault

OPEN_COUNT_S = 15.0
OPEN_STATES = [state for state in get_args(State) if state != "done"]


@runtime_checkable
class ReadsNotices(Protocol):
    """A processor also implements this if its provider posts notices to us."""

    def read_fingerprint(self, body: bytes) -> AttemptId | str | None:
        """The keyed hash of the provider reference in a notice's body; None: the body has none.

        Returns the attempt's id instead if the provider sends it back to us: the id finds the
        attempt even before the provider's reference is stored.
        """
        ...


class WorkerProcessor(PaymentProcessor, ReadsNotices, Protocol):
    """A processor whose provider posts notices."""


ExtraLoops = Callable[[AttemptStore, Callable[[], None]], Sequence[Part]]
"""Makes a worker's additional loops from its attempt store and the function that wakes polling."""


def compose_worker(
    base: Base,
    processor: PaymentProcessor,
    *,
    schema: str,
    concurrency: int,
    find_attempts: FindAttempts | None = None,
    extra_loops: ExtraLoops | None = None,
) -> Composition:
    """Compose ingest, dispatch, notices and poll around a processor, on the worker's schema.

    Args:
        base: the service's settings, pool, relay, clock and readiness.
        processor: the provider.
        schema: the worker's schema.
        concurrency: the maximum number of calls in progress, for each loop.
        find_attempts: finds the attempts of notices in which the processor reads no fingerprint.
        extra_loops: makes additional loops of the worker.

    A process of several rails runs one composition for each, in a separate unit
    (`cift_shared.runtime.service.run_units`): with separate claims, calls and database connections.

    Raises:
        SettingsInvalid: the rail declares notices but the processor can't read them, or the rail
            and the processor differ about cancelling after submission or about network fees.
    """
    rail = processor.rail
    vault = base.settings.vault()
    owner = base.settings.group_instance(f"{rail}-worker")
    store = AttemptStore(
        base.pool,
        schema=schema,
        rail=rail,
        owner=owner,
        vault=vault,
        cancels_at_provider=_implements(processor, CancelsAtProvider, "cancel_after_submit"),
    )
    if isinstance(processor, HoldsCallsOpen):
        store.lease = max(LEASE, processor.longest_work())
    engine = AttemptEngine(
        store, processor, clock=base.clock, wake_relay=base.relay.wake, concurrency=concurrency
    )
    commands = CommandConsumer(
        store,
        rail=rail,
        clock=base.clock,
        wake_dispatch=engine.dispatch.wake,
        wake_relay=base.relay.wake,
        wake_poll=engine.poll.wake,
    )
    extra = extra_loops(store, engine.poll.wake) if extra_loops else ()
    status = StatusReport(base.pool, processor, base.clock, schema, owner, base.relay.wake)
    status, jobs = _with_jobs(status, processor)
    loops = [JobLoop(job, base.pool, schema, base.clock) for job in jobs]
    return Composition(
        subscriptions=[
            Subscription(
                topics.commands(rail),
                PaymentCommand,
                f"{rail}-worker",
                commands.handle,
                topics.ABOUT_COMMANDS,
            ),
            *_notices(store, processor, vault, engine.poll.wake, find_attempts),
        ],
        publishes=_publishes(processor),
        parts=[engine.dispatch, engine.poll, OpenAttempts(store, rail), status, *loops, *extra],
        close=[processor.close],
    )


def _with_jobs(status: StatusReport, processor: PaymentProcessor) -> tuple[StatusReport, list[Job]]:
    """The periodic jobs of a processor, and the report that shows what they found."""
    jobs = list(processor.jobs()) if isinstance(processor, HasJobs) else []
    if isinstance(processor, ReportsFloat):
        floats = FloatWatch(processor, processor.rail, status.clock)
        status, jobs = replace(status, float_low=floats.low), [*jobs, floats.job()]
    elif isinstance(processor, ReportsLowFloat):
        status = replace(status, float_low=processor.low_float)
    _implements(processor, EstimatesNetworkFee, "estimates_network_fee")
    if isinstance(processor, EstimatesNetworkFee):
        fees = FeeWatch(processor, rails()[processor.rail], status.clock)
        status, jobs = replace(status, network_fees=fees.fees), [*jobs, fees.job()]
    return status, jobs


def _publishes(processor: PaymentProcessor) -> list[tuple[str, type[BaseModel]]]:
    """The topics that the worker writes to, with their messages."""
    found: list[tuple[str, type[BaseModel]]] = [
        (topics.RESULTS, PaymentResult),
        (topics.RAIL_STATUSES, RailStatus),
    ]
    if isinstance(processor, SavedMethodProvider):
        found.append((topics.METHOD_RESULTS, MethodResult))
    return found


def _implements(processor: PaymentProcessor, protocol: type, flag: str) -> bool:
    """True if the processor implements a protocol; a flag of its rail must say the same.

    Raises:
        SettingsInvalid: it does not.
    """
    declared: bool = getattr(rails()[processor.rail], flag)
    if declared is not isinstance(processor, protocol):
        raise SettingsInvalid(
            f"{processor.rail}: the rail says {flag}={declared}, its processor not"
        )
    return declared


def _notices(
    store: AttemptStore,
    processor: PaymentProcessor,
    vault: Vault,
    wake_poll: Callable[[], None],
    find_attempts: FindAttempts | None,
) -> list[Subscription]:
    """The subscription to the provider's notices; empty if the provider posts none."""
    rail = rails()[processor.rail]
    if not rail.has_notices:
        return []
    if not isinstance(processor, ReadsNotices):
        raise SettingsInvalid(f"{rail.name}: its processor can't read its provider's notices")
    consumer = NoticeConsumer(
        store,
        vault=vault,
        read_fingerprint=processor.read_fingerprint,
        wake_poll=wake_poll,
        find_attempts=find_attempts,
        purposes=rail.calls,
    )
    topic, group = topics.webhooks(rail.provider), f"{rail.name}-notices"
    return [Subscription(topic, ProviderNotice, group, consumer.handle, topics.ABOUT_WEBHOOKS)]


class OpenAttempts:
    """Sets the metric of open attempts, by state."""

    name = "attempts:count"

    def __init__(self, store: AttemptStore, rail: str) -> None:
        self._store = store
        self._rail = rail

    async def run(self) -> None:
        """Count every `OPEN_COUNT_S` seconds, until cancelled."""
        while True:
            counts = await self._store.count_open()
            for state in OPEN_STATES:  # only of this rail: other rails of the process set their own
                metrics.ATTEMPTS_OPEN.labels(self._rail, state).set(counts.get(state, 0))
            await asyncio.sleep(OPEN_COUNT_S)
