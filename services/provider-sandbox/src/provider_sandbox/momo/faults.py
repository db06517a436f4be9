"""The answers of MTN, and of the servers in front of it, for faults that answer."""

import json

from provider_sandbox.faults import Fault, Kind
from provider_sandbox.momo.errors import page
from provider_sandbox.twin import FaultAnswer

_PAGES = {
    Kind.HTML_500: (500, "Internal Server Error"),
    Kind.HTML_502: (502, "Bad Gateway"),
    Kind.HTML_502_AFTER_EFFECT: (502, "Bad Gateway"),
    Kind.HTML_503: (503, "Service Unavailable"),
}
_DOCUMENTS = {
    Kind.INTERNAL_ERROR: (500, {"code": "INTERNAL_PROCESSING_ERROR", "message": "Try again."}),
    Kind.SYSTEM_BUSY: (503, {"code": "SERVICE_UNAVAILABLE", "message": "Try again later."}),
    Kind.MAINTENANCE: (503, {"code": "SERVICE_UNAVAILABLE", "message": "Maintenance."}),
    Kind.TOKEN_INVALID: (401, {"statusCode": 401, "message": "Unauthorized."}),
    Kind.HTTP_429: (429, {"statusCode": 429, "message": "Rate limit is exceeded."}),
}


def fault_answer(fault: Fault) -> FaultAnswer:
    """The answer of a fault, which replaces the operation's own answer."""
    if fault.kind in _PAGES:
        return FaultAnswer(_PAGES[fault.kind][0], "text/html", page(*_PAGES[fault.kind]).body)
    if fault.kind in _DOCUMENTS:
        status, document = _DOCUMENTS[fault.kind]
        return FaultAnswer(status, "application/json", json.dumps(document).encode())
    return FaultAnswer(503, "text/plain", b"upstream connect error or disconnect/reset")
