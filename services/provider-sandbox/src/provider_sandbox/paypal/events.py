"""Events: a snapshot of a changed object, stored, and posted to the webhook with a signature.

Source: developer.paypal.com/api/rest/webhooks/rest and /event-names. The transmission time is the
machine's and not the twin's movable clock, because receivers compare it with their own time.
"""

import copy
import secrets
import time
import uuid
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from provider_sandbox.paypal import certificates
from provider_sandbox.paypal.certificates import CERTIFICATE, FORGED_CERTIFICATE
from provider_sandbox.paypal.errors import render
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import RequestContext, written
from provider_sandbox.webhook_sender import CallbackMode, Notice

PROVIDER = "paypal"
_FORGED, _FORGED_ID = "forged.", "forged_id."


def emit(
    context: RequestContext,
    kind: str,
    resource_type: str,
    resource: Mapping[str, Any],
    summary: str,
) -> Record:
    """Store an event and schedule its posting, in the caller's transaction.

    Args:
        context: shared parts.
        kind: the event type, such as ``PAYMENT.CAPTURE.COMPLETED``.
        resource_type: such as ``capture``.
        resource: the object, in its current state.
        summary: a sentence about it.
    """
    name = context.ids.event()
    body = {
        "id": name,
        "event_version": "1.0",
        "create_time": context.time(),
        "resource_type": resource_type,
        "resource_version": "2.0",
        "event_type": kind,
        "summary": summary,
        "resource": copy.deepcopy(dict(resource)),
        "links": [
            context.link("self", f"/v1/notifications/webhooks-events/{name}"),
            context.link("resend", f"/v1/notifications/webhooks-events/{name}/resend", "POST"),
        ],
    }
    event = Record(name, "event", body, {"delivered": False, "failures": 0})
    context.objects.add(event)
    settings = context.twin.settings
    patterns = settings.paypal_webhook_events
    if settings.paypal_webhook_url and any(fnmatchcase(kind, row) for row in patterns):
        _send(context, event)
    return event


def _send(context: RequestContext, event: Record) -> None:
    twin, body = context.twin, event.body
    named = leaves(body["resource"])
    mode = twin.faults.take_callback_mode(f"paypal.event.{body['event_type']}", named)
    usual_s = twin.settings.callback_lag_s
    if mode in (CallbackMode.FORGED, CallbackMode.FORGED_ID):
        forged = _notice(context, _forged(event.body, mode), mark=_MARKS[mode])
        twin.webhook_sender.send(forged, CallbackMode.ONCE, usual_s=usual_s / 2)
    if mode is CallbackMode.BEFORE_ANSWER and context.call is None:
        mode, usual_s = CallbackMode.ONCE, 0
    held = twin.webhook_sender.send(
        _notice(context, body), mode or CallbackMode.ONCE, usual_s=usual_s
    )
    if context.call is not None:
        context.call.held += held


_MARKS = {CallbackMode.FORGED: _FORGED, CallbackMode.FORGED_ID: _FORGED_ID}


def _notice(context: RequestContext, body: dict[str, Any], *, mark: str = "") -> Notice:
    return Notice(
        provider=PROVIDER,
        kind=mark + body["event_type"],
        about=body["id"],
        url=context.twin.settings.paypal_webhook_url,
        body=render(body).decode(),
        headers={
            "Content-Type": "application/json",
            "User-Agent": "PayPal/AUHD-214.0-58866383",
            "Accept": "*/*",
        },
    )


def _forged(body: dict[str, Any], mode: CallbackMode) -> dict[str, Any]:
    """A forged event: a larger amount with the true ids, or other ids."""
    made = copy.deepcopy(body)
    made["id"] = f"{body['id']}F"
    resource = made["resource"]
    if mode is CallbackMode.FORGED_ID and "id" in resource:
        resource["id"] = f"{resource['id'][:-1]}F"
    elif "value" in resource.get("amount", {}):
        resource["amount"]["value"] = "999999.00"
    return made


def leaves(body: Any) -> dict[str, str]:
    """The fields that a fault may match, by their own name; the first of a name counts."""
    made: dict[str, str] = {}
    parts = body.items() if isinstance(body, dict) else enumerate(body)
    for name, value in parts:
        if isinstance(value, (dict, list)):
            made = leaves(value) | made
        else:
            made[str(name)] = str(value)
    return made


class Post:
    """Signs each posting, and schedules the next try after a failed one."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def sign(self, kind: str, body: str) -> dict[str, str]:
        """The five headers of a transmission.

        A forged one is signed with another key: with its own certificate, which a receiver refuses
        only by the chain, or under the name of the true one.
        """
        shown = FORGED_CERTIFICATE if kind.startswith(_FORGED) else CERTIFICATE
        forged = kind.startswith((_FORGED, _FORGED_ID))
        return transmission(
            self._context,
            body.encode(),
            key=FORGED_CERTIFICATE if forged else CERTIFICATE,
            shown=shown,
        )

    def ended(self, callback: int, *, delivered: bool) -> None:
        """Store a successful delivery, or schedule the next try."""
        twin = self._context.twin
        row = twin.store.one("SELECT about FROM callbacks WHERE id = ?", (callback,))
        event = None if row is None else self._context.objects.get("event", row["about"])
        if event is None:
            return  # forged
        retries, failures = twin.settings.paypal_webhook_retries_s, event.hidden["failures"]
        if delivered:
            event.hidden["delivered"] = True
        elif not event.hidden["delivered"]:
            event.hidden["failures"] = failures + 1
            if failures < len(retries):
                notice = _notice(self._context, event.body)
                twin.webhook_sender.send(notice, CallbackMode.ONCE, usual_s=retries[failures])
        self._context.objects.save(event)


def transmission(context: RequestContext, body: bytes, *, key: str, shown: str) -> dict[str, str]:
    """The headers of a new transmission of a body.

    Args:
        context: shared parts.
        body: the raw body.
        key: the certificate whose key signs.
        shown: the certificate in the header.
    """
    transmission_id = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    at = written(time.time())
    webhook_id = context.twin.settings.paypal_webhook_id
    text = certificates.message(transmission_id, at, webhook_id, body)
    return {
        "PAYPAL-TRANSMISSION-ID": transmission_id,
        "PAYPAL-TRANSMISSION-TIME": at,
        "PAYPAL-TRANSMISSION-SIG": context.signer.sign(key, text),
        "PAYPAL-CERT-URL": cert_url(context, shown),
        "PAYPAL-AUTH-ALGO": certificates.ALGORITHM,
    }


def cert_url(context: RequestContext, name: str) -> str:
    """The address of a certificate."""
    return f"{context.base()}/v1/notifications/certs/{name}"


def resend(context: RequestContext, event: Record) -> None:
    """Post an event once more."""
    context.twin.webhook_sender.send(_notice(context, event.body), CallbackMode.ONCE, usual_s=0)
