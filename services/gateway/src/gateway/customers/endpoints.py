"""Endpoints of customers: balances and statements."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.customers.presenters import balance_out, entry_out
from gateway.customers.requests import BalancesQuery, StatementQuery
from gateway.customers.responses import CustomerBalancesOut, StatementOut
from gateway.customers.service import Customers
from gateway.http.api_route import ApiRoute, Known, needs, refusals
from gateway.http.fields import CustomerPath
from gateway.http.parts import part

TheCustomers = Annotated[Customers, part(Customers)]

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["customers"])


@router.get(
    "/customers/{customer_id}/balances", responses=refusals("customer_not_found"), **needs("read")
)
async def show_balances(
    customer_id: CustomerPath,
    query: Annotated[BalancesQuery, Query()],
    customers: TheCustomers,
    caller: Known,
) -> CustomerBalancesOut:
    """Posted, held and available balance of each currency, now or at an earlier time (`as_of`).

    Entries booked after `as_of` do not count, even if their cause happened before it. So the
    response for a time in the past never changes.
    """
    as_of, rows = await customers.balances(caller, customer_id, query.as_of)
    return CustomerBalancesOut(
        customer_id=customer_id,
        livemode=caller.livemode,
        as_of=as_of,
        balances=[balance_out(row) for row in rows],
    )


@router.get(
    "/customers/{customer_id}/statement",
    responses=refusals("customer_not_found", "currency_unknown"),
    **needs("read"),
)
async def show_statement(
    customer_id: CustomerPath,
    query: Annotated[StatementQuery, Query()],
    request: Request,
    response: Response,
    customers: TheCustomers,
    caller: Known,
) -> StatementOut:
    """Entries of the customer's accounts from the newest to the oldest."""
    as_of, page = await customers.statement(caller, customer_id, query)
    page.link(request, response, as_of=as_of.isoformat())
    return StatementOut(
        customer_id=customer_id,
        livemode=caller.livemode,
        as_of=as_of,
        data=[entry_out(row, customers.ids) for row in page.rows],
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )
