"""What happens after a payment's end: money that came back, and payers who dispute a deposit."""

import json
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from tests.integration.ledger.books import NOON, Books, Paid

pytestmark = pytest.mark.integration

PROVIDER, FEES, COSTS = "provider:mpesa:KES", "fees:mpesa:KES", "provider-costs:mpesa:KES"
DISPUTES, LOSSES, CUSTOMER = "disputes:mpesa:KES", "losses:mpesa:KES", "customer:c1:KES"


def came_back(paid: Paid, seq: int = 20, **fields: Any) -> PaymentResult:
    """The provider says that the payment's money is back where it came from."""
    told = {
        "amount": Money(paid.minor, paid.currency),
        "provider_reference": f"R{paid.payment_id.hex[:12]}:failed",
        "reason": "expired_or_canceled_card",
    }
    return paid.result("reversed", seq=seq, **{**told, **fields})


def kes(minor: int | None) -> dict[str, str] | None:
    return None if minor is None else {"minor": str(minor), "currency": "KES"}


def disputed(paid: Paid, seq: int, *, reference: str = "dp_1", **known: Any) -> PaymentResult:
    """All that is known of a dispute by now; amounts in cents."""
    moved = ("withdrawn", "fee", "reinstated", "fee_reinstated")
    news = {
        "reference": reference,
        "status": "needs_response",
        "reason": "fraudulent",
        "amount": kes(paid.minor),
        **{name: value for name, value in known.items() if name not in moved},
        **{name: kes(known.get(name)) for name in moved},
    }
    return paid.result("disputed", seq=seq, dispute=news)


def opened(paid: Paid, **known: Any) -> PaymentResult:
    return disputed(paid, 20, withdrawn=paid.minor, fee=1_500, **known)


def won(paid: Paid, seq: int = 21) -> PaymentResult:
    return disputed(
        paid, seq, withdrawn=paid.minor, fee=1_500, reinstated=paid.minor, fee_reinstated=1_500,
        status="won", closed="won",
    )  # fmt: skip


def lost(paid: Paid, seq: int = 21) -> PaymentResult:
    return disputed(
        paid, seq, withdrawn=paid.minor, fee=1_500, status="lost", closed="lost"
    )  # fmt: skip


async def twice(books: Books, result: PaymentResult) -> list[str]:
    """Tell it, and tell it again."""
    return [*await books.apply(result), *await books.apply(result)]


