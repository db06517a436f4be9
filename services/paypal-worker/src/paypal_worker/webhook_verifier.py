"""Prove that PayPal sent a transmission: offline with its certificate, else by asking PayPal.

PayPal is asked (postback) only when its certificate can't be fetched. A certificate that was
fetched and is not trusted is final: no answer of anyone makes up for a missing chain.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cift_shared.errors import PaymentProcessorError
from paypal_method.events import Event, read_event
from paypal_method.transmission import CertificateAddresses, Transmission, Unproven
from paypal_worker.certificates import Certificates, CertificateUnavailable
from paypal_worker.webhook_signature import check_signature

Postback = Callable[[bytes], Awaitable[str | None]]
"""Sends a verification request to PayPal; returns its `verification_status`."""


class Undecided(Exception):
    """PayPal did not answer: the transmission is neither proven nor refused."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Proves transmissions for one webhook."""

    webhook_id: str
    """From our settings, never from a request."""
    addresses: CertificateAddresses
    certificates: Certificates
    postback: Postback

    async def prove(self, packed: bytes) -> Event:
        """The event of a transmission that PayPal sent to our webhook.

        Raises:
            Unproven: the transmission proves nothing.
            Undecided: PayPal does not answer.
        """
        transmission = Transmission.unpacked(packed)
        event = read_event(transmission.body) if transmission else None
        if transmission is None or event is None:
            raise Unproven("event", "This is not a transmission of an event.")
        transmission.check(self.addresses)
        try:
            trusted = await self.certificates.get(transmission.cert_url, transmission.received_at)
        except CertificateUnavailable:
            await self._ask(transmission)
        else:
            check_signature(transmission, self.webhook_id, trusted.key)
        return event

    async def _ask(self, transmission: Transmission) -> None:
        try:
            status = await self.postback(postback_body(transmission, self.webhook_id))
        except PaymentProcessorError as error:
            raise Undecided(error.code) from error
        if status == "FAILURE":
            raise Unproven("postback", "PayPal did not send it.")
        if status != "SUCCESS":
            raise Undecided("unknown status")


def postback_body(transmission: Transmission, webhook_id: str) -> bytes:
    """The verification request: the raw event is copied into it, as it is signed byte for byte."""
    head = json.dumps({**transmission.head, "webhook_id": webhook_id}).encode()
    return head[:-1] + b', "webhook_event": ' + transmission.body + b"}"
