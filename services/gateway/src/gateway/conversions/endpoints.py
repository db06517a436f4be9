"""Endpoints of conversions: exchange a customer's money from one currency to another."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.conversions.commands import CREATED
from gateway.conversions.presenters import conversion_out, conversion_reply
from gateway.conversions.requests import ConversionIn
from gateway.conversions.responses import ConversionOut
from gateway.conversions.service import Conversions
from gateway.http.api_route import KEYED, MONEY_HEADERS, ApiRoute, Known, needs, refusals
from gateway.http.fields import CustomerPath
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.parts import part
from gateway.idempotency.answers import stored_answer
from gateway.idempotency.header import request_key
from gateway.idempotency.service import Accepted, Decision
from gateway.problems.problem import Problem

TheConversions = Annotated[Conversions, part(Conversions)]
Ids = Annotated[OpaqueIds, part(OpaqueIds)]

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["conversions"])

_REFUSALS = (
    *KEYED,
    "amount_invalid",
    "amount_out_of_limits",
    "currency_unknown",
    "conversion_same_currency",
    "insufficient_funds",
    "rate_unavailable",
    "not_found",
)
CONVERT_ROUTE = "POST /customers/{customer_id}/conversions"
"""The scope of the idempotency keys of conversions."""
_HEADERS: list[dict[str, Any]] = MONEY_HEADERS[:1]
"""The idempotency key, without `Prefer`: a conversion is complete in its response."""


@router.post(
    "/customers/{customer_id}/conversions",
    status_code=CREATED,
    response_model=ConversionOut,
    responses=refusals(*_REFUSALS, body=True),
    **needs("conversions:write", headers=_HEADERS),
)
async def convert_money(
    customer_id: CustomerPath,
    body: ConversionIn,
    request: Request,
    conversions: TheConversions,
    ids: Ids,
    caller: Known,
) -> Response:
    """Exchange at the current rate minus our spread; the response shows the complete conversion."""
    key = request_key(request, caller, conversions.vault, route=CONVERT_ROUTE)
    return decision_answer(await conversions.convert(customer_id, body, key), ids)


def decision_answer(decision: Decision, ids: OpaqueIds) -> Response:
    """The stored reply."""
    if not isinstance(decision, Accepted):
        return stored_answer(decision, partial(conversion_reply, ids=ids))
    headers = {"Location": decision.acceptance.location}
    shown = conversion_reply(decision.reply, ids)
    return JSONResponse(shown, status_code=CREATED, headers=headers)


@router.get(
    "/customers/{customer_id}/conversions/{conversion_id}",
    responses=refusals("conversion_not_found"),
    **needs("read"),
)
async def show_conversion(
    customer_id: CustomerPath,
    conversion_id: UUID,
    conversions: TheConversions,
    ids: Ids,
    caller: Known,
) -> ConversionOut:
    """One conversion: both amounts, the rate and its source, the transaction."""
    row = await conversions.repository.one(caller, customer_id, conversion_id)
    if row is None:
        raise Problem("conversion_not_found")
    return conversion_out(row, ids)
