"""PayPal's webhooks at the gateway: the whole transmission is stored once; nobody is called."""

from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from structlog.testing import capture_logs

from cift_shared.clock import SystemClock
from cift_shared.messaging.messages import ProviderNotice
from paypal_method.transmission import HEADERS, Transmission
from tests.hostile.mutations import RAW
from tests.support.commands import VAULT
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.paypal_signing import OURS, WEBHOOK_ID, signed
from tests.support.problems import problem

pytestmark = pytest.mark.integration

TOPIC = "payments.webhooks.paypal"
RAILS = {"paypal": {"client_id": "id", "environment": "sandbox", "webhook_id": WEBHOOK_ID}}


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database, rails=RAILS) as running:
        yield running


def now_signed(body: bytes | None = None) -> Transmission:
    return signed(body, at=SystemClock().now().replace(microsecond=0))


def headers_of(sent: Transmission) -> Mapping[str, str]:
    return dict(zip(HEADERS, sent.head.values(), strict=True))


async def post(gateway: RunningGateway, sent: Transmission, **over: str | None) -> httpx.Response:
    """Post a transmission; `over` changes or removes headers, with _ for -."""
    changed = {name.replace("_", "-"): value for name, value in over.items()}
    headers = {
        name: value for name, value in {**headers_of(sent), **changed}.items() if value is not None
    }
    return await gateway.raw_client().post("/webhooks/paypal", content=sent.body, headers=headers)


async def test_it_is_stored_whole_and_once(gateway: RunningGateway) -> None:
    sent = now_signed()
    for _ in range(3):
        answer = await post(gateway, sent)
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    rows = await gateway.admin.fetch("select topic, key, body from gateway.outbox")
    assert [(row["topic"], row["key"]) for row in rows] == [(TOPIC, OURS)]
    notice = ProviderNotice.model_validate_json(rows[0]["body"])
    assert notice.source_listed is False
    stored = Transmission.unpacked(VAULT.open(notice.sealed_body, context="notice"))
    assert stored is not None
    assert (stored.head, stored.body) == (sent.head, sent.body)


async def test_a_forged_one_does_not_hide_the_genuine_one(gateway: RunningGateway) -> None:
    sent = now_signed()
    assert (await post(gateway, sent, PAYPAL_TRANSMISSION_SIG="AAAA")).status_code == 200
    assert (await post(gateway, sent)).status_code == 200
    assert await gateway.count("gateway.inbox") == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name.replace("-", "_"), None) for name in HEADERS),
        ("PAYPAL_AUTH_ALGO", "SHA1withRSA"),
        ("PAYPAL_CERT_URL", "https://api.paypal.com/v1/notifications/certs/CERT-1"),
        ("PAYPAL_CERT_URL", "http://169.254.169.254/v1/notifications/certs/CERT-1"),
        ("PAYPAL_CERT_URL", "https://api.sandbox.paypal.com@evil.test/v1/notifications/certs/C"),
        ("PAYPAL_TRANSMISSION_TIME", "2020-01-01T00:00:00Z"),
        ("PAYPAL_TRANSMISSION_TIME", "x"),
        ("PAYPAL_TRANSMISSION_ID", "a|b"),
        ("PAYPAL_TRANSMISSION_SIG", "x" * 5000),
    ],
)
async def test_what_can_not_be_genuine_is_refused(
    gateway: RunningGateway, name: str, value: str | None
) -> None:
    problem(await post(gateway, now_signed(), **{name: value}), 400, "signature_invalid")
    assert await gateway.count("gateway.inbox") == 0


async def test_bodies_of_no_sense_are_refused(gateway: RunningGateway) -> None:
    for body in (*RAW, b"{}", b"[" * 100_000):
        answer = await post(gateway, now_signed(body))
        if answer.status_code != 200:
            problem(answer, answer.status_code, answer.json()["code"])
    assert await gateway.count("gateway.inbox") == 0


async def test_nothing_of_it_is_logged(gateway: RunningGateway) -> None:
    words = "secret.person@example.com"
    body = f'{{"id":"WH-1","event_type":"{words.upper()}","resource":{{"a":"{words}"}}}}'
    with capture_logs() as logs:
        await post(gateway, now_signed(body.encode()))
        await post(gateway, now_signed(), PAYPAL_TRANSMISSION_ID=words)
    assert words not in repr(logs).lower()


async def test_without_a_webhook_id_the_address_is_closed(database: str) -> None:
    rails = {"paypal": {"client_id": "id", "environment": "sandbox"}}
    async with running_gateway(database, rails=rails) as gateway:
        problem(await post(gateway, now_signed()), 404, "webhook_not_configured")
