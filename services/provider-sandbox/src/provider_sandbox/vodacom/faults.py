"""The operations of the Vodacom twin, and its answers for faults that answer."""

from collections.abc import Mapping

from provider_sandbox.faults import Fault, Kind
from provider_sandbox.settings import Settings
from provider_sandbox.twin import FaultAnswer, Operation
from provider_sandbox.vodacom.errors import Refused
from provider_sandbox.vodacom.routes import PREFIX, session_refusal

_KEY = "input_ThirdPartyConversationID"

OPERATIONS: Mapping[str, Operation] = {
    f"{PREFIX}/getSession/": Operation("vodacom.session"),
    f"{PREFIX}/c2bPayment/singleStage/": Operation("vodacom.c2b", reference=_KEY),
    f"{PREFIX}/b2cPayment/": Operation("vodacom.b2c", reference=_KEY),
    f"{PREFIX}/b2cPayment/singleStage/": Operation("vodacom.b2c", reference=_KEY),
    f"{PREFIX}/reversal/": Operation("vodacom.reversal", reference=_KEY),
    f"{PREFIX}/queryTransactionStatus/": Operation("vodacom.query"),
}
"""Every route, with the name that faults and the request log use."""

_PAGES = {
    Kind.HTML_500: (500, "Internal Server Error"),
    Kind.HTML_502: (502, "Bad Gateway"),
    Kind.HTML_502_AFTER_EFFECT: (502, "Bad Gateway"),
    Kind.HTML_503: (503, "Service Unavailable"),
    Kind.HTTP_429: (429, "Too Many Requests"),
}
_CODES = {
    Kind.SPIKE_ARREST: "INS-16",
    Kind.SYSTEM_BUSY: "INS-16",
    Kind.QUOTA: "INS-993",
    Kind.INTERNAL_ERROR: "INS-1",
    Kind.MAINTENANCE: "INS-16",
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
        status, body = session_refusal(fault.error_code or settings.vodacom_session_error)
        return FaultAnswer(status, "application/json", body)
    refused = Refused(_CODES.get(fault.kind, "INS-1"))
    return FaultAnswer(refused.status, "application/json", refused.body())
