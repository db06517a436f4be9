"""Conversions: a customer's money from one currency to another."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from gateway.conversions import (
    CREATED,
    conversion_acceptance,
    conversion_out,
    conversion_reply,
    exchange,
    wanted_amount,
)
from gateway.once import convert, replay, request_key
from gateway.problems import Problem
from gateway.replies import ConversionOut
from gateway.routes.customers import CustomerPath
from gateway.routing import MONEY_HEADERS, ApiRoute, Known, Running, needs, refusals
from gateway.schemas import ConversionIn

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["conversions"])

_REFUSALS = (
    "idempotency_key_missing",
    "idempotency_key_in_flight",
    "insufficient_funds",
    "rate_unavailable",
    "not_found",
)
_HEADERS: list[dict[str, Any]] = MONEY_HEADERS[:1]
"""The idempotency key; there is nothing to wait for."""


@router.post(
    "/customers/{customer_id}/conversions",
    status_code=CREATED,
    response_model=ConversionOut,
    responses=refusals(*_REFUSALS, body=True),
    **needs("conversions:write", headers=_HEADERS),
)
async def convert_money(
    customer_id: CustomerPath,
    order: ConversionIn,
    request: Request,
    gateway: Running,
    caller: Known,
) -> Response:
    """Exchange at the rate in force, less our spread; done when it is answered."""
    route = "POST /customers/{customer_id}/conversions"
    key = request_key(request, caller, gateway, route=route)
    if answer := await replay(gateway, key, shape=conversion_reply):
        return answer
    now = gateway.clock.now()
    spread_bps = gateway.settings.conversion_spread_bps
    amount = wanted_amount(order)
    deal = exchange(amount, order.to_currency, gateway.rates, spread_bps=spread_bps, at=now)
    conversion_id = gateway.ids.new_id()
    acceptance = conversion_acceptance(deal, conversion_id, customer_id, caller, now)
    return await convert(gateway, key, acceptance)


@router.get(
    "/customers/{customer_id}/conversions/{conversion_id}",
    responses=refusals("conversion_not_found"),
    **needs("read"),
)
async def show_conversion(
    customer_id: CustomerPath, conversion_id: UUID, gateway: Running, caller: Known
) -> ConversionOut:
    """One conversion: both amounts, the rate and who said so, its transaction."""
    row = await gateway.books.conversion(caller, customer_id, conversion_id)
    if row is None:
        raise Problem("conversion_not_found")
    return conversion_out(row)
