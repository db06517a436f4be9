"""Read Stripe's events: their signature proves the sender."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from card_method.events import read_event
from card_method.settings import CardSettings
from card_method.signature import SignatureInvalid, verify
from cift_shared.clock import Clock
from cift_shared.rails.webhooks import (
    BodyReader,
    Evidence,
    WebhookContext,
    WebhookHead,
    WebhookRefused,
    WebhookRoute,
)

_HEADER = "Stripe-Signature"


@dataclass(frozen=True, slots=True)
class SignedEvents:
    """Reads signed events of Stripe."""

    secrets: Sequence[str]
    """Any of them may sign; none: the webhook is not set up."""
    livemode: bool
    clock: Clock

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a request without exactly one signature header.

        Raises:
            WebhookRefused: webhook_not_configured, signature_invalid.
        """
        if not self.secrets:
            raise WebhookRefused("webhook_not_configured", "STRIPE_WEBHOOK_SECRET is not set.")
        signatures = head.header(_HEADER)
        if len(signatures) != 1:
            raise WebhookRefused("signature_invalid", "Send one Stripe-Signature header.")
        return partial(self._read, signatures[0])

    def _read(self, header: str, body: bytes) -> Evidence:
        try:
            verify(body, header, self.secrets, now_s=self.clock.now().timestamp())
        except SignatureInvalid as error:
            raise WebhookRefused("signature_invalid", str(error)) from error
        event = read_event(body, livemode=self.livemode)
        return Evidence(
            dedupe=f"stripe|{event.event_id}".encode(),
            source_listed=True,  # the signature proves more than an address could
            subject=event.subject,
            logged={"provider": "stripe", "event_type": event.type},
        )


def open_events(settings: CardSettings, context: WebhookContext) -> SignedEvents:
    """The reader of signed events."""
    return SignedEvents(settings.webhook_secrets, context.livemode, context.clock)


EVENTS = WebhookRoute(
    path="/webhooks/stripe",
    operation="receiveStripeWebhook",
    about="A signed event from Stripe. 200 means that it is stored, so Stripe does not repeat it.",
    stored="The event is stored, now or before.",
    example=("event", "An event of Stripe", {"id": "evt_1QaB", "type": "payment_intent.succeeded"}),
    acknowledgement={"received": True},
    refusals=(
        "signature_invalid",
        "webhook_event_invalid",
        "webhook_mode_mismatch",
        "webhook_not_configured",
    ),
    open=open_events,
)
