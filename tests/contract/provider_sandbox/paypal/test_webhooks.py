"""Events: signature, certificate, delivery, postback, catch-up."""

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.paypal_twin import WEBHOOK_ID, PayPalTwin, Post

EVENTS = "/v1/notifications/webhooks-events"
VERIFY = "/v1/notifications/verify-webhook-signature"


async def certificate(twin: PayPalTwin, post: Post) -> x509.Certificate:
    """The certificate that an event names."""
    answer = await twin.http.get(post.headers["paypal-cert-url"])
    assert answer.status_code == 200
    return x509.load_pem_x509_certificate(answer.content)


async def check(twin: PayPalTwin, post: Post) -> None:
    """Verify an event as PayPal documents it, independently of the twin's code.

    Raises:
        InvalidSignature: the signature, or the certificate's, is wrong.
    """
    pem = (await twin.http.get("/control/paypal/root-certificate")).content
    leaf = await certificate(twin, post)
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(pem))
    head = post.headers
    text = "|".join(
        [
            head["paypal-transmission-id"],
            head["paypal-transmission-time"],
            WEBHOOK_ID,
            str(zlib.crc32(post.raw) & 0xFFFFFFFF),
        ]
    )
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(head["paypal-transmission-sig"])
    key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())


def postback(post: Post, **over: str) -> str:
    """The body of a postback, with the raw event spliced in."""
    head = post.headers
    told = {
        "auth_algo": head["paypal-auth-algo"],
        "cert_url": head["paypal-cert-url"],
        "transmission_id": head["paypal-transmission-id"],
        "transmission_sig": head["paypal-transmission-sig"],
        "transmission_time": head["paypal-transmission-time"],
        "webhook_id": WEBHOOK_ID,
        **over,
    }
    return f'{json.dumps(told)[:-1]}, "webhook_event":{post.raw.decode()}}}'


async def verified(twin: PayPalTwin, body: str) -> str:
    head = {"Authorization": f"Bearer {twin.token}", "Content-Type": "application/json"}
    answer = await twin.http.post(VERIFY, content=body, headers=head)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["verification_status"])


@pytest.fixture
async def paid(twin: PayPalTwin) -> PayPalTwin:
    await twin.paid()
    await twin.settle()
    return twin


class TestSignature:
    async def test_verifies_against_the_root(self, paid: PayPalTwin) -> None:
        for post in paid.posts:
            assert post.headers["paypal-auth-algo"] == "SHA256withRSA"
            await check(paid, post)
        leaf = await certificate(paid, paid.posts[0])
        (name,) = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert name.value == "messageverificationcerts.sandbox.paypal.com"

    async def test_a_changed_byte_does_not_verify(self, paid: PayPalTwin) -> None:
        post = paid.posts[0]
        with pytest.raises(InvalidSignature):
            await check(paid, Post(post.raw + b" ", post.headers, post.body))

    async def test_each_transmission_is_new(self, paid: PayPalTwin) -> None:
        names = {post.headers["paypal-transmission-id"] for post in paid.posts}
        assert len(names) == len(paid.posts) == 2

    async def test_an_unknown_certificate(self, twin: PayPalTwin) -> None:
        assert (await twin.http.get("/v1/notifications/certs/CERT-x")).status_code == 404

    @pytest.mark.parametrize("kind", ["callback_forged", "callback_forged_id"])
    async def test_forged_events_come_first_and_do_not_verify(
        self, twin: PayPalTwin, kind: str
    ) -> None:
        await twin.fault("paypal.event.PAYMENT.CAPTURE.COMPLETED", kind)
        capture = await twin.paid()
        await twin.settle()
        forged, true = [
            post for post in twin.posts if post.body["event_type"] == "PAYMENT.CAPTURE.COMPLETED"
        ]
        with pytest.raises((InvalidSignature, ValueError)):
            await check(twin, forged)
        await check(twin, true)
        assert true.body["resource"]["id"] == capture["id"]
        if kind == "callback_forged":
            assert forged.body["resource"]["amount"]["value"] == "999999.00"
        else:
            assert forged.body["resource"]["id"] != capture["id"]
        assert await verified(twin, postback(forged)) == "FAILURE"


