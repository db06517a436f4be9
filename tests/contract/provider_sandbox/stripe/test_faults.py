"""Faults to order: what the official library makes of them, and whether the money moved."""

import time

import pytest
import stripe

from tests.support.stripe_twin import CARD_ONLY, StripeTwin

CREATE = "stripe.payment_intents.create"

ANSWERS = [
    ("http_429", stripe.RateLimitError, 429, 0),
    ("rate_limit_retry", stripe.RateLimitError, 429, 0),
    ("spike_arrest", stripe.RateLimitError, 429, 0),
    ("internal_error", stripe.APIError, 500, 0),
    ("maintenance", stripe.APIError, 503, 0),
    ("html_500", stripe.APIError, 500, 0),
    ("html_502", stripe.APIError, 502, 0),
    ("html_503", stripe.APIError, 503, 0),
    ("html_502_after_effect", stripe.APIError, 502, 1),
    ("plain_upstream_error", stripe.APIError, 503, 0),
    ("token_invalid", stripe.AuthenticationError, 401, 0),
    ("saved_500", stripe.APIError, 500, 0),
    ("saved_500_after_effect", stripe.APIError, 500, 1),
]


class TestAnswers:
    @pytest.mark.parametrize(("kind", "error", "status", "charges"), ANSWERS)
    async def test_hit_one_request_only(
        self,
        twin: StripeTwin,
        kind: str,
        error: type[stripe.StripeError],
        status: int,
        charges: int,
    ) -> None:
        await twin.fault(CREATE, kind)
        with pytest.raises(error) as raised:
            await twin.pay()
        assert raised.value.http_status == status
        assert len(await twin.book()) == charges
        assert (await twin.pay()).status == "succeeded"

    @pytest.mark.parametrize(
        ("kind", "charges"), [("drop_before", 0), ("drop_after_effect", 1), ("reset_mid_body", 1)]
    )
    async def test_dropped_connections(self, twin: StripeTwin, kind: str, charges: int) -> None:
        await twin.fault(CREATE, kind)
        with pytest.raises(stripe.APIConnectionError):
            await twin.pay(key="k")
        assert len(await twin.book()) == charges
        again = await twin.pay(key="k")
        assert again.status == "succeeded"
        assert await twin.book() == [("charge", 2000)]

    @pytest.mark.parametrize("kind", ["delay", "delay_before", "slow_inside"])
    async def test_slow_ones(self, twin: StripeTwin, kind: str) -> None:
        await twin.fault(CREATE, kind, delay_s=0.1)
        began = time.monotonic()
        assert (await twin.pay()).status == "succeeded"
        assert time.monotonic() - began > 0.09


class TestRetryAdvice:
    async def test_a_429_is_repeated_when_stripe_allows_it(self, twin: StripeTwin) -> None:
        twin.client = stripe.StripeClient(
            twin.client._requestor.api_key,
            base_addresses={"api": "http://twin"},
            http_client=twin.library,
            max_network_retries=2,
        )
        await twin.fault(CREATE, "rate_limit_retry")
        assert (await twin.pay()).status == "succeeded"
        await twin.fault(CREATE, "http_429")
        with pytest.raises(stripe.RateLimitError):
            await twin.pay()


class TestRules:
    async def test_match_the_request(self, twin: StripeTwin) -> None:
        await twin.fault(CREATE, "internal_error", match={"metadata[payment_id]": "p2"})
        assert (await twin.pay(metadata={"payment_id": "p1"})).status == "succeeded"
        with pytest.raises(stripe.APIError):
            await twin.pay(metadata={"payment_id": "p2"})

    async def test_match_the_id_and_the_idempotency_key(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async(
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", **CARD_ONLY}
        )
        match = {"id": intent.id, "Idempotency-Key": "c:1"}
        await twin.fault("stripe.payment_intents.confirm", "drop_after_effect", match=match)
        options = {"idempotency_key": "c:1"}
        with pytest.raises(stripe.APIConnectionError):
            await twin.v1.payment_intents.confirm_async(intent.id, {}, options)
        done = await twin.v1.payment_intents.confirm_async(intent.id, {}, options)
        assert done.status == "succeeded"

    async def test_by_chance_but_the_same_chance_for_a_seed(self, twin: StripeTwin) -> None:
        await twin.fault("stripe.balance.retrieve", "internal_error", times=99, probability=0.5)
        codes = [(await twin.call("GET", "/v1/balance")).status_code for _ in range(20)]
        assert {200, 500} == set(codes)
        assert codes.count(500) == 99 - (await twin.control("GET", "/faults"))["faults"][0]["times"]

    async def test_arrivals_are_counted_by_idempotency_key(self, twin: StripeTwin) -> None:
        for _ in range(3):
            await twin.pay(key="k")
        counted = (await twin.control("GET", "/requests?at_least=2"))[CREATE]
        assert (counted["received"], counted["accepted"]) == (3, 1)
        assert counted["by_reference"] == {"k": 3}

    async def test_an_outage_is_an_outage(self, twin: StripeTwin) -> None:
        await twin.control("PUT", "/outage", {"mode": "drop_before"})
        with pytest.raises(stripe.APIConnectionError):
            await twin.pay()
        await twin.control("PUT", "/outage", {"mode": "off"})
        assert (await twin.pay()).status == "succeeded"


class TestSameSeed:
    async def test_makes_the_same_ids(self, open_twin) -> None:
        async with open_twin() as twin:
            first = await twin.pay()
            await twin.control("POST", "/reset")
            second = await twin.pay()
            assert (first.id, first.client_secret) == (second.id, second.client_secret)
