"""The approval page."""

import pytest

from tests.support.paypal_twin import PayPalTwin


async def click(twin: PayPalTwin, order: str, **form: str):
    return await twin.http.post("/checkoutnow", params={"token": order}, data=form)


class TestApproval:
    async def test_leads_back_with_token_and_payer(self, twin: PayPalTwin) -> None:
        order = (await twin.order())["id"]
        page = await twin.http.get("/checkoutnow", params={"token": order})
        assert page.status_code == 200
        assert "100.00 USD" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self' http://127.0.0.1:9" in policy
        answer = await click(twin, order, outcome="approve", email="me@example.com")
        assert answer.status_code == 303
        shown = (await twin.call("GET", f"/v2/checkout/orders/{order}")).json()
        assert (shown["status"], shown["payer"]["email_address"]) == ("APPROVED", "me@example.com")
        payer = shown["payer"]["payer_id"]
        wanted = f"http://127.0.0.1:9/back?a=1&token={order}&PayerID={payer}"
        assert answer.headers["location"] == wanted

    async def test_cancelling_leads_to_the_other_address(self, twin: PayPalTwin) -> None:
        order = (await twin.order())["id"]
        answer = await click(twin, order, outcome="cancel")
        assert answer.headers["location"] == f"http://127.0.0.1:9/stop?token={order}"
        shown = (await twin.call("GET", f"/v2/checkout/orders/{order}")).json()
        assert shown["status"] == "PAYER_ACTION_REQUIRED"

    async def test_without_addresses(self, twin: PayPalTwin) -> None:
        order = (await twin.order(payment_source=None))["id"]
        assert (await click(twin, order, outcome="approve")).status_code == 200

    async def test_a_declined_order_can_be_approved_again(self, twin: PayPalTwin) -> None:
        order = await twin.approved("declined-once@example.com")
        assert (await twin.http.get(f"/checkoutnow?token={order}")).status_code == 404
        await twin.capture(order)
        assert (await twin.http.get(f"/checkoutnow?token={order}")).status_code == 200
        await click(twin, order, outcome="approve")
        assert (await twin.capture(order)).status_code == 201

    @pytest.mark.parametrize("email", ["nobody", "a b@example.com", "@"])
    async def test_a_wrong_address(self, twin: PayPalTwin, email: str) -> None:
        order = (await twin.order())["id"]
        assert (await click(twin, order, outcome="approve", email=email)).status_code == 404

    async def test_unknown_and_paid_orders(self, twin: PayPalTwin) -> None:
        order = await twin.approved()
        await twin.capture(order)
        for name in (order, "X"):
            assert (await twin.http.get(f"/checkoutnow?token={name}")).status_code == 404
            assert (await click(twin, name, outcome="approve")).status_code == 404