class TestPostback:
    async def test_tells_right_from_wrong(self, paid: PayPalTwin) -> None:
        post = paid.posts[0]
        assert await verified(paid, postback(post)) == "SUCCESS"
        wrong = [
            {"webhook_id": "OTHER"},
            {"auth_algo": "SHA1withRSA"},
            {"cert_url": "http://evil.test/v1/notifications/certs/CERT-1"},
            {"transmission_sig": base64.b64encode(b"x" * 256).decode()},
            {"transmission_time": "2026-01-01T00:00:00Z"},
        ]
        for over in wrong:
            assert await verified(paid, postback(post, **over)) == "FAILURE"

    async def test_a_rewritten_event_fails(self, paid: PayPalTwin) -> None:
        post = paid.posts[0]
        spaced = Post(json.dumps(post.body, indent=1).encode(), post.headers, post.body)
        assert await verified(paid, postback(spaced)) == "FAILURE"

    async def test_a_missing_field(self, twin: PayPalTwin) -> None:
        answer = await twin.call("POST", VERIFY, {"auth_algo": "x"})
        assert (answer.status_code, answer.json()["name"]) == (400, "VALIDATION_ERROR")


class TestDelivery:
    async def test_is_tried_again_25_times_in_three_days(
        self, open_twin: Callable[..., Any]
    ) -> None:
        async with open_twin(paypal_webhook_events=("CHECKOUT.ORDER.APPROVED",)) as twin:
            twin.refuse = [500] * 100
            await twin.approved()
            for _ in range(30):
                await twin.advance(10_800)
            assert len(twin.posts) == 25
            assert len({post.body["id"] for post in twin.posts}) == 1

    async def test_stops_after_success(self, open_twin: Callable[..., Any]) -> None:
        async with open_twin(paypal_webhook_events=("CHECKOUT.ORDER.APPROVED",)) as twin:
            twin.refuse = [500, 503]
            await twin.approved()
            for _ in range(5):
                await twin.advance(10_800)
            assert len(twin.posts) == 3

    @pytest.mark.parametrize(
        ("kind", "times"), [("callback_lost", 0), ("callback_twice", 2), ("callback_late", 1)]
    )
    async def test_faults(self, twin: PayPalTwin, kind: str, times: int) -> None:
        await twin.fault("paypal.event.*", kind, match={"custom_id": "c"})
        order = (await twin.order(unit={"custom_id": "c"}))["id"]
        await twin.decide(order, "approve")
        await twin.advance(30)
        assert len(twin.posts) == times

    async def test_only_wanted_types(self, open_twin: Callable[..., Any]) -> None:
        async with open_twin(paypal_webhook_events=("PAYMENT.*",)) as twin:
            await twin.paid()
            await twin.settle()
            assert twin.types() == ["PAYMENT.CAPTURE.COMPLETED"]


class TestCatchUp:
    async def test_lists_what_was_lost(self, twin: PayPalTwin) -> None:
        await twin.fault("paypal.event.*", "callback_lost", times=9)
        capture = await twin.paid()
        await twin.settle()
        assert twin.posts == []
        listed = (await twin.call("GET", EVENTS)).json()
        assert [row["event_type"] for row in listed["events"]] == [
            "PAYMENT.CAPTURE.COMPLETED",
            "CHECKOUT.ORDER.APPROVED",
        ]
        query = f"?event_type=PAYMENT.CAPTURE.COMPLETED&transaction_id={capture['id']}"
        (event,) = (await twin.call("GET", EVENTS + query)).json()["events"]
        answer = await twin.call("POST", f"{EVENTS}/{event['id']}/resend", {})
        assert answer.status_code == 202
        await twin.settle()
        assert twin.types() == ["PAYMENT.CAPTURE.COMPLETED"]

    async def test_pages_and_times(self, paid: PayPalTwin) -> None:
        first = (await paid.call("GET", f"{EVENTS}?page_size=1")).json()
        assert first["count"] == 1
        path = next(link["href"] for link in first["links"] if link["rel"] == "next")
        second = (await paid.call("GET", path.removeprefix("http://twin"))).json()
        assert second["events"][0]["event_type"] == "CHECKOUT.ORDER.APPROVED"
        later = (await paid.call("GET", f"{EVENTS}?start_time=2099-01-01T00:00:00Z")).json()
        assert later["events"] == []
        assert (await paid.call("GET", f"{EVENTS}?page_size=x")).status_code == 400

    async def test_one_event(self, paid: PayPalTwin) -> None:
        event = paid.posts[0].body
        assert (await paid.call("GET", f"{EVENTS}/{event['id']}")).json() == event
        assert (await paid.call("GET", f"{EVENTS}/WH-X")).status_code == 404
