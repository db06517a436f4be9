"""The wire contract: keys, versions, parameters, idempotency, lists, expansion."""

import asyncio
import base64
import re
from typing import Any

import pytest
import stripe

from tests.support.stripe_twin import CARD_ONLY, PUBLISHABLE_KEY, SECRET_KEY, StripeTwin

INTENTS = "/v1/payment_intents"
GOOD = (
    "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&payment_method_types[]=card"
)


def headers(refused: Any) -> Any:
    """Of the answer behind what ``pytest.raises`` caught."""
    return refused.value.headers


class TestKeys:
    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer sk_test_other",
            "Bearer sk_live_twin",
            "Basic !",
            f"Token {SECRET_KEY}",
        ],
    )
    async def test_wrong_ones_are_refused(self, twin: StripeTwin, header: str) -> None:
        answer = await twin.call("POST", INTENTS, GOOD, Authorization=header)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert "sk_test_other" not in answer.text
        assert await twin.book() == []

    async def test_basic_works_too(self, twin: StripeTwin) -> None:
        basic = "Basic " + base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
        answer = await twin.call("GET", "/v1/balance", Authorization=basic)
        assert answer.status_code == 200

    async def test_the_library_calls_it_an_authentication_error(self, twin: StripeTwin) -> None:
        other = stripe.StripeClient(
            "sk_test_other",
            base_addresses={"api": "http://twin"},
            http_client=twin.library,
        )
        with pytest.raises(stripe.AuthenticationError):
            await other.v1.balance.retrieve_async()

    async def test_the_paying_client_may_do_little(self, twin: StripeTwin) -> None:
        key = f"Bearer {PUBLISHABLE_KEY}"
        answer = await twin.call("POST", INTENTS, GOOD, Authorization=key)
        assert answer.json()["error"]["code"] == "secret_key_required"

    async def test_a_publishable_key_reads_an_intent_only_with_its_own_secret(
        self, twin: StripeTwin
    ) -> None:
        intent = await twin.v1.payment_intents.create_async(
            {"amount": 2000, "currency": "usd", "metadata": {"a": "1"}, **CARD_ONLY}
        )
        key = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
        path = f"{INTENTS}/{intent.id}"
        assert (await twin.call("GET", path, "client_secret=x", **key)).status_code == 404
        seen = await twin.call("GET", path, f"client_secret={intent.client_secret}", **key)
        assert seen.json()["status"] == "requires_payment_method"
        assert "metadata" not in seen.json()


class TestHeaders:
    async def test_every_answer_has_an_id_and_the_version(self, twin: StripeTwin) -> None:
        answers = [
            await twin.call("GET", "/v1/balance", **{"Stripe-Version": "2026-10-28.endive"}),
            await twin.call("GET", "/v1/nothing", **{"Stripe-Version": "2026-10-28.endive"}),
        ]
        ids = {answer.headers["request-id"] for answer in answers}
        assert len(ids) == 2
        assert all(re.fullmatch(r"req_\w{14}", name) for name in ids)
        assert {answer.headers["stripe-version"] for answer in answers} == {"2026-10-28.endive"}

    async def test_a_version_that_is_none_is_refused(self, twin: StripeTwin) -> None:
        answer = await twin.call("GET", "/v1/balance", **{"Stripe-Version": "latest"})
        assert answer.status_code == 400

    async def test_unknown_addresses(self, twin: StripeTwin) -> None:
        answer = await twin.call("GET", "/v1/subscriptions")
        assert answer.status_code == 404
        assert "Unrecognized request URL" in answer.json()["error"]["message"]


