"""Orders: token, creation, approval, capture, request ids."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.paypal_twin import (
    CANCEL,
    CLIENT_SECRET,
    DAY_S,
    PayPalTwin,
    capture_of,
    issue,
    order_body,
    rels,
)

ORDERS = "/v2/checkout/orders"


class TestToken:
    async def test_is_described_and_lives_nine_hours(self, twin: PayPalTwin) -> None:
        told = (await twin.sign_in()).json()
        assert set(told) == {"scope", "access_token", "token_type", "app_id", "expires_in", "nonce"}
        assert (told["token_type"], told["expires_in"]) == ("Bearer", 32_400)
        order = (await twin.order())["id"]
        await twin.advance(32_401)
        answer = await twin.call("GET", f"{ORDERS}/{order}")
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_token"
        await twin.sign_in()
        assert (await twin.call("GET", f"{ORDERS}/{order}")).status_code == 200

    async def test_a_second_token_leaves_the_first_valid(self, twin: PayPalTwin) -> None:
        first = twin.token
        await twin.sign_in()
        assert twin.token != first
        twin.token = first
        await twin.order()

    async def test_wrong_credentials(self, twin: PayPalTwin) -> None:
        for given in (("client-id", "wrong"), ("wrong", CLIENT_SECRET)):
            answer = await twin.sign_in(*given)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    async def test_another_grant(self, twin: PayPalTwin) -> None:
        answer = await twin.http.post(
            "/v1/oauth2/token", data={"grant_type": "password"}, auth=("client-id", CLIENT_SECRET)
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")

    async def test_no_token_and_a_foreign_one(self, twin: PayPalTwin) -> None:
        missing = await twin.http.get(f"{ORDERS}/X")
        assert (missing.status_code, missing.json()["name"]) == (401, "AUTHENTICATION_FAILURE")
        twin.token = "foreign"
        assert (await twin.call("GET", f"{ORDERS}/X")).status_code == 401

    async def test_the_described_form_of_a_refused_token(
        self, open_twin: Callable[..., Any]
    ) -> None:
        async with open_twin(paypal_token_error="AUTHENTICATION_FAILURE") as twin:
            await twin.control("POST", "/paypal/tokens/expire")
            answer = await twin.call("GET", f"{ORDERS}/X")
            assert answer.json()["name"] == "AUTHENTICATION_FAILURE"


class TestCreate:
    async def test_with_the_payment_source(self, twin: PayPalTwin) -> None:
        order = await twin.order()
        assert order["status"] == "PAYER_ACTION_REQUIRED"
        assert rels(order) == ["self", "payer-action"]
        assert order["links"][1]["href"] == f"http://twin/checkoutnow?token={order['id']}"
        assert set(order) == {"id", "status", "payment_source", "links"}

    async def test_without_the_payment_source(self, twin: PayPalTwin) -> None:
        order = await twin.order(payment_source=None)
        assert order["status"] == "CREATED"
        assert rels(order) == ["self", "approve", "update", "capture"]

    async def test_the_whole_order_on_demand(self, twin: PayPalTwin) -> None:
        unit = {"custom_id": "our-1", "invoice_id": "in-1", "reference_id": "r"}
        answer = await twin.call(
            "POST", ORDERS, order_body("5", unit=unit), Prefer="return=representation"
        )
        told = answer.json()["purchase_units"][0]
        assert told["amount"] == {"currency_code": "USD", "value": "5.00"}
        assert {name: told[name] for name in unit} == unit
        shown = await twin.call("GET", f"{ORDERS}/{answer.json()['id']}")
        assert shown.json() == answer.json()

    async def test_a_source_needs_a_request_id(self, twin: PayPalTwin) -> None:
        asked = {"Authorization": f"Bearer {twin.token}"}
        answer = await twin.http.post(ORDERS, json=order_body(), headers=asked)
        assert issue(answer) == (400, "PAYPAL_REQUEST_ID_REQUIRED")

    @pytest.mark.parametrize(
        ("change", "status", "wanted"),
        [
            ({"intent": None}, 400, "MISSING_REQUIRED_PARAMETER"),
            ({"intent": "SELL"}, 400, "INVALID_PARAMETER_VALUE"),
            ({"intent": "AUTHORIZE"}, 422, "UNSUPPORTED_INTENT"),
            ({"purchase_units": []}, 400, "INVALID_ARRAY_MIN_ITEMS"),
            ({"colour": "red"}, 400, "MALFORMED_REQUEST_JSON"),
            ({"unit": {"colour": "red"}}, 400, "MALFORMED_REQUEST_JSON"),
            ({"unit": {"custom_id": "x" * 128}}, 400, "INVALID_STRING_LENGTH"),
            ({"unit": {"custom_id": 1}}, 400, "INVALID_PARAMETER_SYNTAX"),
            ({"payment_source": {"card": {}}}, 400, "MALFORMED_REQUEST_JSON"),
            ({"value": "x"}, 400, "INVALID_PARAMETER_SYNTAX"),
            ({"value": "0.00"}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ({"value": "-1.00"}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ({"value": "1.001"}, 422, "DECIMAL_PRECISION"),
            ({"value": "10000000.00"}, 422, "MAX_VALUE_EXCEEDED"),
            ({"value": "1.50", "currency": "JPY"}, 422, "DECIMAL_PRECISION"),
            ({"currency": "KES"}, 422, "INVALID_CURRENCY_CODE"),
            ({"currency": "UGX"}, 422, "INVALID_CURRENCY_CODE"),
        ],
    )
    async def test_refuses_what_paypal_refuses(
        self, twin: PayPalTwin, change: dict[str, Any], status: int, wanted: str
    ) -> None:
        answer = await twin.call("POST", ORDERS, order_body(**change))
        assert issue(answer) == (status, wanted)

    async def test_the_breakdown_adds_up(self, twin: PayPalTwin) -> None:
        def unit(total: str) -> dict[str, Any]:
            part = {"currency_code": "USD", "value": total}
            return {
                "amount": {
                    "currency_code": "USD",
                    "value": "5.00",
                    "breakdown": {"item_total": part},
                }
            }

        assert (await twin.call("POST", ORDERS, order_body(unit=unit("5.00")))).status_code == 201
        answer = await twin.call("POST", ORDERS, order_body(unit=unit("4.00")))
        assert issue(answer) == (422, "AMOUNT_MISMATCH")

    async def test_broken_json_and_another_type(self, twin: PayPalTwin) -> None:
        asked = {"Authorization": f"Bearer {twin.token}", "Content-Type": "application/json"}
        answer = await twin.http.post(ORDERS, content="{", headers=asked)
        assert issue(answer) == (400, "MALFORMED_REQUEST_JSON")
        answer = await twin.call("POST", ORDERS, {}, **{"Content-Type": "text/plain"})
        assert answer.status_code == 415

    async def test_unknown_orders(self, twin: PayPalTwin) -> None:
        for answer in (await twin.call("GET", f"{ORDERS}/X"), await twin.capture("X")):
            assert issue(answer) == (404, "INVALID_RESOURCE_ID")


class TestRequestIds:
    async def test_a_repeat_shows_the_order_as_it_is_now(self, twin: PayPalTwin) -> None:
        first = await twin.call("POST", ORDERS, order_body(), key="k")
        await twin.decide(first.json()["id"], "approve")
        again = await twin.call("POST", ORDERS, order_body(), key="k")
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == first.json()["id"]
        assert again.json()["status"] == "APPROVED"

    async def test_another_body_is_refused(self, twin: PayPalTwin) -> None:
        await twin.call("POST", ORDERS, order_body(), key="k")
        answer = await twin.call("POST", ORDERS, order_body("7.00"), key="k")
        assert issue(answer) == (422, "DUPLICATE_REQUEST_ID")

    async def test_is_forgotten_after_six_hours(self, twin: PayPalTwin) -> None:
        first = await twin.call("POST", ORDERS, order_body(), key="k")
        await twin.advance(6 * 3600 + 1)
        again = await twin.call("POST", ORDERS, order_body(), key="k")
        assert again.status_code == 201
        assert again.json()["id"] != first.json()["id"]

    async def test_a_refused_request_does_not_use_it_up(self, twin: PayPalTwin) -> None:
        assert (await twin.call("POST", ORDERS, order_body("0.00"), key="k")).status_code == 422
        assert (await twin.call("POST", ORDERS, order_body(), key="k")).status_code == 201

    async def test_is_at_most_108_characters(self, twin: PayPalTwin) -> None:
        answer = await twin.call("POST", ORDERS, order_body(), key="k" * 109)
        assert issue(answer) == (400, "INVALID_STRING_LENGTH")

    async def test_one_capture_for_one_id(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        first, again = await twin.capture(order, key="c"), await twin.capture(order, key="c")
        assert (first.status_code, again.status_code) == (201, 200)
        assert capture_of(first.json())["id"] == capture_of(again.json())["id"]
        assert await twin.book() == [("capture", "100.00")]

    async def test_after_six_hours_the_order_itself_prevents_a_second_capture(
        self, twin: PayPalTwin
    ) -> None:
        order = await twin.approved()
        await twin.capture(order, key="c")
        await twin.advance(DAY_S / 3)
        assert issue(await twin.capture(order, key="c")) == (422, "ORDER_ALREADY_CAPTURED")
        assert len(await twin.book()) == 1


class TestCapture:
    async def test_moves_the_money_and_shows_fee_and_net(self, twin: PayPalTwin) -> None:
        unit = {"custom_id": "our-1", "invoice_id": "in-1"}
        order = (await twin.order(unit=unit))["id"]
        await twin.decide(order, "approve")
        answer = await twin.capture(order)
        assert (answer.status_code, answer.json()["status"]) == (201, "COMPLETED")
        capture = capture_of(answer.json())
        assert (capture["status"], capture["custom_id"]) == ("COMPLETED", "our-1")
        shown = capture["seller_receivable_breakdown"]
        values = [shown[name]["value"] for name in ("gross_amount", "paypal_fee", "net_amount")]
        assert values == ["100.00", "3.98", "96.02"]
        assert await twin.balance() == "100096.02"
        (entry,) = (await twin.control("GET", "/book"))["entries"]
        assert (entry["provider"], entry["amount"], entry["fee"]) == ("paypal", "100.00", "3.98")
        assert entry["caller_refs"] == {"custom_id": "our-1", "invoice_id": "in-1"}
        assert entry["provider_ids"] == {"order": order, "capture": capture["id"]}

    async def test_is_reported(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        capture = capture_of((await twin.capture(order)).json())
        await twin.settle()
        assert twin.types() == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]
        told = twin.last("PAYMENT.CAPTURE.COMPLETED")
        assert told["id"] == capture["id"]
        assert told["supplementary_data"]["related_ids"]["order_id"] == order

    async def test_needs_the_approval(self, twin: PayPalTwin) -> None:
        order = (await twin.order())["id"]
        answer = await twin.capture(order)
        assert issue(answer) == (422, "ORDER_NOT_APPROVED")
        await twin.decide(order, "approve")
        assert (await twin.capture(order)).status_code == 201

    async def test_happens_once(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        await twin.capture(order)
        assert issue(await twin.capture(order)) == (422, "ORDER_ALREADY_CAPTURED")

    async def test_a_declined_payer_is_sent_back(self, twin: PayPalTwin) -> None:
        order = await twin.approved("declined@example.com")
        answer = await twin.capture(order)
        assert issue(answer) == (422, "INSTRUMENT_DECLINED")
        assert rels(answer.json()) == ["redirect", "payer-action"]
        shown = (await twin.call("GET", f"{ORDERS}/{order}")).json()
        assert shown["status"] == "PAYER_ACTION_REQUIRED"
        await twin.decide(order, "approve", email="pays@example.com")
        assert (await twin.capture(order)).status_code == 201
        assert await twin.book() == [("capture", "100.00")]

    async def test_ten_tries_are_the_end(self, twin: PayPalTwin) -> None:
        order = await twin.approved("declined@example.com")
        for _ in range(9):
            assert issue(await twin.capture(order))[1] == "INSTRUMENT_DECLINED"
            await twin.decide(order, "approve")
        assert issue(await twin.capture(order))[1] == "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED"

    @pytest.mark.parametrize(
        ("payer", "wanted"),
        [
            ("action", "PAYER_ACTION_REQUIRED"),
            ("cannot-pay", "PAYER_CANNOT_PAY"),
            ("compliance", "COMPLIANCE_VIOLATION"),
            ("limit", "TRANSACTION_LIMIT_EXCEEDED"),
            ("locked", "PAYER_ACCOUNT_LOCKED_OR_CLOSED"),
            ("refused", "TRANSACTION_REFUSED"),
            ("restricted", "PAYER_ACCOUNT_RESTRICTED"),
        ],
    )
    async def test_other_refusals(self, twin: PayPalTwin, payer: str, wanted: str) -> None:
        answer = await twin.capture(await twin.approved(f"{payer}+7@example.com"))
        assert issue(answer) == (422, wanted)
        assert await twin.book() == []

    async def test_a_used_invoice_id(self, twin: PayPalTwin) -> None:
        for wanted in (201, 422):
            order = (await twin.order(unit={"invoice_id": "in-1"}))["id"]
            await twin.decide(order, "approve")
            answer = await twin.capture(order)
            assert answer.status_code == wanted
        assert issue(answer)[1] == "DUPLICATE_INVOICE_ID"

    @pytest.mark.parametrize(
        ("payer", "reason", "then", "reported", "moved"),
        [
            ("echeck", "ECHECK", "COMPLETED", "PAYMENT.CAPTURE.COMPLETED", 1),
            ("echeck-bounces", "ECHECK", "DECLINED", "PAYMENT.CAPTURE.DENIED", 0),
            ("review-denied", "PENDING_REVIEW", "DECLINED", "PAYMENT.CAPTURE.DENIED", 0),
            ("unilateral", "UNILATERAL", "PENDING", "PAYMENT.CAPTURE.PENDING", 0),
        ],
    )
    async def test_pending_captures_end_later(
        self, twin: PayPalTwin, payer: str, reason: str, then: str, reported: str, moved: int
    ) -> None:
        answer = await twin.capture(await twin.approved(f"{payer}@example.com"))
        capture = capture_of(answer.json())
        assert (answer.json()["status"], capture["status"]) == ("COMPLETED", "PENDING")
        assert capture["status_details"] == {"reason": reason}
        assert await twin.book() == []
        await twin.advance(61)
        shown = (await twin.call("GET", f"/v2/payments/captures/{capture['id']}")).json()
        assert shown["status"] == then
        assert twin.types()[-1] == reported
        assert len(await twin.book()) == moved

    async def test_a_completed_order_with_a_declined_capture(self, twin: PayPalTwin) -> None:
        capture = await twin.paid("capture-declined@example.com")
        await twin.settle()
        assert capture["status"] == "DECLINED"
        assert twin.types()[-1] == "PAYMENT.CAPTURE.DECLINED"
        assert await twin.book() == []

    async def test_several_units(self, twin: PayPalTwin) -> None:
        amount = {"currency_code": "EUR", "value": "5.00"}
        units = [{"reference_id": name, "amount": amount} for name in ("a", "b")]
        order = (await twin.order(purchase_units=units))["id"]
        await twin.decide(order, "approve")
        told = (await twin.capture(order)).json()
        assert [unit["reference_id"] for unit in told["purchase_units"]] == ["a", "b"]
        assert await twin.book() == [("capture", "5.00")] * 2


class TestPayers:
    async def test_by_amount_and_by_control(self, open_twin: Callable[..., Any]) -> None:
        async with open_twin(paypal_amounts={"13.37": "limit"}) as twin:
            assert issue(await twin.capture(await twin.approved(value="13.37")))[0] == 422
            await twin.control("PUT", "/paypal/payers/a@b.example", {"behaviour": "refused"})
            answer = await twin.capture(await twin.approved("a@b.example"))
            assert issue(answer)[1] == "TRANSACTION_REFUSED"

    async def test_approve_by_themselves(self, open_twin: Callable[..., Any]) -> None:
        async with open_twin(paypal_payer="approve") as twin:
            order = (await twin.order())["id"]
            await twin.advance(6)
            assert (await twin.capture(order)).status_code == 201

    async def test_cancel_and_abandon_leave_the_order_open(self, twin: PayPalTwin) -> None:
        order = (await twin.order())["id"]
        told = await twin.decide(order, "cancel")
        assert told == {"returns_to": f"{CANCEL}?token={order}"}
        await twin.decide(order, "abandon")
        assert (await twin.call("GET", f"{ORDERS}/{order}")).json()["status"] != "VOIDED"

    async def test_an_old_approval_is_reversed(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        await twin.advance(3 * 3600 + 1)
        assert twin.types() == ["CHECKOUT.ORDER.APPROVED", "CHECKOUT.PAYMENT-APPROVAL.REVERSED"]
        assert twin.last("CHECKOUT.PAYMENT-APPROVAL.REVERSED")["order_id"] == order
        assert issue(await twin.capture(order)) == (422, "ORDER_EXPIRED")

    async def test_an_approval_begins_the_time_anew(self, twin: PayPalTwin) -> None:
        order = (await twin.order())["id"]
        await twin.advance(2 * 3600)
        await twin.decide(order, "approve")
        await twin.advance(2 * 3600)
        assert (await twin.capture(order)).status_code == 201

    async def test_an_order_that_has_ended_has_nothing_scheduled(self, twin: PayPalTwin) -> None:
        await twin.capture(await twin.approved())
        void = await twin.approved()
        assert (await twin.scheduled())["paypal.order_ends"] == 1
        await twin.control("POST", f"/paypal/orders/{void}/expire")
        assert "paypal.order_ends" not in await twin.scheduled()