class TestReversals:
    async def test_of_a_refund_the_customer_has_the_money_again(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 250)
        refund, _ = await books.refund(parent, 4_000)
        await books.apply(refund.result("settled"))
        assert await twice(books, came_back(refund)) == ["applied", "duplicate"]
        assert (await books.journal(refund))["reversal"] == {
            PROVIDER: 4_000,
            CUSTOMER: -3_900,
            FEES: -100,
        }
        assert await books.customer() == (9_750, 0)
        assert (await books.payment(parent))["refunded_minor"] == 0
        row = await books.payment(refund)
        assert (row["status"], row["reversed_minor"], row["version"]) == ("completed", 4_000, 3)

    async def test_what_a_reversed_refund_gave_back_may_be_given_back_again(
        self, books: Books
    ) -> None:
        parent = await books.settled_deposit(10_000, 250)
        refund, _ = await books.refund(parent, 10_000)
        await books.apply(refund.result("settled"), came_back(refund))
        again, terms = await books.refund(parent, 10_000)
        assert terms == {"fee_minor": "250", "net_minor": "9750"}
        await books.apply(again.result("settled"))
        assert await books.customer() == (0, 0)
        assert await books.balance(FEES) == (0, 0)

    async def test_of_a_withdrawal_amount_and_fee_return(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 100)
        await books.apply(paid.result("settled"))
        assert await twice(books, came_back(paid)) == ["applied", "duplicate"]
        assert (await books.journal(paid))["reversal"] == {
            PROVIDER: 4_000,
            CUSTOMER: -4_100,
            FEES: 100,
        }
        assert await books.customer() == (10_000, 0)

    async def test_of_a_deposit_the_customer_gives_it_back(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        assert await twice(books, came_back(paid)) == ["applied", "duplicate"]
        assert (await books.journal(paid))["reversal"] == {
            PROVIDER: -10_000,
            CUSTOMER: 9_750,
            FEES: 250,
        }
        assert await books.customer() == (0, 0)

    async def test_of_a_deposit_that_is_spent_the_rest_is_our_loss(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.withdrawal(6_000, 0)
        await books.apply(came_back(paid))
        assert (await books.journal(paid))["reversal"] == {
            PROVIDER: -10_000,
            CUSTOMER: 3_750,
            FEES: 250,
            LOSSES: 6_000,
        }
        assert await books.customer() == (6_000, 6_000)

    async def test_of_a_deposit_that_was_refunded_in_part(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.settled_deposit(50_000, 0)
        refund, _ = await books.refund(paid, 4_000)
        await books.apply(refund.result("settled"))
        await books.apply(came_back(paid))
        assert (await books.journal(paid))["reversal"] == {
            PROVIDER: -10_000,
            CUSTOMER: 5_850,
            FEES: 150,
            LOSSES: 4_000,
        }
        assert await books.customer() == (50_000, 0)

    async def test_where_the_merchant_bears_the_fee(self, books: Books) -> None:
        fields = {"fee_bearer": "merchant", "net_minor": "10000"}
        paid = await books.settled_deposit(10_000, 250, **fields)
        refund, _ = await books.refund(paid, 4_000)
        await books.apply(refund.result("settled"), came_back(refund))
        withdrawal = await books.withdrawal(2_000, 40, fee_bearer="merchant", net_minor="2000")
        await books.apply(withdrawal.result("settled"), came_back(withdrawal))
        assert await books.balance("merchant:KES") == (250, 0)
        await books.apply(came_back(paid))
        for code in ("merchant:KES", CUSTOMER, FEES, PROVIDER, LOSSES):
            assert await books.balance(code) == (0, 0)

    async def test_is_told_as_what_it_is(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(came_back(paid))
        event = json.loads((await books.outbox())[-1]["body"])
        assert (event["type"], event["version"]) == ("payment.reversed", 3)
        assert (event["payment"]["status"], event["payment"]["reversed"]) == ("completed", "100.00")
        assert [row["kind"] for row in await books.history(paid)][-1] == "reversed"

    async def test_told_under_another_name_it_still_counts_once(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        again = came_back(paid, seq=21, provider_reference="other")
        assert await books.apply(came_back(paid), again) == ["applied", "duplicate"]
        assert await books.balance(PROVIDER) == (0, 0)

    async def test_of_another_amount_is_for_people(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        part = came_back(paid, amount=Money(9_999, "KES"))
        assert await books.apply(part) == ["conflict"]
        event = (await books.history(paid))[-1]
        assert (event["disposition"], event["reason"]) == ("conflict", "reversal_amount_mismatch")
        assert await books.balance(PROVIDER) == (10_000, 0)

    async def test_with_the_receipt_of_another_payment_is_for_people(self, books: Books) -> None:
        paid, other = await books.settled_deposit(), await books.settled_deposit()
        taken = (await books.payment(other))["provider_reference"]
        assert await books.apply(came_back(paid, provider_reference=taken)) == ["conflict"]

    async def test_before_the_end_sends_the_payment_to_people(self, books: Books) -> None:
        paid = await books.deposit()
        assert await twice(books, came_back(paid)) == ["conflict", "duplicate"]
        assert await books.status(paid) == "in_review"
        assert await books.journal(paid) == {}
        event = (await books.history(paid))[-1]
        assert (event["disposition"], event["reason"]) == ("applied", "reversed_before_settled")

    async def test_of_what_never_moved_is_noted(self, books: Books) -> None:
        paid = await books.deposit()
        await books.apply(paid.result("declined"))
        assert await books.apply(came_back(paid)) == ["conflict"]
        assert await books.status(paid) == "failed"

    async def test_a_reversed_deposit_can_not_be_refunded(self, books: Books) -> None:
        paid = await books.settled_deposit()
        await books.settled_deposit()
        await books.apply(came_back(paid))
        with pytest.raises(asyncpg.PostgresError, match="not_refundable"):
            await books.refund(paid, 1)

    async def test_of_strangers_is_told_apart(self, books: Books) -> None:
        paid = await books.settled_deposit()
        assert await books.apply(came_back(paid, method="card")) == ["unknown_payment"]


class TestDisputes:
    async def test_money_taken_is_held_on_the_customer(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        assert await twice(books, opened(paid)) == ["applied", "duplicate"]
        journal = await books.journal(paid)
        assert journal["dispute_withdrawn"] == {DISPUTES: 10_000, PROVIDER: -10_000}
        assert journal["dispute_fee"] == {COSTS: 1_500, PROVIDER: -1_500}
        assert await books.customer() == (9_750, 9_750)
        row = await books.payment(paid)
        assert (row["status"], row["disputed_minor"], row["version"]) == ("completed", 10_000, 3)

    async def test_won(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(opened(paid))
        assert await twice(books, won(paid)) == ["applied", "duplicate"]
        assert await books.balance(PROVIDER) == (10_000, 0)
        for code in (DISPUTES, COSTS, LOSSES):
            assert await books.balance(code) == (0, 0)
        assert await books.customer() == (9_750, 0)
        assert (await books.payment(paid))["disputed_minor"] == 0

    async def test_lost_the_customer_pays_as_far_as_it_goes(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.withdrawal(3_000, 0)
        await books.apply(opened(paid))
        assert await books.customer() == (9_750, 9_750)
        assert await twice(books, lost(paid)) == ["applied", "duplicate"]
        assert (await books.journal(paid))["dispute_lost"] == {
            DISPUTES: -10_000,
            CUSTOMER: 6_750,
            LOSSES: 3_250,
        }
        assert await books.customer() == (3_000, 3_000)
        assert await books.balance(COSTS) == (1_500, 0)

    async def test_lost_by_a_customer_who_has_nothing(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        await books.withdrawal(10_000, 0)
        await books.apply(opened(paid), lost(paid))
        assert (await books.journal(paid))["dispute_lost"] == {DISPUTES: -10_000, LOSSES: 10_000}

    async def test_all_of_it_in_one_piece_of_news(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        assert await books.apply(lost(paid)) == ["applied"]
        assert set(await books.journal(paid)) == {
            "settlement", "dispute_withdrawn", "dispute_fee", "dispute_lost",
        }  # fmt: skip
        assert await books.customer() == (0, 0)

    async def test_nothing_is_posted_while_nothing_moved(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        assert await books.apply(disputed(paid, 20, status="warning_needs_response")) == ["applied"]
        closed = disputed(paid, 21, status="warning_closed", closed="canceled")
        assert await books.apply(closed) == ["applied"]
        assert set(await books.journal(paid)) == {"settlement"}
        assert await books.customer() == (10_000, 0)

    @pytest.mark.parametrize("end", [won, lost])
    async def test_the_order_of_news_does_not_matter(self, books: Books, end: Any) -> None:
        first = {"withdrawn": 10_000, "fee": 1_500}
        balances = []
        for order in (0, 1, 2):
            customer = f"c{order}"
            paid = await books.settled_deposit(10_000, 250, customer_id=customer)
            reference = f"dp_{order}"
            told = [
                disputed(paid, 20, reference=reference, status="warning"),
                disputed(paid, 21, reference=reference, **first),
                end(paid, 22).model_copy(update={}),
            ]
            told[2] = told[2].model_copy(
                update={"dispute": told[2].dispute.model_copy(update={"reference": reference})}
            )
            random.Random(order).shuffle(told)
            for result in (*told, *told):
                await books.apply(result)
            balances.append(await books.customer(customer))
        assert len(set(balances)) == 1
        assert await books.balance(DISPUTES) == (0, 0)
        assert await stands(books) == [("won" if end is won else "lost",)] * 3

    async def test_older_news_do_not_bring_an_older_status_back(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        assert await books.apply(won(paid), opened(paid)) == ["applied", "stale"]
        assert await stands(books) == [("won",)]

    async def test_a_second_dispute_counts_beside_the_first(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        await books.apply(
            disputed(paid, 20, withdrawn=4_000),
            disputed(paid, 21, withdrawn=5_000, reference="dp_2"),
        )
        assert (await books.payment(paid))["disputed_minor"] == 9_000
        assert await books.customer() == (10_000, 9_000)

    async def test_what_is_taken_in_two_steps(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        await books.apply(disputed(paid, 20, withdrawn=4_000), disputed(paid, 21, withdrawn=7_000))
        assert await books.balance(DISPUTES) == (7_000, 0)
        assert await books.balance(PROVIDER) == (3_000, 0)

    async def test_money_that_returns_after_it_was_given_up(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        await books.withdrawal(10_000, 0)
        await books.apply(opened(paid), lost(paid), won(paid, 22))
        assert await books.balance(LOSSES) == (0, 0)
        assert await books.balance(DISPUTES) == (0, 0)

    async def test_a_fee_in_another_currency_is_booked_in_its_own(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        news = opened(paid).dispute
        assert news is not None
        usd = news.model_copy(update={"fee": Money(1_500, "USD")})
        await books.apply(paid.result("disputed", seq=20, dispute=usd))
        assert (await books.journal(paid))["dispute_fee"] == {
            "provider-costs:mpesa:USD": 1_500,
            "provider:mpesa:USD": -1_500,
        }

    async def test_refunds_and_disputes_share_the_captured_amount(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        await books.settled_deposit(50_000, 0)
        await books.apply(disputed(paid, 20, withdrawn=6_000))
        with pytest.raises(asyncpg.PostgresError, match="refund_exceeds_captured"):
            await books.refund(paid, 4_001)
        await books.refund(paid, 4_000)

    async def test_of_what_was_refunded_already(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        refund, _ = await books.refund(paid, 10_000)
        await books.apply(refund.result("settled"), lost(paid))
        assert await books.balance(LOSSES) == (10_000, 0)

    async def test_is_told_as_what_it_is(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(opened(paid))
        event = json.loads((await books.outbox())[-1]["body"])
        assert (event["type"], event["payment"]["disputed"]) == ("payment.disputed", "100.00")

    @pytest.mark.parametrize("kind", ["withdrawal", "refund"])
    async def test_only_deposits_are_disputed(self, books: Books, kind: str) -> None:
        parent = await books.settled_deposit(10_000, 0)
        paid = (
            await books.withdrawal(1_000, 0)
            if kind == "withdrawal"
            else (await books.refund(parent, 1_000))[0]
        )
        await books.apply(paid.result("settled"))
        assert await books.apply(opened(paid)) == ["conflict"]

    async def test_one_reference_on_two_payments_is_for_people(self, books: Books) -> None:
        first, second = await books.settled_deposit(), await books.settled_deposit()
        assert await books.apply(opened(first), opened(second)) == ["applied", "conflict"]

    async def test_before_the_end_sends_the_payment_to_people(self, books: Books) -> None:
        paid = await books.deposit()
        assert await books.apply(opened(paid)) == ["conflict"]
        assert await books.status(paid) == "in_review"


class TestBatches:
    async def test_news_after_the_end_divide_a_batch_and_keep_its_order(self, books: Books) -> None:
        deposit = await books.deposit(10_000, 0)
        other = await books.deposit(5_000, 0)
        batch: Sequence[PaymentResult] = [
            deposit.result("submitted"),
            deposit.result("settled", seq=2),
            came_back(deposit),
            other.result("settled"),
            opened(other),
        ]
        assert await books.apply(*batch) == ["applied"] * 5
        assert await books.apply(*batch) == ["duplicate"] * 5
        events = await books.admin.fetch(
            "select kind from ledger.payment_event where kind <> 'accepted' order by event_seq"
        )
        assert [row["kind"] for row in events] == [result.kind for result in batch]

    async def test_each_function_takes_its_own_kinds(self, books: Books) -> None:
        paid = await books.settled_deposit()
        body = came_back(paid).model_dump_json()
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await books.ledger.execute("select ledger.apply_results($1::text::jsonb)", f"[{body}]")
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await books.ledger.execute(
                "select ledger.apply_post_settlement($1::text::jsonb)",
                paid.result("settled").model_dump_json(),
            )

    async def test_processes_of_the_release_before_use_the_former_name(self, books: Books) -> None:
        body = came_back(await books.settled_deposit()).model_dump_json()
        statement = "select ledger.apply_aftermath($1::text::jsonb, null)"
        outcomes = [await books.ledger.fetchval(statement, body) for _ in range(2)]
        assert outcomes == ["applied", "duplicate"]

    async def test_times_are_those_of_the_news(self, books: Books) -> None:
        paid = await books.settled_deposit()
        await books.apply(came_back(paid))
        at = await books.admin.fetchval(
            "select effective_at from ledger.ledger_tx where kind = 'reversal'"
        )
        assert at == NOON + timedelta(seconds=20)


async def stands(books: Books) -> list[tuple[str]]:
    rows = await books.admin.fetch("select status from ledger.dispute order by reference")
    return [(row["status"],) for row in rows]
