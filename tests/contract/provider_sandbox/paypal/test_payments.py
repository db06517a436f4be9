"""Payments v2: captures and refunds."""

import pytest

from tests.support.paypal_twin import DAY_S, PayPalTwin, issue


class TestCaptures:
    async def test_show_their_order(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        await twin.capture(order)
        (capture,) = (await twin.control("GET", "/paypal/objects/capture")).keys()
        shown = (await twin.call("GET", f"/v2/payments/captures/{capture}")).json()
        assert shown["supplementary_data"]["related_ids"]["order_id"] == order
        assert shown["links"][2]["href"] == f"http://twin/v2/checkout/orders/{order}"

    async def test_unknown_ones(self, twin: PayPalTwin) -> None:
        for answer in (
            await twin.call("GET", "/v2/payments/captures/X"),
            await twin.call("GET", "/v2/payments/refunds/X"),
            await twin.refund("X"),
        ):
            assert issue(answer) == (404, "INVALID_RESOURCE_ID")


class TestRefunds:
    async def test_in_parts_until_nothing_is_left(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        first = await twin.refund(capture, "30.00")
        assert (first.status_code, first.json()["status"]) == (201, "COMPLETED")
        assert set(first.json()) == {"id", "status", "links"}
        assert await self._status(twin, capture) == "PARTIALLY_REFUNDED"
        assert issue(await twin.refund(capture, "70.01")) == (422, "REFUND_AMOUNT_EXCEEDED")
        rest = await twin.refund(capture, Prefer="return=representation")
        assert rest.json()["amount"]["value"] == "70.00"
        shown = rest.json()["seller_payable_breakdown"]
        assert shown["total_refunded_amount"]["value"] == "100.00"
        assert await self._status(twin, capture) == "REFUNDED"
        assert issue(await twin.refund(capture, "0.01")) == (422, "CAPTURE_FULLY_REFUNDED")
        moved = [("capture", "100.00"), ("refund", "30.00"), ("refund", "70.00")]
        assert await twin.book() == moved
        assert await twin.balance() == "99996.02"
        await twin.settle()
        assert twin.types().count("PAYMENT.CAPTURE.REFUNDED") == 2

    async def test_an_event_leads_to_the_capture(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        refund = (await twin.refund(capture, "5.00")).json()["id"]
        await twin.settle()
        told = twin.last("PAYMENT.CAPTURE.REFUNDED")
        assert told["id"] == refund
        up = [link["href"] for link in told["links"] if link["rel"] == "up"]
        assert up == [f"http://twin/v2/payments/captures/{capture}"]
        assert (await twin.call("GET", f"/v2/payments/refunds/{refund}")).json() == told

    async def test_one_refund_for_one_id_within_45_days(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        first = await twin.refund(capture, "5.00", key="r")
        await twin.advance(44 * DAY_S)
        await twin.sign_in()
        again = await twin.refund(capture, "5.00", key="r")
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
        assert issue(await twin.refund(capture, "6.00", key="r")) == (422, "DUPLICATE_REQUEST_ID")
        await twin.advance(2 * DAY_S)
        await twin.sign_in()
        assert (await twin.refund(capture, "5.00", key="r")).json()["id"] != first.json()["id"]

    async def test_not_after_180_days(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        await twin.advance(180 * DAY_S + 1)
        await twin.sign_in()
        assert issue(await twin.refund(capture)) == (422, "REFUND_TIME_LIMIT_EXCEEDED")

    async def test_pending_ones_complete_later(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid("refund-pending@example.com"))["id"]
        refund = (await twin.refund(capture, "5.00")).json()
        assert refund["status"] == "PENDING"
        await twin.advance(31)
        shown = (await twin.call("GET", f"/v2/payments/refunds/{refund['id']}")).json()
        assert shown["status"] == "COMPLETED"
        assert twin.types()[-2:] == ["PAYMENT.REFUND.PENDING", "PAYMENT.CAPTURE.REFUNDED"]
        assert await twin.book() == [("capture", "100.00"), ("refund", "5.00")]

    async def test_failed_ones_give_the_money_back(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid("refund-fails@example.com"))["id"]
        await twin.refund(capture)
        assert await self._status(twin, capture) == "REFUNDED"
        await twin.advance(31)
        assert twin.types()[-1] == "PAYMENT.REFUND.FAILED"
        assert await self._status(twin, capture) == "COMPLETED"
        assert await twin.balance() == "100096.02"
        assert (await twin.book())[-1] == ("refund_failed", "100.00")

    async def test_a_completed_one_can_fail_by_control(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        refund = (await twin.refund(capture, "5.00")).json()["id"]
        await twin.control("POST", f"/paypal/refunds/{refund}", {"status": "FAILED"})
        assert (await twin.book())[-1] == ("refund_failed", "5.00")

    async def test_more_than_our_balance(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        await twin.control("PUT", "/paypal/balances/USD", {"amount": "1.00"})
        answer = await twin.refund(capture)
        assert issue(answer) == (422, "REFUND_FAILED_INSUFFICIENT_FUNDS")

    async def test_of_a_pending_and_of_a_declined_capture(self, twin: PayPalTwin) -> None:
        pending = (await twin.paid("unilateral@example.com"))["id"]
        assert issue(await twin.refund(pending)) == (422, "PENDING_CAPTURE")
        declined = (await twin.paid("capture-declined@example.com"))["id"]
        assert issue(await twin.refund(declined)) == (422, "REFUND_NOT_ALLOWED")

    @pytest.mark.parametrize(
        ("body", "status", "wanted"),
        [
            ({"colour": "red"}, 400, "INVALID_PARAMETER_SYNTAX"),
            ({"amount": {"value": "1.00"}}, 400, "MISSING_REQUIRED_PARAMETER"),
            ({"note_to_payer": "x" * 256}, 400, "INVALID_STRING_LENGTH"),
            (
                {"amount": {"currency_code": "EUR", "value": "1.00"}},
                422,
                "REFUND_CAPTURE_CURRENCY_MISMATCH",
            ),
            ({"amount": {"currency_code": "USD", "value": "1.001"}}, 422, "DECIMAL_PRECISION"),
            ({"amount": {"currency_code": "JPY", "value": "1.1"}}, 422, "DECIMALS_NOT_SUPPORTED"),
        ],
    )
    async def test_refuses_what_paypal_refuses(
        self, twin: PayPalTwin, body: dict, status: int, wanted: str
    ) -> None:
        capture = (await twin.paid())["id"]
        answer = await twin.call("POST", f"/v2/payments/captures/{capture}/refund", body)
        assert issue(answer) == (status, wanted)

    async def _status(self, twin: PayPalTwin, capture: str) -> str:
        shown = await twin.call("GET", f"/v2/payments/captures/{capture}")
        return str(shown.json()["status"])
