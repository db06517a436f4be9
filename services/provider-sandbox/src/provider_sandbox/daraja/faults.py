"""The answers of Daraja, and of the proxies in front of it, for faults that answer.

Source: Daraja documentation, common error codes; pages of proxies as seen in production.
"""

from collections.abc import Mapping

from provider_sandbox.daraja.errors import DarajaError
from provider_sandbox.daraja.oauth import token_error
from provider_sandbox.faults import Fault, Kind
from provider_sandbox.settings import Settings
from provider_sandbox.twin import FaultAnswer, Operation

OPERATIONS: Mapping[str, Operation] = {
    "/oauth/v1/generate": Operation("daraja.oauth"),
    "/mpesa/stkpush/v1/processrequest": Operation(
        "daraja.stk", reference="AccountReference", callback="CallBackURL"
    ),
    "/mpesa/stkpushquery/v1/query": Operation("daraja.stk_query"),
    "/mpesa/b2c/v3/paymentrequest": Operation(
        "daraja.b2c", reference="OriginatorConversationID", callback="ResultURL"
    ),
    "/mpesa/transactionstatus/v1/query": Operation("daraja.status"),
    "/mpesa/reversal/v1/request": Operation(
        "daraja.reversal", reference="TransactionID", callback="ResultURL"
    ),
    "/mpesa/accountbalance/v1/query": Operation("daraja.balance"),
    "/pulltransactions/v1/register": Operation("daraja.pull_register"),
    "/pulltransactions/v1/query": Operation("daraja.pull"),
    "/mpesa/c2b/v1/registerurl": Operation("daraja.c2b_register"),
    "/mpesa/c2b/v2/registerurl": Operation("daraja.c2b_register"),
}
"""Every route, with the name that faults and the request log use."""

_PAGES = {
    Kind.HTML_500: (500, "Internal Server Error"),
    Kind.HTML_502: (502, "Bad Gateway"),
    Kind.HTML_502_AFTER_EFFECT: (502, "Bad Gateway"),
    Kind.HTML_503: (503, "Service Unavailable"),
    Kind.HTTP_429: (429, "Too Many Requests"),
}

_ERRORS = {
    Kind.SPIKE_ARREST: (
        500,
        "500.003.02",
        "Error Occurred: Spike Arrest Violation",
    ),
    Kind.SYSTEM_BUSY: (500, "500.003.02", "System is busy. Please try again in few minutes."),
    Kind.QUOTA: (500, "500.003.03", "Error Occurred: Quota Violation"),
    Kind.INTERNAL_ERROR: (500, "500.003.1001", "Internal Server Error"),
    Kind.MAINTENANCE: (503, "00.002.1001", "The service is under maintenance"),
}


def fault_answer(fault: Fault, settings: Settings) -> FaultAnswer:
    """The answer of a fault, which replaces the operation's own answer."""
    if fault.kind in _PAGES:
        status, title = _PAGES[fault.kind]
        page = f"<html><head><title>{status} {title}</title></head><body>{title}</body></html>"
        return FaultAnswer(status, "text/html", page.encode())
    if fault.kind is Kind.PLAIN_UPSTREAM_ERROR:
        text = b"upstream connect error or disconnect/reset before headers. reset reason: overflow"
        return FaultAnswer(503, "text/plain", text)
    if fault.kind is Kind.TOKEN_INVALID:
        error = token_error(fault.error_code or settings.token_error)
    else:
        error = DarajaError(*_ERRORS[fault.kind])
    return FaultAnswer(error.status, "application/json", error.body())
