"""What a run says of itself: a line for each schedule, words for one that went wrong, the sum."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.chaos.checks.finding import Kind
from tests.chaos.schedules.plan import Fault
from tests.chaos.schedules.run import Played

SLOW_S = 15.0
"""From here on a line says what a recovery waited for."""


def line_of(played: Played) -> str:
    """One schedule in one line."""
    verdict = "good" if played.is_good else "WRONG"
    recovery = played.recovery.seconds
    rest = "not recovered" if recovery is None else f"recovered in {recovery:.1f} s"
    faults = "; ".join(map(str, _faults(played)))
    if recovery is not None and recovery > SLOW_S:
        rest += f" ({', '.join(sorted(played.recovery.slowest))} last)"
    return (
        f"seed {played.plan.seed}: {verdict}, {played.payments} payments, "
        f"{played.verdict.indefinite} indefinite, {rest}, {played.seconds:.1f} s [{faults}]"
    )


def _faults(played: Played) -> list[Fault]:
    """All that went wrong by plan."""
    hang = played.plan.hang
    return [*played.plan.faults, *([hang] if hang else [])]


def told(played: Played) -> str:
    """Everything that is wrong with a schedule, and its plan."""
    lines = [f"  {finding}" for finding in played.verdict.findings]
    last = played.recovery.last
    if played.recovery.seconds is None:
        seen = "nothing could be seen" if last is None else f"on its way: {last.travelling or '-'}"
        lines.append(f"  not recovered: {seen}")
        lines += [f"  stuck {payment_id}: has not ended" for payment_id in sorted(_open(played))]
    lines.append("  plan:")
    lines += [f"    {fault}" for fault in _faults(played)]
    for customer in played.plan.customers:
        steps = ", ".join(f"{step.kind} {step.amount or ''}".strip() for step in customer.steps)
        what = " ".join(str(value) for value in customer.payment_method.values())
        lines.append(
            f"    {customer.starts_s:.1f} {customer.name} {customer.method} {what}: {steps}"
        )
    return "\n".join(lines)


def summary(played: Sequence[Played], *, seconds: float) -> dict[str, Any]:
    """The whole run as figures; findings are counted once, in the schedule that saw them first."""
    found = Counter(finding.kind for each in played for finding in each.verdict.findings)
    recoveries = sorted(r for each in played if (r := each.recovery.seconds) is not None)
    stuck = found[Kind.STUCK] + sum(len(_open(each)) for each in played)
    return {
        "schedules": len(played),
        "payments": sum(each.payments for each in played),
        **{kind.value: stuck if kind is Kind.STUCK else found[kind] for kind in Kind},
        "recovery_p99_s": round(_p99(recoveries), 2) if recoveries else None,
        "not_recovered": len(played) - len(recoveries),
        "indefinite": sum(each.verdict.indefinite for each in _last_of_clusters(played)),
        "failed_seeds": [each.plan.seed for each in played if not each.is_good],
        "longest_s": round(max(each.seconds for each in played), 1),
        "seconds": round(seconds, 1),
    }


def _open(played: Played) -> frozenset[str]:
    """Payments that should have ended, and had not when the time was over."""
    last = played.recovery.last
    return last.ending if played.recovery.seconds is None and last else frozenset()


def _p99(rising: Sequence[float]) -> float:
    return rising[math.ceil(0.99 * len(rising)) - 1]


def _last_of_clusters(played: Sequence[Played]) -> list[Played]:
    """The last schedule of each cluster: its checker has seen all that the cluster ever did."""
    following = [*played[1:], None]
    return [
        each
        for each, after in zip(played, following, strict=True)
        if after is None or after.verdict.payments < each.verdict.payments
    ]
