"""What people decide about payments in review, postings and holds."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from cift_shared.money.amount import Money
from ledger.cli.session import operator_session
from ledger.operator import store
from ledger.operator.store import Refused
from tests.integration.ledger.books import MERCHANT, NOON, Books, Paid

pytestmark = pytest.mark.integration

LATER = NOON + timedelta(hours=3)
SIGNED = {"operator": "amina", "reason": "the statement says so", "at": LATER.isoformat()}


@pytest.fixture
async def operator(database: str) -> AsyncIterator[Any]:
    async with operator_session(database) as connection:
        yield connection


async def in_review(books: Books, paid: Paid, minor: int | None, **more: Any) -> None:
    """Send a payment to people: another amount moved, or (None) nobody knows."""
    if minor is None:
        result = paid.result("conflicting", seq=5, reason="two answers", **more)
    else:
        result = paid.result("settled", seq=5, amount=Money(minor, "KES"), **more)
    assert await books.apply(result) == ["conflict"]
    assert await books.status(paid) == "in_review"


async def resolve(session: Any, paid: Paid, outcome: str, **more: Any) -> dict[str, Any]:
    decision = {"payment_id": str(paid.payment_id), "as": outcome, **SIGNED, **more}
    return await store.resolve(session, decision)


async def last_event(books: Books) -> dict[str, Any]:
    return dict(json.loads((await books.outbox())[-1]["body"]))


class TestDeposit:
    async def test_completes_by_what_arrived(self, books: Books, operator: Any) -> None:
        paid = await books.deposit(10_000, 250)
        await in_review(books, paid, 9_000)
        done = await resolve(operator, paid, "completed", fee="225")
        assert done["status"] == "completed"
        assert await books.customer() == (8_775, 0)
        assert await books.balance("suspense:mpesa:KES") == (0, 0)
        assert await books.balance("provider:mpesa:KES") == (9_000, 0)
        assert await books.balance("fees:mpesa:KES") == (-225, 0)
        row = await books.payment(paid)
        assert (row["status"], row["minor"], row["net_minor"]) == ("completed", 9_000, 8_775)
        event = await last_event(books)
        assert (event["type"], event["payment"]["amount"]) == ("payment.completed", "90.00")
        assert event["version"] == row["version"]

    async def test_wants_a_fee_for_another_amount(self, books: Books, operator: Any) -> None:
        paid = await books.deposit()
        await in_review(books, paid, 9_000)
        with pytest.raises(Refused, match="fee is needed"):
            await resolve(operator, paid, "completed")
        assert await books.status(paid) == "in_review"

    async def test_is_refunded_up_to_what_arrived(self, books: Books, operator: Any) -> None:
        paid = await books.deposit(10_000, 250)
        await in_review(books, paid, 9_000)
        await resolve(operator, paid, "completed", fee="225")
        refund, terms = await books.refund(paid, 9_000)
        assert terms == {"fee_minor": "225", "net_minor": "8775"}
        assert await books.apply(refund.result("settled", seq=9)) == ["applied"]
        assert await books.customer() == (0, 0)

    async def test_fails_and_leaves_the_money_with_an_owner(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        await in_review(books, paid, 9_000)
        assert await resolve(operator, paid, "failed") == {
            "status": "failed", "position": 3, "tx_id": None,
        }  # fmt: skip
        assert await books.balance("suspense:mpesa:KES") == (-9_000, 0)
        owned = await books.admin.fetchrow("select * from ledger.discrepancy")
        assert (owned["owner"], owned["kind"], owned["in_suspense"]) == (
            "amina",
            "unclaimed",
            -9_000,
        )
        assert (await books.payment(paid))["failure"]["code"] == "resolved_as_failed"

    async def test_fails_and_a_late_settlement_is_a_conflict_once_more(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        await in_review(books, paid, 9_000)
        await resolve(operator, paid, "failed")
        assert await books.apply(paid.result("settled", seq=7)) == ["conflict"]
        assert await books.status(paid) == "failed"

    async def test_settled_after_it_had_failed_is_completed_from_suspense(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit(10_000, 250)
        assert await books.apply(paid.result("declined", seq=1)) == ["applied"]
        await in_review(books, paid, 10_000)
        await resolve(operator, paid, "completed")
        assert await books.customer() == (9_750, 0)
        assert (await books.payment(paid))["failure"] is None

    async def test_with_nothing_known_needs_amount_and_receipt(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit(10_000, 250)
        await in_review(books, paid, None)
        for known in ({}, {"amount": "10000"}, {"provider_reference": "UKN4"}):
            with pytest.raises(Refused, match="amount that moved"):
                await resolve(operator, paid, "completed", **known)
        await resolve(operator, paid, "completed", amount="10000", provider_reference="UKN4")
        assert await books.customer() == (9_750, 0)
        assert (await books.payment(paid))["provider_reference"] == "UKN4"

    async def test_does_not_take_the_receipt_of_another_payment(
        self, books: Books, operator: Any
    ) -> None:
        first = await books.settled_deposit()
        receipt = (await books.payment(first))["provider_reference"]
        paid = await books.deposit()
        await in_review(books, paid, None)
        with pytest.raises(Refused, match=f"receipt of payment {first.payment_id}"):
            await resolve(operator, paid, "completed", amount="10000", provider_reference=receipt)

    async def test_in_another_currency_can_only_fail(self, books: Books, operator: Any) -> None:
        paid = await books.deposit()
        result = paid.result("settled", seq=5, amount=Money(100, "USD"))
        assert await books.apply(result) == ["conflict"]
        with pytest.raises(Refused, match="is in USD"):
            await resolve(operator, paid, "completed", fee="0")
        assert (await resolve(operator, paid, "failed"))["status"] == "failed"


class TestWithdrawal:
    async def test_less_left_than_asked_captures_a_part(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal(4_000, 100)
        await in_review(books, paid, 3_000)
        await resolve(operator, paid, "completed", fee="75")
        assert await books.customer() == (9_750 - 3_075, 0)
        assert await books.hold(paid) == "captured"
        captured = await books.admin.fetchval("select captured from ledger.hold")
        assert captured == 3_075
        assert await books.balance("suspense:mpesa:KES") == (0, 0)

    async def test_more_left_than_asked_takes_the_rest_from_what_is_available(
        self, books: Books, operator: Any
    ) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal(4_000, 100)
        await in_review(books, paid, 5_000)
        await resolve(operator, paid, "completed", fee="125")
        assert await books.customer() == (9_750 - 5_125, 0)

    async def test_more_left_than_the_customer_has_is_refused(
        self, books: Books, operator: Any
    ) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal(4_000, 100)
        await in_review(books, paid, 9_700)
        with pytest.raises(Refused, match=r"97.50 KES available, 2.00 KES is missing"):
            await resolve(operator, paid, "completed", fee="250")
        assert await books.hold(paid) == "held"

    async def test_failed_frees_the_hold_and_keeps_the_suspense(
        self, books: Books, operator: Any
    ) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal(4_000, 100)
        await in_review(books, paid, 3_000)
        await resolve(operator, paid, "failed")
        assert await books.customer() == (9_750, 0)
        assert await books.hold(paid) == "released"
        assert await books.balance("suspense:mpesa:KES") == (3_000, 0)

    async def test_left_after_it_had_failed_is_taken_if_it_is_there(
        self, books: Books, operator: Any
    ) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal(4_000, 100)
        assert await books.apply(paid.result("declined", seq=1)) == ["applied"]
        await in_review(books, paid, 4_000)
        blocking = await books.withdrawal(9_000, 100)
        with pytest.raises(Refused, match=r"6.50 KES available, 34.50 KES is missing"):
            await resolve(operator, paid, "completed")
        assert await books.apply(blocking.result("declined", seq=1)) == ["applied"]
        await resolve(operator, paid, "completed")
        assert await books.customer() == (9_750 - 4_100, 0)
        assert await books.hold(paid) == "released"


class TestRefund:
    async def test_completed_in_part_gives_the_rest_back_to_the_deposit(
        self, books: Books, operator: Any
    ) -> None:
        deposit = await books.settled_deposit(10_000, 250)
        refund, _ = await books.refund(deposit, 4_000)
        await in_review(books, refund, 3_000)
        await resolve(operator, refund, "completed")
        parent = await books.payment(deposit)
        assert (parent["refunded_minor"], parent["refund_pending_minor"]) == (3_000, 0)
        assert (await books.payment(refund))["fee_minor"] == 75
        assert await books.customer() == (9_750 - 2_925, 0)

    async def test_failed_gives_the_deposit_its_amount_back(
        self, books: Books, operator: Any
    ) -> None:
        deposit = await books.settled_deposit(10_000, 250)
        refund, _ = await books.refund(deposit, 4_000)
        await in_review(books, refund, None)
        await resolve(operator, refund, "failed")
        parent = await books.payment(deposit)
        assert (parent["refunded_minor"], parent["refund_pending_minor"]) == (0, 0)
        assert await books.customer() == (9_750, 0)

    async def test_never_gives_back_more_than_came_in(self, books: Books, operator: Any) -> None:
        deposit = await books.settled_deposit(10_000, 250)
        late, _ = await books.refund(deposit, 4_000)
        assert await books.apply(late.result("declined", seq=1)) == ["applied"]
        await in_review(books, late, 4_000)
        whole, _ = await books.refund(deposit, 10_000)
        with pytest.raises(Refused, match="less than that left"):
            await resolve(operator, late, "completed")
        assert await books.apply(whole.result("declined", seq=1)) == ["applied"]
        await resolve(operator, late, "completed")
        assert (await books.payment(deposit))["refunded_minor"] == 4_000
        assert (await books.payment(late))["fee_minor"] == 100


class TestDecisions:
    async def test_are_made_once(self, books: Books, operator: Any) -> None:
        paid = await books.deposit()
        await in_review(books, paid, 9_000)
        await resolve(operator, paid, "completed", fee="0")
        with pytest.raises(Refused, match="is completed: only payments in review"):
            await resolve(operator, paid, "failed")

    async def test_of_two_at_once_one_counts(
        self, books: Books, operator: Any, database: str
    ) -> None:
        paid = await books.deposit()
        await in_review(books, paid, 9_000)
        async with operator_session(database) as other:
            ends = await asyncio.gather(
                resolve(operator, paid, "completed", fee="0"),
                resolve(other, paid, "failed"),
                return_exceptions=True,
            )
        refused = [end for end in ends if isinstance(end, Refused)]
        [done] = [end for end in ends if isinstance(end, dict)]
        assert len(refused) == 1
        assert await books.status(paid) == done["status"]

    async def test_are_kept_with_who_and_why(self, books: Books, operator: Any) -> None:
        paid = await books.deposit()
        await in_review(books, paid, 9_000)
        done = await resolve(operator, paid, "failed")
        kept = await books.admin.fetchrow("select * from ledger.operator_action")
        assert (kept["position"], kept["action"]) == (done["position"], "resolve")
        assert (kept["operator"], kept["reason"]) == ("amina", "the statement says so")
        assert kept["at"] == LATER
        event = (await books.history(paid))[-1]
        assert (event["event_seq"], event["kind"]) == (done["position"], "resolved")
        assert "amina" not in json.dumps(event["detail"])

    @pytest.mark.parametrize("missing", [{"operator": " "}, {"reason": ""}])
    async def test_need_a_name_and_a_reason(
        self, books: Books, operator: Any, missing: dict[str, str]
    ) -> None:
        paid = await books.deposit()
        await in_review(books, paid, 9_000)
        with pytest.raises(Refused, match="operator and reason"):
            await resolve(operator, paid, "failed", **missing)

    async def test_about_no_payment_are_refused(self, operator: Any) -> None:
        with pytest.raises(Refused, match="no such payment"):
            await resolve(operator, Paid(uuid4(), "deposit", 1, "KES"), "failed")

    async def test_the_list_says_what_people_need(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal(4_000, 100)
        await in_review(books, paid, 3_000)
        [waiting] = await store.payments_in_review(operator)
        assert (waiting.payment_id, waiting.why) == (paid.payment_id, "amount_mismatch")
        assert (waiting.suspended, waiting.hold) == (Money(3_000, "KES"), "held")
        assert waiting.evidence.startswith("settled 30.00 KES R")
        assert waiting.evidence.endswith("(mpesa.told)")

    async def test_only_operators_make_them(self, books: Books) -> None:
        for pool in (books.ledger, books.gateway):
            with pytest.raises(Exception, match="permission denied"):
                await pool.execute("select ledger.resolve('{}')")


def hold_order(**more: Any) -> dict[str, Any]:
    return {
        "key": "h1", "merchant_id": MERCHANT, "livemode": False, "customer_id": "c1",
        "currency": "KES", "amount": "3000", "until": None, **SIGNED, **more,
    }  # fmt: skip


class TestHolds:
    async def test_part_is_captured_and_the_rest_is_free(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        await store.place_hold(operator, hold_order())
        assert await books.customer() == (9_750, 3_000)
        await store.capture_hold(operator, {"key": "h1", "amount": "1000", **SIGNED})
        assert await books.customer() == (8_750, 0)
        assert await books.balance("adjustments:KES") == (-1_000, 0)

    async def test_ends_once(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        await store.place_hold(operator, hold_order())
        await store.release_hold(operator, {"key": "h1", **SIGNED})
        assert await books.customer() == (9_750, 0)
        with pytest.raises(Refused, match="it was released"):
            await store.capture_hold(operator, {"key": "h1", "amount": None, **SIGNED})

    async def test_the_same_order_again_changes_nothing(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        for _ in range(2):
            assert await store.place_hold(operator, hold_order()) == "h1"
        assert await books.customer() == (9_750, 3_000)
        with pytest.raises(Refused, match="other terms"):
            await store.place_hold(operator, hold_order(amount="2999"))

    async def test_of_more_than_there_is_is_refused(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        with pytest.raises(Refused, match=r"97.50 KES available, 2.51 KES is missing"):
            await store.place_hold(operator, hold_order(amount="10001"))
        with pytest.raises(Refused, match="has no account"):
            await store.place_hold(operator, hold_order(customer_id="c2"))

    async def test_expires_by_time(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        until = (LATER + timedelta(hours=1)).isoformat()
        await store.place_hold(operator, hold_order(until=until))
        expire = "select ledger.expire_holds($1, 10)"
        assert await books.ledger.fetchval(expire, LATER) == 0
        assert await books.ledger.fetchval(expire, LATER + timedelta(hours=2)) == 1
        [placed] = await store.placed_holds(operator, ended=True)
        assert (placed.key, placed.state) == ("h1", "expired")
        assert await books.customer() == (9_750, 0)

    async def test_captures_no_more_than_is_held(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        await store.place_hold(operator, hold_order())
        for amount in ("3001", "0"):
            with pytest.raises(Refused, match="at most what is held"):
                await store.capture_hold(operator, {"key": "h1", "amount": amount, **SIGNED})

    async def test_of_payments_are_not_the_operators(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        await books.withdrawal()
        with pytest.raises(Refused, match="placed by people"):
            await store.release_hold(operator, {"key": "1", **SIGNED})


class TestCorrections:
    async def test_undo_a_capture_exactly_and_once(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        await store.place_hold(operator, hold_order())
        wrong = await store.capture_hold(operator, {"key": "h1", "amount": None, **SIGNED})
        decision = {"tx_id": str(wrong), **SIGNED}
        await store.correct(operator, decision)
        assert await books.customer() == (9_750, 0)
        assert await books.balance("adjustments:KES") == (0, 0)
        with pytest.raises(Refused, match="has been corrected"):
            await store.correct(operator, decision)

    async def test_never_touch_what_settled_a_payment(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        settled = await books.admin.fetchval("select tx_id from ledger.ledger_tx")
        with pytest.raises(Refused, match="with a refund"):
            await store.correct(operator, {"tx_id": str(settled), **SIGNED})
        with pytest.raises(Refused, match="no such transaction"):
            await store.correct(operator, {"tx_id": "1", **SIGNED})
