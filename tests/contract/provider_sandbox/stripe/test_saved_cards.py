"""Customers, payment methods and SetupIntents."""

import pytest
import stripe

from tests.support.stripe_twin import CARD_ONLY, PUBLISHABLE_KEY, StripeTwin, details

TYPED = {"number": "4242 4242 4242 4242", "exp_month": "12", "exp_year": "2034", "cvc": "123"}


async def customer(twin: StripeTwin) -> str:
    return str((await twin.v1.customers.create_async({"metadata": {"c": "1"}})).id)


async def setup(twin: StripeTwin, token: str = "pm_card_visa", **more):
    return await twin.v1.setup_intents.create_async(
        {"payment_method": token, "confirm": True, **CARD_ONLY, **more}
    )


class TestCustomers:
    async def test_live_and_die(self, twin: StripeTwin) -> None:
        made = await twin.v1.customers.create_async({"email": "a@x.example", "name": "A"})
        changed = await twin.v1.customers.update_async(made.id, {"email": "b@x.example"})
        assert (changed.email, changed.name) == ("b@x.example", "A")
        listed = await twin.v1.customers.list_async({"email": "b@x.example"})
        assert [row.id for row in listed.data] == [made.id]
        assert (await twin.v1.customers.delete_async(made.id)).deleted
        assert (await twin.v1.customers.retrieve_async(made.id)).deleted
        assert (await twin.v1.customers.list_async()).data == []
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await twin.v1.customers.retrieve_async("cus_none")
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


class TestMethods:
    async def test_attached_listed_detached_for_good(self, twin: StripeTwin) -> None:
        owner = await customer(twin)
        kept = await twin.v1.payment_methods.attach_async("pm_card_mastercard", {"customer": owner})
        assert (kept.customer, kept.card.brand, kept.card.last4) == (owner, "mastercard", "4444")
        for listed in (
            await twin.v1.customers.payment_methods.list_async(owner),
            await twin.v1.payment_methods.list_async({"customer": owner, "type": "card"}),
        ):
            assert [row.id for row in listed.data] == [kept.id]
        gone = await twin.v1.payment_methods.detach_async(kept.id)
        assert gone.customer is None
        for call in (
            twin.v1.payment_methods.attach_async(kept.id, {"customer": owner}),
            twin.v1.payment_methods.detach_async(kept.id),
            twin.pay(kept.id, customer=owner),
        ):
            with pytest.raises(stripe.InvalidRequestError):
                await call
        await twin.settle()
        assert twin.types() == ["payment_method.attached", "payment_method.detached"]
        assert twin.posts[-1].body["data"]["previous_attributes"] == {"customer": owner}

    @pytest.mark.parametrize(
        ("token", "attaches"),
        [("pm_card_chargeDeclined", False), ("pm_card_chargeCustomerFail", True)],
    )
    async def test_most_declining_cards_are_not_even_saved(
        self, twin: StripeTwin, token: str, attaches: bool
    ) -> None:
        owner = await customer(twin)
        if not attaches:
            with pytest.raises(stripe.CardError):
                await twin.v1.payment_methods.attach_async(token, {"customer": owner})
            return
        kept = await twin.v1.payment_methods.attach_async(token, {"customer": owner})
        with pytest.raises(stripe.CardError):
            await twin.pay(kept.id, customer=owner)

    async def test_one_that_paid_alone_is_used_up(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            await twin.pay(paid.payment_method)

    async def test_somebody_elses_is_refused(self, twin: StripeTwin) -> None:
        owner, other = await customer(twin), await customer(twin)
        kept = await twin.v1.payment_methods.attach_async("pm_card_visa", {"customer": owner})
        for more in ({}, {"customer": other}):
            with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
                await twin.pay(kept.id, **more)

    async def test_paying_and_saving_at_once(self, twin: StripeTwin) -> None:
        owner = await customer(twin)
        paid = await twin.pay(customer=owner, setup_future_usage="off_session")
        again = await twin.pay(paid.payment_method, customer=owner, off_session=True)
        assert again.status == "succeeded"

    async def test_the_same_card_has_the_same_fingerprint(self, twin: StripeTwin) -> None:
        prints = [
            (await twin.v1.payment_methods.retrieve_async(token)).card.fingerprint
            for token in ("pm_card_visa", "pm_card_visa", "pm_card_amex")
        ]
        assert prints[0] == prints[1] != prints[2]
        assert "4242424242424242" not in prints


class TestTypedCards:
    async def create(self, twin: StripeTwin, key: str | None = PUBLISHABLE_KEY, **over: str):
        card = "&".join(f"card[{name}]={value}" for name, value in (TYPED | over).items())
        more = {} if key is None else {"Authorization": f"Bearer {key}"}
        return await twin.call("POST", "/v1/payment_methods", f"type=card&{card}", **more)

    async def test_are_taken_from_the_paying_client(self, twin: StripeTwin) -> None:
        made = (await self.create(twin)).json()
        assert (made["card"]["last4"], made["card"]["exp_year"]) == ("4242", 2034)

    async def test_not_from_a_server_unless_allowed(self, twin: StripeTwin) -> None:
        answer = await self.create(twin, key=None)
        assert (answer.status_code, "unsafe" in answer.text) == (402, True)
        await twin.control("PATCH", "/settings", {"stripe_raw_cards": True})
        assert (await self.create(twin, key=None)).status_code == 200

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
        self, twin: StripeTwin, field: str, value: str, code: str
    ) -> None:
        answer = await self.create(twin, **{field: value})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (402, code, field)

    async def test_a_card_of_the_real_world_is_declined(self, twin: StripeTwin) -> None:
        made = (await self.create(twin, number="4111111111111111")).json()
        with pytest.raises(stripe.CardError) as refused:
            await twin.pay(made["id"])
        assert details(refused).decline_code == "test_mode_live_card"

    async def test_no_number_is_kept(self, twin: StripeTwin, tmp_path, caplog) -> None:
        caplog.set_level("DEBUG")
        for number in ("4000000000009995", "4111111111111111"):
            await self.create(twin, number=number)
        await twin.settle()
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("twin.sqlite3*"))
        for number in ("4000000000009995", "4111111111111111"):
            assert number.encode() not in kept
            assert number not in caplog.text


