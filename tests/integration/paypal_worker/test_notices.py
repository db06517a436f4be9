"""A webhook only makes a payment due, and only one that PayPal proves to have sent."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.messaging.messages import PaymentResult, RequestSetup
from cift_shared.money.amount import Money
from paypal_method.transmission import Transmission
from paypal_worker.certificates import Trust
from tests.hostile.mutations import hostile_documents
from tests.integration.paypal_worker.notices_harness import NoticesHarness
from tests.support.commands import IDS, VAULT
from tests.support.eventually import eventually
from tests.support.paypal_signing import root
from tests.support.paypal_twin import Post

pytestmark = pytest.mark.integration

CERTS, VERIFY = "/v1/notifications/certs/", "/v1/notifications/verify-webhook-signature"


async def approved(harness: NoticesHarness) -> tuple[Any, Post]:
    """A deposit, and the webhook that tells of its approval, not taken yet."""
    payment = await harness.deposit()
    await harness.only_by_notice()
    await harness.approve(payment)
    post = harness.twin.posts.pop()
    assert post.body["event_type"] == "CHECKOUT.ORDER.APPROVED"
    return payment, post


async def unchanged(harness: NoticesHarness, payment: Any) -> None:
    await harness.idle()
    assert await harness.matched(payment) == 0
    assert await harness.kinds(payment) == ["action_required"]


class TestProven:
    async def test_an_approval_leads_to_the_capture(self, notices: NoticesHarness) -> None:
        payment = await notices.paid()
        told = await notices.told(payment, "settled")
        assert isinstance(told, PaymentResult)
        assert told.amount == Money(50_00, "USD")
        assert await notices.twin.book() == [("capture", "50.00")]

    async def test_a_repeat_causes_no_second_query(self, notices: NoticesHarness) -> None:
        payment, post = await approved(notices)
        for _ in range(3):
            await notices.hear(post)
        assert await notices.matched(payment) == 1
        await notices.told(payment, "settled")
        # the same event in another transmission
        await notices.twin.control("POST", f"/paypal/events/{post.body['id']}/resend")
        await notices.hear_all()
        await notices.idle()
        kinds = await notices.pool.fetch("select notice_id from paypal.event")
        assert len(kinds) == await notices.matched(payment)

    async def test_a_certificate_is_fetched_once(self, notices: NoticesHarness) -> None:
        await notices.paid()
        await notices.paid()
        assert notices.wire.count(CERTS) == 1
        assert notices.wire.count(VERIFY) == 0

    async def test_amounts_in_an_event_mean_nothing(self, notices: NoticesHarness) -> None:
        """Even a genuine event credits what the worker reads of the capture, never its own."""
        payment = await notices.deposit()
        order = await notices.memory(payment, "order")
        event = {
            "id": "WH-1",
            "event_type": "PAYMENT.CAPTURE.COMPLETED",
            "resource": {
                "id": "C1",
                "status": "COMPLETED",
                "amount": {"currency_code": "USD", "value": "999999.00"},
                "supplementary_data": {"related_ids": {"order_id": order}},
            },
        }
        await notices.hear_signed(json.dumps(event).encode())
        await notices.idle()
        assert await notices.matched(payment) == 1
        assert await notices.kinds(payment) == ["action_required"]


class TestCaptureDecides:
    """An order that is COMPLETED credits nothing: its capture may be pending, or refused later."""

    async def pending(self, notices: NoticesHarness) -> tuple[Any, str]:
        """A deposit whose order is completed and whose capture is pending."""
        payment = await notices.deposit()
        await notices.only_by_notice()
        await notices.approve(payment, "unilateral@example.com")
        await notices.hear_all()

        async def captured() -> Any:
            return (await notices.attempt(payment))["memory"].get("capture")

        capture = str(await eventually(captured, "the capture"))
        order = await notices.memory(payment, "order")
        event = {
            "id": "WH-4",
            "event_type": "CHECKOUT.ORDER.COMPLETED",
            "resource": {"id": order, "status": "COMPLETED"},
        }
        await notices.hear_signed(json.dumps(event).encode())
        await notices.hear_all()
        await notices.idle()
        shown = (await notices.twin.call("GET", f"/v2/checkout/orders/{order}")).json()
        assert shown["status"] == "COMPLETED"
        assert await notices.kinds(payment) == ["action_required"]
        return payment, capture

    @pytest.mark.parametrize(
        ("status", "event", "kind"),
        [
            ("COMPLETED", "PAYMENT.CAPTURE.COMPLETED", "settled"),
            ("DECLINED", "PAYMENT.CAPTURE.DENIED", "declined"),
        ],
    )
    async def test_a_pending_capture(
        self, notices: NoticesHarness, status: str, event: str, kind: str
    ) -> None:
        payment, capture = await self.pending(notices)
        await notices.only_by_notice()
        await notices.twin.control("POST", f"/paypal/captures/{capture}", {"status": status})
        await notices.twin.settle()
        assert notices.twin.types() == [event]
        await notices.hear_all()
        await notices.told(payment, kind)
        assert await notices.kinds(payment) == ["action_required", kind]


class TestRefused:
    @pytest.mark.parametrize("kind", ["callback_forged", "callback_forged_id"])
    async def test_a_forged_event_does_nothing(self, notices: NoticesHarness, kind: str) -> None:
        payment = await notices.deposit()
        await notices.only_by_notice()
        await notices.twin.fault("paypal.event.CHECKOUT.ORDER.APPROVED", kind)
        await notices.approve(payment)
        forged, true = notices.twin.posts
        await notices.hear(forged)
        await unchanged(notices, payment)
        await notices.hear(true)
        await notices.told(payment, "settled")

    async def test_a_changed_body(self, notices: NoticesHarness) -> None:
        payment, post = await approved(notices)
        await notices.hear(post, body=post.raw.replace(b"APPROVED", b"COMPLETED"))
        await notices.hear(post, body=post.raw + b" ")
        await unchanged(notices, payment)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PAYPAL-TRANSMISSION-ID", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
            ("PAYPAL-TRANSMISSION-SIG", "AAAA"),
        ],
    )
    async def test_a_changed_header(self, notices: NoticesHarness, name: str, value: str) -> None:
        payment, post = await approved(notices)
        assert await notices.hear(post, **{name: value})
        await unchanged(notices, payment)

    async def test_the_worker_checks_what_the_gateway_checks(self, notices: NoticesHarness) -> None:
        """A transmission in the topic that no gateway would have stored is refused all the same."""
        payment, post = await approved(notices)
        address = f"https://api.paypal.com{CERTS}CERT-1"
        odd: list[dict[str, Any]] = [
            {"cert_url": address},
            {"cert_url": "http://169.254.169.254/v1/notifications/certs/CERT-1"},
            {"auth_algo": "none"},
            {"received_at": notices.clock.now() + timedelta(days=5)},
        ]
        for number, over in enumerate(odd):
            fields: dict[str, Any] = {
                "transmission_id": post.headers["paypal-transmission-id"],
                "transmission_time": post.headers["paypal-transmission-time"],
                "transmission_sig": post.headers["paypal-transmission-sig"],
                "cert_url": post.headers["paypal-cert-url"],
                "auth_algo": post.headers["paypal-auth-algo"],
                "body": post.raw,
                "received_at": notices.clock.now(),
                **over,
            }
            await notices.hand_on(f"odd {number}", Transmission(**fields).packed())
        await notices.hand_on("garbage", b"\x00garbage")
        await notices.hand_on("plain event", post.raw)
        assert notices.wire.count(CERTS) == 0
        await unchanged(notices, payment)

    async def test_an_unproven_chain_is_refused_whatever_paypal_answers(
        self, notices: NoticesHarness, tmp_path: Path
    ) -> None:
        """The twin answers SUCCESS to a postback, but its authority is not one of our roots."""
        payment, post = await approved(notices)
        other = tmp_path / "other.pem"
        other.write_bytes(root().pem)
        for trust in (Trust.of("sandbox", other), Trust.of("sandbox", None)):
            notices.notices = notices.make_notices(trust)
            await notices.hear(post)
        assert notices.wire.count(CERTS) == 2
        assert notices.wire.count(VERIFY) == 0
        await unchanged(notices, payment)

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(302, headers={"Location": "http://127.0.0.1:8090/other"}),
            httpx.Response(404),
            httpx.Response(200, content=b"x" * 70_000),
            httpx.Response(200, content=b"<html>"),
        ],
        ids=["redirect", "missing", "large", "html"],
    )
    async def test_a_certificate_that_is_none(
        self, notices: NoticesHarness, answer: httpx.Response
    ) -> None:
        payment, post = await approved(notices)
        notices.wire.answers[CERTS] = answer
        await notices.hear(post)
        assert notices.wire.count("/other") == 0
        assert notices.wire.count(VERIFY) == 0
        await unchanged(notices, payment)

    async def test_a_certificate_that_has_expired(self, notices: NoticesHarness) -> None:
        payment, post = await approved(notices)
        packed = Transmission(
            transmission_id=post.headers["paypal-transmission-id"],
            transmission_time=(notices.clock.now() + timedelta(days=4000)).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            transmission_sig=post.headers["paypal-transmission-sig"],
            cert_url=post.headers["paypal-cert-url"],
            auth_algo=post.headers["paypal-auth-algo"],
            body=post.raw,
            received_at=notices.clock.now() + timedelta(days=4000),
        ).packed()
        await notices.hand_on("late", packed)
        await unchanged(notices, payment)


class TestPostback:
    """PayPal is asked when its certificate can't be fetched."""

    async def test_success(self, notices: NoticesHarness) -> None:
        payment, post = await approved(notices)
        notices.wire.broken.add(CERTS)
        await notices.hear(post)
        assert notices.wire.count(VERIFY) == 1
        await notices.told(payment, "settled")

    async def test_failure(self, notices: NoticesHarness) -> None:
        payment, post = await approved(notices)
        notices.wire.broken.add(CERTS)
        await notices.hear(post, body=post.raw.replace(b"APPROVED", b"COMPLETED"))
        assert notices.wire.count(VERIFY) == 1
        await unchanged(notices, payment)

    @pytest.mark.parametrize("status", [500, 503, 429])
    async def test_an_error_of_the_certificates_host_is_no_refusal(
        self, notices: NoticesHarness, status: int
    ) -> None:
        payment, post = await approved(notices)
        notices.wire.answers[CERTS] = httpx.Response(status)
        await notices.hear(post)
        await notices.told(payment, "settled")

    async def test_no_answer_keeps_the_webhook_for_later(self, notices: NoticesHarness) -> None:
        payment, post = await approved(notices)
        notices.wire.broken |= {CERTS, VERIFY}
        await notices.hear(post)
        await unchanged(notices, payment)
        waiting = "select count(*) from paypal.unverified_notice"
        assert await notices.pool.fetchval(waiting) == 1
        await notices.notices.retry()  # not due yet
        notices.clock.advance(timedelta(minutes=1))
        await notices.notices.retry()
        assert await notices.pool.fetchval(waiting) == 1
        notices.wire.broken.clear()
        await notices.notices.retry()  # the next try is later
        assert await notices.matched(payment) == 0
        notices.clock.advance(timedelta(minutes=5))
        await notices.notices.retry()
        assert await notices.pool.fetchval(waiting) == 0
        notices.engine.poll.wake()
        await notices.told(payment, "settled")

    async def test_it_is_refused_in_the_end(self, notices: NoticesHarness) -> None:
        payment, post = await approved(notices)
        notices.wire.broken |= {CERTS, VERIFY}
        await notices.hear(post)
        notices.clock.advance(timedelta(days=5))
        await notices.notices.retry()
        assert await notices.pool.fetchval("select count(*) from paypal.unverified_notice") == 0
        assert await notices.matched(payment) == 0

    async def test_an_unknown_status_decides_nothing(self, notices: NoticesHarness) -> None:
        _, post = await approved(notices)
        notices.wire.broken.add(CERTS)
        notices.wire.answers[VERIFY] = httpx.Response(200, json={"verification_status": "MAYBE"})
        await notices.hear(post)
        assert await notices.pool.fetchval("select count(*) from paypal.unverified_notice") == 1


