"""What a payment would cost, and quotes that keep a price for a while."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from cift_shared.errors import InvalidCommand
from gateway.pricing import Ask, quote, quote_row
from gateway.problems import parameter_problem
from gateway.replies import PinnedQuoteOut, QuoteOut
from gateway.routing import ApiRoute, Known, Running, needs, refusals
from gateway.schemas import QuoteIn, QuoteQuery

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


@router.post(
    "/quotes",
    status_code=201,
    responses=refusals("rate_unavailable", body=True),
    **needs("payments:write", "payouts:write"),
)
async def pin_quote(order: QuoteIn, gateway: Running, caller: Known) -> PinnedQuoteOut:
    """A price that payments of this kind and amount have until it expires.

    Name its id as `quote_id` in the payment; the price list may change meanwhile.
    """
    now = gateway.clock.now()
    expires_at = now + timedelta(seconds=gateway.settings.quote_lifetime_s)
    ask = Ask(order.type, order.method, order.amount, order.currency)
    price = quote(ask, gateway.fees, at=now)
    quote_id = gateway.ids.new_id()
    row = quote_row(quote_id, ask, price)
    await gateway.quotes.save(caller, row, now=now, expires_at=expires_at)
    return PinnedQuoteOut.model_validate(
        {
            "id": quote_id,
            "type": ask.type,
            "method": ask.method,
            "amount": price.amount.text,
            "currency": price.amount.currency,
            "fee": price.fee.text,
            "network_fee": price.network_fee.text,
            "net": price.net.text,
            "fee_bearer": price.bearer,
            "rate": price.pricing["rate"],
            "estimated_arrival": price.estimated_arrival,
            "livemode": caller.livemode,
            "created_at": now,
            "expires_at": expires_at,
        }
    )
