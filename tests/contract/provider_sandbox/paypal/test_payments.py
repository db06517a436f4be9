"""Payments v2: captures and refunds."""

import pytest

from tests.support.paypal_twin import DAY_S, PayPalWorld, issue


class TestCaptures:
    async def test_show_their_order(self, world: PayPalWorld) -> None:
        order = await world.approved()
        await world.capture(order)
        (capture,) = (await world.control("GET", "/paypal/objects/capture")).keys()
        shown = (await world.call("GET", f"/v2/payments/captures/{capture}")).json()
        assert shown["supplementary_data"]["related_ids"]["order_id"] == order
        assert shown["links"][2]["href"] == f"http://twin/v2/checkout/orders/{order}"

    async def test_unknown_ones(self, world: PayPalWorld) -> None:
        for answer in (
            await world.call("GET", "/v2/payments/captures/X"),
            await world.call("GET", "/v2/payments/refunds/X"),
            await world.refund("X"),
        ):
            assert issue(answer) == (404, "INVALID_RESOURCE_ID")


class TestRefunds:
    async def test_in_parts_until_nothing_is_left(self, world: PayPalWorld) -> None:
        capture = (await world.paid())["id"]
        first = await world.refund(capture, "30.00")
        assert (first.status_code, first.json()["status"]) == (201, "COMPLETED")
        assert set(first.json()) == {"id", "status", "links"}
        assert await self._status(world, capture) == "PARTIALLY_REFUNDED"
        assert issue(await world.refund(capture, "70.01")) == (422, "REFUND_AMOUNT_EXCEEDED")
        rest = await world.refund(capture, Prefer="return=representation")
        assert rest.json()["amount"]["value"] == "70.00"
        shown = rest.json()["seller_payable_breakdown"]
        assert shown["total_refunded_amount"]["value"] == "100.00"
        assert await self._status(world, capture) == "REFUNDED"
        assert issue(await world.refund(capture, "0.01")) == (422, "CAPTURE_FULLY_REFUNDED")
        moved = [("capture", "100.00"), ("refund", "30.00"), ("refund", "70.00")]
        assert await world.book() == moved
        assert await world.balance() == "99996.02"
        await world.settle()
        assert world.types().count("PAYMENT.CAPTURE.REFUNDED") == 2

    async def test_an_event_leads_to_the_capture(self, world: PayPalWorld) -> None:
        capture = (await world.paid())["id"]
        refund = (await world.refund(capture, "5.00")).json()["id"]
        await world.settle()
        told = world.last("PAYMENT.CAPTURE.REFUNDED")
        assert told["id"] == refund
        up = [link["href"] for link in told["links"] if link["rel"] == "up"]
        assert up == [f"http://twin/v2/payments/captures/{capture}"]
        assert (await world.call("GET", f"/v2/payments/refunds/{refund}")).json() == told

    async def test_one_refund_for_one_id_within_45_days(self, world: PayPalWorld) -> None:
        capture = (await world.paid())["id"]
        first = await world.refund(capture, "5.00", key="r")
        await world.advance(44 * DAY_S)
        await world.sign_in()
        again = await world.refund(capture, "5.00", key="r")
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
        assert issue(await world.refund(capture, "6.00", key="r")) == (422, "DUPLICATE_REQUEST_ID")
        await world.advance(2 * DAY_S)
        await world.sign_in()
        assert (await world.refund(capture, "5.00", key="r")).json()["id"] != first.json()["id"]

    async def test_not_after_180_days(self, world: PayPalWorld) -> None:
        capture = (await world.paid())["id"]
        await world.advance(180 * DAY_S + 1)
        await world.sign_in()
        assert issue(await world.refund(capture)) == (422, "REFUND_TIME_LIMIT_EXCEEDED")

    async def test_pending_ones_complete_later(self, world: PayPalWorld) -> None:
        capture = (await world.paid("refund-pending@example.com"))["id"]
        refund = (await world.refund(capture, "5.00")).json()
        assert refund["status"] == "PENDING"
        await world.advance(31)
        shown = (await world.call("GET", f"/v2/payments/refunds/{refund['id']}")).json()
        assert shown["status"] == "COMPLETED"
        assert world.types()[-2:] == ["PAYMENT.REFUND.PENDING", "PAYMENT.CAPTURE.REFUNDED"]
        assert await world.book() == [("capture", "100.00"), ("refund", "5.00")]

    async def test_failed_ones_give_the_money_back(self, world: PayPalWorld) -> None:
        capture = (await world.paid("refund-fails@example.com"))["id"]
        await world.refund(capture)
        assert await self._status(world, capture) == "REFUNDED"
        await world.advance(31)
        assert world.types()[-1] == "PAYMENT.REFUND.FAILED"
        assert await self._status(world, capture) == "COMPLETED"
        assert await world.balance() == "100096.02"
        assert (await world.book())[-1] == ("refund_failed", "100.00")

    async def test_a_completed_one_can_fail_by_control(self, world: PayPalWorld) -> None:
        capture = (await world.paid())["id"]
        refund = (await world.refund(capture, "5.00")).json()["id"]
        await world.control("POST", f"/paypal/refunds/{refund}", {"status": "FAILED"})
        assert (await world.book())[-1] == ("refund_failed", "5.00")

    async def test_more_than_our_balance(self, world: PayPalWorld) -> None:
        capture = (await world.paid())["id"]
        await world.control("PUT", "/paypal/balances/USD", {"amount": "1.00"})
        answer = await world.refund(capture)
        assert issue(answer) == (422, "REFUND_FAILED_INSUFFICIENT_FUNDS")

    async def test_of_a_pending_and_of_a_declined_capture(self, world: PayPalWorld) -> None:
        pending = (await world.paid("unilateral@example.com"))["id"]
        assert issue(await world.refund(pending)) == (422, "PENDING_CAPTURE")
        declined = (await world.paid("capture-declined@example.com"))["id"]
        assert issue(await world.refund(declined)) == (422, "REFUND_NOT_ALLOWED")

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
        self, world: PayPalWorld, body: dict, status: int, wanted: str
    ) -> None:
        capture = (await world.paid())["id"]
        answer = await world.call("POST", f"/v2/payments/captures/{capture}/refund", body)
        assert issue(answer) == (status, wanted)

    async def _status(self, world: PayPalWorld, capture: str) -> str:
        shown = await world.call("GET", f"/v2/payments/captures/{capture}")
        return str(shown.json()["status"])
