"""PaymentIntents by the official library: paid, declined, challenged, captured, canceled."""

import pytest
import stripe

from tests.support.stripe_twin import CARD_ONLY, StripeTwin, details

DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
]


class TestSuccess:
    async def test_in_one_call_with_its_fee_in_sight(self, twin: StripeTwin) -> None:
        intent = await twin.pay(
            metadata={"payment_id": "p1"},
            capture_method="automatic",
            expand=["latest_charge.balance_transaction"],
        )
        assert (intent.status, intent.amount_received) == ("succeeded", 2000)
        money = intent.latest_charge.balance_transaction
        assert (money.amount, money.fee, money.net) == (2000, 88, 1912)
        assert intent.latest_charge.payment_method_details.card.last4 == "4242"
        await twin.settle()
        assert twin.types() == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]
        assert twin.last("payment_intent.succeeded")["metadata"] == {"payment_id": "p1"}
        assert await twin.book() == [("charge", 2000)]

    async def test_captured_asynchronously_the_fee_comes_later(self, twin: StripeTwin) -> None:
        intent = await twin.pay(expand=["latest_charge"])
        assert intent.latest_charge.balance_transaction is None
        await twin.advance(2)
        updated = twin.last("charge.updated")
        money = await twin.v1.balance_transactions.retrieve_async(updated["balance_transaction"])
        assert (money.fee, money.source) == (88, intent.latest_charge.id)

    async def test_created_then_confirmed(self, twin: StripeTwin) -> None:
        created = await twin.v1.payment_intents.create_async(
            {"amount": 500, "currency": "KES", "payment_method": "pm_card_visa", **CARD_ONLY}
            | {"amount": 50_000}
        )
        assert (created.status, created.currency) == ("requires_confirmation", "kes")
        confirmed = await twin.v1.payment_intents.confirm_async(created.id)
        assert confirmed.status == "succeeded"
        again = await twin.v1.payment_intents.retrieve_async(created.id)
        assert again.status == "succeeded"
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await twin.v1.payment_intents.confirm_async(created.id)
        assert refused.value.code == "payment_intent_unexpected_state"

    async def test_settled_in_dollars(self, open_twin) -> None:
        async with open_twin(stripe_settlement={"kes": "0.0077"}) as twin:
            intent = await twin.pay(
                amount=100_000,
                currency="kes",
                capture_method="automatic",
                expand=["latest_charge.balance_transaction"],
            )
            money = intent.latest_charge.balance_transaction
            # 1000 shillings are 7.70 dollars; 2.9 % of them 22.33 cents, and 30 cents.
            assert (money.currency, money.amount, money.fee) == ("usd", 770, 52)
            [row] = (await twin.control("GET", "/stripe/payments"))["payments"].values()
            assert (row["currency"], row["charged"]) == ("KES", 100_000)
            assert row["fees"] == {"USD": 52}

    async def test_processing_first(self, twin: StripeTwin) -> None:
        await twin.control("PUT", "/stripe/cards/pm_card_slow", {"processing_s": 60})
        intent = await twin.pay("pm_card_slow")
        assert intent.status == "processing"
        await twin.advance(60)
        assert (await twin.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"
        assert "payment_intent.processing" in twin.types()


class TestDecline:
    @pytest.mark.parametrize(("token", "code", "decline_code"), DECLINES)
    async def test_of_each_card(
        self, twin: StripeTwin, token: str, code: str, decline_code: str | None
    ) -> None:
        with pytest.raises(stripe.CardError) as refused:
            await twin.pay(token)
        error = details(refused)
        assert (refused.value.http_status, error.code) == (402, code)
        assert error.to_dict().get("decline_code") == decline_code
        intent = await twin.v1.payment_intents.retrieve_async(error.payment_intent.id)
        assert intent.status == "requires_payment_method"
        assert (intent.payment_method, intent.last_payment_error.code) == (None, code)
        charge = await twin.v1.charges.retrieve_async(intent.latest_charge)
        assert (charge.status, charge.failure_code, charge.paid) == ("failed", code, False)
        await twin.settle()
        assert twin.types()[1:] == ["charge.failed", "payment_intent.payment_failed"]
        assert await twin.book() == []

    async def test_by_a_script(self, twin: StripeTwin) -> None:
        order = {"decline": {"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}}
        await twin.control("PUT", "/stripe/cards/pm_card_mine", order)
        with pytest.raises(stripe.CardError) as refused:
            await twin.pay("pm_card_mine")
        error = details(refused)
        assert (error.decline_code, error.advice_code) == ("do_not_honor", "do_not_try_again")

    async def test_then_paid_with_another_card(self, twin: StripeTwin) -> None:
        with pytest.raises(stripe.CardError) as refused:
            await twin.pay("pm_card_visa_chargeDeclined")
        intent = await twin.v1.payment_intents.confirm_async(
            details(refused).payment_intent.id, {"payment_method": "pm_card_mastercard"}
        )
        assert (intent.status, intent.last_payment_error) == ("succeeded", None)


class TestChallenge:
    async def test_redirects_when_it_can_come_back(self, twin: StripeTwin) -> None:
        intent = await twin.pay(
            "pm_card_authenticationRequired", return_url="https://shop.example/back"
        )
        assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
        ended = await twin.control(
            "POST", f"/stripe/challenges/{intent.id}", {"outcome": "approve"}
        )
        assert ended["status"] == "succeeded"
        charge = await twin.v1.charges.retrieve_async(ended["latest_charge"])
        assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
        await twin.settle()
        assert twin.types() == [
            "payment_intent.created",
            "payment_intent.requires_action",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    async def test_without_a_return_url_the_client_handles_the_challenge(
        self, twin: StripeTwin
    ) -> None:
        intent = await twin.pay("pm_card_threeDSecure2Required")
        assert intent.next_action.type == "use_stripe_sdk"
        assert intent.client_secret.startswith(f"{intent.id}_secret_")

    async def test_failed_goes_back_without_a_charge(self, twin: StripeTwin) -> None:
        intent = await twin.pay("pm_card_authenticationRequired")
        await twin.control("POST", f"/stripe/challenges/{intent.id}", {"outcome": "fail"})
        after = await twin.v1.payment_intents.retrieve_async(intent.id)
        assert (after.status, after.latest_charge) == ("requires_payment_method", None)
        assert after.last_payment_error.code == "payment_intent_authentication_failure"

    async def test_passed_then_declined(self, twin: StripeTwin) -> None:
        intent = await twin.pay("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
        await twin.control("POST", f"/stripe/challenges/{intent.id}", {"outcome": "approve"})
        after = await twin.v1.payment_intents.retrieve_async(intent.id)
        assert after.last_payment_error.decline_code == "insufficient_funds"

    async def test_ends_by_itself_when_told_so(self, open_twin) -> None:
        async with open_twin(stripe_3ds="approve", stripe_challenge_s=5) as twin:
            intent = await twin.pay("pm_card_authenticationRequired")
            assert intent.status == "requires_action"
            await twin.advance(5)
            after = await twin.v1.payment_intents.retrieve_async(intent.id)
            assert after.status == "succeeded"

    async def test_with_manual_confirmation_the_server_confirms_again(
        self, twin: StripeTwin
    ) -> None:
        intent = await twin.pay("pm_card_authenticationRequired", confirmation_method="manual")
        await twin.control("POST", f"/stripe/challenges/{intent.id}", {"outcome": "approve"})
        between = await twin.v1.payment_intents.retrieve_async(intent.id)
        assert between.status == "requires_confirmation"
        assert (await twin.v1.payment_intents.confirm_async(intent.id)).status == "succeeded"

    async def test_off_session_is_declined_instead(self, twin: StripeTwin) -> None:
        customer = await twin.v1.customers.create_async({})
        with pytest.raises(stripe.CardError) as refused:
            await twin.pay("pm_card_authenticationRequired", off_session=True, customer=customer.id)
        assert refused.value.code == "authentication_required"
        assert details(refused).payment_intent.status == "requires_payment_method"

    async def test_may_be_refused_beforehand(self, twin: StripeTwin) -> None:
        with pytest.raises(stripe.CardError) as refused:
            await twin.pay("pm_card_authenticationRequired", error_on_requires_action=True)
        assert refused.value.code == "authentication_required"
        assert details(refused).payment_intent.latest_charge is None


class TestCapture:
    async def test_in_part(self, twin: StripeTwin) -> None:
        held = await twin.pay(capture_method="manual")
        assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
        assert await twin.book() == []
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await twin.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 2001})
        assert refused.value.code == "amount_too_large"
        taken = await twin.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 700})
        assert (taken.status, taken.amount_received) == ("succeeded", 700)
        assert await twin.book() == [("charge", 700)]
        await twin.settle()
        assert "payment_intent.amount_capturable_updated" in twin.types()

    async def test_canceled_instead(self, twin: StripeTwin) -> None:
        held = await twin.pay(capture_method="manual")
        gone = await twin.v1.payment_intents.cancel_async(
            held.id, {"cancellation_reason": "abandoned"}
        )
        assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await twin.v1.payment_intents.capture_async(held.id)
        assert refused.value.code == "payment_intent_unexpected_state"
        assert await twin.book() == []

    async def test_nothing_cancels_a_paid_one(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await twin.v1.payment_intents.cancel_async(paid.id)
        assert details(refused).payment_intent.id == paid.id


class TestReturnAddress:
    async def test_is_needed_where_a_method_may_send_away(self, twin: StripeTwin) -> None:
        body = {
            "amount": 2000,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
        }
        with pytest.raises(stripe.InvalidRequestError, match="return_url"):
            await twin.v1.payment_intents.create_async(body)
        never = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
        for more in (never, {"return_url": "https://shop.example"}):
            intent = await twin.v1.payment_intents.create_async(body | more)
            assert intent.status == "succeeded"


class TestChange:
    async def test_before_it_is_paid(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async({"amount": 2000, "currency": "usd"})
        changed = await twin.v1.payment_intents.update_async(
            intent.id, {"amount": 3000, "metadata": {"a": "1"}, "payment_method": "pm_card_visa"}
        )
        assert (changed.amount, changed.status) == (3000, "requires_confirmation")
        assert changed.metadata.to_dict() == {"a": "1"}

    async def test_not_afterwards(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.payment_intents.update_async(paid.id, {"amount": 1})


class TestSearch:
    async def test_finds_late(self, twin: StripeTwin) -> None:
        paid = await twin.pay(metadata={"payment_id": "p7"})
        query = {"query": "metadata['payment_id']:'p7' AND status:'succeeded'"}
        assert (await twin.v1.payment_intents.search_async(query)).data == []
        await twin.advance(61)
        found = await twin.v1.payment_intents.search_async(query)
        assert [intent.id for intent in found.data] == [paid.id]
