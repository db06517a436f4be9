"""Refunds and disputes: what moves, when, and what the book and the balance say of it."""

from typing import Any

import pytest
import stripe

from tests.support.stripe_twin import StripeTwin


async def refund(twin: StripeTwin, intent: Any, amount: int | None = None, **more: Any) -> Any:
    body = {"payment_intent": intent.id, **more} | ({} if amount is None else {"amount": amount})
    return await twin.v1.refunds.create_async(body)


async def net(twin: StripeTwin) -> int:
    """What the balance holds, available or not."""
    total = await twin.v1.balance.retrieve_async()
    return sum(row.amount for part in (total.available, total.pending) for row in part)


class TestRefunds:
    async def test_several_until_the_charge_is_used_up(self, twin: StripeTwin) -> None:
        paid = await twin.pay(capture_method="automatic")
        made = [await refund(twin, paid, amount) for amount in (500, 700)]
        assert [row.status for row in made] == ["succeeded", "succeeded"]
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await refund(twin, paid, 801)
        assert refused.value.param == "amount"
        rest = await refund(twin, paid, reason="requested_by_customer", metadata={"r": "1"})
        assert (rest.amount, rest.reason, rest.metadata["r"]) == (800, "requested_by_customer", "1")
        with pytest.raises(stripe.InvalidRequestError) as again:
            await refund(twin, paid)
        assert again.value.code == "charge_already_refunded"
        charge = await twin.v1.charges.retrieve_async(paid.latest_charge)
        assert (charge.amount_refunded, charge.refunded) == (2000, True)
        assert await net(twin) == -88  # fees are kept
        listed = await twin.v1.refunds.list_async({"payment_intent": paid.id})
        assert [row.amount for row in listed.data] == [800, 700, 500]
        assert await twin.book() == [("charge", 2000), *(("refund", n) for n in (500, 700, 800))]
        await twin.settle()
        assert twin.types().count("refund.created") == 3
        assert twin.last("charge.refunded")["amount_refunded"] == 2000

    async def test_names_whose_money_it_was(self, twin: StripeTwin) -> None:
        customer = await twin.v1.customers.create_async({})
        paid = await twin.pay(customer=customer.id)
        refund = await twin.v1.refunds.create_async({"payment_intent": paid.id})
        assert (refund.customer, refund.payment_method) == (customer.id, paid.payment_method)
        whole = await twin.v1.refunds.retrieve_async(refund.id, {"expand": ["customer"]})
        assert whole.customer.id == customer.id
        nobodys = await twin.pay()
        refund = await twin.v1.refunds.create_async({"payment_intent": nobodys.id})
        assert refund.customer is None

    async def test_are_not_in_their_charge_unless_asked_for(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        await twin.v1.refunds.create_async({"payment_intent": paid.id, "amount": 5})
        path = f"/v1/charges/{paid.latest_charge}"
        assert "refunds" not in (await twin.call("GET", path)).json()
        whole = (await twin.call("GET", path, "expand[]=refunds")).json()
        assert [row["amount"] for row in whole["refunds"]["data"]] == [5]

    async def test_pending_then_succeeded(self, twin: StripeTwin) -> None:
        paid = await twin.pay("pm_card_pendingRefund")
        made = await refund(twin, paid)
        assert (made.status, made.pending_reason) == ("pending", "processing")
        await twin.advance(10)
        assert twin.last("refund.updated")["status"] == "succeeded"
        after = await twin.v1.refunds.retrieve_async(made.id)
        assert "pending_reason" not in after.to_dict()

    async def test_succeeded_then_failed_comes_back(self, twin: StripeTwin) -> None:
        paid = await twin.pay("pm_card_refundFail", capture_method="automatic")
        made = await refund(twin, paid, 600)
        assert made.status == "succeeded"
        await twin.advance(10)
        failed = twin.last("refund.failed")
        assert (failed["status"], failed["failure_reason"]) == ("failed", "declined")
        money = await twin.v1.balance_transactions.retrieve_async(
            failed["failure_balance_transaction"]
        )
        assert (money.amount, money.type) == (600, "refund_failure")
        charge = await twin.v1.charges.retrieve_async(paid.latest_charge)
        assert charge.amount_refunded == 0
        assert await net(twin) == 2000 - 88
        assert await twin.book() == [("charge", 2000), ("refund", 600), ("refund_failed", 600)]

    async def test_ends_by_order_but_never_twice(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        made = await refund(twin, paid, 600)
        path = f"/control/stripe/refunds/{made.id}"
        codes = [
            (await twin.http.post(path, json={"status": status})).status_code
            for status in ("succeeded", "failed", "failed")
        ]
        assert codes == [409, 200, 409]

    async def test_waiting_for_the_customer_it_can_be_canceled(self, twin: StripeTwin) -> None:
        await twin.control("PUT", "/stripe/cards/pm_card_asks", {"refund": "requires_action"})
        made = await refund(twin, await twin.pay("pm_card_asks"), 600)
        assert (await twin.v1.refunds.cancel_async(made.id)).status == "canceled"
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.refunds.cancel_async(made.id)
        assert (await twin.book())[-1] == ("refund_failed", 600)

    async def test_of_what_was_never_paid(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async({"amount": 2000, "currency": "usd"})
        with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
            await refund(twin, intent)
        held = await twin.pay(capture_method="manual")
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.refunds.create_async({"charge": held.latest_charge})
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.refunds.create_async({})

    async def test_in_a_currency_of_whole_hundreds(self, twin: StripeTwin) -> None:
        paid = await twin.pay(amount=400_000, currency="ugx")
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await refund(twin, paid, 150)
        assert refused.value.code == "invalid_charge_amount_no_decimal_compatible"
        assert (await refund(twin, paid, 100)).amount == 100


class TestDisputes:
    async def dispute(self, twin: StripeTwin, token: str = "pm_card_createDispute") -> Any:
        await twin.pay(token, capture_method="automatic")
        await twin.advance(5)
        [found] = (await twin.v1.disputes.list_async()).data
        return found

    async def test_takes_money_and_a_fee(self, twin: StripeTwin) -> None:
        found = await self.dispute(twin)
        assert (found.status, found.reason, found.amount) == ("needs_response", "fraudulent", 2000)
        [money] = found.balance_transactions
        assert (money.amount, money.fee, money.net) == (-2000, 1500, -3500)
        assert twin.types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
        charge = await twin.v1.charges.retrieve_async(found.charge)
        assert charge.disputed
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await twin.v1.refunds.create_async({"charge": charge.id})
        assert refused.value.code == "charge_disputed"
        assert await net(twin) == 2000 - 88 - 3500

    async def test_won_brings_it_back(self, twin: StripeTwin) -> None:
        found = await self.dispute(twin)
        answered = await twin.v1.disputes.update_async(
            found.id, {"evidence": {"uncategorized_text": "He has it."}}
        )
        assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
        order = {"verdict": "won", "fee_returned": True}
        await twin.control("POST", f"/stripe/disputes/{found.id}", order)
        path = f"/control/stripe/disputes/{found.id}"
        assert (await twin.http.post(path, json=order)).status_code == 409
        await twin.settle()
        closed = twin.last("charge.dispute.closed")
        assert closed["status"] == "won"
        assert [row["net"] for row in closed["balance_transactions"]] == [-3500, 3500]
        assert "charge.dispute.funds_reinstated" in twin.types()
        assert await net(twin) == 2000 - 88
        assert await twin.book() == [
            ("charge", 2000),
            ("dispute", 2000),
            ("dispute_reinstated", 2000),
        ]
        [row] = (await twin.control("GET", "/stripe/payments"))["payments"].values()
        assert (row["charged"], row["disputed"], row["fees"]) == (2000, 0, {"USD": 88})

    async def test_refunds_go_on_under_an_inquiry_and_after_a_victory(
        self, twin: StripeTwin
    ) -> None:
        inquiry = await self.dispute(twin, "pm_card_createDisputeInquiry")
        await twin.v1.refunds.create_async({"charge": inquiry.charge, "amount": 100})
        order = {"verdict": "escalated"}
        escalated = await twin.control("POST", f"/stripe/disputes/{inquiry.id}", order)
        assert escalated["amount"] == 1900
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.refunds.create_async({"charge": inquiry.charge, "amount": 100})
        await twin.control("POST", f"/stripe/disputes/{inquiry.id}", {"verdict": "won"})
        await twin.v1.refunds.create_async({"charge": inquiry.charge, "amount": 100})

    async def test_nothing_is_escalated_after_a_full_refund(self, twin: StripeTwin) -> None:
        inquiry = await self.dispute(twin, "pm_card_createDisputeInquiry")
        await twin.v1.refunds.create_async({"charge": inquiry.charge})
        answer = await twin.http.post(
            f"/control/stripe/disputes/{inquiry.id}", json={"verdict": "escalated"}
        )
        assert answer.status_code == 409

    async def test_given_up_is_lost(self, twin: StripeTwin) -> None:
        found = await self.dispute(twin)
        assert (await twin.v1.disputes.close_async(found.id)).status == "lost"
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.disputes.close_async(found.id)
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.disputes.update_async(found.id, {"metadata": {"a": "1"}})
        answer = await twin.http.post(
            f"/control/stripe/disputes/{found.id}", json={"verdict": "won"}
        )
        assert answer.status_code == 409

    async def test_an_inquiry_moves_nothing_until_it_is_escalated(self, twin: StripeTwin) -> None:
        found = await self.dispute(twin, "pm_card_createDisputeInquiry")
        assert (found.status, found.balance_transactions) == ("warning_needs_response", [])
        assert found.is_charge_refundable
        assert await net(twin) == 2000 - 88
        await twin.control("POST", f"/stripe/disputes/{found.id}", {"verdict": "escalated"})
        assert await net(twin) == 2000 - 88 - 3500

    async def test_an_inquiry_may_end_without_more(self, twin: StripeTwin) -> None:
        found = await self.dispute(twin, "pm_card_createDisputeInquiry")
        await twin.control("POST", f"/stripe/disputes/{found.id}", {"verdict": "warning_closed"})
        charge = await twin.v1.charges.retrieve_async(found.charge)
        assert not charge.disputed
        assert await twin.book() == [("charge", 2000)]

    async def test_by_order_over_a_part(self, twin: StripeTwin) -> None:
        paid = await twin.pay()
        order = {"reason": "duplicate", "amount": 300}
        made = await twin.control("POST", f"/stripe/charges/{paid.id}/disputes", order)
        assert (made["amount"], made["reason"]) == (300, "duplicate")
        again = await twin.http.post(f"/control/stripe/charges/{paid.id}/disputes", json={})
        assert again.status_code == 409

    async def test_not_of_what_was_refunded(self, twin: StripeTwin) -> None:
        paid = await twin.pay("pm_card_createDispute")
        await refund(twin, paid)
        await twin.advance(5)
        assert (await twin.v1.disputes.list_async()).data == []
