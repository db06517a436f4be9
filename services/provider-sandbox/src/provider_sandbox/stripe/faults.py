"""The answers of Stripe, and of the proxies in front of it, for faults that answer.

Source: docs.stripe.com/rate-limits, docs.stripe.com/error-low-level. The proxies answer with HTML.
"""

from provider_sandbox.faults import Fault, Kind
from provider_sandbox.stripe.errors import StripeError, server_error
from provider_sandbox.twin import FaultAnswer

_PAGES = {
    Kind.HTML_500: (500, "Internal Server Error"),
    Kind.HTML_502: (502, "Bad Gateway"),
    Kind.HTML_502_AFTER_EFFECT: (502, "Bad Gateway"),
    Kind.HTML_503: (503, "Service Unavailable"),
}


def fault_answer(fault: Fault) -> FaultAnswer:
    """The answer of a fault, which replaces the operation's own answer."""
    if fault.kind in _PAGES:
        status, title = _PAGES[fault.kind]
        page = f"<html><head><title>{status} {title}</title></head><body>{title}</body></html>"
        return FaultAnswer(status, "text/html", page.encode())
    if fault.kind is Kind.PLAIN_UPSTREAM_ERROR:
        return FaultAnswer(503, "text/plain", b"upstream connect error or disconnect/reset")
    error = _error(fault.kind)
    return FaultAnswer(error.status, "application/json", error.body(), error.headers)


def _error(kind: Kind) -> StripeError:
    match kind:
        case Kind.INTERNAL_ERROR:
            return server_error(saved=False)
        case Kind.MAINTENANCE:
            return StripeError(503, "Stripe is down for maintenance.", kind="api_error")
        case Kind.TOKEN_INVALID:
            return StripeError(401, "Invalid API Key provided.")
        case _:
            headers = {"Stripe-Should-Retry": "true"} if kind is Kind.RATE_LIMIT_RETRY else {}
            return StripeError(
                429,
                "Request rate limit exceeded. Learn more about rate limits here "
                "https://docs.stripe.com/rate-limits.",
                code="rate_limit",
                headers=headers,
            )
