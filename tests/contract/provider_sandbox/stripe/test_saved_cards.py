"""Customers, payment methods and SetupIntents."""

import pytest
import stripe

from tests.support.stripe_twin import CARD_ONLY, PUBLISHABLE_KEY, StripeWorld, details

TYPED = {"number": "4242 4242 4242 4242", "exp_month": "12", "exp_year": "2034", "cvc": "123"}


async def customer(world: StripeWorld) -> str:
    return str((await world.v1.customers.create_async({"metadata": {"c": "1"}})).id)


async def setup(world: StripeWorld, token: str = "pm_card_visa", **more):
    return await world.v1.setup_intents.create_async(
        {"payment_method": token, "confirm": True, **CARD_ONLY, **more}
    )


class TestCustomers:
    async def test_live_and_die(self, world: StripeWorld) -> None:
        made = await world.v1.customers.create_async({"email": "a@x.example", "name": "A"})
        changed = await world.v1.customers.update_async(made.id, {"email": "b@x.example"})
        assert (changed.email, changed.name) == ("b@x.example", "A")
        listed = await world.v1.customers.list_async({"email": "b@x.example"})
        assert [row.id for row in listed.data] == [made.id]
        assert (await world.v1.customers.delete_async(made.id)).deleted
        assert (await world.v1.customers.retrieve_async(made.id)).deleted
        assert (await world.v1.customers.list_async()).data == []
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await world.v1.customers.retrieve_async("cus_none")
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


class TestMethods:
    async def test_attached_listed_detached_for_good(self, world: StripeWorld) -> None:
        owner = await customer(world)
        kept = await world.v1.payment_methods.attach_async(
            "pm_card_mastercard", {"customer": owner}
        )
        assert (kept.customer, kept.card.brand, kept.card.last4) == (owner, "mastercard", "4444")
        for listed in (
            await world.v1.customers.payment_methods.list_async(owner),
            await world.v1.payment_methods.list_async({"customer": owner, "type": "card"}),
        ):
            assert [row.id for row in listed.data] == [kept.id]
        gone = await world.v1.payment_methods.detach_async(kept.id)
        assert gone.customer is None
        for call in (
            world.v1.payment_methods.attach_async(kept.id, {"customer": owner}),
            world.v1.payment_methods.detach_async(kept.id),
            world.pay(kept.id, customer=owner),
        ):
            with pytest.raises(stripe.InvalidRequestError):
                await call
        await world.settle()
        assert world.types() == ["payment_method.attached", "payment_method.detached"]
        assert world.posts[-1].body["data"]["previous_attributes"] == {"customer": owner}

    @pytest.mark.parametrize(
        ("token", "attaches"),
        [("pm_card_chargeDeclined", False), ("pm_card_chargeCustomerFail", True)],
    )
    async def test_most_declining_cards_are_not_even_saved(
        self, world: StripeWorld, token: str, attaches: bool
    ) -> None:
        owner = await customer(world)
        if not attaches:
            with pytest.raises(stripe.CardError):
                await world.v1.payment_methods.attach_async(token, {"customer": owner})
            return
        kept = await world.v1.payment_methods.attach_async(token, {"customer": owner})
        with pytest.raises(stripe.CardError):
            await world.pay(kept.id, customer=owner)

    async def test_one_that_paid_alone_is_used_up(self, world: StripeWorld) -> None:
        paid = await world.pay()
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            await world.pay(paid.payment_method)

    async def test_somebody_elses_is_refused(self, world: StripeWorld) -> None:
        owner, other = await customer(world), await customer(world)
        kept = await world.v1.payment_methods.attach_async("pm_card_visa", {"customer": owner})
        for more in ({}, {"customer": other}):
            with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
                await world.pay(kept.id, **more)

    async def test_paying_and_saving_at_once(self, world: StripeWorld) -> None:
        owner = await customer(world)
        paid = await world.pay(customer=owner, setup_future_usage="off_session")
        again = await world.pay(paid.payment_method, customer=owner, off_session=True)
        assert again.status == "succeeded"

    async def test_the_same_card_has_the_same_fingerprint(self, world: StripeWorld) -> None:
        prints = [
            (await world.v1.payment_methods.retrieve_async(token)).card.fingerprint
            for token in ("pm_card_visa", "pm_card_visa", "pm_card_amex")
        ]
        assert prints[0] == prints[1] != prints[2]
        assert "4242424242424242" not in prints


