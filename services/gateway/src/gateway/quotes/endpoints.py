"""Endpoints of prices: what a payment would cost, and quotes that guarantee a price."""

from typing import Annotated

from fastapi import APIRouter, Query

from cift_shared.errors import InvalidCommand
from cift_shared.rails.registry import rail_for
from gateway.http.api_route import PRICED, ApiRoute, Known, needs, refusals
from gateway.http.parts import part
from gateway.problems.problem import parameter_problem, sentence
from gateway.quotes.presenters import pinned_quote_out, quote_out
from gateway.quotes.pricing import PriceRequest
from gateway.quotes.requests import QuoteIn, QuoteQuery
from gateway.quotes.responses import PinnedQuoteOut, QuoteOut
from gateway.quotes.service import Quotes

TheQuotes = Annotated[Quotes, part(Quotes)]

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["fees"])


@router.get("/fees/quote", responses=refusals(*PRICED), **needs("read"))
async def quote_fee(query: Annotated[QuoteQuery, Query()], quotes: TheQuotes) -> QuoteOut:
    """The fee and net amount of a payment made now, and when it would arrive."""
    try:
        request = _price_request(query)
        return quote_out(request, await quotes.price_now(request))
    except InvalidCommand as error:
        field = error.pointer.removeprefix("/")
        raise parameter_problem(
            error.code, sentence(str(error)), place="query", name=field
        ) from error


@router.post(
    "/quotes",
    status_code=201,
    responses=refusals(*PRICED, body=True),
    **needs("payments:write", "payouts:write"),
)
async def pin_quote(body: QuoteIn, quotes: TheQuotes, caller: Known) -> PinnedQuoteOut:
    """Create a quote: payments of this kind and amount get this price until it expires.

    Send its id as `quote_id` in the payment; changes of the price list do not affect it.
    """
    request = _price_request(body)
    pinned = await quotes.pin(caller, request)
    return pinned_quote_out(request, pinned, livemode=caller.livemode)


def _price_request(body: QuoteIn | QuoteQuery) -> PriceRequest:
    rail = rail_for(body.method, body.type, body.currency, body.country)
    return PriceRequest(body.type, rail, body.amount, body.currency)
