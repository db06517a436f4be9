"""How a transmission is proven: offline, and by asking PayPal only when its certificate is away."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cift_shared.errors import OutcomeUnknown, ProviderUnavailable
from cift_shared.testing import FakeClock
from paypal_method.transmission import CertificateAddresses, Transmission, Unproven
from paypal_worker.certificates import Certificates, Trust
from paypal_worker.webhook_verifier import Undecided, Verifier, postback_body
from tests.support.paypal_signing import (
    EVENT,
    NOW,
    SANDBOX_NAME,
    WEBHOOK_ID,
    issue,
    leaf,
    root,
    signed,
)


@dataclass
class PayPal:
    """What PayPal answers, and what it was asked."""

    pem: bytes | Exception = field(default_factory=lambda: leaf().pem)
    status: str | Exception | None = "SUCCESS"
    fetched: list[str] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)

    async def fetch(self, address: str) -> bytes:
        self.fetched.append(address)
        if isinstance(self.pem, Exception):
            raise self.pem
        return self.pem

    async def postback(self, raw: bytes) -> str | None:
        self.asked.append(raw)
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("roots") / "roots.pem"
    file.write_bytes(root().pem)
    return file


def verifier(paypal: PayPal, roots: Path | None) -> Verifier:
    return Verifier(
        WEBHOOK_ID,
        CertificateAddresses.of("sandbox", None),
        Certificates(Trust.of("sandbox", roots), paypal.fetch, FakeClock(NOW)),
        paypal.postback,
    )


async def refused(paypal: PayPal, roots: Path | None, sent: Transmission) -> str:
    with pytest.raises(Unproven) as error:
        await verifier(paypal, roots).prove(sent.packed())
    return error.value.reason


async def test_offline(roots: Path) -> None:
    paypal = PayPal()
    event = await verifier(paypal, roots).prove(signed().packed())
    assert event.event_id == EVENT["id"]
    assert paypal.asked == []


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"auth_algo": "SHA1withRSA"}, "algorithm"),
        ({"cert_url": "https://evil.test/v1/notifications/certs/C"}, "address"),
        ({"transmission_time": "2020-01-01T00:00:00Z"}, "time"),
        ({"transmission_sig": "AAAA"}, "signature"),
        ({"body": b'{"id":"WH-1","event_type":"A"}'}, "signature"),
        ({"body": b"{}"}, "event"),
        ({"received_at": NOW + timedelta(days=5)}, "time"),
    ],
)
async def test_each_refusal_is_final(roots: Path, over: dict[str, Any], reason: str) -> None:
    paypal = PayPal()
    assert await refused(paypal, roots, replace(signed(), **over)) == reason
    assert paypal.asked == []  # no answer of PayPal makes up for it


async def test_nothing_is_fetched_for_what_is_refused_without_it(roots: Path) -> None:
    paypal = PayPal()
    for over in ({"auth_algo": "x"}, {"cert_url": "https://evil.test/"}, {"body": b"{}"}):
        await refused(paypal, roots, signed(**over))
    assert paypal.fetched == []


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE"])
async def test_an_unproven_chain_is_never_accepted(roots: Path, status: str) -> None:
    """Signed by the certificate's own key, under PayPal's name: only the chain tells it apart."""
    forged = issue(SANDBOX_NAME, number=4)
    paypal = PayPal(forged.pem, status)
    assert await refused(paypal, roots, signed(by=forged)) == "certificate_chain"
    genuine = PayPal(status=status)
    assert await refused(genuine, None, signed()) == "certificate_chain"
    assert paypal.asked == genuine.asked == []


async def test_another_webhook_of_the_same_account(roots: Path) -> None:
    sent = signed(webhook_id="1JE4291016473214C")
    assert await refused(PayPal(), roots, sent) == "signature"


@pytest.mark.parametrize(
    "away", [ProviderUnavailable("a", "a"), OutcomeUnknown("a", "a")], ids=["unreachable", "lost"]
)
class TestPostback:
    async def test_success(self, roots: Path, away: Exception) -> None:
        paypal = PayPal(away)
        await verifier(paypal, roots).prove(signed().packed())
        assert len(paypal.asked) == 1

    async def test_failure(self, roots: Path, away: Exception) -> None:
        assert await refused(PayPal(away, "FAILURE"), roots, signed()) == "postback"

    @pytest.mark.parametrize(
        "status", [None, "", "success", "MAYBE", OutcomeUnknown("late", "a time-out")]
    )
    async def test_anything_else_is_no_refusal_and_no_proof(
        self, roots: Path, away: Exception, status: Any
    ) -> None:
        with pytest.raises(Undecided):
            await verifier(PayPal(away, status), roots).prove(signed().packed())


def test_the_raw_event_is_copied_byte_for_byte() -> None:
    body = b'{"id": "WH-1",  "event_type":"A", "n": 1.10, "u": "\\u00e9"}'
    sent = signed(body)
    raw = postback_body(sent, WEBHOOK_ID)
    assert body in raw
    told = json.loads(raw)
    assert told.pop("webhook_event")["n"] == 1.1
    assert told == {**sent.head, "webhook_id": WEBHOOK_ID}
