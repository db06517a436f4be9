"""The answers of PayPal, and of the proxies in front of it, for faults that answer.

Source: developer.paypal.com/api/rest/responses and /reference/rate-limiting.
"""

from provider_sandbox.faults import Fault, Kind
from provider_sandbox.paypal.errors import PayPalError, render
from provider_sandbox.paypal.oauth import invalid_token
from provider_sandbox.twin import FaultAnswer, Twin

_PAGES = {
    Kind.HTML_500: (500, "Internal Server Error"),
    Kind.HTML_502: (502, "Bad Gateway"),
    Kind.HTML_502_AFTER_EFFECT: (502, "Bad Gateway"),
    Kind.HTML_503: (503, "Service Unavailable"),
}
DEBUG_ID = "f000000000000"


def fault_answer(twin: Twin, fault: Fault) -> FaultAnswer:
    """The answer of a fault, which replaces the operation's own answer."""
    if fault.kind in _PAGES:
        status, title = _PAGES[fault.kind]
        page = f"<html><head><title>{status} {title}</title></head><body>{title}</body></html>"
        return FaultAnswer(status, "text/html", page.encode())
    if fault.kind is Kind.PLAIN_UPSTREAM_ERROR:
        return FaultAnswer(503, "text/plain", b"upstream connect error or disconnect/reset")
    error = _error(twin, fault.kind)
    body = render(error.body(DEBUG_ID))
    return FaultAnswer(error.status, "application/json", body, {"Paypal-Debug-Id": DEBUG_ID})


def _error(twin: Twin, kind: Kind) -> PayPalError:
    match kind:
        case Kind.INTERNAL_ERROR:
            return PayPalError(500)
        case Kind.MAINTENANCE:
            return PayPalError(503)
        case Kind.TOKEN_INVALID:
            return invalid_token(twin)
        case _:
            return PayPalError(
                429,
                name="RATE_LIMIT_REACHED",
                message="Too many requests. Blocked due to rate limiting.",
            )
