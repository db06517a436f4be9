"""Read PayPal's webhooks: the whole transmission is stored, and the worker verifies it.

The gateway calls nobody: it refuses what can't be genuine and seals the rest. So what is stored may
still come from a stranger, and must be proven before anything follows from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from cift_shared.clock import Clock
from cift_shared.rails.webhooks import (
    BodyReader,
    Evidence,
    WebhookContext,
    WebhookHead,
    WebhookRefused,
    WebhookRoute,
)
from paypal_method.events import Event, read_event
from paypal_method.settings import PayPalSettings
from paypal_method.transmission import CertificateAddresses, Transmission, Unproven, read_head


@dataclass(frozen=True, slots=True)
class Transmissions:
    """Reads the transmissions of one webhook."""

    is_configured: bool
    """False: the worker has no webhook id, so nothing could be proven."""
    addresses: CertificateAddresses
    clock: Clock

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a request without the five headers.

        Raises:
            WebhookRefused: webhook_not_configured, signature_invalid.
        """
        if not self.is_configured:
            raise WebhookRefused("webhook_not_configured", "PAYPAL_WEBHOOK_ID is not set.")
        try:
            values = read_head(head.header)
            transmission = self._made(values, b"")
            transmission.check(self.addresses)
        except Unproven as error:
            raise WebhookRefused("signature_invalid", str(error)) from error
        return partial(self._read, values)

    def _read(self, values: Mapping[str, str], body: bytes) -> Evidence:
        event = read_event(body)
        if event is None:
            raise WebhookRefused("webhook_event_invalid", "The body is not an event of PayPal.")
        transmission = self._made(values, body)
        return Evidence(
            # Not the event's id: a forged transmission must not hide the genuine one.
            dedupe=b"paypal|" + "|".join(values.values()).encode() + b"\n" + body,
            source_listed=False,
            content=transmission.packed(),
            subject=event.references.first or event.event_id,
            logged={"provider": "paypal", "event_type": _shown(event)},
        )

    def _made(self, values: Mapping[str, str], body: bytes) -> Transmission:
        return Transmission(**values, body=body, received_at=self.clock.now())


def _shown(event: Event) -> str:
    """The type for the log; a stranger may have sent any text."""
    return event.type if event.is_known else "other"


def open_transmissions(settings: PayPalSettings, context: WebhookContext) -> Transmissions:
    """The reader of transmissions."""
    addresses = CertificateAddresses.of(settings.environment, settings.api_base)
    return Transmissions(settings.webhook_id is not None, addresses, context.clock)


EVENTS = WebhookRoute(
    path="/webhooks/paypal",
    operation="receivePayPalWebhook",
    about="A signed event from PayPal. 200 means that it is stored, so PayPal does not repeat it; "
    "the signature is verified before it has any effect.",
    stored="The event is stored, now or before.",
    example=(
        "event",
        "An event of PayPal",
        {"id": "WH-2WR32451HC0233532", "event_type": "PAYMENT.CAPTURE.COMPLETED"},
    ),
    acknowledgement={"received": True},
    refusals=("signature_invalid", "webhook_event_invalid", "webhook_not_configured"),
    open=open_transmissions,
    is_limited=True,
)
