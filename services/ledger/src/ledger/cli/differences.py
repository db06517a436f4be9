"""Format reports of reconciliations, and discrepancies: as text, and as data for programs."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

from cift_shared.money.amount import Money
from ledger.cli.session import age
from ledger.reconciliation.matching import Group, Verdict
from ledger.reconciliation.store import Discrepancy, Report

_WIDTH = 18


def report_lines(report: Report, zone: tzinfo) -> Iterator[str]:
    """A report as lines of text: the sums by verdict, then the groups that differ."""
    request, currency = report.request, report.request.currency
    since, until = (
        at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") for at in (request.since, request.until)
    )
    skipped = f"{report.outside} of other days, {report.statement.skipped} that moved nothing"
    yield f"{request.method} {currency}, {since} to {until} ({skipped})"
    yield f"{'':16}{'groups':>8}" + "".join(
        f"{title:>{_WIDTH}}" for title in ("theirs", "ours", "difference")
    )
    for verdict in Verdict:
        groups = [group for group in report.groups if group.verdict is verdict]
        yield f"{verdict:16}{len(groups):>8}" + _sums(groups, currency)
    yield f"{'all':16}{len(report.groups):>8}" + _sums(report.groups, currency)
    yield from (
        f"the balance jumps at {gap}: a line may be missing" for gap in report.statement.gaps
    )
    now = request.at
    for group in report.differing:
        found = report.discrepancy(group)
        owned = f"#{found.discrepancy_id} {found.state}, {found.owner}" if found else "not stored"
        aged = f", {age(found.opened_at, now)}" if found else ""
        yield (
            f"{group.verdict:16}{group.names[0]}  theirs {_amount(group.theirs, currency)}"
            f"  ours {_amount(group.ours, currency)}"
            f"  difference {_amount(group.difference, currency)}  {owned}{aged}"
        )


def _sums(groups: Sequence[Group], currency: str) -> str:
    sums = (
        sum(group.theirs for group in groups),
        sum(group.ours for group in groups),
        sum(group.difference for group in groups),
    )
    return "".join(f"{_amount(total, currency):>{_WIDTH}}" for total in sums)


def _amount(minor: int, currency: str) -> str:
    return Money(minor, currency).text


def facts(report: Report) -> dict[str, Any]:
    """A report as data for programs."""
    request, currency = report.request, report.request.currency
    by_verdict = {
        str(verdict): [group for group in report.groups if group.verdict is verdict]
        for verdict in Verdict
    }
    return {
        "method": request.method,
        "livemode": request.livemode,
        "currency": currency,
        "since": request.since.isoformat(),
        "until": request.until.isoformat(),
        "drift": report.has_drift,
        "gaps": list(report.statement.gaps),
        "verdicts": {
            name: {
                "groups": len(groups),
                "theirs": _amount(sum(group.theirs for group in groups), currency),
                "ours": _amount(sum(group.ours for group in groups), currency),
            }
            for name, groups in by_verdict.items()
        },
        "differing": [_group_facts(report, group) for group in report.differing],
    }


def _group_facts(report: Report, group: Group) -> dict[str, Any]:
    found = report.discrepancy(group)
    return {
        "name": group.names[0],
        "verdict": str(group.verdict),
        "lines": [line.external_id for line in group.lines],
        "items": [item.item_id for item in group.items],
        "theirs": _amount(group.theirs, group.currency),
        "ours": _amount(group.ours, group.currency),
        "difference": _amount(group.difference, group.currency),
        "discrepancy": discrepancy_facts(found, report.request.at) if found else None,
    }


def discrepancy_facts(found: Discrepancy, now: datetime) -> dict[str, Any]:
    """A discrepancy as data for programs."""
    return {
        "id": found.discrepancy_id,
        "method": found.method,
        "livemode": found.livemode,
        "name": found.name,
        "kind": found.kind,
        "currency": found.difference.currency,
        "difference": found.difference.text,
        "in_suspense": found.in_suspense.text,
        "owner": found.owner,
        "state": found.state,
        "note": found.note,
        "opened_at": found.opened_at.isoformat(),
        "age": age(found.opened_at, now),
    }


def discrepancy_line(found: Discrepancy, now: datetime) -> str:
    """A discrepancy as a line of text."""
    mode = "live" if found.livemode else "test"
    return (
        f"#{found.discrepancy_id}  {found.state}  {found.owner}  {age(found.opened_at, now)}  "
        f"{found.method} ({mode})  {found.kind}  {found.name}  difference {found.difference.text} "
        f"{found.difference.currency}  in suspense {found.in_suspense.text}"
        + (f"  {found.note}" if found.note else "")
    )
