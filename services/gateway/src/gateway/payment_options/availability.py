"""Whether a rail's provider is available and what its network charges, from the reports of its
worker's processes; pure.

Reports come every 5 s. Their age counts from when the gateway read them, by the gateway's clock, so
the clocks of workers have no influence, as long as they are not off by more than `LAG_MAX`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.fees import Direction

FRESH = timedelta(seconds=15)
"""How long a report is valid: two in a row may get lost before a process counts as silent."""
LAG_MAX = timedelta(seconds=30)
"""The maximum age of a report when it is read. An older one was delayed by a broker that was down,
or its worker's clock is wrong: it does not describe the present."""
NOT_REPORTING = "not_reporting"
"""The reason of a rail of which no process has reported in time."""
FLOAT_LOW = "float_low"
"""The reason of a rail that has too little to pay out, and the code that refuses withdrawals."""
NETWORK_FEE_UNKNOWN = "network_fee_unknown"
"""The reason of a rail whose network's fee is part of the price, but has no estimate that is new
enough; and the code that refuses to price payments."""
RATE_UNAVAILABLE = "rate_unavailable"
"""The reason of a rail whose price needs a live rate that is not known now; and the code."""
ESTIMATE_VALID = timedelta(seconds=60)
"""How long an estimate of a network's fee is used: workers estimate every 10 s, and the fee can
change with each block of the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The newest report of one worker's process."""

    rail: str
    available: bool
    reason: str | None
    reported_at: datetime
    """When the process wrote it, by its own clock; not later than `seen_at`."""
    seen_at: datetime
    """When the gateway read it."""
    float_low: Sequence[str] = ()
    """The currencies in which there is too little to pay out, as far as the process knows."""
    network_fees: Sequence[NetworkFee] = ()
    """Its estimates of what the network charges; `estimated_at` is by the gateway's clock."""
    since: datetime
    """Since when the process has reported the same, without a silence longer than `FRESH`."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a rail can be used now."""

    available: bool
    reason: str | None
    """The code of the reason; None: it is available."""
    since: datetime | None
    """Since when; None: no process has ever reported."""
    reported_at: datetime | None
    """The newest report; None: there is none."""


def availability_of(reports: Sequence[Report], *, now: datetime) -> Availability:
    """The availability of one rail: one process that can use the provider is enough.

    Args:
        reports: of the rail's processes, one of each.
        now: by the gateway's clock. A report seen later than this (by a gateway whose clock is
            ahead) counts for as long as one that was seen earlier.
    """
    newest = max((report.reported_at for report in reports), default=None)
    fresh = [report for report in reports if abs(now - report.seen_at) <= FRESH]
    able = [report.since for report in fresh if report.available]
    if able:
        return Availability(True, None, min(able), newest)
    if fresh:
        last = max(fresh, key=lambda report: report.since)
        return Availability(False, last.reason, last.since, newest)
    silent = max((report.seen_at for report in reports), default=None)
    return Availability(False, NOT_REPORTING, silent, newest)


def low_floats(reports: Sequence[Report], *, now: datetime) -> frozenset[str]:
    """The currencies in which one rail has too little to pay out. One report is enough, because
    only one of the rail's processes checks it. Arguments as in `availability_of`.
    """
    fresh = (report for report in reports if abs(now - report.seen_at) <= FRESH)
    return frozenset(currency for report in fresh for currency in report.float_low)


def newest_estimate(
    reports: Sequence[Report], direction: Direction, currency: str, *, now: datetime
) -> NetworkFee | None:
    """The newest estimate of what one rail's network charges for a payment; None if there is none
    or it is too old. It outlives its report, so another process may take over estimating.
    """
    found = [
        estimate
        for report in reports
        for estimate in report.network_fees
        if (estimate.type, estimate.currency) == (direction, currency)
        and abs(now - estimate.estimated_at) <= ESTIMATE_VALID
    ]
    return max(found, key=lambda estimate: estimate.estimated_at, default=None)


def blocked(found: Availability, reason: str | None) -> Availability:
    """The availability for payments of one type and currency that are refused for a reason, if
    there is one; then `since` is not known.
    """
    if reason is None or not found.available:
        return found
    return replace(found, available=False, reason=reason, since=None)
