"""Webhooks: verify a signature (postback), list stored events, send one again.

Source: developer.paypal.com/docs/api/webhooks/v1. The checksum is over the raw text of
``webhook_event`` as the caller spliced it in, so a re-serialised event does not verify.
"""

import json
from typing import Any
from urllib.parse import urlencode

from provider_sandbox.paypal import certificates, events
from provider_sandbox.paypal.certificates import CERTIFICATE
from provider_sandbox.paypal.errors import PayPalError
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import Call, RequestContext

_NEEDED = (
    "auth_algo",
    "cert_url",
    "transmission_id",
    "transmission_sig",
    "transmission_time",
    "webhook_id",
    "webhook_event",
)
_PAGE, _LARGEST_PAGE = 10, 300
_FILTERS = ("start_time", "end_time", "transaction_id", "event_type")


def verify(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Whether a signature is right: HTTP 200 in both cases.

    The webhook's id needs no check of its own: another one is not what was signed.
    """
    body = call.body
    for name in _NEEDED:
        if name not in body:
            detail = {"field": name, "location": "body", "issue": "Missing required field"}
            raise _invalid(detail)
    right = (
        body["auth_algo"] == certificates.ALGORITHM
        and body["cert_url"] == events.cert_url(context, CERTIFICATE)
        and context.signer.verifies(body["transmission_sig"], _signed(call))
    )
    return 200, {"verification_status": "SUCCESS" if right else "FAILURE"}


def listed(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Stored events, newest first, filtered by time, type and transaction."""
    text = call.query.get("page_size", str(_PAGE))
    if not text.isdigit() or not 1 <= int(text) <= _LARGEST_PAGE:
        raise _invalid({"field": "page_size", "location": "query", "issue": "Value is invalid"})
    size, first = int(text), call.query.get("next", "0")
    start = int(first) if first.isdigit() else 0
    wanted = [row for row in reversed(context.objects.all("event")) if _fits(call, row)]
    shown = wanted[start : start + size]
    path = f"/v1/notifications/webhooks-events?page_size={size}"
    links = [context.link("self", path)]
    if start + size < len(wanted):
        filters = urlencode({name: call.query[name] for name in _FILTERS if name in call.query})
        more = f"{path}&next={start + size}" + (f"&{filters}" if filters else "")
        links.append(context.link("next", more))
    return 200, {"events": [row.body for row in shown], "count": len(shown), "links": links}


def show(context: RequestContext, call: Call) -> tuple[int, Any]:
    """One stored event."""
    return 200, context.find("event", call.path[0], call.operation).body


def resend(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Post a stored event again; HTTP 202."""
    event = context.find("event", call.path[0], call.operation)
    events.resend(context, event)
    return 202, event.body


def _fits(call: Call, event: Record) -> bool:
    asked, body = call.query, event.body
    transaction = asked.get("transaction_id")
    return (
        body["create_time"] >= asked.get("start_time", "")
        and body["create_time"] <= asked.get("end_time", "9999")
        and body["event_type"] == asked.get("event_type", body["event_type"])
        and transaction
        in (None, body["resource"].get("id"), body["resource"].get("transaction_id"))
    )


def _signed(call: Call) -> bytes:
    body = call.body
    raw = member(call.raw.decode("utf-8", "replace"), "webhook_event").encode()
    time, webhook_id = body["transmission_time"], body["webhook_id"]
    return certificates.message(body["transmission_id"], time, webhook_id, raw)


def member(text: str, wanted: str) -> str:
    """The raw text of a member of a JSON object; empty when there is none."""
    decoder = json.JSONDecoder()
    at = text.index("{") + 1
    while True:
        at = _next(text, at, " \t\r\n,")
        if text[at] == "}":
            return ""
        name, at = decoder.raw_decode(text, at)
        at = _next(text, at, " \t\r\n:")
        _, end = decoder.raw_decode(text, at)
        if name == wanted:
            return text[at:end]
        at = end


def _next(text: str, at: int, passed: str) -> int:
    while text[at] in passed:
        at += 1
    return at


def _invalid(detail: dict[str, str]) -> PayPalError:
    message = "Invalid request - see details"
    return PayPalError(400, name="VALIDATION_ERROR", message=message, details=[detail])
