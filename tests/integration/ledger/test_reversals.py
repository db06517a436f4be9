"""Reversals of parts, several of them, and money that counts again after a reversal."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from tests.integration.ledger.books import Books, Paid
from tests.integration.ledger.tables import whole_tables
from tests.integration.ledger.test_reversals_and_disputes import (
    CUSTOMER,
    FEES,
    LOSSES,
    PROVIDER,
    came_back,
)
from tests.support.reused_database import EMPTY

pytestmark = pytest.mark.integration


def back(paid: Paid, name: str, minor: int, seq: int = 20, **fields: Any) -> PaymentResult:
    """So much of it was reversed, under this reference."""
    return _after(paid, "reversed", name, minor, seq, **fields)


def again(paid: Paid, name: str, minor: int, seq: int = 21, **fields: Any) -> PaymentResult:
    """The reversal of this reference was taken back."""
    return _after(paid, "reinstated", name, minor, seq, **fields)


def _after(paid: Paid, kind: Any, name: str, minor: int, seq: int, **fields: Any) -> PaymentResult:
    told: dict[str, Any] = {
        "amount": Money(minor, "KES"),
        "result_id": f"{paid.payment_id}.{kind}.{name}.{minor}.{seq}",
        "reversal_reference": name,
    }
    return paid.result(kind, seq=seq, **{**told, **fields})


async def last(books: Books, paid: Paid) -> tuple[str, str | None]:
    """What became of the newest result, and why."""
    event = (await books.history(paid))[-1]
    return event["disposition"], event["reason"]


async def legs(books: Books, ref: str, kind: str = "reversal") -> dict[str, int]:
    rows = await books.admin.fetch(
        """select a.code, e.amount from ledger.ledger_tx tx join ledger.entry e using (tx_id)
           join ledger.account a using (account_id) where tx.kind = $1 and tx.ref like $2""",
        kind, f"%:{ref}",
    )  # fmt: skip
    return {row["code"]: int(row["amount"]) for row in rows}


class TestParts:
    async def test_each_takes_its_share_of_the_fee(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 251)
        parts = [back(paid, "a", 3_333), back(paid, "b", 3_333), back(paid, "c", 3_334)]
        assert await books.apply(*parts) == ["applied"] * 3
        assert await legs(books, "a") == {PROVIDER: -3_333, CUSTOMER: 3_249, FEES: 84}
        assert await legs(books, "b") == {PROVIDER: -3_333, CUSTOMER: 3_250, FEES: 83}
        assert await legs(books, "c") == {PROVIDER: -3_334, CUSTOMER: 3_250, FEES: 84}
        assert await books.customer() == (0, 0)
        row = await books.payment(paid)
        assert (row["status"], row["reversed_minor"], row["version"]) == ("completed", 10_000, 5)

    async def test_never_more_than_the_payment(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(back(paid, "a", 9_000))
        assert await books.apply(back(paid, "b", 1_001)) == ["conflict"]
        assert await last(books, paid) == ("conflict", "reversal_exceeds_payment")
        assert await books.apply(back(paid, "b", 1_000, 30)) == ["applied"]
        assert await books.balance(PROVIDER) == (0, 0)

    async def test_a_reference_counts_once(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        told = [back(paid, "a", 4_000, seq) for seq in (20, 21, 21)]
        assert await books.apply(*told) == ["applied", "duplicate", "duplicate"]
        assert await books.apply(back(paid, "a", 3_000, 22)) == ["conflict"]
        assert await last(books, paid) == ("conflict", "reversal_amount_mismatch")
        assert (await books.payment(paid))["reversed_minor"] == 4_000

    @pytest.mark.parametrize("amount", [None, Money(0, "KES"), Money(-1, "KES"), Money(1, "USD")])
    async def test_without_an_amount_of_its_currency_it_is_for_people(
        self, books: Books, amount: Money | None
    ) -> None:
        paid = await books.settled_deposit(10_000, 250)
        assert await books.apply(back(paid, "a", 1, amount=amount)) == ["conflict"]
        assert await last(books, paid) == ("conflict", "reversal_amount_mismatch")

    async def test_what_is_left_may_be_refunded_and_no_more(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(back(paid, "a", 4_000))
        with pytest.raises(asyncpg.PostgresError, match="refund_exceeds_captured"):
            await books.refund(paid, 6_001)
        refund, terms = await books.refund(paid, 6_000)
        assert terms == {"fee_minor": "150", "net_minor": "5850"}
        await books.apply(refund.result("settled"))
        assert await books.customer() == (0, 0)
        assert await books.balance(FEES) == (0, 0)

    async def test_what_refunds_reserved_is_not_taken_again(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.settled_deposit(50_000, 0)
        await books.refund(paid, 8_000)
        await books.apply(back(paid, "a", 3_000))
        assert await legs(books, "a") == {
            PROVIDER: -3_000, CUSTOMER: 1_950, FEES: 50, LOSSES: 1_000,
        }  # fmt: skip

    async def test_of_a_refund_that_ended_otherwise_too(self, books: Books) -> None:
        """An operator completed it after its hold had ended: the customer has paid for it."""
        paid = await books.settled_deposit(10_000, 0)
        await books.settled_deposit(50_000, 0)
        refund, _ = await books.refund(paid, 4_000)
        await books.apply(refund.result("declined"), refund.result("settled", seq=2))
        order = {
            "payment_id": str(refund.payment_id), "as": "completed", "operator": "amina",
            "reason": "it left", "at": "2026-03-01T12:00:00Z",
        }  # fmt: skip
        await books.admin.execute("select ledger.resolve($1)", order)
        await books.apply(back(paid, "a", 10_000))
        assert await legs(books, "a") == {PROVIDER: -10_000, CUSTOMER: 6_000, LOSSES: 4_000}

    async def test_where_the_merchant_bears_the_fee(self, books: Books) -> None:
        fields = {"fee_bearer": "merchant", "net_minor": "10000"}
        paid = await books.settled_deposit(10_000, 250, **fields)
        await books.apply(back(paid, "a", 4_000))
        assert await legs(books, "a") == {
            PROVIDER: -4_000, CUSTOMER: 4_000, FEES: 100, "merchant:KES": -100,
        }  # fmt: skip
        await books.apply(again(paid, "a", 4_000), back(paid, "b", 10_000, 22))
        for code in ("merchant:KES", CUSTOMER, FEES, PROVIDER, LOSSES):
            assert await books.balance(code) == (0, 0)

    async def test_of_payouts_in_proportion(self, books: Books) -> None:
        parent = await books.settled_deposit(20_000, 500)
        refund, _ = await books.refund(parent, 4_000)
        spent = await books.withdrawal(4_000, 101)
        await books.apply(refund.result("settled"), spent.result("settled"))
        assert await books.apply(back(refund, "r", 1_000), back(spent, "w", 1_000)) == [
            "applied", "applied",
        ]  # fmt: skip
        assert await legs(books, "r") == {PROVIDER: 1_000, CUSTOMER: -975, FEES: -25}
        assert await legs(books, "w") == {PROVIDER: 1_000, CUSTOMER: -1_025, FEES: 25}
        assert (await books.payment(parent))["refunded_minor"] == 3_000
        parts = [back(refund, "r2", 3_000), back(spent, "w2", 1_000), back(spent, "w3", 2_000)]
        await books.apply(*parts)
        assert await legs(books, "w2") == {PROVIDER: 1_000, CUSTOMER: -1_026, FEES: 26}
        assert await books.customer() == (19_500, 0)
        assert await books.balance(FEES) == (-500, 0)


class TestReinstated:
    async def test_it_gives_back_what_the_reversal_took(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.withdrawal(6_000, 0)
        await books.apply(back(paid, "a", 10_000))
        assert await books.apply(again(paid, "a", 10_000)) == ["applied"]
        taken = {PROVIDER: -10_000, CUSTOMER: 3_750, FEES: 250, LOSSES: 6_000}
        assert await legs(books, "a") == taken
        assert await legs(books, "a", "reinstatement") == {c: -m for c, m in taken.items()}
        assert await books.customer() == (9_750, 6_000)
        event = json.loads((await books.outbox())[-1]["body"])
        assert (event["type"], event["payment"]["reversed"]) == ("payment.reinstated", "0.00")

    async def test_any_number_of_times(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        for number in range(3):
            name = f"block-{number}"
            told = [
                back(paid, name, 10_000, 20 + 2 * number),
                back(paid, name, 10_000, 90),
                again(paid, name, 10_000, 21 + 2 * number),
                again(paid, name, 10_000, 91),
                back(paid, name, 10_000, 92),
            ]
            assert await books.apply(*told) == [
                "applied", "duplicate", "applied", "duplicate", "duplicate",
            ]  # fmt: skip
            assert await books.customer() == (9_750, 0)
        assert (await books.payment(paid))["reversed_minor"] == 0

    async def test_a_deposit_may_then_be_refunded_again(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(back(paid, "a", 10_000))
        with pytest.raises(asyncpg.PostgresError, match="not_refundable"):
            await books.refund(paid, 1)
        await books.apply(again(paid, "a", 10_000))
        refund, terms = await books.refund(paid, 10_000)
        assert terms == {"fee_minor": "250", "net_minor": "9750"}
        await books.apply(refund.result("settled"))
        assert await books.customer() == (0, 0)

    async def test_a_fee_that_came_back_is_given_back_once_more(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        told = [back(paid, "a", 4_000, 20), again(paid, "a", 4_000, 21), back(paid, "b", 4_000, 22)]
        assert await books.apply(*told) == ["applied"] * 3
        _, terms = await books.refund(paid, 6_000)
        assert terms == {"fee_minor": "150", "net_minor": "5850"}

    @pytest.mark.parametrize(
        ("name", "minor", "reason"),
        [
            ("b", 4_000, "reinstatement_without_reversal"),
            (None, 4_000, "reinstatement_without_reversal"),
            ("a", 3_999, "reinstatement_amount_mismatch"),
        ],
    )
    async def test_of_nothing_that_was_reversed_is_for_people(
        self, books: Books, name: Any, minor: int, reason: str
    ) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(back(paid, "a", 4_000))
        assert await books.apply(again(paid, name, minor)) == ["conflict"]
        assert await last(books, paid) == ("conflict", reason)
        assert (await books.payment(paid))["reversed_minor"] == 4_000

    async def test_with_the_receipt_of_another_payment_is_for_people(self, books: Books) -> None:
        paid, other = await books.settled_deposit(), await books.settled_deposit()
        taken = (await books.payment(other))["provider_reference"]
        await books.apply(back(paid, "a", 10_000))
        assert await books.apply(again(paid, "a", 10_000, provider_reference=taken)) == ["conflict"]
        assert await last(books, paid) == ("conflict", "provider_reference_reused")

    async def test_before_the_end_sends_the_payment_to_people(self, books: Books) -> None:
        paid = await books.deposit()
        assert await books.apply(again(paid, "a", 10_000)) == ["conflict"]
        assert await books.status(paid) == "in_review"

    async def test_of_a_payout_the_customer_pays_as_far_as_it_goes(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 0)
        await books.apply(paid.result("settled"), back(paid, "a", 4_000))
        await books.withdrawal(9_000, 0)
        assert await books.apply(again(paid, "a", 4_000)) == ["applied"]
        assert await legs(books, "a", "reinstatement") == {
            PROVIDER: -4_000, CUSTOMER: 1_000, LOSSES: 3_000,
        }  # fmt: skip
        assert await books.customer() == (9_000, 9_000)
        await books.apply(back(paid, "b", 3_500))
        assert await legs(books, "b") == {PROVIDER: 3_500, CUSTOMER: -500, LOSSES: -3_000}

    async def test_a_refund_counts_again(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 250)
        refund, _ = await books.refund(parent, 4_000)
        await books.apply(refund.result("settled"), back(refund, "a", 4_000))
        await books.apply(again(refund, "a", 4_000))
        assert (await books.payment(parent))["refunded_minor"] == 4_000
        assert await books.customer() == (5_850, 0)

    async def test_a_refund_whose_place_is_taken_is_for_people(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 0)
        refund, _ = await books.refund(parent, 4_000)
        await books.apply(refund.result("settled"), back(refund, "a", 4_000))
        await books.refund(parent, 6_001)
        assert await books.apply(again(refund, "a", 4_000)) == ["conflict"]
        assert await last(books, refund) == ("conflict", "reinstatement_exceeds_deposit")


class TestEarlierReleases:
    """Their workers name no `reversal_reference`: the whole payment, once."""

    async def test_told_by_both_it_counts_once(self, books: Books) -> None:
        for first_is_older in (True, False):
            paid = await books.settled_deposit(10_000, 250)
            older = came_back(paid, provider_reference=f"R-{paid.payment_id}")
            newer = back(
                paid, f"R-{paid.payment_id}", 10_000, provider_reference=f"R-{paid.payment_id}"
            )
            told = [older, newer] if first_is_older else [newer, older]
            assert await books.apply(*told) == ["applied", "duplicate"]

    async def test_it_may_be_reinstated_and_reversed_again(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        older = came_back(paid, provider_reference="P")
        assert await books.apply(older, again(paid, "P", 10_000)) == ["applied", "applied"]
        repeated = came_back(paid, seq=30, provider_reference="Q")
        assert await books.apply(repeated, back(paid, "b", 10_000, 31)) == ["duplicate", "applied"]

    async def test_a_part_is_for_people_as_it_was(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        await books.apply(back(paid, "a", 1))
        assert await books.apply(came_back(paid)) == ["conflict"]
        assert await last(books, paid) == ("conflict", "reversal_exceeds_payment")


async def test_each_is_an_item_at_the_provider(books: Books) -> None:
    paid = await books.settled_deposit(10_000, 0)
    await books.apply(back(paid, "a", 4_000), again(paid, "a", 4_000), back(paid, "b", 10_000, 22))
    items = await books.admin.fetch("select item_id, gross from ledger.provider_item order by 1")
    assert {item["item_id"][36:]: int(item["gross"]) for item in items} == {
        "": 10_000, ":reinstatement:a": 4_000, ":reversal:a": -4_000, ":reversal:b": -10_000,
    }  # fmt: skip


@pytest.mark.parametrize("change", ["10001", "-1"])
async def test_the_table_itself_refuses_more(books: Books, change: str) -> None:
    paid = await books.settled_deposit(10_000, 0)
    with pytest.raises(asyncpg.CheckViolationError):
        await books.admin.execute(
            "update ledger.payment set reversed_minor = $2 where payment_id = $1",
            paid.payment_id, int(change),
        )  # fmt: skip


# Any order of everything ------------------------------------------------------------------------

NAMES = st.sampled_from("abcd")
PARTS = st.sampled_from([1, 33, 50, 67, 100, 101])
after_ends = st.tuples(
    st.sampled_from(["back", "back", "again"]), st.sampled_from([0, 0, 0, 1, 2]), NAMES, PARTS
)
settlements = st.tuples(st.just("settle"), st.integers(0, 3), st.just("-"), st.just(0))
steps = st.one_of(
    st.tuples(st.just("tell"), st.lists(after_ends | settlements, min_size=1, max_size=6)),
    st.tuples(st.just("tell"), st.lists(after_ends, min_size=1, max_size=3)),
    st.tuples(st.just("refund"), st.sampled_from([10, 33, 50, 100])),
    st.tuples(st.just("spend"), st.sampled_from([20, 60, 97])),
    st.tuples(st.just("tell_again"), st.integers(0, 9)),
)


class Told:
    """A deposit, its refunds and withdrawals; and what should become of the deposit."""

    def __init__(self, books: Books, deposit: Paid) -> None:
        self.books = books
        self.payments = [deposit]
        self.batches: list[list[PaymentResult]] = []
        self.reversed: dict[str, int] = {}
        self.reinstated: set[str] = set()
        self.seq = 30

    @property
    def total(self) -> int:
        """What is reversed of the deposit."""
        return sum(m for name, m in self.reversed.items() if name not in self.reinstated)

    async def tell(self, told: list[tuple[str, int, str, int]]) -> None:
        """A batch; every result of the deposit has the outcome that it should have."""
        results = [self._result(*one) for one in told]
        available = await self._available()
        outcomes = await self.books.apply(*results)
        self.batches.append(results)
        for (kind, number, name, minor), outcome in zip(told, outcomes, strict=True):
            if number % len(self.payments) == 0 and kind != "settle":
                assert outcome == self._expected(kind, name, minor)
        await self._unchanged_by(results)
        assert available >= 0
        assert await self._available() >= 0

    def _result(self, kind: str, number: int, name: str, minor: int) -> PaymentResult:
        self.seq += 1
        paid = self.payments[number % len(self.payments)]
        if kind == "settle":
            return paid.result("settled", seq=self.seq)
        return (back if kind == "back" else again)(paid, name, minor, self.seq)

    def _expected(self, kind: str, name: str, minor: int) -> str:
        known = self.reversed.get(name)
        if kind == "back" and known is not None:
            return "duplicate" if known == minor else "conflict"
        if kind == "back" and self.total + minor <= 100:
            self.reversed[name] = minor
            return "applied"
        if kind == "back" or known != minor:
            return "conflict"
        if name in self.reinstated:
            return "duplicate"
        self.reinstated.add(name)
        return "applied"

    async def tell_again(self, number: int) -> None:
        """An earlier batch comes again."""
        if self.batches:
            await self._unchanged_by(self.batches[number % len(self.batches)])

    async def _unchanged_by(self, results: list[PaymentResult]) -> None:
        before = await whole_tables(self.books.admin)
        assert set(await self.books.apply(*results)) == {"duplicate"}
        assert await whole_tables(self.books.admin) == before

    async def refund(self, minor: int) -> None:
        """Give some of it back, if the books allow it."""
        row = await self.books.payment(self.payments[0])
        gone = row["refunded_minor"] + row["refund_pending_minor"] + row["reversed_minor"]
        async with _allowed() as refused:
            paid, _ = await self.books.refund(self.payments[0], minor)
            assert gone + minor <= 100
            self.payments.append(paid)
        assert not refused or gone + minor > 100 or await self._available() < minor

    async def spend(self, minor: int) -> None:
        """The customer takes some out, if there is as much."""
        async with _allowed():
            self.payments.append(await self.books.withdrawal(minor, 0))

    async def _available(self) -> int:
        posted, held = await self.books.customer()
        return posted - held

    async def end(self) -> None:
        """Everything is reinstated: the deposit is as if it had never been reversed."""
        for name, minor in self.reversed.items():
            if name not in self.reinstated:
                assert await self.books.apply(again(self.payments[0], name, minor, 99)) == [
                    "applied"
                ]
        row = await self.books.payment(self.payments[0])
        assert row["reversed_minor"] == 0
        lost = await self.books.admin.fetchval(
            "select ledger.losses_of_reversals(p) from ledger.payment p where payment_id = $1",
            self.payments[0].payment_id,
        )
        assert lost == 0


@asynccontextmanager
async def _allowed() -> AsyncIterator[list[str]]:
    """What the books refuse is part of it."""
    refused: list[str] = []
    try:
        yield refused
    except asyncpg.PostgresError as refusal:
        if not str(refusal.sqlstate).startswith("CF0"):
            raise
        refused.append(str(refusal.sqlstate))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    fee=st.sampled_from([0, 3, 50, 99]),
    by_merchant=st.booleans(),
    other=st.sampled_from([0, 40, 500]),
    life=st.lists(steps, min_size=2, max_size=12),
)
async def test_reversals_and_reinstatements_in_any_order_keep_their_total(
    books: Books, fee: int, by_merchant: bool, other: int, life: list[tuple[Any, ...]]
) -> None:
    await books.admin.execute(EMPTY)
    terms = {"fee_bearer": "merchant", "net_minor": "100"} if by_merchant else {}
    deposit = await books.settled_deposit(100, fee, **terms)
    if other:
        await books.settled_deposit(other, 0)
    told = Told(books, deposit)
    for step, argument in life:
        await getattr(told, step)(argument)
        row = await books.payment(deposit)
        assert row["reversed_minor"] == told.total
        assert 0 <= row["reversed_minor"] <= 100
    assert await books.broken() == set()
    await told.end()
    assert await books.broken() == set()
