"""The book and the balance agree, whatever happens in whatever order."""

import random
from typing import Any

import pytest
import stripe

from tests.support.stripe_twin import StripeTwin

TOKENS = [
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
]
SIGNS = {"charge": 1, "refund": -1, "refund_failed": 1, "dispute": -1, "dispute_reinstated": 1}


class Walk:
    """Random customers, banks and merchants on one twin."""

    def __init__(self, twin: StripeTwin, seed: int) -> None:
        self.twin = twin
        self.chance = random.Random(seed)

    async def step(self) -> None:
        action = self.chance.choice(
            [self.pay, self.pay, self.capture, self.challenge, self.refund, self.judge, self.wait]
        )
        try:
            await action()
        except (stripe.CardError, stripe.InvalidRequestError):
            return  # refused is as good an outcome as any

    async def pay(self) -> None:
        await self.twin.pay(
            self.chance.choice(TOKENS),
            amount=self.chance.randint(50, 90_000),
            capture_method=self.chance.choice(["manual", "automatic", "automatic_async"]),
        )

    async def one(self, status: str) -> Any:
        listed = await self.twin.v1.payment_intents.list_async({"limit": 100})
        found = [intent for intent in listed.data if intent.status == status]
        return self.chance.choice(found) if found else None

    async def capture(self) -> None:
        intent = await self.one("requires_capture")
        if intent is not None and self.chance.random() < 0.8:
            part = {"amount_to_capture": self.chance.randint(1, intent.amount)}
            await self.twin.v1.payment_intents.capture_async(intent.id, part)
        elif intent is not None:
            await self.twin.v1.payment_intents.cancel_async(intent.id)

    async def challenge(self) -> None:
        intent = await self.one("requires_action")
        if intent is not None:
            outcome = {"outcome": self.chance.choice(["approve", "approve", "fail"])}
            await self.twin.control("POST", f"/stripe/challenges/{intent.id}", outcome)

    async def refund(self) -> None:
        intent = await self.one("succeeded")
        if intent is not None:
            amount = self.chance.randint(1, intent.amount_received)
            body = {"payment_intent": intent.id, "amount": amount}
            await self.twin.v1.refunds.create_async(body)

    async def judge(self) -> None:
        listed = await self.twin.v1.disputes.list_async({"limit": 100})
        if listed.data:
            dispute = self.chance.choice(listed.data)
            verdict = self.chance.choice(["won", "lost", "warning_closed", "escalated"])
            order = {"verdict": verdict, "fee_returned": self.chance.random() < 0.5}
            await self.twin.http.post(f"/control/stripe/disputes/{dispute.id}", json=order)

    async def wait(self) -> None:
        await self.twin.advance(self.chance.choice([1, 6, 15]))


async def every(service: Any) -> list[Any]:
    first = await service.list_async({"limit": 100})
    return [row async for row in first.auto_paging_iter()]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_balance_follows_from_the_book_after_any_history(
    twin: StripeTwin, seed: int
) -> None:
    walk = Walk(twin, seed)
    for _ in range(50):
        await walk.step()
    await twin.advance(60)

    entries = (await twin.control("GET", "/book"))["entries"]
    transactions = await every(twin.v1.balance_transactions)
    moved = sum(SIGNS[entry["kind"]] * int(entry["amount"]) for entry in entries)
    fees = sum(int(entry["fee"]) for entry in entries)
    assert (sum(row.amount for row in transactions), sum(row.fee for row in transactions)) == (
        moved,
        fees,
    )
    total = await twin.v1.balance.retrieve_async()
    held = sum(row.amount for part in (total.available, total.pending) for row in part)
    assert held == moved - fees

    told = (await twin.control("GET", "/stripe/payments"))["payments"]
    for intent in await every(twin.v1.payment_intents):
        assert told.get(intent.id, {"charged": 0})["charged"] == intent.amount_received
    for charge in await every(twin.v1.charges):
        if charge.captured:
            assert told[charge.payment_intent]["refunded"] == charge.amount_refunded
            assert 0 <= charge.amount_refunded <= charge.amount_captured
    for row in told.values():
        assert 0 <= row["refunded"] + row["disputed"] <= row["charged"]


class TestTransactions:
    async def test_are_listed_by_kind_and_source(self, twin: StripeTwin) -> None:
        paid = await twin.pay(capture_method="automatic")
        made = await twin.v1.refunds.create_async({"payment_intent": paid.id, "amount": 500})
        [row] = (await twin.v1.balance_transactions.list_async({"type": "refund"})).data
        assert (row.source, row.amount, row.fee) == (made.id, -500, 0)
        [row] = (await twin.v1.balance_transactions.list_async({"source": paid.latest_charge})).data
        assert (row.type, row.reporting_category) == ("charge", "charge")

    @pytest.mark.parametrize(
        ("token", "status"), [("pm_card_visa", "pending"), ("pm_card_bypassPending", "available")]
    )
    async def test_become_available(self, twin: StripeTwin, token: str, status: str) -> None:
        paid = await twin.pay(
            token, capture_method="automatic", expand=["latest_charge.balance_transaction"]
        )
        money = paid.latest_charge.balance_transaction
        assert money.status == status
        await twin.advance(2 * 86_400 + 1)
        after = await twin.v1.balance_transactions.retrieve_async(money.id)
        assert after.status == "available"


class TestWords:
    async def test_of_paid_things_can_still_be_changed(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        words = {"metadata": {"a": "1"}}
        charge = await twin.v1.charges.update_async(paid.latest_charge, words)
        made = await twin.v1.refunds.create_async({"charge": charge.id, "amount": 5})
        refund = await twin.v1.refunds.update_async(made.id, words)
        method = await twin.v1.payment_methods.update_async(paid.payment_method, words)
        intent = await twin.v1.payment_intents.update_async(paid.id, words)
        for changed in (charge, refund, method, intent):
            assert changed.metadata.to_dict() == {"a": "1"}
        cleared = await twin.v1.payment_intents.update_async(paid.id, {"metadata": {"a": ""}})
        assert cleared.metadata.to_dict() == {}

    async def test_lists_find_what_belongs_together(self, twin: StripeTwin) -> None:
        paid, other = await twin.pay("pm_card_createDispute"), await twin.pay()
        await twin.advance(5)
        of_it = {"payment_intent": paid.id}
        assert len((await twin.v1.charges.list_async(of_it)).data) == 1
        assert len((await twin.v1.disputes.list_async(of_it)).data) == 1
        assert (await twin.v1.disputes.list_async({"payment_intent": other.id})).data == []
        assert (await twin.v1.setup_intents.list_async()).data == []
