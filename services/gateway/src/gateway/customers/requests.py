"""Query parameters of balances and statements."""

from uuid import UUID

from gateway.http.fields import (
    CurrencyCode,
    Moment,
)
from gateway.http.query import PageQuery, Query


class BalancesQuery(Query):
    """When to look at the balances."""

    as_of: Moment | None = None
    """What was booked until then; now by default."""


class StatementQuery(PageQuery):
    """Which entries of a customer's accounts to list, newest first."""

    currency: CurrencyCode | None = None
    """Entries in this currency; of all currencies without it."""
    payment_id: UUID | None = None
    """Entries of this payment."""
    as_of: Moment | None = None
    """Nothing booked later than this."""
