"""Faults, ``PayPal-Mock-Response``, and the other providers beside PayPal."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.paypal_twin import PayPalTwin, capture_of, issue

CAPTURE = "paypal.orders.capture"


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "status", "moved"),
        [
            ("http_429", 429, 0),
            ("spike_arrest", 429, 0),
            ("internal_error", 500, 0),
            ("maintenance", 503, 0),
            ("html_500", 500, 0),
            ("html_502", 502, 0),
            ("html_503", 503, 0),
            ("html_502_after_effect", 502, 1),
            ("plain_upstream_error", 503, 0),
            ("token_invalid", 401, 0),
            ("saved_500", 500, 0),
            ("saved_500_after_effect", 500, 1),
        ],
    )
    async def test_hit_one_request_only(
        self, twin: PayPalTwin, kind: str, status: int, moved: int
    ) -> None:
        order = await twin.approved()
        await twin.fault(CAPTURE, kind)
        assert (await twin.capture(order, key="c")).status_code == status
        assert len(await twin.book()) == moved
        again = await twin.capture(order, key="c")
        assert again.status_code == (200 if moved else 201)
        assert await twin.book() == [("capture", "100.00")]

    @pytest.mark.parametrize(
        ("kind", "moved"), [("drop_before", 0), ("drop_after_effect", 1), ("reset_mid_body", 1)]
    )
    async def test_lost_answers(self, twin: PayPalTwin, kind: str, moved: int) -> None:
        order = await twin.approved()
        await twin.fault(CAPTURE, kind)
        with pytest.raises((httpx.HTTPError, ConnectionResetError)):
            await twin.capture(order, key="c")
        assert len(await twin.book()) == moved
        answer = await twin.capture(order, key="c")
        assert capture_of(answer.json())["status"] == "COMPLETED"
        assert len(await twin.book()) == 1

    @pytest.mark.parametrize(
        ("operation", "wanted"),
        [
            ("capture", (422, "ORDER_COMPLETION_IN_PROGRESS")),
            ("refund", (409, "PREVIOUS_REQUEST_IN_PROGRESS")),
        ],
    )
    async def test_two_at_once_with_one_id(
        self, twin: PayPalTwin, operation: str, wanted: tuple[int, str]
    ) -> None:
        order = await twin.approved()
        ask: Any = twin.capture
        if operation == "refund":
            order = capture_of((await twin.capture(order)).json())["id"]
            ask = twin.refund
        await twin.fault("paypal.*", "slow_inside", delay_s=0.3)
        first = asyncio.create_task(ask(order, key="c"))
        await asyncio.sleep(0.1)
        assert issue(await ask(order, key="c")) == wanted
        assert (await first).status_code == 201

    async def test_match_fields_of_the_body(self, twin: PayPalTwin) -> None:
        await twin.fault("paypal.orders.create", "http_429", match={"custom_id": "c"})
        await twin.order()
        answer = await twin.call(
            "POST",
            "/v2/checkout/orders",
            {
                "intent": "CAPTURE",
                "purchase_units": [
                    {"custom_id": "c", "amount": {"currency_code": "USD", "value": "1.00"}}
                ],
            },
        )
        assert answer.status_code == 429

    async def test_of_the_token(self, twin: PayPalTwin) -> None:
        await twin.fault("paypal.oauth", "http_429")
        assert (await twin.sign_in()).status_code == 429

    async def test_arrivals_are_counted(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        for _ in range(2):
            await twin.capture(order, key="c")
        seen = (await twin.control("GET", "/requests"))[CAPTURE]
        assert (seen["by_reference"], seen["accepted"]) == ({"c": 2}, 1)


class TestMockResponse:
    async def test_answers_a_described_issue_without_effect(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        head = {"PayPal-Mock-Response": '{"mock_application_codes": "INSTRUMENT_DECLINED"}'}
        assert issue(await twin.capture(order, **head)) == (422, "INSTRUMENT_DECLINED")
        head = {"PayPal-Mock-Response": '{"mock_application_codes": ["INTERNAL_SERVER_ERROR"]}'}
        assert (await twin.capture(order, **head)).status_code == 500
        assert (await twin.capture(order)).status_code == 201

    async def test_another_operations_issue_has_no_effect(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        head = {"PayPal-Mock-Response": '{"mock_application_codes": "CAPTURE_FULLY_REFUNDED"}'}
        assert (await twin.capture(order, **head)).status_code == 201

    @pytest.mark.parametrize("value", ["x", "{}", "[]"])
    async def test_a_wrong_header(self, twin: PayPalTwin, value: str) -> None:
        order = await twin.approved()
        answer = await twin.capture(order, **{"PayPal-Mock-Response": value})
        assert answer.status_code == 400


class TestBesideOthers:
    async def test_stripe_keeps_its_paths(self, open_twin: Callable[..., Any]) -> None:
        async with open_twin(stripe_secret_key="sk_test_twin") as twin:
            asked = {"Authorization": "Bearer sk_test_twin"}
            answer = await twin.http.get("/v1/charges", headers=asked)
            assert (answer.status_code, answer.json()["object"]) == (200, "list")
            assert (await twin.call("GET", "/v1/payments/colours")).json()["name"]
            twin.illegal.clear()  # Stripe's answer, and a path that PayPal does not have

    async def test_without_credentials_there_is_no_paypal(
        self, open_twin: Callable[..., Any]
    ) -> None:
        async with open_twin() as twin:
            settings = await twin.control("GET", "/settings")
            assert "paypal_client_secret" not in settings
            answer = await twin.http.patch("/control/settings", json={"paypal_client_id": "x"})
            assert answer.status_code == 422

    async def test_a_reset_restores_the_balance(self, twin: PayPalTwin) -> None:
        await twin.paid()
        await twin.control("POST", "/reset")
        await twin.sign_in()
        assert await twin.balance() == "100000.00"
        assert await twin.book() == []
        await twin.paid()
