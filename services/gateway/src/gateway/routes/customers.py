"""What a customer has, and how it came about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from cift_shared.money import EXPONENTS
from gateway.cursors import entry_cursor, next_link, read_entry_cursor
from gateway.problems import Problem, parameter_problem
from gateway.replies import (
    BalancesOut,
    StatementOut,
)
from gateway.routing import ApiRoute, Known, Running, needs, refusals
from gateway.schemas import (
    CUSTOMER_ID,
    BalancesQuery,
    StatementQuery,
)
from gateway.statements import Row
from gateway.views import balance_out, entry_out

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["customers"])

CustomerPath = Annotated[str, Path(pattern=CUSTOMER_ID)]


@router.get(
    "/customers/{customer_id}/balances", responses=refusals("customer_not_found"), **needs("read")
)
async def show_balances(
    customer_id: CustomerPath,
    query: Annotated[BalancesQuery, Query()],
    gateway: Running,
    caller: Known,
) -> BalancesOut:
    """Posted, held and available, for each currency; as of any moment by when things were booked.

    What was booked later than `as_of` doesn't count, whenever it happened: so the answer for a
    moment in the past stays the same.
    """
    now = gateway.clock.now()
    if query.as_of is None or query.as_of >= now:
        as_of, rows = now, await gateway.books.balances(caller, customer_id)
    else:
        as_of = query.as_of
        rows = await gateway.books.balances_as_of(caller, customer_id, as_of=as_of)
    if not rows:
        raise Problem("customer_not_found")
    return BalancesOut(
        customer_id=customer_id,
        livemode=caller.livemode,
        as_of=as_of,
        balances=[balance_out(row) for row in rows],
    )


@router.get(
    "/customers/{customer_id}/statement", responses=refusals("customer_not_found"), **needs("read")
)
async def show_statement(
    customer_id: CustomerPath,
    query: Annotated[StatementQuery, Query()],
    request: Request,
    response: Response,
    gateway: Running,
    caller: Known,
) -> StatementOut:
    """Entries of the customer's accounts from the newest to the oldest."""
    before = read_entry_cursor(query.after)
    currencies = _currencies(query.currency)
    if not await gateway.books.balances(caller, customer_id):
        raise Problem("customer_not_found")
    rows = await gateway.books.statement(
        caller, customer_id, currencies, as_of=query.as_of, before=before, rows_max=query.limit + 1
    )
    as_of = query.as_of or _seen_until(rows, gateway.clock.now())
    page = rows[: query.limit]
    after = entry_cursor(page[-1]["entry_id"]) if len(rows) > query.limit else None
    if after:
        given = {**dict(request.query_params), "as_of": as_of.isoformat()}
        response.headers["Link"] = next_link(request.url.path, given, after)
    return StatementOut(
        customer_id=customer_id,
        livemode=caller.livemode,
        as_of=as_of,
        data=[entry_out(row) for row in page],
        next_cursor=after,
    )


def _seen_until(rows: Sequence[Row], now: datetime) -> datetime:
    """Now, or when the newest entry was booked: the books' clock may be a little ahead of ours."""
    return max(now, rows[0]["created_at"]) if rows else now


def _currencies(wanted: str | None) -> list[str]:
    if wanted is None:
        return list(EXPONENTS)
    if wanted not in EXPONENTS:
        raise parameter_problem("currency_unknown", "Unknown.", place="query", name="currency")
    return [wanted]