class TestTypedCards:
    async def create(self, world: StripeWorld, key: str | None = PUBLISHABLE_KEY, **over: str):
        card = "&".join(f"card[{name}]={value}" for name, value in (TYPED | over).items())
        more = {} if key is None else {"Authorization": f"Bearer {key}"}
        return await world.call("POST", "/v1/payment_methods", f"type=card&{card}", **more)

    async def test_are_taken_from_the_paying_client(self, world: StripeWorld) -> None:
        made = (await self.create(world)).json()
        assert (made["card"]["last4"], made["card"]["exp_year"]) == ("4242", 2034)

    async def test_not_from_a_server_unless_allowed(self, world: StripeWorld) -> None:
        answer = await self.create(world, key=None)
        assert (answer.status_code, "unsafe" in answer.text) == (402, True)
        await world.control("PATCH", "/settings", {"stripe_raw_cards": True})
        assert (await self.create(world, key=None)).status_code == 200

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("number", "4242424242424241", "incorrect_number"),
            ("number", "42424242", "incorrect_number"),
            ("exp_month", "13", "invalid_expiry_month"),
            ("exp_year", "2020", "invalid_expiry_year"),
            ("cvc", "99", "invalid_cvc"),
        ],
    )
    async def test_bad_ones_are_told(
        self, world: StripeWorld, field: str, value: str, code: str
    ) -> None:
        answer = await self.create(world, **{field: value})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (402, code, field)

    async def test_a_card_of_the_real_world_is_declined(self, world: StripeWorld) -> None:
        made = (await self.create(world, number="4111111111111111")).json()
        with pytest.raises(stripe.CardError) as refused:
            await world.pay(made["id"])
        assert details(refused).decline_code == "test_mode_live_card"

    async def test_no_number_is_kept(self, world: StripeWorld, tmp_path, caplog) -> None:
        caplog.set_level("DEBUG")
        for number in ("4000000000009995", "4111111111111111"):
            await self.create(world, number=number)
        await world.settle()
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("twin.sqlite3*"))
        for number in ("4000000000009995", "4111111111111111"):
            assert number.encode() not in kept
            assert number not in caplog.text


class TestSetup:
    async def test_saves_with_the_customer(self, world: StripeWorld) -> None:
        owner = await customer(world)
        made = await setup(world, customer=owner, expand=["latest_attempt", "payment_method"])
        assert (made.status, made.usage) == ("succeeded", "off_session")
        assert (made.latest_attempt.status, made.payment_method.customer) == ("succeeded", owner)
        await world.settle()
        assert world.types() == [
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
        ]

    async def test_declined(self, world: StripeWorld) -> None:
        with pytest.raises(stripe.CardError) as refused:
            await setup(world, "pm_card_visa_chargeDeclinedStolenCard")
        shown = details(refused).setup_intent
        assert (shown.status, shown.last_setup_error.decline_code) == (
            "requires_payment_method",
            "stolen_card",
        )
        await world.settle()
        assert world.types() == ["setup_intent.created", "setup_intent.setup_failed"]

    async def test_a_card_set_up_with_a_challenge_pays_without(self, world: StripeWorld) -> None:
        owner = await customer(world)
        made = await setup(
            world,
            "pm_card_authenticationRequiredOnSetup",
            customer=owner,
            return_url="https://shop.example/saved",
        )
        assert made.next_action.type == "redirect_to_url"
        done = await world.control("POST", f"/stripe/challenges/{made.id}", {"outcome": "approve"})
        assert done["status"] == "succeeded"
        paid = await world.pay(done["payment_method"], customer=owner, off_session=True)
        assert paid.status == "succeeded"
        with pytest.raises(stripe.CardError) as refused:
            await world.pay(
                "pm_card_authenticationRequiredOnSetup", customer=owner, off_session=True
            )
        assert refused.value.code == "authentication_required"

    async def test_a_failed_challenge_saves_nothing(self, world: StripeWorld) -> None:
        owner = await customer(world)
        made = await setup(world, "pm_card_authenticationRequired", customer=owner)
        await world.control("POST", f"/stripe/challenges/{made.id}", {"outcome": "fail"})
        after = await world.v1.setup_intents.retrieve_async(made.id)
        assert after.last_setup_error.code == "setup_intent_authentication_failure"
        assert (await world.v1.customers.payment_methods.list_async(owner)).data == []

    async def test_in_steps_and_canceled(self, world: StripeWorld) -> None:
        made = await world.v1.setup_intents.create_async({**CARD_ONLY})
        with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
            await world.v1.setup_intents.confirm_async(made.id)
        changed = await world.v1.setup_intents.update_async(
            made.id, {"payment_method": "pm_card_visa", "metadata": {"s": "1"}}
        )
        assert changed.status == "requires_confirmation"
        gone = await world.v1.setup_intents.cancel_async(made.id)
        assert gone.status == "canceled"
        with pytest.raises(stripe.InvalidRequestError):
            await world.v1.setup_intents.confirm_async(made.id)
