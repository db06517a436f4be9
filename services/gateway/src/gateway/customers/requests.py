"""Query parameters of balances and statements."""

from uuid import UUID

from gateway.http.fields import (
    CurrencyCode,
    Moment,
)
from gateway.http.query import PageQuery, Query


class BalancesQuery(Query):
    """The time of the balances."""

    as_of: Moment | None = None
    """Balances by what was booked up to this time; default: now."""


class StatementQuery(PageQuery):
    """Which entries of a customer's accounts to list, newest first."""

    currency: CurrencyCode | None = None
    """Entries in this currency; of all currencies without it."""
    payment_id: UUID | None = None
    """Entries of this payment."""
    as_of: Moment | None = None
    """Only entries booked up to this time."""
