"""Disputes: opened by payers or by control, decided by control."""

import pytest

from tests.support.paypal_twin import PayPalTwin, issue

DISPUTES = "/v1/customer/disputes"


class TestDisputes:
    async def test_hold_the_money_and_release_it(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        dispute = await twin.control("POST", f"/paypal/captures/{capture}/disputes", {})
        path = f"{DISPUTES}/{dispute['dispute_id']}"
        assert (await twin.call("GET", path)).json() == dispute
        assert issue(await twin.refund(capture)) == (422, "TRANSACTION_DISPUTED")
        assert (await twin.book())[-1] == ("dispute_hold", "100.00")
        await twin.control(
            "POST", f"/paypal/disputes/{dispute['dispute_id']}", {"favour": "seller"}
        )
        assert (await twin.book())[-1] == ("dispute_release", "100.00")
        assert await twin.balance() == "100096.02"
        await twin.settle()
        assert twin.types()[-2:] == ["CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.RESOLVED"]
        assert (await twin.refund(capture)).status_code == 201

    async def test_or_reverse_the_payment(self, twin: PayPalTwin) -> None:
        capture = (await twin.paid())["id"]
        told = {"inquiry": True, "amount": "40.00", "reason": "UNAUTHORISED"}
        dispute = await twin.control("POST", f"/paypal/captures/{capture}/disputes", told)
        assert dispute["dispute_life_cycle_stage"] == "INQUIRY"
        assert len(await twin.book()) == 1
        await twin.control("POST", f"/paypal/disputes/{dispute['dispute_id']}", {"favour": "buyer"})
        assert (await twin.book())[-1] == ("reversal", "40.00")
        await twin.settle()
        reversal = twin.last("PAYMENT.CAPTURE.REVERSED")
        assert reversal["amount"]["value"] == "40.00"
        assert reversal["links"][1]["href"].endswith(capture)
        read = (await twin.call("GET", f"/v2/payments/refunds/{reversal['id']}")).json()
        assert (read["status"], read["amount"]["value"]) == ("COMPLETED", "40.00")
        shown = (await twin.call("GET", f"{DISPUTES}/{dispute['dispute_id']}")).json()
        (moved,) = shown["money_movements"]
        assert (moved["affected_party"], moved["type"], moved["amount"]["value"]) == (
            "SELLER",
            "DEBIT",
            "40.00",
        )

    async def test_open_by_themselves(self, twin: PayPalTwin) -> None:
        await twin.paid("disputes@example.com")
        await twin.advance(61)
        assert twin.types()[-1] == "CUSTOMER.DISPUTE.CREATED"

    async def test_are_listed_in_pages(self, twin: PayPalTwin) -> None:
        names: list[str] = []
        for _ in range(3):
            capture = (await twin.paid())["id"]
            made = await twin.control("POST", f"/paypal/captures/{capture}/disputes", {})
            names.insert(0, made["dispute_id"])
        first = (await twin.call("GET", f"{DISPUTES}?page_size=2")).json()
        assert [row["dispute_id"] for row in first["items"]] == names[:2]
        more = next(link["href"] for link in first["links"] if link["rel"] == "next")
        rest = (await twin.call("GET", more.removeprefix("http://twin"))).json()
        assert [row["dispute_id"] for row in rest["items"]] == names[2:]
        one = (await twin.call("GET", f"{DISPUTES}?disputed_transaction_id={capture}")).json()
        assert [row["dispute_id"] for row in one["items"]] == names[:1]
        none = (await twin.call("GET", f"{DISPUTES}?dispute_state=RESOLVED")).json()
        assert "items" not in none

    @pytest.mark.parametrize("query", ["page_size=0", "page_size=x", "next_page_token=!"])
    async def test_wrong_pages(self, twin: PayPalTwin, query: str) -> None:
        assert (await twin.call("GET", f"{DISPUTES}?{query}")).status_code == 400

    async def test_unknown_ones(self, twin: PayPalTwin) -> None:
        answer = await twin.call("GET", f"{DISPUTES}/PP-D-1")
        assert (answer.status_code, answer.json()["name"]) == (404, "INVALID_RESOURCE_ID")
