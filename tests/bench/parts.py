"""The parts of the bench: each measures one thing on the running stack and notes its figures."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cift_local.errors import StartError
from tests.bench import accept, faults, settle, steps
from tests.bench.arithmetic import percentile
from tests.bench.cluster import Cluster
from tests.bench.cpu import per_payment, total
from tests.bench.floor_run import running_floor
from tests.bench.idle import idle
from tests.bench.load import Result
from tests.bench.plot import HEIGHT, cdf, chart, rate_over_time
from tests.bench.report import section

HALF_EMPTY, FLOOD = 50.0, 400.0
"""Payments a second at which the cores have room, and at which a backlog forms."""
LIGHT_LOAD = 0.4
"""Share of the sustained rate at which faults are tried: there has to be room to catch up."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long everything is measured."""

    idle_s: float = 10
    latency_s: float = 15
    flood_s: float = 8
    trial_s: float = 20
    trials: int = 5
    accept_rounds: int = 2
    accept_s: float = 3
    half_s: float = 10
    outage_s: float = 60
    kill_rounds: int = 2


@dataclass
class Bench:
    """What is measured, and what was found."""

    cluster: Cluster
    effort: Effort
    rate: float
    """Payments a second of the latency part."""
    figures: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    sustained: float = 0.0

    @property
    def light_rate(self) -> float:
        """A rate that leaves room; a guess where the highest rate was not measured."""
        return LIGHT_LOAD * (self.sustained or self.rate)

    def note_costs(self, title: str, costs: Mapping[str, float]) -> None:
        """CPU milliseconds per payment, the dearest first."""
        ordered = sorted(((n, ms) for n, ms in costs.items() if ms >= 0.01), key=lambda c: -c[1])
        rows = [(name, [ms]) for name, ms in ordered]
        rows.append(("total without twins, markets and generator", [total(costs)]))
        self.lines += section(title, rows, "CPU ms")
        self.details[title] = {name: round(ms, 3) for name, ms in costs.items()}


async def at_rest(bench: Bench) -> None:
    """Memory and processor time of the idle services."""
    found = await idle(bench.cluster, bench.effort.idle_s)
    bench.figures |= {
        "idle_service_mb_max": found.service_mb_max,
        "idle_cpu_percent": found.services_percent,
        "idle_cpu_percent_with_servers": found.all_percent,
    }
    rows = [(name, [mb, found.cpu_percent[name]]) for name, mb in found.memory_mb.items()]
    bench.lines += section("at rest", rows, "PSS MiB", "CPU %")


async def cpu(bench: Bench, seconds: float) -> None:
    """CPU time per payment alone."""
    await _cpu(bench, "cpu_ms_per_payment", bench.rate, seconds)


async def _cpu(bench: Bench, figure: str, rate: float, seconds: float) -> None:
    costs = await per_payment(bench.cluster, rate, seconds)
    bench.figures[figure] = total(costs)
    bench.note_costs(f"CPU per payment at {rate:g}/s", costs)


async def costs_by_load(bench: Bench) -> None:
    """CPU time per payment below and above what the machine can do.

    Where both cores are full, loops that find work for one payment use what is left: only a load
    below that shows such waste, and only a backlog shows what a payment needs.
    """
    await _cpu(bench, "cpu_ms_at_50_per_s", HALF_EMPTY, bench.effort.latency_s)
    await _cpu(bench, "cpu_ms_in_a_flood", FLOOD, bench.effort.flood_s)


async def beside_the_floor(bench: Bench) -> None:
    """What a deposit costs in the simplest program of our shape; our ratio to it."""
    async with running_floor(bench.cluster) as floor:
        for name, rate, seconds in (
            ("at_50_per_s", HALF_EMPTY, bench.effort.latency_s),
            ("in_a_flood", FLOOD, bench.effort.flood_s),
        ):
            cost = await floor.cpu_ms_per_payment(rate, seconds)
            bench.figures[f"floor_cpu_ms_{name}"] = cost
            ours = bench.figures.get(f"cpu_ms_{name}")
            if ours is not None:
                bench.figures[f"cpu_vs_floor_{name}"] = ours / cost


