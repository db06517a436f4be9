"""What the gateway stores of a webhook: the whole transmission, or nothing."""

import json
from collections.abc import Mapping

import pytest

from cift_shared.rails.webhooks import Evidence, WebhookContext, WebhookHead, WebhookRefused
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.testing import FakeClock
from paypal_method.settings import PayPalSettings
from paypal_method.transmission import HEADERS, Transmission
from paypal_method.webhooks import EVENTS
from tests.support.paypal_signing import NOW, OURS, WEBHOOK_ID, signed

CONTEXT = WebhookContext(livemode=False, clock=FakeClock(NOW), tokens=CallbackTokens(b"c" * 32))


def head_of(transmission: Transmission) -> Mapping[str, str]:
    return dict(zip(HEADERS, transmission.head.values(), strict=True))


def take(headers: Mapping[str, str], body: bytes, webhook_id: str | None = WEBHOOK_ID) -> Evidence:
    settings = PayPalSettings(client_id="id", environment="sandbox", webhook_id=webhook_id)
    reader = EVENTS.open(settings, CONTEXT)
    values = {name.lower(): value for name, value in headers.items()}

    def header(name: str) -> list[str]:
        return [values[name.lower()]] if name.lower() in values else []

    return reader.admit(WebhookHead(header, None))(body)


def refused(headers: Mapping[str, str], body: bytes, webhook_id: str | None = WEBHOOK_ID) -> str:
    with pytest.raises(WebhookRefused) as error:
        take(headers, body, webhook_id)
    return error.value.code


def test_the_whole_transmission_is_stored() -> None:
    sent = signed()
    found = take(head_of(sent), sent.body)
    assert found.content is not None
    assert Transmission.unpacked(found.content) == sent
    assert found.source_listed is False  # nothing is proven yet
    assert found.subject == OURS
    assert dict(found.logged) == {"provider": "paypal", "event_type": "PAYMENT.CAPTURE.COMPLETED"}


def test_a_repeat_is_equal_and_anything_else_is_not() -> None:
    """A stranger who knows an event's id can't hide the genuine one behind a forged one."""
    sent = signed()
    first = take(head_of(sent), sent.body).dedupe
    assert take(head_of(sent), sent.body).dedupe == first
    forged = {**head_of(sent), "PAYPAL-TRANSMISSION-SIG": "AAAA"}
    assert take(forged, sent.body).dedupe != first
    assert take(head_of(sent), sent.body + b" ").dedupe != first


@pytest.mark.parametrize("missing", HEADERS)
def test_without_a_header(missing: str) -> None:
    sent = signed()
    headers = {name: value for name, value in head_of(sent).items() if name != missing}
    assert refused(headers, sent.body) == "signature_invalid"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("PAYPAL-AUTH-ALGO", "SHA1withRSA"),
        ("PAYPAL-CERT-URL", "https://api.sandbox.paypal.com.evil.test/v1/notifications/certs/C"),
        ("PAYPAL-CERT-URL", "https://api.paypal.com/v1/notifications/certs/CERT-1"),
        ("PAYPAL-TRANSMISSION-TIME", "2025-12-01T00:00:00Z"),
        ("PAYPAL-TRANSMISSION-ID", "a|b"),
    ],
)
def test_what_can_not_be_genuine(header: str, value: str) -> None:
    sent = signed()
    assert refused({**head_of(sent), header: value}, sent.body) == "signature_invalid"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 10_000])
def test_no_event(body: bytes) -> None:
    assert refused(head_of(signed(body)), body) == "webhook_event_invalid"


def test_without_a_webhook_id_nothing_is_stored() -> None:
    sent = signed()
    assert refused(head_of(sent), sent.body, webhook_id=None) == "webhook_not_configured"


def test_a_strangers_words_are_not_logged() -> None:
    body = json.dumps({"id": "WH-1", "event_type": "PAYER.A.B.C"}).encode()
    assert take(head_of(signed(body)), body).logged["event_type"] == "other"


def test_anybody_can_post_here_so_the_rate_is_limited() -> None:
    assert EVENTS.is_limited