class TestParameters:
    @pytest.mark.parametrize(
        ("form", "param", "code"),
        [
            ("currency=usd", "amount", "parameter_missing"),
            ("amount=2000&currency=usd&colour=red", "colour", "parameter_unknown"),
            ("amount=20.5&currency=usd", "amount", "parameter_invalid_integer"),
            ("amount=&currency=usd", "amount", "parameter_invalid_empty"),
            ("amount=2000&currency=usd&capture_method=never", "capture_method", None),
            ("amount=2000&currency=usd&confirm=yes", "confirm", None),
            ("amount=2000&currency=usd&shipping[name]=A", "shipping[address]", "parameter_missing"),
            (
                "amount=2000&currency=usd&shipping[colour]=x",
                "shipping[colour]",
                "parameter_unknown",
            ),
            (f"amount=2000&currency=usd&metadata[a]={'x' * 501}", "metadata[a]", None),
            (
                "amount=2000&currency=usd&payment_method=pm_none",
                "payment_method",
                "resource_missing",
            ),
            ("amount=2000&currency=xyz", "currency", None),
            ("amount=2000&currency=usd&off_session=true", "off_session", None),
        ],
    )
    async def test_bad_ones_are_named(
        self, twin: StripeTwin, form: str, param: str, code: str | None
    ) -> None:
        answer = await twin.call("POST", INTENTS, form)
        error = answer.json()["error"]
        assert answer.status_code == (404 if code == "resource_missing" else 400)
        assert (error.get("param"), error.get("code")) == (param, code)

    async def test_what_the_twin_does_not_play_is_refused(self, twin: StripeTwin) -> None:
        answer = await twin.call("POST", INTENTS, f"{GOOD}&confirmation_token=ctoken_1")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "confirmation_token")

    async def test_lists_come_in_brackets_of_both_kinds(self, twin: StripeTwin) -> None:
        for name in ("payment_method_types[]", "payment_method_types[0]"):
            answer = await twin.call("POST", INTENTS, f"amount=2000&currency=usd&{name}=card")
            assert answer.json()["payment_method_types"] == ["card"]
            assert answer.json()["automatic_payment_methods"] is None


class TestAmounts:
    @pytest.mark.parametrize(
        ("amount", "currency", "code"),
        [
            (49, "usd", "amount_too_small"),
            (50, "usd", None),
            (0, "usd", "parameter_invalid_integer"),
            (-5, "usd", "parameter_invalid_integer"),
            (99_999_999, "usd", None),
            (100_000_000, "usd", "amount_too_large"),
            (500, "jpy", None),
            (200_000, "ugx", None),
            (200_050, "ugx", "invalid_charge_amount_no_decimal_compatible"),
            (2005, "isk", "invalid_charge_amount_no_decimal_compatible"),
            (5005, "kwd", "parameter_invalid_integer"),
            (5010, "kwd", None),
            (6499, "kes", "amount_too_small"),
        ],
    )
    async def test_by_currency(
        self, twin: StripeTwin, amount: int, currency: str, code: str | None
    ) -> None:
        answer = await twin.call("POST", INTENTS, f"amount={amount}&currency={currency}")
        error = answer.json().get("error", {})
        assert (answer.status_code, error.get("code")) == (400 if code else 200, code)