class TestSetup:
    async def test_saves_with_the_customer(self, twin: StripeTwin) -> None:
        owner = await customer(twin)
        made = await setup(twin, customer=owner, expand=["latest_attempt", "payment_method"])
        assert (made.status, made.usage) == ("succeeded", "off_session")
        assert (made.latest_attempt.status, made.payment_method.customer) == ("succeeded", owner)
        await twin.settle()
        assert twin.types() == [
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
        ]

    async def test_declined(self, twin: StripeTwin) -> None:
        with pytest.raises(stripe.CardError) as refused:
            await setup(twin, "pm_card_visa_chargeDeclinedStolenCard")
        shown = details(refused).setup_intent
        assert (shown.status, shown.last_setup_error.decline_code) == (
            "requires_payment_method",
            "stolen_card",
        )
        await twin.settle()
        assert twin.types() == ["setup_intent.created", "setup_intent.setup_failed"]

    async def test_a_card_set_up_with_a_challenge_pays_without(self, twin: StripeTwin) -> None:
        owner = await customer(twin)
        made = await setup(
            twin,
            "pm_card_authenticationRequiredOnSetup",
            customer=owner,
            return_url="https://shop.example/saved",
        )
        assert made.next_action.type == "redirect_to_url"
        done = await twin.control("POST", f"/stripe/challenges/{made.id}", {"outcome": "approve"})
        assert done["status"] == "succeeded"
        paid = await twin.pay(done["payment_method"], customer=owner, off_session=True)
        assert paid.status == "succeeded"
        with pytest.raises(stripe.CardError) as refused:
            await twin.pay(
                "pm_card_authenticationRequiredOnSetup", customer=owner, off_session=True
            )
        assert refused.value.code == "authentication_required"

    async def test_a_failed_challenge_saves_nothing(self, twin: StripeTwin) -> None:
        owner = await customer(twin)
        made = await setup(twin, "pm_card_authenticationRequired", customer=owner)
        await twin.control("POST", f"/stripe/challenges/{made.id}", {"outcome": "fail"})
        after = await twin.v1.setup_intents.retrieve_async(made.id)
        assert after.last_setup_error.code == "setup_intent_authentication_failure"
        assert (await twin.v1.customers.payment_methods.list_async(owner)).data == []

    async def test_in_steps_and_canceled(self, twin: StripeTwin) -> None:
        made = await twin.v1.setup_intents.create_async({**CARD_ONLY})
        with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
            await twin.v1.setup_intents.confirm_async(made.id)
        changed = await twin.v1.setup_intents.update_async(
            made.id, {"payment_method": "pm_card_visa", "metadata": {"s": "1"}}
        )
        assert changed.status == "requires_confirmation"
        gone = await twin.v1.setup_intents.cancel_async(made.id)
        assert gone.status == "canceled"
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.setup_intents.confirm_async(made.id)
