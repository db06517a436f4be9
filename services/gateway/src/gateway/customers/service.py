"""Customers: their balances at any moment, and the entries of their accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cift_shared.clock import Clock
from cift_shared.money.amount import EXPONENTS, known_instead
from gateway.auth.authenticator import Caller
from gateway.customers.repository import CustomerRepository
from gateway.customers.requests import StatementQuery
from gateway.database.queries import Row
from gateway.http.cursors import read_entry_cursor
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.paging import Page, page_of, window
from gateway.problems.problem import Problem, parameter_problem, sentence


@dataclass(slots=True, eq=False)
class Customers:
    """The balances of customers, and the entries of their accounts."""

    repository: CustomerRepository
    ids: OpaqueIds
    clock: Clock

    async def balances(
        self, caller: Caller, customer_id: str, as_of: datetime | None
    ) -> tuple[datetime, Sequence[Row]]:
        """The balances at a moment (now when `as_of` is None); returns the moment as well.

        Raises:
            Problem: customer_not_found.
        """
        now = self.clock.now()
        if as_of is None or as_of >= now:
            as_of, rows = now, await self.repository.balances(caller, customer_id)
        else:
            rows = await self.repository.balances_as_of(caller, customer_id, as_of=as_of)
        if not rows:
            raise Problem("customer_not_found")
        return as_of, rows

    async def statement(
        self, caller: Caller, customer_id: str, query: StatementQuery
    ) -> tuple[datetime, Page]:
        """A page of entries, and the moment (`as_of`) that requests for the next pages must have.

        Raises:
            Problem: customer_not_found, currency_unknown, or a cursor of another list.
        """
        requested = window(query, lambda text, name: read_entry_cursor(text, self.ids, name))
        currencies = _currencies(query.currency)
        if not await self.repository.balances(caller, customer_id):
            raise Problem("customer_not_found")
        found = await self.repository.statement(caller, customer_id, currencies, query, requested)
        page = page_of(found, requested, lambda row: self.ids.of("entry", row["entry_id"]))
        return query.as_of or _seen_until(page.rows, self.clock.now()), page


def _seen_until(rows: Sequence[Row], now: datetime) -> datetime:
    """Now, or the booking time of the newest entry if the database's clock is ahead of ours."""
    return max(now, rows[0]["created_at"]) if rows else now


def _currencies(wanted: str | None) -> list[str]:
    if wanted is None:
        return list(EXPONENTS)
    if wanted not in EXPONENTS:
        detail = sentence(known_instead(wanted))
        raise parameter_problem("currency_unknown", detail, place="query", name="currency")
    return [wanted]
