"""Events and webhooks: signed, repeated, lost, late, out of order; the list to catch up with."""

import asyncio
import json
import time
from typing import Any

import pytest
import stripe

from tests.support.stripe_twin import WEBHOOK_SECRET, Post, StripeWorld

PAID = "stripe.event.payment_intent.succeeded"


def verified(post: Post, secret: str = WEBHOOK_SECRET) -> Any:
    """The event, if the official library takes it."""
    return stripe.Webhook.construct_event(post.raw, post.signature, secret)


class TestSignature:
    async def test_the_official_library_takes_every_event(self, world: StripeWorld) -> None:
        paid = await world.pay(key="k")
        await world.settle()
        read = [verified(post) for post in world.posts]
        assert [event.type for event in read] == world.types()
        last = read[-1]
        assert last.data.object.id == paid.id
        assert (last.api_version, last.livemode) == ("2026-08-26.dahlia", False)
        assert last.pending_webhooks == 1
        assert last.request.idempotency_key == "k"

    async def test_and_refuses_a_changed_byte_or_another_secret(self, world: StripeWorld) -> None:
        await world.pay()
        await world.settle()
        post = world.posts[0]
        changed = Post(post.raw.replace(b"2000", b"9000"), post.signature, post.body)
        for bad, secret in ((changed, WEBHOOK_SECRET), (post, "whsec_other")):
            with pytest.raises(stripe.SignatureVerificationError):
                verified(bad, secret)

    async def test_both_secrets_hold_while_they_change(self, world: StripeWorld) -> None:
        change = {"stripe_webhook_secret": "whsec_new", "stripe_webhook_old_secret": WEBHOOK_SECRET}
        shown = await world.control("PATCH", "/settings", change)
        assert "whsec_new" not in json.dumps(shown)
        await world.pay()
        await world.settle()
        assert verified(world.posts[0], "whsec_new").id == verified(world.posts[0]).id

    async def test_its_time_is_real_even_when_the_clock_was_moved(self, world: StripeWorld) -> None:
        await world.advance(40 * 86_400)
        await world.pay()
        await world.settle()
        at = int(world.posts[0].signature.split(",")[0].removeprefix("t="))
        assert abs(at - time.time()) < 60


class TestSnapshots:
    async def test_show_the_object_as_it_was(self, world: StripeWorld) -> None:
        intent = await world.v1.payment_intents.create_async(
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa",
             "payment_method_types": ["card"]}
        )  # fmt: skip
        await world.v1.payment_intents.confirm_async(intent.id)
        await world.settle()
        created = world.last("payment_intent.created")
        assert created["status"] == "requires_confirmation"
        assert world.last("payment_intent.succeeded")["status"] == "succeeded"

    async def test_only_wanted_types_are_posted(self, open_world) -> None:
        async with open_world(stripe_webhook_events=("payment_intent.succeeded",)) as world:
            await world.pay()
            await world.settle()
            assert world.types() == ["payment_intent.succeeded"]
            kept = await world.v1.events.list_async()
            assert {event.type for event in kept.data} >= {"charge.succeeded"}


class TestRoads:
    async def test_lost(self, world: StripeWorld) -> None:
        await world.fault(PAID, "callback_lost")
        await world.pay()
        await world.advance(10_000)
        assert "payment_intent.succeeded" not in world.types()

    async def test_twice_with_one_id(self, world: StripeWorld) -> None:
        await world.fault("stripe.event.*", "callback_twice", times=99)
        await world.pay()
        for _ in range(2):
            await world.advance(2)
        ids = [post.body["id"] for post in world.posts]
        assert (len(ids), len(set(ids))) == (8, 4)  # with the charge.updated of the fee

    async def test_late_and_out_of_order(self, world: StripeWorld) -> None:
        await world.fault("stripe.event.payment_intent.created", "callback_out_of_order")
        await world.pay()
        await world.advance(20)
        types = world.types()
        assert types.index("payment_intent.succeeded") < types.index("payment_intent.created")

    async def test_before_the_answer(self, world: StripeWorld) -> None:
        await world.fault(PAID, "callback_before_answer")
        await world.pay()
        assert "payment_intent.succeeded" in world.types()

    async def test_forged_ones_do_not_verify(self, world: StripeWorld) -> None:
        await world.fault(PAID, "callback_forged")
        await world.fault(PAID, "callback_forged_id")
        for _ in range(2):
            await world.pay()
        await world.settle()
        paid = [post for post in world.posts if post.body["type"] == "payment_intent.succeeded"]
        forged = [post for post in paid if post.body["id"].endswith("forged")]
        assert (len(paid), len(forged)) == (4, 2)
        for post in forged:
            with pytest.raises(stripe.SignatureVerificationError):
                verified(post)

    async def test_of_one_payment_only(self, world: StripeWorld) -> None:
        await world.fault(PAID, "callback_lost", match={"metadata[n]": "2"})
        for n in ("1", "2", "3"):
            await world.pay(metadata={"n": n})
        await world.settle()
        told = [post.body["data"]["object"] for post in world.posts
                if post.body["type"] == "payment_intent.succeeded"]  # fmt: skip
        assert sorted(about["metadata"]["n"] for about in told) == ["1", "3"]


class TestRetries:
    async def test_come_back_until_they_are_taken(self, world: StripeWorld) -> None:
        world.refuse[:] = [500] * 3  # the three events of a payment
        await world.pay(capture_method="automatic")
        await world.settle()
        missed = await world.v1.events.list_async({"delivery_success": False})
        assert len(missed.data) == 3
        await world.advance(200)
        assert len(world.posts) == 3
        await world.advance(101)
        assert sorted(world.types()) == sorted(world.types()[:3] * 2)
        assert (await world.v1.events.list_async({"delivery_success": False})).data == []
        taken = await world.v1.events.list_async({"delivery_success": True})
        assert [event.pending_webhooks for event in taken.data] == [0, 0, 0]

    async def test_end_after_three(self, open_world) -> None:
        async with open_world(stripe_webhook_events=("payment_intent.succeeded",)) as world:
            world.refuse[:] = [503] * 99
            paid = await world.pay()
            await world.settle()
            for wait_s in (300, 1800, 7200, 86_400):
                await world.advance(wait_s)
            assert len(world.posts) == 4
            world.refuse.clear()
            [event] = (await world.v1.events.list_async({"type": "payment_intent.succeeded"})).data
            await world.control("POST", f"/stripe/events/{event.id}/resend")
            await world.settle()
            assert world.last("payment_intent.succeeded")["id"] == paid.id


class TestList:
    async def test_by_type_and_one_by_one(self, world: StripeWorld) -> None:
        await world.pay()
        with pytest.raises(stripe.CardError):
            await world.pay("pm_card_visa_chargeDeclined")
        await world.settle()
        listed = await world.v1.events.list_async({"types": ["charge.*", "payment_intent.created"]})
        assert [event.type for event in listed.data] == [
            "charge.failed",
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.created",
        ]
        one = await world.v1.events.retrieve_async(listed.data[0].id)
        assert one.data.object.failure_code == "card_declined"


class TestNoEndpoint:
    async def test_nothing_is_posted_without_an_address(self, open_world) -> None:
        async with open_world(stripe_webhook_url="") as world:
            await world.pay()
            await world.settle()
            await asyncio.sleep(0.02)
            assert world.posts == []
            assert len((await world.v1.events.list_async()).data) == 3
