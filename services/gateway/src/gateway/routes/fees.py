"""What a payment would cost."""

from typing import Annotated

from fastapi import APIRouter, Query

from cift_shared.errors import InvalidCommand
from gateway.pricing import Ask, quote
from gateway.problems import parameter_problem
from gateway.replies import (
    QuoteOut,
)
from gateway.routing import ApiRoute, Running, needs, refusals
from gateway.schemas import (
    QuoteQuery,
)

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["fees"])


@router.get("/fees/quote", responses=refusals(), **needs("read"))
async def quote_fee(query: Annotated[QuoteQuery, Query()], gateway: Running) -> QuoteOut:
    """The fee and net amount of a payment made now, and when it would arrive."""
    ask = Ask(query.type, query.method, query.amount, query.currency)
    try:
        price = quote(ask, gateway.fees, at=gateway.clock.now())
    except InvalidCommand as error:
        field = error.pointer.removeprefix("/")
        raise parameter_problem(error.code, str(error), place="query", name=field) from error
    return QuoteOut(
        type=query.type,
        method=query.method,
        amount=price.amount.text,
        currency=price.amount.currency,
        fee=price.fee.text,
        net=price.net.text,
        estimated_arrival=price.estimated_arrival,
    )
