"""Transaction search and balances agree with the book."""

from decimal import Decimal

import pytest

from provider_sandbox.paypal.request_context import written
from tests.support.paypal_twin import DAY_S, PayPalTwin

SEARCH = "/v1/reporting/transactions"


async def search(twin: PayPalTwin, **more: str):
    now = (await twin.control("POST", "/clock", {"advance_s": 0.001}))["now"]
    asked = {"start_date": written(now - 2 * DAY_S), "end_date": written(now + DAY_S), **more}
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return await twin.call("GET", f"{SEARCH}?{query}")


async def everything(twin: PayPalTwin) -> None:
    """One movement of every kind, and the delay of the statement."""
    unit = {"custom_id": "c-1", "invoice_id": "i-1"}
    order = (await twin.order(unit=unit))["id"]
    await twin.decide(order, "approve", email="refund-fails@example.com")
    await twin.capture(order)
    (capture,) = (await twin.control("GET", "/paypal/objects/capture")).keys()
    await twin.refund(capture, "30.00")
    await twin.payout(sender_item_id="w-1")
    await twin.payout("reversed@example.com", sender_batch_id="second")
    await twin.advance(70)
    for favour, inquiry in (("seller", False), ("buyer", True)):
        told = {"inquiry": inquiry, "amount": "10.00"}
        made = await twin.control("POST", f"/paypal/captures/{capture}/disputes", told)
        await twin.control("POST", f"/paypal/disputes/{made['dispute_id']}", {"favour": favour})
    await twin.advance(10_801)


class TestSearch:
    async def test_sums_to_the_balance(self, twin: PayPalTwin) -> None:
        await everything(twin)
        told = (await search(twin)).json()
        rows = [row["transaction_info"] for row in told["transaction_details"]]
        assert len(rows) == len(await twin.book()) == 9
        moved = sum(
            Decimal(row[name]["value"])
            for row in rows
            for name in ("transaction_amount", "fee_amount")
        )
        assert str(Decimal("100000.00") + moved) == await twin.balance()
        assert len({row["transaction_id"] for row in rows}) == 9
        assert [row["transaction_event_code"] for row in rows] == [
            "T0006",
            "T1107",
            "T0001",
            "T0001",
            "T1100",
            "T1115",
            "T1110",
            "T1111",
            "T1106",
        ]

    async def test_shows_our_ids_and_the_related_transaction(self, twin: PayPalTwin) -> None:
        await everything(twin)
        told = (await search(twin, fields="all")).json()["transaction_details"]
        capture, refund, payout = (row["transaction_info"] for row in told[:3])
        assert (capture["custom_field"], capture["invoice_id"]) == ("c-1", "i-1")
        assert refund["paypal_reference_id"] == capture["transaction_id"]
        assert payout["custom_field"] == "w-1"
        assert told[0]["payer_info"]["email_address"] == "refund-fails@example.com"

    async def test_shows_a_movement_only_after_three_hours(self, twin: PayPalTwin) -> None:
        await twin.paid()
        await twin.advance(10_000)
        assert (await search(twin)).json()["total_items"] == 0
        await twin.advance(802)
        assert (await search(twin)).json()["total_items"] == 1

    async def test_pages_and_filters(self, twin: PayPalTwin) -> None:
        await everything(twin)
        told = (await search(twin, page_size="4", page="3")).json()
        assert (told["total_pages"], len(told["transaction_details"])) == (3, 1)
        assert (await search(twin, transaction_type="T0001")).json()["total_items"] == 2
        assert (await search(twin, transaction_currency="EUR")).json()["total_items"] == 0
        capture = (await search(twin, transaction_type="T0006")).json()["transaction_details"]
        name = capture[0]["transaction_info"]["transaction_id"]
        assert (await search(twin, transaction_id=name)).json()["total_items"] >= 2

    @pytest.mark.parametrize(
        "wrong",
        [
            {"start_date": "2026-01-01T00:00:00Z"},
            {"start_date": "yesterday"},
            {"page_size": "501"},
            {"page": "0"},
        ],
    )
    async def test_refuses_what_paypal_refuses(
        self, twin: PayPalTwin, wrong: dict[str, str]
    ) -> None:
        assert (await search(twin, **wrong)).status_code == 400


class TestBalances:
    async def test_are_those_of_the_book(self, twin: PayPalTwin) -> None:
        await twin.paid()
        told = (await twin.call("GET", "/v1/reporting/balances?currency_code=USD")).json()
        (row,) = told["balances"]
        assert row["total_balance"]["value"] == await twin.balance() == "100096.02"
