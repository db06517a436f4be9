"""The whole platform in one thread: the real workers, and everything around them in memory.

`Simulation(seed).run()` answers what happened; the same seed answers the same, to the last line.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

from card_worker.client import StripeApi
from card_worker.customers import MemoryCustomers
from card_worker.processor import CardProcessor
from cift_shared.attempts import compose_worker
from cift_shared.attempts.worker import WorkerProcessor
from cift_shared.kafka.broker import Subscription
from cift_shared.messaging.messages import (
    OriginalPayment,
    PaymentRequest,
    PaymentResult,
    RequestRefund,
)
from cift_shared.messaging.outbox import Relay
from cift_shared.messaging.topics import RESULTS
from cift_shared.money.amount import Money
from cift_shared.runtime.readiness import Readiness
from cift_shared.runtime.service import Base, running, store_rejected_records
from ledger.posting.consumer import ResultsHandler
from ledger.posting.domain import OPEN, Status
from ledger.posting.sweeper import Sweeper
from mpesa_worker.client import DarajaClient
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.token_store import MemoryTokens
from tests.simulation import checker
from tests.simulation.books import Books, Gateway, MemoryLedger
from tests.simulation.broker import MemoryBroker, MemoryProducer, SimulatedSubscriber
from tests.simulation.daraja import Daraja, Line, serve_daraja
from tests.simulation.loop import (
    Network,
    Process,
    ProcessClock,
    Trace,
    VirtualLoop,
    Weather,
)
from tests.simulation.memory_pool import MemoryPool
from tests.simulation.memory_sql import Schema
from tests.simulation.plan import Death, Plan, Wish, plan_of
from tests.simulation.shortcuts import card_config, mpesa_config, quick
from tests.simulation.stripe_model import CARDS, Stripe
from tests.simulation.unexpected_errors import watched_log
from tests.support import cards
from tests.support.commands import TOKENS, VAULT, deposit, withdrawal

CALM_S = 2 * 60 * 60
"""After the last fault everything must have ended within this; Stripe's payers have half an hour,
and a refund whose failure nobody told of is looked at again after an hour."""
DAYS_S = 26 * 60 * 60
QUIET_S = 120
"""How long the end must stay the end."""
STRIPE_TRIES = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What a seed came to."""

    seed: int
    findings: tuple[str, ...]
    digest: str
    attempt_edges: frozenset[tuple[str, str]]
    payment_edges: frozenset[tuple[Status, Status]]
    outcomes: frozenset[str]
    payments: int
    indefinite: int
    deaths: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        found = "\n  ".join(self.findings)
        return f"seed {self.seed}: {found}\n(python -m tests.simulation {self.seed})"


