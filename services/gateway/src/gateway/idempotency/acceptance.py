"""What one accepted request writes to the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from cift_shared.errors import InvalidCommand
from cift_shared.messaging.envelope import OutgoingMessage
from gateway.problems.problem import Problem

KEY_LIFETIME = timedelta(days=30)
Refusals = Mapping[str, Problem | InvalidCommand]
"""The error that the API returns for each SQLSTATE (class CF) with which the database refuses."""

_LEDGER_FUNCTION = """judged as materialized (
    select array_agg(n order by n) as places, ledger.accept_each(
        '{name}', array_agg(resource order by n), array_agg(refusals order by n)) as outcomes
    from fresh having count(*) > 0
),
decided as materialized (
    select one.n, one.outcome from judged, unnest(places, outcomes) as one (n, outcome)
)"""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything that one acceptance writes, in one statement with those beside it."""

    resource_id: UUID
    """The id of the accepted resource: a payment, a conversion, a saved method."""
    write: str
    """The part of `sql/accept.sql` that writes the resource; it ends in the CTE `decided`."""
    row: dict[str, Any]
    """The data of the resource, as that part expects it (`resource`)."""
    message: OutgoingMessage | None
    """The command for the worker, if there is one."""
    reply: dict[str, Any]
    """The data of the response."""
    location: str
    """The URL path of the resource."""
    status: int = 202
    """The HTTP status of the response."""
    refusals: Refusals = field(default_factory=dict)
    """The refusals that the database can return."""


def ledger_function(name: str) -> str:
    """The part of the statement that calls a function of the ledger to accept each request.

    Args:
        name: `accept_payment`, `accept_refund` or `convert`.
    """
    return _LEDGER_FUNCTION.replace("{name}", name)