async def latency(bench: Bench) -> None:
    """The time we add to a deposit, by step, and what it costs."""
    cluster, seconds = bench.cluster, bench.effort.latency_s
    await cluster.load(bench.rate, 3)
    await cluster.settled()
    since, before = await steps.ends(cluster), await cluster.costs()
    result = await cluster.load(bench.rate, seconds)
    await cluster.settled()
    after, count = await cluster.costs(), len(result.accepted)
    costs = {name: (used - before.get(name, 0.0)) / count for name, used in after.items()}
    costs["load generator"] = result.cpu_s * 1e3 / count
    bench.figures["cpu_ms_per_payment"] = total(costs)
    bench.note_costs(f"CPU per payment at {bench.rate:g}/s", costs)
    _note_steps(bench, await steps.stamps(cluster, result, since))
    _note_generator(bench, result)


def _note_generator(bench: Bench, result: Result) -> None:
    """That the generator is not what was measured."""
    share, late = result.generator_share * 100, percentile(result.late, 0.99) * 1e3
    rows = [("CPU, percent of a core", [share]), ("late requests, p99, ms", [late])]
    bench.lines += section("the load generator itself", rows, "")
    bench.details["generator"] = {name: round(numbers[0], 3) for name, numbers in rows}


def _note_steps(bench: Bench, stamps: Sequence[steps.Stamps]) -> None:
    added = [steps.added_s(times) * 1e3 for times in stamps]
    bench.figures |= {
        "added_latency_p50_ms": percentile(added, 0.5),
        "added_latency_p99_ms": percentile(added, 0.99),
    }
    took = {
        name: [steps.step_s(times, start, end) * 1e3 for times in stamps]
        for name, start, end in steps.STEPS
    }
    rows = [(name, [percentile(ms, 0.5), percentile(ms, 0.99)]) for name, ms in took.items()]
    rows.append(("due to posted, less the provider's fixed time", _both(added)))
    told = [steps.added_s(times, "told") * 1e3 for times in stamps]
    rows.append(("due to told, less the provider's fixed time", _both(told)))
    title = f"milliseconds added to a deposit at {bench.rate:g}/s ({len(stamps)} deposits)"
    bench.lines += section(title, rows, "p50", "p99")
    bench.details[title] = {name: [round(ms, 1) for ms in numbers] for name, numbers in rows}
    lines = {name: cdf(ms) for name, ms in {**took, "all: due to posted": added}.items()}
    top = HEIGHT * len(bench.charts)
    bench.charts.append(chart(title, lines, "ms", max(percentile(added, 0.99), 1.0), top))


def _both(values: Sequence[float]) -> list[float]:
    return [percentile(values, 0.5), percentile(values, 0.99)]


async def settling(bench: Bench) -> None:
    """The highest rate that the whole stack sustains."""
    effort = bench.effort
    cost = sum(ms for name, ms in _last_costs(bench).items() if not name.startswith("postgres "))
    guess = 0.8 * 1e3 * (os.cpu_count() or 1) / cost if cost else bench.rate
    trials = await settle.highest(bench.cluster, guess, effort.trial_s, effort.trials)
    held = [one for one in trials if one.sustained]
    best = max(held, key=lambda one: one.settled_per_s, default=None)
    bench.sustained = best.settled_per_s if best else min(one.rate for one in trials) / 2
    most = max(trials, key=lambda one: one.left)
    bench.figures |= {
        "full_payments_per_s": best.settled_per_s if best else 0.0,
        "drain_per_s": most.drained_per_s,
    }
    rows = [(f"{t.rate:.0f}/s", [t.settled_per_s, t.growth, t.left, t.sustained]) for t in trials]
    heads = ("settled/s", "growth/s", "left", "sustained")
    bench.lines += section("payments from request to posted", rows, *heads)
    bench.details["trials"] = rows


