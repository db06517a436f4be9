"""Orders: token, creation, approval, capture, request ids."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.paypal_twin import (
    CANCEL,
    CLIENT_SECRET,
    DAY_S,
    PayPalWorld,
    capture_of,
    issue,
    order_body,
    rels,
)

ORDERS = "/v2/checkout/orders"


class TestToken:
    async def test_is_described_and_lives_nine_hours(self, world: PayPalWorld) -> None:
        told = (await world.sign_in()).json()
        assert set(told) == {"scope", "access_token", "token_type", "app_id", "expires_in", "nonce"}
        assert (told["token_type"], told["expires_in"]) == ("Bearer", 32_400)
        order = (await world.order())["id"]
        await world.advance(32_401)
        answer = await world.call("GET", f"{ORDERS}/{order}")
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_token"
        await world.sign_in()
        assert (await world.call("GET", f"{ORDERS}/{order}")).status_code == 200

    async def test_a_second_token_leaves_the_first_valid(self, world: PayPalWorld) -> None:
        first = world.token
        await world.sign_in()
        assert world.token != first
        world.token = first
        await world.order()

    async def test_wrong_credentials(self, world: PayPalWorld) -> None:
        for given in (("client-id", "wrong"), ("wrong", CLIENT_SECRET)):
            answer = await world.sign_in(*given)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    async def test_another_grant(self, world: PayPalWorld) -> None:
        answer = await world.http.post(
            "/v1/oauth2/token", data={"grant_type": "password"}, auth=("client-id", CLIENT_SECRET)
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")

    async def test_no_token_and_a_foreign_one(self, world: PayPalWorld) -> None:
        missing = await world.http.get(f"{ORDERS}/X")
        assert (missing.status_code, missing.json()["name"]) == (401, "AUTHENTICATION_FAILURE")
        world.token = "foreign"
        assert (await world.call("GET", f"{ORDERS}/X")).status_code == 401

    async def test_the_described_form_of_a_refused_token(
        self, open_world: Callable[..., Any]
    ) -> None:
        async with open_world(paypal_token_error="AUTHENTICATION_FAILURE") as world:
            await world.control("POST", "/paypal/tokens/expire")
            answer = await world.call("GET", f"{ORDERS}/X")
            assert answer.json()["name"] == "AUTHENTICATION_FAILURE"


class TestCreate:
    async def test_with_the_payment_source(self, world: PayPalWorld) -> None:
        order = await world.order()
        assert order["status"] == "PAYER_ACTION_REQUIRED"
        assert rels(order) == ["self", "payer-action"]
        assert order["links"][1]["href"] == f"http://twin/checkoutnow?token={order['id']}"
        assert set(order) == {"id", "status", "payment_source", "links"}

    async def test_without_the_payment_source(self, world: PayPalWorld) -> None:
        order = await world.order(payment_source=None)
        assert order["status"] == "CREATED"
        assert rels(order) == ["self", "approve", "update", "capture"]

    async def test_the_whole_order_on_demand(self, world: PayPalWorld) -> None:
        unit = {"custom_id": "our-1", "invoice_id": "in-1", "reference_id": "r"}
        answer = await world.call(
            "POST", ORDERS, order_body("5", unit=unit), Prefer="return=representation"
        )
        told = answer.json()["purchase_units"][0]
        assert told["amount"] == {"currency_code": "USD", "value": "5.00"}
        assert {name: told[name] for name in unit} == unit
        shown = await world.call("GET", f"{ORDERS}/{answer.json()['id']}")
        assert shown.json() == answer.json()

    async def test_a_source_needs_a_request_id(self, world: PayPalWorld) -> None:
        asked = {"Authorization": f"Bearer {world.token}"}
        answer = await world.http.post(ORDERS, json=order_body(), headers=asked)
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
        self, world: PayPalWorld, change: dict[str, Any], status: int, wanted: str
    ) -> None:
        answer = await world.call("POST", ORDERS, order_body(**change))
        assert issue(answer) == (status, wanted)

    async def test_the_breakdown_adds_up(self, world: PayPalWorld) -> None:
        def unit(total: str) -> dict[str, Any]:
            part = {"currency_code": "USD", "value": total}
            return {
                "amount": {
                    "currency_code": "USD",
                    "value": "5.00",
                    "breakdown": {"item_total": part},
                }
            }

        assert (await world.call("POST", ORDERS, order_body(unit=unit("5.00")))).status_code == 201
        answer = await world.call("POST", ORDERS, order_body(unit=unit("4.00")))
        assert issue(answer) == (422, "AMOUNT_MISMATCH")

    async def test_broken_json_and_another_type(self, world: PayPalWorld) -> None:
        asked = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
        answer = await world.http.post(ORDERS, content="{", headers=asked)
        assert issue(answer) == (400, "MALFORMED_REQUEST_JSON")
        answer = await world.call("POST", ORDERS, {}, **{"Content-Type": "text/plain"})
        assert answer.status_code == 415

    async def test_unknown_orders(self, world: PayPalWorld) -> None:
        for answer in (await world.call("GET", f"{ORDERS}/X"), await world.capture("X")):
            assert issue(answer) == (404, "INVALID_RESOURCE_ID")


class TestRequestIds:
    async def test_a_repeat_shows_the_order_as_it_is_now(self, world: PayPalWorld) -> None:
        first = await world.call("POST", ORDERS, order_body(), key="k")
        await world.decide(first.json()["id"], "approve")
        again = await world.call("POST", ORDERS, order_body(), key="k")
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == first.json()["id"]
        assert again.json()["status"] == "APPROVED"

    async def test_another_body_is_refused(self, world: PayPalWorld) -> None:
        await world.call("POST", ORDERS, order_body(), key="k")
        answer = await world.call("POST", ORDERS, order_body("7.00"), key="k")
        assert issue(answer) == (422, "DUPLICATE_REQUEST_ID")

    async def test_is_forgotten_after_six_hours(self, world: PayPalWorld) -> None:
        first = await world.call("POST", ORDERS, order_body(), key="k")
        await world.advance(6 * 3600 + 1)
        again = await world.call("POST", ORDERS, order_body(), key="k")
        assert again.status_code == 201
        assert again.json()["id"] != first.json()["id"]

    async def test_a_refused_request_does_not_use_it_up(self, world: PayPalWorld) -> None:
        assert (await world.call("POST", ORDERS, order_body("0.00"), key="k")).status_code == 422
        assert (await world.call("POST", ORDERS, order_body(), key="k")).status_code == 201

    async def test_is_at_most_108_characters(self, world: PayPalWorld) -> None:
        answer = await world.call("POST", ORDERS, order_body(), key="k" * 109)
        assert issue(answer) == (400, "INVALID_STRING_LENGTH")

    async def test_one_capture_for_one_id(self, world: PayPalWorld) -> None:
        order = await world.approved()
        first, again = await world.capture(order, key="c"), await world.capture(order, key="c")
        assert (first.status_code, again.status_code) == (201, 200)
        assert capture_of(first.json())["id"] == capture_of(again.json())["id"]
        assert await world.book() == [("capture", "100.00")]

    async def test_after_six_hours_the_order_itself_prevents_a_second_capture(
        self, world: PayPalWorld
    ) -> None:
        order = await world.approved()
        await world.capture(order, key="c")
        await world.advance(DAY_S / 3)
        assert issue(await world.capture(order, key="c")) == (422, "ORDER_ALREADY_CAPTURED")
        assert len(await world.book()) == 1


class TestCapture:
    async def test_moves_the_money_and_shows_fee_and_net(self, world: PayPalWorld) -> None:
        unit = {"custom_id": "our-1", "invoice_id": "in-1"}
        order = (await world.order(unit=unit))["id"]
        await world.decide(order, "approve")
        answer = await world.capture(order)
        assert (answer.status_code, answer.json()["status"]) == (201, "COMPLETED")
        capture = capture_of(answer.json())
        assert (capture["status"], capture["custom_id"]) == ("COMPLETED", "our-1")
        shown = capture["seller_receivable_breakdown"]
        values = [shown[name]["value"] for name in ("gross_amount", "paypal_fee", "net_amount")]
        assert values == ["100.00", "3.98", "96.02"]
        assert await world.balance() == "100096.02"
        (entry,) = (await world.control("GET", "/book"))["entries"]
        assert (entry["provider"], entry["amount"], entry["fee"]) == ("paypal", "100.00", "3.98")
        assert entry["caller_refs"] == {"custom_id": "our-1", "invoice_id": "in-1"}
        assert entry["provider_ids"] == {"order": order, "capture": capture["id"]}

    async def test_is_reported(self, world: PayPalWorld) -> None:
        order = await world.approved()
        capture = capture_of((await world.capture(order)).json())
        await world.settle()
        assert world.types() == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]
        told = world.last("PAYMENT.CAPTURE.COMPLETED")
        assert told["id"] == capture["id"]
        assert told["supplementary_data"]["related_ids"]["order_id"] == order

    async def test_needs_the_approval(self, world: PayPalWorld) -> None:
        order = (await world.order())["id"]
        answer = await world.capture(order)
        assert issue(answer) == (422, "ORDER_NOT_APPROVED")
        await world.decide(order, "approve")
        assert (await world.capture(order)).status_code == 201

    async def test_happens_once(self, world: PayPalWorld) -> None:
        order = await world.approved()
        await world.capture(order)
        assert issue(await world.capture(order)) == (422, "ORDER_ALREADY_CAPTURED")

    async def test_a_declined_payer_is_sent_back(self, world: PayPalWorld) -> None:
        order = await world.approved("declined@example.com")
        answer = await world.capture(order)
        assert issue(answer) == (422, "INSTRUMENT_DECLINED")
        assert rels(answer.json()) == ["redirect", "payer-action"]
        shown = (await world.call("GET", f"{ORDERS}/{order}")).json()
        assert shown["status"] == "PAYER_ACTION_REQUIRED"
        await world.decide(order, "approve", email="pays@example.com")
        assert (await world.capture(order)).status_code == 201
        assert await world.book() == [("capture", "100.00")]

    async def test_ten_tries_are_the_end(self, world: PayPalWorld) -> None:
        order = await world.approved("declined@example.com")
        for _ in range(9):
            assert issue(await world.capture(order))[1] == "INSTRUMENT_DECLINED"
            await world.decide(order, "approve")
        assert issue(await world.capture(order))[1] == "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED"

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
    async def test_other_refusals(self, world: PayPalWorld, payer: str, wanted: str) -> None:
        answer = await world.capture(await world.approved(f"{payer}+7@example.com"))
        assert issue(answer) == (422, wanted)
        assert await world.book() == []

    async def test_a_used_invoice_id(self, world: PayPalWorld) -> None:
        for wanted in (201, 422):
            order = (await world.order(unit={"invoice_id": "in-1"}))["id"]
            await world.decide(order, "approve")
            answer = await world.capture(order)
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
        self, world: PayPalWorld, payer: str, reason: str, then: str, reported: str, moved: int
    ) -> None:
        answer = await world.capture(await world.approved(f"{payer}@example.com"))
        capture = capture_of(answer.json())
        assert (answer.json()["status"], capture["status"]) == ("COMPLETED", "PENDING")
        assert capture["status_details"] == {"reason": reason}
        assert await world.book() == []
        await world.advance(61)
        shown = (await world.call("GET", f"/v2/payments/captures/{capture['id']}")).json()
        assert shown["status"] == then
        assert world.types()[-1] == reported
        assert len(await world.book()) == moved

    async def test_a_completed_order_with_a_declined_capture(self, world: PayPalWorld) -> None:
        capture = await world.paid("capture-declined@example.com")
        await world.settle()
        assert capture["status"] == "DECLINED"
        assert world.types()[-1] == "PAYMENT.CAPTURE.DECLINED"
        assert await world.book() == []

    async def test_several_units(self, world: PayPalWorld) -> None:
        amount = {"currency_code": "EUR", "value": "5.00"}
        units = [{"reference_id": name, "amount": amount} for name in ("a", "b")]
        order = (await world.order(purchase_units=units))["id"]
        await world.decide(order, "approve")
        told = (await world.capture(order)).json()
        assert [unit["reference_id"] for unit in told["purchase_units"]] == ["a", "b"]
        assert await world.book() == [("capture", "5.00")] * 2


class TestPayers:
    async def test_by_amount_and_by_control(self, open_world: Callable[..., Any]) -> None:
        async with open_world(paypal_amounts={"13.37": "limit"}) as world:
            assert issue(await world.capture(await world.approved(value="13.37")))[0] == 422
            await world.control("PUT", "/paypal/payers/a@b.example", {"behaviour": "refused"})
            answer = await world.capture(await world.approved("a@b.example"))
            assert issue(answer)[1] == "TRANSACTION_REFUSED"

    async def test_approve_by_themselves(self, open_world: Callable[..., Any]) -> None:
        async with open_world(paypal_payer="approve") as world:
            order = (await world.order())["id"]
            await world.advance(6)
            assert (await world.capture(order)).status_code == 201

    async def test_cancel_and_abandon_leave_the_order_open(self, world: PayPalWorld) -> None:
        order = (await world.order())["id"]
        told = await world.decide(order, "cancel")
        assert told == {"returns_to": f"{CANCEL}?token={order}"}
        await world.decide(order, "abandon")
        assert (await world.call("GET", f"{ORDERS}/{order}")).json()["status"] != "VOIDED"

    async def test_an_old_approval_is_reversed(self, world: PayPalWorld) -> None:
        order = await world.approved()
        await world.advance(3 * 3600 + 1)
        assert world.types() == ["CHECKOUT.ORDER.APPROVED", "CHECKOUT.PAYMENT-APPROVAL.REVERSED"]
        assert world.last("CHECKOUT.PAYMENT-APPROVAL.REVERSED")["order_id"] == order
        assert issue(await world.capture(order)) == (422, "ORDER_EXPIRED")

    async def test_an_approval_begins_the_time_anew(self, world: PayPalWorld) -> None:
        order = (await world.order())["id"]
        await world.advance(2 * 3600)
        await world.decide(order, "approve")
        await world.advance(2 * 3600)
        assert (await world.capture(order)).status_code == 201
