"""From a seed to a plan: who pays what and when, and what goes wrong meanwhile. Pure.

The same seed always draws the same plan. How the processes interleave is theirs, so a replay runs
the same plan and not the same history.
"""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cift_local.stack import replica
from tests.chaos.cluster.cluster import LINKS, PROCESSES, SERVICES, TWIN
from tests.chaos.cluster.proxy import TOXICS
from tests.chaos.points.registry import all_points
from tests.chaos.rails.installed import TRAFFIC
from tests.chaos.rails.traffic import RailTraffic
from tests.chaos.schedules.regressions import REGRESSIONS

TRAFFIC_S = 5.0
"""Customers begin within so many seconds of a schedule's beginning."""
FAULTS_S = (0.7, 5.0)
"""Faults begin between these seconds."""
CUSTOMERS = (12, 18)
FAULTS = (2, 5)

THREE_D_SECURE: tuple[Literal["approve", "fail"], ...] = ("approve", "approve", "fail")

FAILPOINT_S = 4.0
"""How long a fail point waits for someone to come by."""
SKEW_S_MAX = 300
SKEWED_FOR_S = 3.0

StepKind = Literal["deposit", "withdrawal", "refund", "cancel", "verify", "reverse", "reinstate"]
Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a customer, perhaps sent several times under its key."""

    kind: StepKind
    amount: str | None = None
    """None: all that is left, of a refund."""
    of: int | None = None
    """Which earlier step is refunded, canceled, verified or reversed; of a reinstatement: which
    reversal is undone."""
    reference: str | None = None
    """The provider's reference that the customer brings when the payment is verified."""
    repeats: int = 0
    """The same request so many times more."""
    together: bool = False
    """Whether the repeats go out beside the first request or after its answer."""
    other_body: bool = False
    """Afterwards another amount under the same key, which has to be refused."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer's requests, one after the other."""

    name: str
    rail: str
    method: str
    currency: str
    payment_method: Detail
    starts_s: float
    steps: tuple[Step, ...]
    more: Detail = field(default_factory=dict)
    """More fields of each order."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at a moment, for a while."""

    kind: str
    target: str
    at_s: float
    lasts_s: float = 0.0
    detail: Detail = field(default_factory=dict)

    def __str__(self) -> str:
        what = " ".join(str(value) for value in self.detail.values())
        lasts = f" for {self.lasts_s:.1f}" if self.lasts_s else ""
        return f"{self.kind} {self.target}{f' {what}' if what else ''} at {self.at_s:.1f}{lasts}"


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule."""

    seed: int
    customers: tuple[Customer, ...]
    faults: tuple[Fault, ...]
    kinds: tuple[str, ...]
    """The classes of these faults, as `FAULT_KINDS` names them."""
    three_d_secure: Literal["approve", "fail"]
    hang: Fault | None = None
    """A process that hangs until everything else has recovered, where each service has two."""

    @property
    def replicas(self) -> int:
        """How many processes of each service it is played with."""
        return 1 if self.hang is None else 2


def plan_of(seed: int) -> Plan:
    """Answers the plan of a seed: every second one has two processes of each service."""
    plan = _with_more_steps(_alone(seed))
    if seed % 2 == 0 or seed in REGRESSIONS:
        return plan
    draw = random.Random(seed + 1)
    faults = tuple(_at_either(draw, fault) for fault in plan.faults)
    who = draw.choice(("leader", "leader", "standby"))
    hang = _fault(draw, "hang", draw.choice(SERVICES), detail={"who": who})
    return replace(plan, faults=faults, hang=hang)


MORE_STEPS = 2
"""Added to a seed for the steps that are drawn apart, so that the rest of a plan stays the same."""


def _with_more_steps(plan: Plan) -> Plan:
    """Adds what customers and providers do beside payments: verify, reverse and reinstate."""
    draw = random.Random(plan.seed + MORE_STEPS)
    customers = (replace(one, steps=_more_steps(draw, one)) for one in plan.customers)
    return replace(plan, customers=tuple(customers))


def _more_steps(draw: random.Random, customer: Customer) -> tuple[Step, ...]:
    """The steps of a customer, with a verification, a late cancellation or reversals at the end."""
    steps = list(customer.steps)
    is_verified, kind = draw.random() < 0.3, draw.choice(("reverse", "cancel"))
    reference = draw.choice((None, None, "QK" + "".join(draw.choices("ABCDEFGH23456789", k=8))))
    reversals = _reversals(draw, TRAFFIC[customer.rail], len(steps))
    if kind == "reverse":
        steps += reversals
    elif steps[-1].kind != "cancel":
        steps.append(Step("cancel", of=len(steps) - 1))
    if is_verified:
        steps.insert(1, Step("verify", of=0, reference=reference))
        steps[2:] = [_moved(step) for step in steps[2:]]
    return tuple(steps)


def _moved(step: Step) -> Step:
    """The same step, one place later."""
    return step if not step.of else replace(step, of=step.of + 1)


def _reversals(draw: random.Random, traffic: RailTraffic, place: int) -> list[Step]:
    """The provider takes a deposit back in two parts, returns one of them, and takes it again."""
    parts = [traffic.part(draw) for _ in range(2)]
    if traffic.reversals is None:
        return []
    first, second = (Step("reverse", part, of=0) for part in parts)
    back = Step("reinstate", of=place)
    return [first, second, back, first][: draw.randint(1, 4)]


def _at_either(draw: random.Random, fault: Fault) -> Fault:
    """The same fault, of either process of the service."""
    if fault.kind not in ("kill", "pause") or fault.target not in SERVICES:
        return fault
    return replace(fault, target=replica(fault.target, draw.choice((1, 2))))


def _alone(seed: int) -> Plan:
    draw = random.Random(seed)
    customers = tuple(_customer(draw, seed, n) for n in range(draw.randint(*CUSTOMERS)))
    kinds = list(FAULT_KINDS)
    first = kinds.pop(seed % len(kinds))  # so that any run of seeds in a row draws every kind
    chosen = [first, *draw.sample(kinds, draw.randint(*FAULTS) - 1)]
    faults = sorted((FAULT_KINDS[kind](draw) for kind in chosen), key=lambda fault: fault.at_s)
    three_d_secure = draw.choice(THREE_D_SECURE)
    return Plan(seed, customers, tuple(faults), tuple(chosen), three_d_secure)


def _customer(draw: random.Random, seed: int, number: int) -> Customer:
    rail = draw.choice(tuple(TRAFFIC))
    traffic = TRAFFIC[rail].of_customer(number)
    payment_method, more = traffic.instrument(draw, seed % 900, number)
    return Customer(
        name=f"c{seed}-{number}",
        rail=rail,
        method=traffic.method,
        currency=traffic.currency,
        payment_method=payment_method,
        starts_s=round(draw.uniform(0, TRAFFIC_S), 3),
        steps=tuple(_steps(draw, traffic)),
        more=more,
    )


def _steps(draw: random.Random, traffic: RailTraffic) -> list[Step]:
    """Money comes in first; then some goes out again, or back, or is asked to stop."""
    steps = [_step(draw, "deposit", traffic.deposit(draw))]
    if draw.random() < traffic.cancels:
        steps.append(Step("cancel", of=0))
    for kind in draw.sample(traffic.afterwards, draw.randint(0, len(traffic.afterwards))):
        if kind == "refund":
            part = traffic.part(draw) if draw.random() < 0.5 else None
            steps.append(_step(draw, "refund", part, of=0))
        else:
            steps.append(_step(draw, kind, traffic.part(draw)))
    return steps


def _step(draw: random.Random, kind: StepKind, amount: str | None, of: int | None = None) -> Step:
    repeats = draw.choice((0, 0, 0, 1, 2))
    return Step(
        kind,
        amount,
        of,
        repeats=repeats,
        together=draw.random() < 0.5,
        other_body=kind != "refund" and draw.random() < 0.1,
    )


def _fault(
    draw: random.Random,
    kind: str,
    target: str,
    lasts_s: float = 0.0,
    detail: Detail | None = None,
) -> Fault:
    at_s = round(draw.uniform(*FAULTS_S), 2)
    return Fault(kind, target, at_s, round(lasts_s, 2), detail or {})


_WITH_FAULTS = tuple((rail, traffic) for rail, traffic in TRAFFIC.items() if traffic.operations)
"""The rails whose twin can be told to fail."""


def _twin_fault(draw: random.Random) -> Fault:
    rail, traffic = draw.choice(_WITH_FAULTS)
    operation = draw.choice(traffic.operations)
    kind = draw.choice(traffic.answer_faults)
    order = {"operation": operation, "kind": kind, "times": draw.randint(1, 6)}
    if "delay" in kind or kind == "slow_inside":
        order["delay_s"] = round(draw.uniform(0.3, 4.0), 1)
    return _fault(draw, "twin answers", rail, draw.uniform(1, 4), order)


def _webhook_fault(draw: random.Random) -> Fault:
    rail, traffic = draw.choice(_WITH_FAULTS)
    order = {
        "operation": draw.choice(traffic.callbacks),
        "kind": draw.choice(traffic.callback_faults),
        "times": draw.randint(1, 8),
    }
    return _fault(draw, "twin webhooks", rail, draw.uniform(1, 4), order)


def _outage(draw: random.Random) -> Fault:
    mode = draw.choice(("drop_before", "html_503"))
    return _fault(draw, "provider outage", TWIN, draw.uniform(1, 4), {"mode": mode})


def _skew(draw: random.Random) -> Fault:
    seconds = draw.choice((-1, 1)) * draw.randint(5, SKEW_S_MAX)
    return _fault(draw, "clock skew", draw.choice(SERVICES), SKEWED_FOR_S, {"seconds": seconds})


@functools.cache
def _points() -> Mapping[str, Sequence[str]]:
    """The fail points of each service in a fixed order; reading all sources takes its time."""
    return {service: sorted(points) for service, points in all_points().items()}


def _failpoint(draw: random.Random) -> Fault:
    service = draw.choice(SERVICES)
    point = draw.choice(_points()[service])
    nth = draw.choice((1, 1, 2, 3, 5))
    return _fault(draw, "fail point", service, FAILPOINT_S, {"point": f"{point}:{nth}"})


def _link(draw: random.Random) -> Fault:
    toxic = draw.choice(TOXICS)
    lasts_s = 0.0 if toxic == "reset" else draw.uniform(1, 4)
    return _fault(draw, "bad network", draw.choice(list(LINKS)), lasts_s, {"toxic": toxic})


FAULT_KINDS: Mapping[str, Callable[[random.Random], Fault]] = {
    "kill": lambda draw: _fault(draw, "kill", draw.choice((*SERVICES, TWIN, *PROCESSES))),
    "pause": lambda draw: _fault(
        draw, "pause", draw.choice((*SERVICES, TWIN, *PROCESSES)), draw.uniform(1, 4)
    ),
    "restart broker": lambda draw: _fault(draw, "restart", "kafka"),
    "kill broker": lambda draw: _fault(draw, "kill", "kafka"),
    "restart database": lambda draw: _fault(draw, "restart", "postgres"),
    "kill database": lambda draw: _fault(draw, "kill", "postgres"),
    "twin answers": _twin_fault,
    "twin webhooks": _webhook_fault,
    "provider outage": _outage,
    "bad network": _link,
    "clock skew": _skew,
    "fail point": _failpoint,
}
"""Every class of fault, and how one of it is drawn."""
