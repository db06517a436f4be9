"""Events: a snapshot of a changed object, stored, and posted to the endpoint with a signature.

Source: docs.stripe.com/webhooks, "Verify webhook signatures manually": ``t`` and one ``v1`` for
each secret, HMAC-SHA256 over ``t`` + "." + body. The signature uses the machine's time and not the
twin's movable clock, because receivers compare it with their own time.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from provider_sandbox.settings import Settings
from provider_sandbox.stripe.errors import render
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext, snapshot
from provider_sandbox.twin import Twin
from provider_sandbox.webhook_sender import CallbackMode, Notice

PROVIDER = "stripe"
_FORGED = "forged."


def emit(
    context: RequestContext, kind: str, about: Record, previous: Mapping[str, Any] | None = None
) -> Record:
    """Store an event about an object and schedule its posting, in the caller's transaction.

    Args:
        context: shared parts.
        kind: the event type, such as ``payment_intent.succeeded``.
        about: the object; the event contains a copy of its current state.
        previous: the old values of changed fields, for events of updates.
    """
    settings = context.twin.settings
    subscribed = _is_subscribed(settings, kind)
    data: dict[str, Any] = {"object": snapshot(about)}
    if previous is not None:
        data["previous_attributes"] = dict(previous)
    event = Record(
        {
            "id": context.ids.make("evt"),
            "object": "event",
            "api_version": settings.stripe_api_version,
            "created": context.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": 1 if subscribed else 0,
            "request": _request(context),
            "type": kind,
        },
        {"delivered": not subscribed, "failures": 0},
    )
    context.objects.add(event)
    if subscribed:
        _send(context, event)
    return event


def _is_subscribed(settings: Settings, kind: str) -> bool:
    patterns = settings.stripe_webhook_events
    return bool(settings.stripe_webhook_url) and any(fnmatchcase(kind, row) for row in patterns)


def _request(context: RequestContext) -> dict[str, Any]:
    if context.call is None:
        return {"id": None, "idempotency_key": None}
    return {"id": context.call.request_id, "idempotency_key": context.call.idempotency_key}


def _send(context: RequestContext, event: Record) -> None:
    twin, body = context.twin, event.body
    named = fields(body["data"]["object"])
    mode = twin.faults.take_callback_mode(f"stripe.event.{body['type']}", named)
    usual_s = twin.settings.callback_lag_s
    if mode in (CallbackMode.FORGED, CallbackMode.FORGED_ID):
        forged = _notice(twin.settings, _forged(event, mode), forged=True)
        twin.webhook_sender.send(forged, CallbackMode.ONCE, usual_s=usual_s / 2)
    if mode is CallbackMode.BEFORE_ANSWER and context.call is None:
        mode, usual_s = CallbackMode.ONCE, 0
    notice = _notice(twin.settings, body)
    early_callbacks = twin.webhook_sender.send(notice, mode or CallbackMode.ONCE, usual_s=usual_s)
    if context.call is not None:
        context.call.early_callbacks += early_callbacks


def _notice(settings: Settings, body: dict[str, Any], *, forged: bool = False) -> Notice:
    return Notice(
        provider=PROVIDER,
        kind=(_FORGED if forged else "") + body["type"],
        about=body["id"],
        url=settings.stripe_webhook_url,
        body=render(body).decode(),
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://docs.stripe.com/webhooks)",
            "Accept": "*/*; q=0.5, application/xml",
            "Cache-Control": "no-cache",
        },
    )


def _forged(event: Record, mode: CallbackMode) -> dict[str, Any]:
    """The body of a forged event, as an attacker with a guessed secret would send it."""
    body = snapshot(event)
    body["id"] = f"{event.id}forged"
    about = body["data"]["object"]
    if mode is CallbackMode.FORGED_ID:
        about["id"] = f"{about['id']}forged"
    elif "amount" in about:
        about["amount"] += 1_000_000
    return body


def fields(body: Mapping[str, Any]) -> dict[str, str]:
    """The fields that a fault may match: ``id``, ``payment_intent``, ``metadata[a]`` and so on."""
    plain = {name: str(value) for name, value in body.items() if isinstance(value, (str, int))}
    metadata = body.get("metadata") or {}
    return plain | {f"metadata[{name}]": value for name, value in metadata.items()}


def signature(secrets: list[str], body: str, at: int) -> str:
    """The value of ``Stripe-Signature``."""
    signed = f"{at}.{body}".encode()
    digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests)])


class SignedDelivery:
    """Signs each posting, and schedules the next try after a failed one."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def sign(self, kind: str, body: str) -> dict[str, str]:
        """The signature header, with one signature for each current secret."""
        if kind.startswith(_FORGED):
            secrets = ["whsec_guessed"]
        else:
            secrets = _secrets(self._context.twin.settings)
        return {"Stripe-Signature": signature(secrets, body, int(time.time()))}

    def ended(self, callback: int, *, delivered: bool) -> None:
        """Store a successful delivery, or schedule the next try."""
        twin = self._context.twin
        row = twin.store.one("SELECT kind, about FROM callbacks WHERE id = ?", (callback,))
        event = None if row is None else self._context.objects.get(row["about"])
        if event is None:
            return  # forged
        if delivered:
            event.hidden["delivered"] = True
            event.body["pending_webhooks"] = 0
        elif not event.hidden["delivered"]:
            self._schedule_retry(twin, event)
        self._context.objects.save(event)

    def _schedule_retry(self, twin: Twin, event: Record) -> None:
        retries = twin.settings.stripe_webhook_retries_s
        failures = event.hidden["failures"]
        event.hidden["failures"] = failures + 1
        if failures < len(retries):
            notice = _notice(twin.settings, event.body)
            twin.webhook_sender.send(notice, CallbackMode.ONCE, usual_s=retries[failures])


def resend(context: RequestContext, event: Record) -> None:
    """Post an event once more, as the dashboard's button does."""
    notice = _notice(context.twin.settings, event.body)
    context.twin.webhook_sender.send(notice, CallbackMode.ONCE, usual_s=0)


def _secrets(settings: Settings) -> list[str]:
    secrets = (settings.stripe_webhook_secret, settings.stripe_webhook_old_secret)
    return [secret.get_secret_value() for secret in secrets if secret is not None]
