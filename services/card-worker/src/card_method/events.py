"""What is read of a Stripe event: enough to keep it once and in order, nothing more."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cift_shared.rails.webhooks import WebhookRefused

_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_THIN = "v2.core.event"


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """A snapshot event."""

    event_id: str
    type: str
    subject: str
    """Id of the payment intent, else of the object; events of one subject keep their order."""


def read_event(body: bytes, *, livemode: bool) -> StripeEvent:
    """Read a verified body.

    Raises:
        WebhookRefused: not UTF-8, not JSON, not a snapshot event with an id, or one of
            the other mode.
    """
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _invalid("The body is not JSON in UTF-8.") from error
    if not isinstance(event, Mapping):
        raise _invalid("The body is not an event.")
    if event.get("object") == _THIN:
        raise _invalid("Thin events are not read: let the endpoint receive snapshot events.")
    event_id, kind, found = event.get("id"), event.get("type"), _subject(event.get("data"))
    if not (_is_id(event_id) and isinstance(kind, str) and found):
        raise _invalid("The event has no id, no type or no object with an id.")
    if not isinstance(event.get("livemode"), bool):
        raise _invalid("The event has no field that shows whether it is live.")
    if event["livemode"] is not livemode:
        raise WebhookRefused(
            "webhook_mode_mismatch", "This endpoint accepts only events of the other mode."
        )
    return StripeEvent(str(event_id), kind[:100], found)


def _subject(data: Any) -> str | None:
    object_ = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(object_, Mapping):
        return None
    intent = object_.get("payment_intent")
    intent_id = intent.get("id") if isinstance(intent, Mapping) else intent
    return next((str(name) for name in (intent_id, object_.get("id")) if _is_id(name)), None)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _invalid(detail: str) -> WebhookRefused:
    return WebhookRefused("webhook_event_invalid", detail)
