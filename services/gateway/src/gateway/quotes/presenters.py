"""Convert prices to response bodies; pure."""

from gateway.quotes.pricing import PriceRequest, Quote
from gateway.quotes.responses import PinnedQuoteOut, QuoteOut
from gateway.quotes.service import PinnedQuote


def quote_out(request: PriceRequest, price: Quote) -> QuoteOut:
    """A price by the price list."""
    return QuoteOut(
        type=request.type,
        method=request.rail.method,
        rail=request.rail.name,
        amount=price.amount.text,
        currency=price.amount.currency,
        fee=price.fee.text,
        network_fee=price.network_fee.text,
        net=price.net.text,
        estimated_arrival=price.estimated_arrival,
    )


def pinned_quote_out(
    request: PriceRequest, pinned: PinnedQuote, *, livemode: bool
) -> PinnedQuoteOut:
    """A quote with its id and its expiry time."""
    price = pinned.price
    return PinnedQuoteOut.model_validate(
        {
            "id": pinned.quote_id,
            "type": request.type,
            "method": request.rail.method,
            "rail": request.rail.name,
            "amount": price.amount.text,
            "currency": price.amount.currency,
            "fee": price.fee.text,
            "network_fee": price.network_fee.text,
            "net": price.net.text,
            "fee_bearer": price.bearer,
            "rate": price.pricing["rate"],
            "exchange": price.pricing.get("exchange"),
            "estimated_arrival": price.estimated_arrival,
            "livemode": livemode,
            "created_at": pinned.created_at,
            "expires_at": pinned.expires_at,
        }
    )
