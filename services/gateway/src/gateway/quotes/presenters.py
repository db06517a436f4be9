"""Convert prices to response bodies; pure."""

from gateway.quotes.pricing import Ask, Quote
from gateway.quotes.responses import PinnedQuoteOut, QuoteOut
from gateway.quotes.service import PinnedQuote


def quote_out(ask: Ask, price: Quote) -> QuoteOut:
    """A price by the price list."""
    return QuoteOut(
        type=ask.type,
        method=ask.rail.method,
        rail=ask.rail.name,
        amount=price.amount.text,
        currency=price.amount.currency,
        fee=price.fee.text,
        net=price.net.text,
        estimated_arrival=price.estimated_arrival,
    )


def pinned_quote_out(ask: Ask, pinned: PinnedQuote, *, livemode: bool) -> PinnedQuoteOut:
    """A quote with its id and its expiry time."""
    price = pinned.price
    return PinnedQuoteOut.model_validate(
        {
            "id": pinned.quote_id,
            "type": ask.type,
            "method": ask.rail.method,
            "rail": ask.rail.name,
            "amount": price.amount.text,
            "currency": price.amount.currency,
            "fee": price.fee.text,
            "network_fee": price.network_fee.text,
            "net": price.net.text,
            "fee_bearer": price.bearer,
            "rate": price.pricing["rate"],
            "estimated_arrival": price.estimated_arrival,
            "livemode": livemode,
            "created_at": pinned.created_at,
            "expires_at": pinned.expires_at,
        }
    )