def _last_costs(bench: Bench) -> dict[str, float]:
    costs: dict[str, float] = bench.details.get(f"CPU per payment at {bench.rate:g}/s", {})
    return costs


async def accepting(bench: Bench) -> None:
    """How fast payments are accepted, and the time to an answer at half of that."""
    effort, cluster = bench.effort, bench.cluster
    rates = await accept.maxima(cluster, effort.accept_rounds, effort.accept_s)
    ours, alone = percentile(rates.ours, 0.5), percentile(rates.alone, 0.5)
    clients = await accept.by_clients(cluster, effort.accept_rounds, effort.accept_s)
    half = await cluster.load(ours / 2, effort.half_s)
    await cluster.settled(300)
    p50, p99 = accept.quantiles_ms(half)
    bench.figures |= {
        "accept_vs_bare": rates.vs_bare,
        "accept_alone_vs_bare": rates.alone_vs_bare,
        "accept_per_s": ours,
        "accept_alone_per_s": alone,
        "bare_per_s": percentile(rates.bare, 0.5),
        "accept_p50_ms": p50,
        "accept_p99_ms": p99,
        **{f"accept_alone_{n}_clients_per_s": percentile(r, 0.5) for n, r in clients.items()},
    }
    if bench.sustained:
        easy = await cluster.load(bench.sustained / 2, effort.half_s)
        await cluster.settled()
        p50, p99 = accept.quantiles_ms(easy)
        bench.figures |= {"accept_p50_at_half_full_ms": p50, "accept_p99_at_half_full_ms": p99}
    bench.details["bare_cpu_ms"] = round(rates.bare_cpu_ms, 3)


async def database_away(bench: Bench) -> None:
    """How a backlog goes after PostgreSQL was away."""
    drain = await faults.outage(bench.cluster, bench.light_rate, bench.effort.outage_s)
    bench.figures |= {
        "drain_vs_arrival": drain.vs_arrival,
        "drain_backlog": drain.backlog,
        "drain_s": drain.drained_at - drain.back_at,
        "drain_first_settled_s": drain.first_settled_s,
    }
    seconds = max(drain.arrived[-1], drain.settled[-1])
    lines = {
        "arriving": rate_over_time(drain.arrived, seconds),
        "settled": rate_over_time(drain.settled, seconds),
    }
    title = f"payments a second; PostgreSQL away from {drain.gone_at:.0f} to {drain.back_at:.0f} s"
    bench.charts.append(chart(title, lines, "s", seconds, HEIGHT * len(bench.charts)))


async def dying(bench: Bench) -> None:
    """How long payments wait when a process is killed."""
    rounds = bench.effort.kill_rounds
    if not rounds:
        return
    kills = await faults.kills(bench.cluster, bench.light_rate, rounds)
    times = [kill.recovery_s for kill in kills]
    bench.figures |= {
        "recovery_p50_s": percentile(times, 0.5),
        "recovery_p99_s": percentile(times, 0.99),
        "recovery_never_known": sum(kill.never_known for kill in kills),
    }
    by_name: defaultdict[str, list[float]] = defaultdict(list)
    for kill in kills:
        by_name[kill.name].append(kill.recovery_s)
        if kill.unsettled:
            bench.failures.append(f"{kill.unsettled} payments open after kill -9 of {kill.name}")
    rows = [(name, [min(times), max(times), len(times)]) for name, times in by_name.items()]
    bench.lines += section(
        "kill -9 under load: wait of payments, s", rows, "best", "worst", "kills"
    )
    bench.details["recovery_s"] = dict(by_name)


async def unsound(cluster: Cluster) -> list[str]:
    """What is wrong with the books; empty: nothing."""
    left = await cluster.open_payments()
    wrong = [f"{left} payments are not final"] if left else []
    try:
        cluster.stack.cift("verify-books")
    except StartError as error:
        wrong.append(f"the books do not verify: {error}")
    return wrong
