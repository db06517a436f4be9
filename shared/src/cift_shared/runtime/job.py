"""A periodic job; `runtime/jobs.py` runs it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from cift_shared.database.lease import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work to be done periodically."""

    name: str
    """Unique in the schema; also the label of its metrics."""
    every: timedelta
    """From the end of a run to the next run; after a failure the next run is earlier."""
    work: Callable[[Lease], Awaitable[None]]
    """One run; cancelled when the lease is lost. A statement that only the leader may run compares
    `Lease.fence`; before an effect outside of the database the work checks `Lease.is_sure`."""
    when_lost: Callable[[], None] = lambda: None
    """Called when this process no longer leads."""