class TestMatching:
    async def test_by_the_capture_alone(self, notices: NoticesHarness) -> None:
        payment = await notices.paid()
        before = await notices.matched(payment)
        capture = await notices.memory(payment, "capture")
        link = f"http://127.0.0.1:8090/v2/payments/captures/{capture}"
        event = {
            "id": "WH-9",
            "event_type": "PAYMENT.CAPTURE.REVERSED",
            "resource": {"id": "R1", "links": [{"rel": "up", "href": link}]},
        }
        await notices.hear_signed(json.dumps(event).encode())
        assert await notices.matched(payment) == before + 1

    async def test_a_dispute_of_two_payments_reaches_both(self, notices: NoticesHarness) -> None:
        payments = [await notices.paid() for _ in range(2)]
        before = [await notices.matched(payment) for payment in payments]
        named = [{"custom": str((await notices.attempt(p))["attempt_id"])} for p in payments]
        event = {
            "id": "WH-8",
            "event_type": "CUSTOMER.DISPUTE.CREATED",
            "resource": {"disputed_transactions": named},
        }
        await notices.hear_signed(json.dumps(event).encode())
        after = [await notices.matched(payment) for payment in payments]
        assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]

    async def test_a_withdrawn_approval_reaches_the_saved_account(
        self, notices: NoticesHarness
    ) -> None:
        saved = RequestSetup(
            payment_method_id=IDS.new_id(),
            merchant_id="m_test",
            livemode=False,
            customer_id="cus_1",
            method="paypal",
            accepted_at=notices.clock.now(),
            return_url="https://shop.example/saved",
        )
        await notices.send(saved)
        asked = await notices.method_told(saved.payment_method_id, "action_required")
        assert asked.next_action is not None
        page = VAULT.open(asked.next_action["url_sealed"], context="next_action").decode()
        await notices.twin.http.post(page, data={"outcome": "approve", "email": "o@example.com"})
        await notices.make_due()
        await notices.method_told(saved.payment_method_id, "saved")
        await notices.twin.settle()
        token = notices.twin.last("VAULT.PAYMENT-TOKEN.CREATED")["id"]
        await notices.hear_all()
        await notices.idle()
        await notices.twin.call("DELETE", f"/v3/vault/payment-tokens/{token}")
        await notices.hear_all()
        ended = await notices.method_told(saved.payment_method_id, "failed")
        assert ended.failure is not None
        assert ended.failure.code == "approval_withdrawn"

    async def test_an_event_of_nobody_is_no_error(self, notices: NoticesHarness) -> None:
        payment, _ = await approved(notices)
        event = {"id": "WH-7", "event_type": "MOON.LANDED", "resource": {"id": "nobody"}}
        assert await notices.hear_signed(json.dumps(event).encode())
        await unchanged(notices, payment)

    async def test_an_event_before_its_payment_is_known_is_not_a_repeat_later(
        self, notices: NoticesHarness
    ) -> None:
        event = {"id": "WH-6", "event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": "O"}}
        await notices.hear_signed(json.dumps(event).encode())
        assert await notices.pool.fetchval("select count(*) from paypal.event") == 0


async def test_every_field_of_every_wrong_type(notices: NoticesHarness) -> None:
    """Genuine signatures over odd events: none stops the consumer, and none credits anything."""
    payment = await notices.deposit()
    await notices.idle()
    row = await notices.attempt(payment)
    event = {
        "id": "WH-5",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "resource": {
            "id": "C1",
            "custom_id": str(row["attempt_id"]),
            "amount": {"currency_code": "USD", "value": "50.00"},
            "links": [{"rel": "up", "href": "x"}],
        },
    }
    taken = 0
    for number, (_, data) in enumerate(hostile_documents(event)):
        if number % 3 == 0:  # each third: signing takes a while
            taken += await notices.hear_signed(data)
    assert taken > 10
    await notices.idle()
    assert set(await notices.kinds(payment)) == {"action_required"}


async def test_without_a_webhook_id_nothing_is_proven(
    open_notices: Callable[..., Any],
) -> None:
    async with open_notices() as harness:
        payment, post = await approved(harness)
        from paypal_worker.notices import Notices

        harness.notices = Notices(None, harness.delivery, harness.config, harness.clock)
        await harness.hear(post)
        await unchanged(harness, payment)
