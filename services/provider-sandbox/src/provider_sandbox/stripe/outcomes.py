"""End a 3-D Secure challenge; the bank's page, the control API or a scheduled event calls this."""

from typing import Any

from provider_sandbox.stripe import challenges, confirmation, setup_intents
from provider_sandbox.stripe.challenges import Outcome
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext


def end(context: RequestContext, intent: Record, outcome: Outcome) -> None:
    """End an open challenge."""
    with context.twin.store.transaction():
        if intent.body["object"] == "payment_intent":
            confirmation.challenge_ended(context, intent, outcome)
        else:
            setup_intents.challenge_ended(context, intent, outcome)


def from_schedule(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: a challenge ends by itself."""
    intent = context.objects.get(payload["id"])
    if intent is not None and challenges.is_open(intent, payload["source"]):
        end(context, intent, payload["outcome"])