class TestIdempotency:
    async def test_the_first_answer_is_given_again(self, twin: StripeTwin) -> None:
        first, second = [
            await twin.call("POST", INTENTS, GOOD, **{"Idempotency-Key": "k"}) for _ in range(2)
        ]
        assert first.content == second.content
        assert "idempotent-replayed" not in first.headers
        assert second.headers["idempotent-replayed"] == "true"
        assert second.headers["original-request"] == first.headers["request-id"]
        assert first.headers["request-id"] != second.headers["request-id"]
        assert await twin.book() == [("charge", 2000)]

    async def test_a_decline_too(self, twin: StripeTwin) -> None:
        for _ in range(2):
            with pytest.raises(stripe.CardError):
                await twin.pay("pm_card_visa_chargeDeclined", key="k")
        assert len((await twin.v1.charges.list_async()).data) == 1

    async def test_other_parameters_are_an_error(self, twin: StripeTwin) -> None:
        await twin.pay(key="k")
        with pytest.raises(stripe.IdempotencyError):
            await twin.pay(key="k", amount=3000)
        assert await twin.book() == [("charge", 2000)]

    async def test_the_order_of_fields_is_no_difference(self, twin: StripeTwin) -> None:
        turned = "&".join(reversed(GOOD.split("&")))
        first, second = [
            await twin.call("POST", INTENTS, body, **{"Idempotency-Key": "k"})
            for body in (GOOD, turned)
        ]
        assert first.json() == second.json()

    async def test_refused_parameters_are_not_kept(self, twin: StripeTwin) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            await twin.pay(key="k", colour="red")
        assert (await twin.pay(key="k")).status == "succeeded"

    async def test_a_refusal_in_the_middle_is_kept(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        refund = {"payment_intent": paid.id, "amount": 2001}
        for _ in range(2):
            with pytest.raises(stripe.InvalidRequestError) as refused:
                await twin.v1.refunds.create_async(refund, {"idempotency_key": "k"})
        assert headers(refused)["idempotent-replayed"] == "true"

    async def test_a_kept_500_stays_one(self, twin: StripeTwin) -> None:
        await twin.fault("stripe.payment_intents.create", "saved_500_after_effect")
        for replayed in (None, "true"):
            with pytest.raises(stripe.APIError) as failed:
                await twin.pay(key="k")
            assert failed.value.http_status == 500
            assert headers(failed).get("idempotent-replayed") == replayed
        assert await twin.book() == [("charge", 2000)]

    async def test_a_kept_500_without_effect(self, twin: StripeTwin) -> None:
        await twin.fault("stripe.payment_intents.create", "saved_500")
        for _ in range(2):
            with pytest.raises(stripe.APIError):
                await twin.pay(key="k")
        assert await twin.book() == []
        await twin.pay(key="k:2")
        assert await twin.book() == [("charge", 2000)]

    async def test_two_at_once_get_one_effect(self, twin: StripeTwin) -> None:
        await twin.fault("stripe.payment_intents.create", "slow_inside", delay_s=2)
        first = asyncio.create_task(twin.pay(key="k"))
        while (await twin.control("GET", "/faults"))["faults"]:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        answer = await twin.call("POST", INTENTS, GOOD, **{"Idempotency-Key": "k"})
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "idempotency_key_in_use"
        assert (await first).status == "succeeded"
        assert await twin.book() == [("charge", 2000)]

    async def test_a_day_later_the_same_key_charges_again(self, twin: StripeTwin) -> None:
        first = await twin.pay(key="k")
        await twin.advance(86_000)
        assert (await twin.pay(key="k")).id == first.id
        await twin.advance(401)
        assert (await twin.pay(key="k")).id != first.id
        assert await twin.book() == [("charge", 2000)] * 2

    async def test_keys_have_a_longest_length(self, twin: StripeTwin) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            await twin.pay(key="k" * 256)


class TestLists:
    async def test_go_in_pages_both_ways(self, twin: StripeTwin) -> None:
        made = [
            (await twin.v1.customers.create_async({"email": f"{n}@x.example"})).id for n in range(5)
        ]
        newest_first = made[::-1]
        first = await twin.v1.customers.list_async({"limit": 2})
        assert ([row.id for row in first.data], first.has_more) == (newest_first[:2], True)
        rest = await twin.v1.customers.list_async({"limit": 3, "starting_after": made[3]})
        assert ([row.id for row in rest.data], rest.has_more) == (newest_first[2:], False)
        back = await twin.v1.customers.list_async({"limit": 2, "ending_before": made[0]})
        assert ([row.id for row in back.data], back.has_more) == (newest_first[2:4], True)
        walked = [row.id async for row in first.auto_paging_iter()]
        assert walked == newest_first

    async def test_refuse_what_they_cannot_find(self, twin: StripeTwin) -> None:
        for more in ({"limit": 0}, {"limit": 101}, {"starting_after": "cus_x"}):
            with pytest.raises(stripe.InvalidRequestError):
                await twin.v1.customers.list_async(more)

    async def test_filter_by_time_and_owner(self, twin: StripeTwin) -> None:
        customer = await twin.v1.customers.create_async({})
        mine = await twin.pay(customer=customer.id)
        await twin.pay()
        found = await twin.v1.payment_intents.list_async({"customer": customer.id})
        assert [row.id for row in found.data] == [mine.id]
        later = {"created": {"gt": mine.created + 3600}}
        assert (await twin.v1.payment_intents.list_async(later)).data == []


class TestExpansion:
    async def test_goes_deep(self, twin: StripeTwin) -> None:
        paid = await twin.pay(capture_method="automatic")
        await twin.v1.refunds.create_async({"payment_intent": paid.id, "amount": 5})
        charge = await twin.v1.charges.retrieve_async(
            paid.latest_charge, {"expand": ["payment_intent.payment_method", "refunds"]}
        )
        assert charge.payment_intent.payment_method.card.brand == "visa"
        assert charge.refunds.data[0].amount == 5
        listed = await twin.v1.payment_intents.list_async({"expand": ["data.latest_charge"]})
        assert listed.data[0].latest_charge.id == charge.id

    async def test_refuses_the_rest(self, twin: StripeTwin) -> None:
        for path in ("amount", "latest_charge.colour"):
            with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
                await twin.pay(expand=[path])
