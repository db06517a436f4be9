"""Events and webhooks: signed, repeated, lost, late, out of order; the list to catch up with."""

import asyncio
import json
import time
from typing import Any

import pytest
import stripe

from tests.support.stripe_twin import WEBHOOK_SECRET, Post, StripeTwin

PAID = "stripe.event.payment_intent.succeeded"


def verified(post: Post, secret: str = WEBHOOK_SECRET) -> Any:
    """The event, if the official library takes it."""
    return stripe.Webhook.construct_event(post.raw, post.signature, secret)


class TestSignature:
    async def test_the_official_library_takes_every_event(self, twin: StripeTwin) -> None:
        paid = await twin.pay(key="k")
        await twin.settle()
        read = [verified(post) for post in twin.posts]
        assert [event.type for event in read] == twin.types()
        last = read[-1]
        assert last.data.object.id == paid.id
        assert (last.api_version, last.livemode) == ("2026-08-26.dahlia", False)
        assert last.pending_webhooks == 1
        assert last.request.idempotency_key == "k"

    async def test_a_changed_byte_or_another_secret_does_not_verify(self, twin: StripeTwin) -> None:
        await twin.pay()
        await twin.settle()
        post = twin.posts[0]
        changed = Post(post.raw.replace(b"2000", b"9000"), post.signature, post.body)
        for bad, secret in ((changed, WEBHOOK_SECRET), (post, "whsec_other")):
            with pytest.raises(stripe.SignatureVerificationError):
                verified(bad, secret)

    async def test_both_secrets_hold_while_they_change(self, twin: StripeTwin) -> None:
        change = {"stripe_webhook_secret": "whsec_new", "stripe_webhook_old_secret": WEBHOOK_SECRET}
        shown = await twin.control("PATCH", "/settings", change)
        assert "whsec_new" not in json.dumps(shown)
        await twin.pay()
        await twin.settle()
        assert verified(twin.posts[0], "whsec_new").id == verified(twin.posts[0]).id

    async def test_its_time_is_real_even_when_the_clock_was_moved(self, twin: StripeTwin) -> None:
        await twin.advance(40 * 86_400)
        await twin.pay()
        await twin.settle()
        at = int(twin.posts[0].signature.split(",")[0].removeprefix("t="))
        assert abs(at - time.time()) < 60


class TestSnapshots:
    async def test_show_the_object_as_it_was(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async(
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa",
             "payment_method_types": ["card"]}
        )  # fmt: skip
        await twin.v1.payment_intents.confirm_async(intent.id)
        await twin.settle()
        created = twin.last("payment_intent.created")
        assert created["status"] == "requires_confirmation"
        assert twin.last("payment_intent.succeeded")["status"] == "succeeded"

    async def test_only_wanted_types_are_posted(self, open_twin) -> None:
        async with open_twin(stripe_webhook_events=("payment_intent.succeeded",)) as twin:
            await twin.pay()
            await twin.settle()
            assert twin.types() == ["payment_intent.succeeded"]
            kept = await twin.v1.events.list_async()
            assert {event.type for event in kept.data} >= {"charge.succeeded"}


class TestRoads:
    async def test_lost(self, twin: StripeTwin) -> None:
        await twin.fault(PAID, "callback_lost")
        await twin.pay()
        await twin.advance(10_000)
        assert "payment_intent.succeeded" not in twin.types()

    async def test_twice_with_one_id(self, twin: StripeTwin) -> None:
        await twin.fault("stripe.event.*", "callback_twice", times=99)
        await twin.pay()
        for _ in range(2):
            await twin.advance(2)
        ids = [post.body["id"] for post in twin.posts]
        assert (len(ids), len(set(ids))) == (8, 4)  # with the charge.updated of the fee

    async def test_late_and_out_of_order(self, twin: StripeTwin) -> None:
        await twin.fault("stripe.event.payment_intent.created", "callback_out_of_order")
        await twin.pay()
        await twin.advance(20)
        types = twin.types()
        assert types.index("payment_intent.succeeded") < types.index("payment_intent.created")

    async def test_before_the_answer(self, twin: StripeTwin) -> None:
        await twin.fault(PAID, "callback_before_answer")
        await twin.pay()
        assert "payment_intent.succeeded" in twin.types()

    async def test_forged_ones_do_not_verify(self, twin: StripeTwin) -> None:
        await twin.fault(PAID, "callback_forged")
        await twin.fault(PAID, "callback_forged_id")
        for _ in range(2):
            await twin.pay()
        await twin.settle()
        paid = [post for post in twin.posts if post.body["type"] == "payment_intent.succeeded"]
        forged = [post for post in paid if post.body["id"].endswith("forged")]
        assert (len(paid), len(forged)) == (4, 2)
        for post in forged:
            with pytest.raises(stripe.SignatureVerificationError):
                verified(post)

    async def test_of_one_payment_only(self, twin: StripeTwin) -> None:
        await twin.fault(PAID, "callback_lost", match={"metadata[n]": "2"})
        for n in ("1", "2", "3"):
            await twin.pay(metadata={"n": n})
        await twin.settle()
        told = [post.body["data"]["object"] for post in twin.posts
                if post.body["type"] == "payment_intent.succeeded"]  # fmt: skip
        assert sorted(about["metadata"]["n"] for about in told) == ["1", "3"]


class TestRetries:
    async def test_come_back_until_they_are_taken(self, twin: StripeTwin) -> None:
        twin.refuse[:] = [500] * 3  # the three events of a payment
        await twin.pay(capture_method="automatic")
        await twin.settle()
        missed = await twin.v1.events.list_async({"delivery_success": False})
        assert len(missed.data) == 3
        await twin.advance(200)
        assert len(twin.posts) == 3
        await twin.advance(101)
        assert sorted(twin.types()) == sorted(twin.types()[:3] * 2)
        assert (await twin.v1.events.list_async({"delivery_success": False})).data == []
        taken = await twin.v1.events.list_async({"delivery_success": True})
        assert [event.pending_webhooks for event in taken.data] == [0, 0, 0]

    async def test_end_after_three(self, open_twin) -> None:
        async with open_twin(stripe_webhook_events=("payment_intent.succeeded",)) as twin:
            twin.refuse[:] = [503] * 99
            paid = await twin.pay()
            await twin.settle()
            for wait_s in (300, 1800, 7200, 86_400):
                await twin.advance(wait_s)
            assert len(twin.posts) == 4
            twin.refuse.clear()
            [event] = (await twin.v1.events.list_async({"type": "payment_intent.succeeded"})).data
            await twin.control("POST", f"/stripe/events/{event.id}/resend")
            await twin.settle()
            assert twin.last("payment_intent.succeeded")["id"] == paid.id


class TestList:
    async def test_by_type_and_one_by_one(self, twin: StripeTwin) -> None:
        await twin.pay()
        with pytest.raises(stripe.CardError):
            await twin.pay("pm_card_visa_chargeDeclined")
        await twin.settle()
        listed = await twin.v1.events.list_async({"types": ["charge.*", "payment_intent.created"]})
        assert [event.type for event in listed.data] == [
            "charge.failed",
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.created",
        ]
        one = await twin.v1.events.retrieve_async(listed.data[0].id)
        assert one.data.object.failure_code == "card_declined"


class TestNoEndpoint:
    async def test_nothing_is_posted_without_an_address(self, open_twin) -> None:
        async with open_twin(stripe_webhook_url="") as twin:
            await twin.pay()
            await twin.settle()
            await asyncio.sleep(0.02)
            assert twin.posts == []
            assert len((await twin.v1.events.list_async()).data) == 3
