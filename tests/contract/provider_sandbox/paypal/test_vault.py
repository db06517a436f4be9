"""Saved payment tokens: setup, agreement, payment without the payer, deletion."""

import pytest

from tests.support.paypal_twin import CANCEL, RETURN, PayPalTwin, capture_of, issue, rels

SETUPS, TOKENS = "/v3/vault/setup-tokens", "/v3/vault/payment-tokens"


async def setup(twin: PayPalTwin) -> str:
    context = {"return_url": RETURN, "cancel_url": CANCEL}
    body = {
        "customer": {"id": "customer-1"},
        "payment_source": {"paypal": {"usage_type": "MERCHANT", "experience_context": context}},
    }
    answer = await twin.call("POST", SETUPS, body)
    assert (answer.status_code, answer.json()["status"]) == (201, "PAYER_ACTION_REQUIRED")
    assert rels(answer.json()) == ["self", "approve"]
    return str(answer.json()["id"])


async def token(twin: PayPalTwin, name: str, **more: str):
    body = {"payment_source": {"token": {"id": name, "type": "SETUP_TOKEN"}}}
    return await twin.call("POST", TOKENS, body, **more)


async def saved(twin: PayPalTwin, email: str = "pays@example.com") -> str:
    name = await setup(twin)
    await twin.control("POST", f"/paypal/setup-tokens/{name}", {"email": email})
    return str((await token(twin, name)).json()["id"])


def source(name: str) -> dict:
    return {"paypal": {"vault_id": name}}


class TestTokens:
    async def test_need_the_payers_agreement(self, twin: PayPalTwin) -> None:
        name = await setup(twin)
        assert (await token(twin, name)).status_code == 422
        page = {"approval_session_id": name}
        assert "Save your account" in (await twin.http.get("/agreements/approve", params=page)).text
        form = {"outcome": "approve", "email": "me@example.com"}
        answer = await twin.http.post("/agreements/approve", params=page, data=form)
        assert answer.headers["location"] == f"{RETURN}&approval_session_id={name}"
        assert (await twin.http.get("/agreements/approve", params=page)).status_code == 404
        assert (await twin.call("GET", f"{SETUPS}/{name}")).json()["status"] == "APPROVED"
        made = await token(twin, name, key="t")
        told = made.json()["payment_source"]["paypal"]
        assert (made.status_code, told["email_address"]) == (201, "me@example.com")
        again = await token(twin, name, key="t")
        assert (again.status_code, again.json()) == (200, made.json())
        assert (await token(twin, name)).status_code == 422
        await twin.settle()
        assert twin.types() == ["VAULT.PAYMENT-TOKEN.CREATED"]

    async def test_cancelling(self, twin: PayPalTwin) -> None:
        name = await setup(twin)
        page = {"approval_session_id": name}
        answer = await twin.http.post("/agreements/approve", params=page, data={"outcome": "no"})
        assert answer.headers["location"] == f"{CANCEL}?approval_session_id={name}"

    async def test_are_listed_by_customer_and_deleted(self, twin: PayPalTwin) -> None:
        names = [await saved(twin) for _ in range(3)]
        query = "customer_id=customer-1&page_size=2&total_required=true"
        told = (await twin.call("GET", f"{TOKENS}?{query}")).json()
        assert [row["id"] for row in told["payment_tokens"]] == names[:2]
        assert (told["total_items"], told["total_pages"]) == (3, 2)
        assert (await twin.call("DELETE", f"{TOKENS}/{names[0]}")).status_code == 204
        assert (await twin.call("GET", f"{TOKENS}/{names[0]}")).status_code == 404
        assert (await twin.call("GET", f"{TOKENS}/{names[1]}")).status_code == 200
        await twin.settle()
        assert twin.types()[-1] == "VAULT.PAYMENT-TOKEN.DELETED"

    @pytest.mark.parametrize("query", ["", "customer_id=customer-1&page=0"])
    async def test_wrong_lists(self, twin: PayPalTwin, query: str) -> None:
        assert (await twin.call("GET", f"{TOKENS}?{query}")).status_code == 400

    async def test_of_other_sources(self, twin: PayPalTwin) -> None:
        source_of = {"token": {"id": "B-1", "type": "BILLING_AGREEMENT"}}
        answer = await twin.call("POST", SETUPS, {"payment_source": source_of})
        assert answer.status_code == 400
        assert (await token(twin, "NONE")).status_code == 404


class TestPayments:
    async def test_happen_at_once(self, twin: PayPalTwin) -> None:
        name = await saved(twin)
        order = await twin.order(payment_source=source(name))
        assert order["status"] == "COMPLETED"
        assert capture_of(order)["status"] == "COMPLETED"
        assert await twin.book() == [("capture", "100.00")]
        shown = await twin.call("GET", f"/v2/checkout/orders/{order['id']}")
        assert shown.json()["payer"]["email_address"] == "pays@example.com"
        assert issue(await twin.capture(order["id"])) == (422, "ORDER_ALREADY_CAPTURED")
        await twin.settle()
        assert twin.types()[-1] == "PAYMENT.CAPTURE.COMPLETED"

    async def test_that_are_declined_leave_no_order(self, twin: PayPalTwin) -> None:
        name = await saved(twin, "declined@example.com")
        unit = {"amount": {"currency_code": "USD", "value": "1.00"}}
        body = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source(name)}
        answer = await twin.call("POST", "/v2/checkout/orders", body)
        assert issue(answer) == (422, "INSTRUMENT_DECLINED")
        assert await twin.control("GET", "/paypal/objects/order") == {}
        assert await twin.book() == []

    async def test_with_an_unknown_token(self, twin: PayPalTwin) -> None:
        unit = {"amount": {"currency_code": "USD", "value": "1.00"}}
        body = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source("x1")}
        answer = await twin.call("POST", "/v2/checkout/orders", body)
        assert issue(answer) == (422, "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED")

    async def test_that_save_are_refused(self, twin: PayPalTwin) -> None:
        unit = {"amount": {"currency_code": "USD", "value": "1.00"}}
        attributes = {"vault": {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}}
        body = {
            "intent": "CAPTURE",
            "purchase_units": [unit],
            "payment_source": {"paypal": {"attributes": attributes}},
        }
        answer = await twin.call("POST", "/v2/checkout/orders", body)
        assert issue(answer) == (400, "NOT_SUPPORTED")