class Simulation:
    """One seed."""

    def __init__(self, seed: int, *, keep_lines: bool = False) -> None:
        self.plan = plan_of(seed, CARDS)
        self.loop = VirtualLoop()
        self.trace = Trace(self.loop)
        self.trace.keep = keep_lines
        plan = self.plan
        weather = Weather(Random(seed + 1), plan.faults_end_s, plan.rates, plan.outages, plan.slow)
        self.network = Network(self.loop, self.trace, weather)
        self.broker = MemoryBroker(self.network, Random(seed + 2))
        self.broker.duplicates, self.broker.delays = plan.duplicates, plan.delays
        self.clock = ProcessClock(self.loop)
        self.schemas = {
            name: Schema(name, self.clock.now) for name in ("mpesa", "card", "gateway", "ledger")
        }
        self.books = Books()
        self.ledger = MemoryLedger(self.books, self.schemas["ledger"], self.network)
        self.gateway = Gateway(self.books, self.ledger, self.schemas["gateway"], VAULT, TOKENS)
        self.daraja = Daraja(self.network, Random(seed + 3), TOKENS, self._post)
        self.stripe = Stripe(self.network, Random(seed + 4), self._post)
        for provider in (self.daraja, self.stripe):
            provider.errors = plan.provider_errors
            provider.callbacks_lost = plan.callbacks_lost
            provider.callbacks_twice = plan.callbacks_twice
        self.tokens = MemoryTokens(self.clock)
        self.processes: dict[str, Process] = {}
        self.clocks = {name: ProcessClock(self.loop) for name in plan.processes}
        self.deaths = 0
        self._stops: dict[str, asyncio.Event] = {}
        self._relays: dict[str, Relay] = {}
        self._death_plans = {death.process: death for death in plan.deaths if death.at_pass}

    def run(self) -> Report:
        """Live through the seed."""
        with quick(), watched_log() as said:
            try:
                self.loop.run_until_complete(self._live())
                findings = [*checker.findings(self), *self._strange(), *said]
            finally:
                self._end()
        return Report(
            seed=self.plan.seed,
            findings=tuple(findings),
            digest=self.trace.digest,
            attempt_edges=frozenset().union(*(s.edges for s in self.schemas.values())),
            payment_edges=frozenset(self.books.edges),
            outcomes=frozenset(self.books.outcomes),
            payments=len(self.books.payments),
            indefinite=len(checker.indefinite(self)),
            deaths=self.deaths,
            lines=tuple(self.trace.lines),
        )

    def _strange(self) -> list[str]:
        return [f"unhandled: {fault.get('exception')!r}" for fault in self.loop.faults]

    def _end(self) -> None:
        for process in self.processes.values():
            process.kill("end", tells=False)
        for _ in range(50):
            if not (left := asyncio.all_tasks(self.loop)):
                break
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def _live(self) -> None:
        plan = self.plan
        for name in plan.processes:
            self._start(name)
        for wish in plan.wishes:
            self.loop.call_at(wish.at_s, self._accept, wish)
        for death in plan.deaths:
            if death.at_s is not None:
                self.loop.call_at(death.at_s, self._die, death)
        for number, at_s in enumerate(plan.rebalances):
            self.loop.call_at(at_s, self.broker.rebalance, number + 1)
        for at_s, name, off_s in plan.skews:
            self.loop.call_at(at_s, self._skew, name, off_s)
        for at_s, name, lasts_s in plan.pauses:
            self.loop.call_at(at_s, self._freeze, name, at_s + lasts_s)
        self.loop.call_at(plan.faults_end_s, self._calm)
        await self._until_quiet(plan)

    async def _until_quiet(self, plan: Plan) -> None:
        deadline = plan.faults_end_s + CALM_S
        last_wish = max(wish.at_s + (wish.refund_after_s or 0) for wish in plan.wishes)
        await asyncio.sleep(max(plan.faults_end_s, last_wish) + 5)
        gap = 10.0
        while self.loop.time() < deadline and (self._moves_are_due() or checker.findings(self)):
            await asyncio.sleep(gap)
            gap = min(120.0, gap * 1.3)
        if plan.days and checker.indefinite(self):
            await asyncio.sleep(max(0.0, DAYS_S - self.loop.time()))
        await asyncio.sleep(QUIET_S)

    def _moves_are_due(self) -> bool:
        """True while a provider will still do something by itself, as a bank that gives back."""
        return self.loop.time() < max(self.daraja.busy_until, self.stripe.busy_until)

    def _calm(self) -> None:
        """The faults are over: everything that is down comes back."""
        self._death_plans.clear()
        for process in self.processes.values():
            process.die_at = None
            process.clock.skew = timedelta(0)

    def _skew(self, name: str, off_s: float) -> None:
        self.clocks[name].skew = timedelta(seconds=off_s)

    def _freeze(self, name: str, until_s: float) -> None:
        process = self.processes[name]
        process.frozen_until = max(process.frozen_until, until_s)

    def _die(self, death: Death) -> None:
        process = self.processes[death.process]
        if not process.alive:
            return
        if death.politely:
            self._stops[death.process].set()
            self.loop.call_later(40, self._die_after_stop, process, death)
        else:
            self._plan_return(process, death)
            process.kill("by plan")

    def _die_after_stop(self, process: Process, death: Death) -> None:
        if process.alive:
            self._plan_return(process, death)
            process.kill("stopped")

    def _plan_return(self, process: Process, death: Death) -> None:
        process.on_death.append(
            lambda: self.loop.call_later(death.back_after_s, self._start, process.name) and None
        )

    def _start(self, name: str) -> None:
        if name in self.processes and self.processes[name].alive:
            return
        self.trace.note(name, "starts")
        process = Process(name, self.loop, self.trace, self.clocks[name])
        self.processes[name] = process
        process.on_death.append(self._count_death)
        death = self._death_plans.pop(name, None)
        if death is not None:
            process.die_at = death.at_pass
            self._plan_return(process, death)
        self._stops[name] = asyncio.Event()
        role, _, number = name.partition("-")
        process.start(self._serve(process, role, f"{role}-{number or 0}", self._stops[name]))

    def _count_death(self) -> None:
        self.deaths += 1

    async def _serve(self, process: Process, role: str, instance: str, stop: asyncio.Event) -> None:
        """A service as `run_service` puts it together."""
        schema = self.schemas[role]
        pool: Any = MemoryPool(schema, self.network)
        relay = Relay(pool, schema.name, MemoryProducer(self.broker), process.clock)
        settings: Any = SimpleNamespace(vault=lambda: VAULT, group_instance=lambda _: instance)
        base = Base(settings, pool, relay, process.clock, Readiness(pool, [schema.name]))
        self._relays[role] = relay
        subscriptions, parts = self._compose(role, base)
        subscribers = [
            SimulatedSubscriber(
                self.broker,
                [one.topic],
                group=one.group,
                instance=instance,
                handler=one.handler,
                store_rejected=store_rejected_records(base, schema.name, one.group),
            )
            for one in subscriptions
        ]
        async with running([relay]):
            reading = [asyncio.create_task(one.run()) for one in subscribers]
            async with running(parts):
                await stop.wait()
                for one in subscribers:
                    one.stop()
                if reading:
                    await asyncio.wait(reading, timeout=25)
                for task in reading:
                    task.cancel()
                await asyncio.gather(*reading, return_exceptions=True)

    def _compose(self, role: str, base: Base) -> tuple[list[Subscription], list[Any]]:
        if role == "gateway":
            return [], []
        if role == "ledger":
            store: Any = self.ledger
            handler = ResultsHandler(store, wake_relay=base.relay.wake)
            sweeper = Sweeper(store, base.clock, interval_s=30, wake_relay=base.relay.wake)
            return [Subscription(RESULTS, PaymentResult, "ledger", handler, "")], [sweeper]
        composition = compose_worker(base, self._processor(role, base), schema=role, concurrency=8)
        return list(composition.subscriptions), list(composition.parts[:2])

    def _processor(self, role: str, base: Base) -> WorkerProcessor:
        if role == "card":
            settings = card_config()
            line = Line(self.network, "stripe", self.stripe.serve)
            return CardProcessor(
                settings,
                StripeApi(settings, base.clock, transport=line),
                customers=MemoryCustomers(),
                vault=VAULT,
                clock=base.clock,
            )
        config = mpesa_config()
        line = Line(self.network, "mpesa", serve_daraja(self.daraja))
        return MpesaProcessor(
            config,
            DarajaClient(config, self.tokens, base.clock, transport=line),
            vault=VAULT,
            callback_tokens=TOKENS,
            clock=base.clock,
        )

    def _accept(self, wish: Wish) -> None:
        """A customer asks; a gateway or a database that is away answers 503, and they ask again."""
        if not self._gateway_works():
            self.loop.call_later(2.0, self._accept, wish)
            return
        self.gateway.accept(_request(wish))
        self._relays["gateway"].wake()
        if wish.cancel_after_s is not None:
            self.loop.call_later(wish.cancel_after_s, self._cancel, wish)
        if wish.refund_after_s is not None:
            self.loop.call_later(wish.refund_after_s, self._refund, wish)
        if wish.verify_after_s is not None:
            self.loop.call_later(wish.verify_after_s, self._verify, wish)

    def _cancel(self, wish: Wish) -> None:
        if self._gateway_works():
            self.gateway.cancel(wish.payment_id)
            self._relays["gateway"].wake()

    def _verify(self, wish: Wish) -> None:
        if self._gateway_works():
            self.gateway.verify(wish.payment_id, wish.verification_id, wish.verify_reference)
            self._relays["gateway"].wake()

    def _refund(self, wish: Wish) -> None:
        """Give a deposit back, once it is there."""
        payment = self.books.payments[str(wish.payment_id)]
        if payment.status in OPEN and self.loop.time() < self.plan.faults_end_s:
            self.loop.call_later(20, self._refund, wish)
        if payment.type != "deposit" or payment.status is not Status.COMPLETED:
            return
        whole = wish.refund_whole
        asked = self.gateway.accepted[str(wish.payment_id)]
        amount = Money(wish.minor if whole else wish.minor // 200 * 100, asked.amount.currency)
        fields = asked.model_dump(
            exclude={"kind", "amount", "payment_id", "return_url", "off_session", "description"}
        )
        original = OriginalPayment(
            payment_id=asked.payment_id,
            amount=asked.amount,
            provider_reference=payment.reference,
        )
        refund = RequestRefund(
            **fields, amount=amount, payment_id=wish.refund_id, original=original
        )
        self.gateway.accept(refund)
        self._relays["gateway"].wake()

    def _gateway_works(self) -> bool:
        down = self.network.weather.is_down("database", self.loop.time())
        return self.processes["gateway"].alive and not down

    def _post(self, address: str, raw: bytes, tries: int = 1) -> None:
        """A provider posts to the gateway; Daraja once, Stripe until it is taken."""
        if self._gateway_works():
            self.gateway.take_webhook(address, raw)
            self._relays["gateway"].wake()
        elif "stripe" in address and tries < STRIPE_TRIES:
            self.loop.call_later(20 * tries, self._post, address, raw, tries + 1)


def _request(wish: Wish) -> PaymentRequest:
    if wish.kind == "card_deposit":
        made = cards.deposit(f"pm_{wish.card}", minor=wish.minor)
        return made.model_copy(update={"payment_id": wish.payment_id})
    make = deposit if wish.kind == "mpesa_deposit" else withdrawal
    return make(wish.payment_id, minor=wish.minor)
