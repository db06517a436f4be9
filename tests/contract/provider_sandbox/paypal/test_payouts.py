"""Payouts v1: batches, items, receivers."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.paypal_twin import DAY_S, PayPalTwin, payout_body

PAYOUTS = "/v1/payments/payouts"
ITEMS = "/v1/payments/payouts-item"


class TestBatches:
    async def test_are_accepted_and_processed_later(self, twin: PayPalTwin) -> None:
        batch = await twin.payout(sender_item_id="w-1", note="thanks")
        assert (batch.status_code, batch.json()["batch_header"]["batch_status"]) == (201, "PENDING")
        assert await twin.book() == []
        item = await twin.item(batch)
        assert item["transaction_status"] == "PENDING"
        await twin.advance(6)
        assert twin.types() == [
            "PAYMENT.PAYOUTSBATCH.PROCESSING",
            "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
            "PAYMENT.PAYOUTSBATCH.SUCCESS",
        ]
        told = twin.last("PAYMENT.PAYOUTS-ITEM.SUCCEEDED")
        assert told["payout_item"]["sender_item_id"] == "w-1"
        shown = (await twin.call("GET", f"{ITEMS}/{item['payout_item_id']}")).json()
        assert (shown["transaction_status"], shown["sender_batch_id"]) == ("SUCCESS", "batch-0")
        assert await twin.book() == [("payout", "50.00")]
        assert await twin.balance() == "99949.75"

    async def test_show_pages_and_totals(self, twin: PayPalTwin) -> None:
        body = payout_body("a@example.com", sender_batch_id="b")
        body["items"] = [{**body["items"][0], "sender_item_id": str(n)} for n in range(5)]
        name = (await twin.call("POST", PAYOUTS, body)).json()["batch_header"]["payout_batch_id"]
        path = f"{PAYOUTS}/{name}?page_size=2&page=3&total_required=true"
        shown = (await twin.call("GET", path)).json()
        assert (shown["total_items"], shown["total_pages"], len(shown["items"])) == (5, 3, 1)
        assert shown["batch_header"]["amount"] == {"currency": "USD", "value": "250.00"}
        assert shown["batch_header"]["fees"] == {"currency": "USD", "value": "1.25"}
        assert (await twin.call("GET", f"{PAYOUTS}/{name}?page=0")).status_code == 400

    async def test_a_used_batch_id_leads_to_the_first_batch(self, twin: PayPalTwin) -> None:
        first = await twin.payout(sender_batch_id="w")
        again = await twin.payout(sender_batch_id="w")
        assert (again.status_code, again.json()["name"]) == (400, "USER_BUSINESS_ERROR")
        assert "w" in again.json()["details"][0]["issue"]
        name = first.json()["batch_header"]["payout_batch_id"]
        assert again.json()["links"][0]["href"] == f"http://twin{PAYOUTS}/{name}"
        await twin.advance(6)
        assert len(await twin.book()) == 1

    async def test_a_batch_id_is_free_again_after_30_days(self, twin: PayPalTwin) -> None:
        await twin.payout(sender_batch_id="w")
        await twin.advance(30 * DAY_S + 1)
        await twin.sign_in()
        assert (await twin.payout(sender_batch_id="w")).status_code == 201
        await twin.advance(6)
        assert len(await twin.book()) == 2

    async def test_a_request_id_repeats_the_answer(self, twin: PayPalTwin) -> None:
        first = await twin.payout(sender_batch_id="w", key="p")
        again = await twin.payout(sender_batch_id="w", key="p")
        assert (again.status_code, again.json()) == (201, first.json())

    async def test_more_than_our_balance_is_refused(self, twin: PayPalTwin) -> None:
        await twin.control("PUT", "/paypal/balances/USD", {"amount": "100.00"})
        assert (await twin.payout()).status_code == 201
        answer = await twin.payout(sender_batch_id="second")
        assert (answer.status_code, answer.json()["name"]) == (422, "INSUFFICIENT_FUNDS")
        await twin.control("PUT", "/paypal/balances/USD", {"amount": "101.00"})
        assert (await twin.payout(sender_batch_id="second")).status_code == 201

    async def test_or_denied(self, open_twin: Callable[..., Any]) -> None:
        async with open_twin(paypal_short_balance="denied", paypal_balance={}) as twin:
            batch = await twin.payout()
            await twin.advance(6)
            assert twin.types() == ["PAYMENT.PAYOUTSBATCH.DENIED"]
            assert (await twin.item(batch))["transaction_status"] == "PENDING"
            assert await twin.book() == []

    @pytest.mark.parametrize(
        "change",
        [
            {"colour": "red"},
            {"value": "0.00"},
            {"value": "abc"},
            {"value": "Infinity"},
            {"value": "1e2"},
            {"value": ""},
            {"value": "1.001"},
            {"amount": {"currency": "KES", "value": "1.00"}},
            {"receiver": "x" * 128},
            {"sender_item_id": "x" * 64},
        ],
    )
    async def test_refuses_what_paypal_refuses(
        self, twin: PayPalTwin, change: dict[str, Any]
    ) -> None:
        receiver = change.get("receiver", "a@example.com")
        more = {name: value for name, value in change.items() if name != "receiver"}
        body = payout_body(receiver, **{"sender_batch_id": "b", **more})
        answer = await twin.call("POST", PAYOUTS, body)
        assert (answer.status_code, answer.json()["name"]) == (400, "VALIDATION_ERROR")

    async def test_unknown_ones(self, twin: PayPalTwin) -> None:
        for path in (f"{PAYOUTS}/X", f"{ITEMS}/X"):
            answer = await twin.call("GET", path)
            assert (answer.status_code, answer.json()["name"]) == (404, "INVALID_RESOURCE_ID")


COURSES = [
    ("receives", ["SUCCESS"], ["payout"]),
    ("onhold", ["ONHOLD", "SUCCESS"], ["payout"]),
    ("onhold-fails", ["ONHOLD", "FAILED"], ["payout", "payout_returned"]),
    ("blocked", ["BLOCKED"], []),
    ("fails", ["FAILED"], []),
    ("claims", ["UNCLAIMED", "SUCCESS"], ["payout"]),
    ("unclaimed", ["UNCLAIMED", "UNCLAIMED"], ["payout"]),
    ("reversed", ["SUCCESS", "REVERSED"], ["payout", "payout_returned"]),
    ("refunds", ["SUCCESS", "REFUNDED"], ["payout", "payout_returned"]),
    ("stays-pending", ["PENDING"], []),
]


class TestReceivers:
    @pytest.mark.parametrize(("receiver", "statuses", "moved"), COURSES)
    async def test_courses(
        self, twin: PayPalTwin, receiver: str, statuses: list[str], moved: list[str]
    ) -> None:
        batch = await twin.payout(f"{receiver}@example.com")
        await twin.advance(6)
        assert (await twin.item(batch))["transaction_status"] == statuses[0]
        await twin.advance(61)
        assert (await twin.item(batch))["transaction_status"] == statuses[-1]
        assert [kind for kind, _ in await twin.book()] == moved
        whole = "99949.75" if moved == ["payout"] else "100000.00"
        assert await twin.balance() == whole

    async def test_unclaimed_ones_return_after_30_days(self, twin: PayPalTwin) -> None:
        batch = await twin.payout("unclaimed@example.com")
        await twin.advance(6)
        item = await twin.item(batch)
        assert item["errors"]["name"] == "RECEIVER_UNREGISTERED"
        await twin.advance(30 * DAY_S)
        await twin.sign_in()
        assert (await twin.item(batch))["transaction_status"] == "RETURNED"
        assert twin.types()[-1] == "PAYMENT.PAYOUTS-ITEM.RETURNED"
        assert await twin.balance() == "100000.00"

    async def test_unclaimed_ones_can_be_cancelled_once(self, twin: PayPalTwin) -> None:
        batch = await twin.payout("unclaimed@example.com")
        await twin.advance(6)
        path = f"{ITEMS}/{(await twin.item(batch))['payout_item_id']}/cancel"
        answer = await twin.call("POST", path)
        assert (answer.status_code, answer.json()["transaction_status"]) == (200, "RETURNED")
        again = await twin.call("POST", path)
        assert (again.status_code, again.json()["name"]) == (400, "ITEM_ALREADY_CANCELLED")
        assert "paypal.item" not in await twin.scheduled()
        await twin.advance(31 * DAY_S)
        assert twin.types()[-1] == "PAYMENT.PAYOUTS-ITEM.CANCELED"
        assert [kind for kind, _ in await twin.book()] == ["payout", "payout_returned"]

    async def test_paid_ones_cannot_be_cancelled(self, twin: PayPalTwin) -> None:
        batch = await twin.payout()
        await twin.advance(6)
        path = f"{ITEMS}/{(await twin.item(batch))['payout_item_id']}/cancel"
        answer = await twin.call("POST", path)
        assert (answer.status_code, answer.json()["name"]) == (400, "ITEM_INCORRECT_STATUS")

    async def test_the_magic_note(self, twin: PayPalTwin) -> None:
        batch = await twin.payout(note="ERRPYO002")
        await twin.advance(6)
        item = await twin.item(batch)
        assert item["transaction_status"] == "FAILED"
        assert item["errors"]["name"] == "SENDER_EMAIL_UNCONFIRMED"

    async def test_by_control(self, twin: PayPalTwin) -> None:
        batch = await twin.payout()
        await twin.advance(6)
        item = (await twin.item(batch))["payout_item_id"]
        await twin.control("POST", f"/paypal/items/{item}", {"status": "REVERSED"})
        assert await twin.balance() == "100000.00"
        answer = await twin.http.post(f"/control/paypal/items/{item}", json={"status": "SUCCESS"})
        assert answer.status_code == 409
