"""End a 3-D Secure challenge; the bank's page, the control API or a scheduled event calls this."""

from typing import Any

from provider_sandbox.stripe import challenges, paying, setup_intents
from provider_sandbox.stripe.challenges import Outcome
from provider_sandbox.stripe.desk import Desk
from provider_sandbox.stripe.objects import Record


def end(desk: Desk, intent: Record, outcome: Outcome) -> None:
    """End an open challenge."""
    with desk.twin.store.transaction():
        if intent.body["object"] == "payment_intent":
            paying.challenge_ended(desk, intent, outcome)
        else:
            setup_intents.challenge_ended(desk, intent, outcome)


def from_agenda(desk: Desk, payload: dict[str, Any]) -> None:
    """Scheduled event: a challenge ends by itself."""
    intent = desk.objects.get(payload["id"])
    if intent is not None and challenges.is_open(intent, payload["source"]):
        end(desk, intent, payload["outcome"])
