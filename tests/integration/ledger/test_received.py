"""Money that no command asked for: credited once where its owner is known, else for people."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.attempts.received import received_result
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import PaymentResult
from cift_shared.messaging.received import ReceivedMoney
from cift_shared.money.amount import Money
from cift_shared.rails.registry import rails
from ledger.chain.compare import compare
from ledger.cli import ledger
from tests.integration.ledger.books import MERCHANT, NOON, Books, Paid
from tests.integration.ledger.tables import whole_tables
from tests.integration.ledger.test_rebuild import empty, log_of, replay, snapshot
from tests.support.reused_database import EMPTY

__all__ = ["empty"]
pytestmark = pytest.mark.integration

PROVIDER, SUSPENSE, FEES = "provider:mpesa:KES", "suspense:mpesa:KES", "fees:mpesa:KES"
PRICING = {"percent": "2.5", "minimum": "1.00 KES", "network_fee": "0.00", "rate": None}
INSTRUMENT = Instrument(kind="phone", display="2547****149", sealed="k1:c2VhbGVk", country="KE")
OWNER = {"merchant_id": MERCHANT, "customer_id": "c1"}
SIGNED = {"operator": "amina", "reason": "the payer called", "at": NOON.isoformat()}


def received(reference: str, minor: int = 6_000, **known: Any) -> PaymentResult:
    """So much arrived under this reference."""
    money = ReceivedMoney(livemode=False, instrument=INSTRUMENT, **known)
    return received_result(
        rails()["mpesa"], reference, Money(minor, "KES"), money, occurred_at=NOON, evidence=[]
    )


def paid_by(result: PaymentResult) -> Paid:
    assert result.amount is not None
    return Paid(result.payment_id, "deposit", result.amount.minor, "KES")


async def resolve(books: Books, result: PaymentResult, outcome: str) -> None:
    order = {"payment_id": str(result.payment_id), "as": outcome, **SIGNED}
    await books.admin.execute("select ledger.resolve($1)", order)


async def assign(books: Books, result: PaymentResult, **owner: Any) -> None:
    order = {"payment_id": str(result.payment_id), **OWNER, **owner, **SIGNED}
    await books.admin.execute("select ledger.assign_received($1)", order)


class TestOfAKnownOwner:
    async def test_is_credited_without_a_fee(self, books: Books) -> None:
        told = received("tx1", **OWNER)
        assert await books.apply(told, told) == ["applied", "duplicate"]
        row = await books.payment(paid_by(told))
        assert (row["status"], row["type"], row["minor"], row["fee_minor"]) == (
            "completed", "deposit", 6_000, 0,
        )  # fmt: skip
        assert (row["provider_reference"], row["merchant_id"]) == ("tx1", MERCHANT)
        assert await books.customer() == (6_000, 0)
        assert await books.balance(PROVIDER) == (6_000, 0)
        [message] = await books.outbox()
        event = json.loads(message["body"])
        assert (event["type"], event["payment"]["amount"]) == ("payment.completed", "60.00")
        assert "sealed" not in json.dumps((await books.history(paid_by(told)))[0]["detail"])

    @pytest.mark.parametrize("by_merchant", [False, True])
    async def test_costs_what_the_earlier_payment_said(
        self, books: Books, by_merchant: bool
    ) -> None:
        terms = {"fee_bearer": "merchant", "net_minor": "10000"} if by_merchant else {}
        first = await books.settled_deposit(10_000, 250, pricing=PRICING, **terms)
        told = received("tx2", related_payment_id=first.payment_id)
        assert await books.apply(told) == ["applied"]
        row = await books.payment(paid_by(told))
        net = 6_000 if by_merchant else 5_850
        assert (row["customer_id"], row["fee_minor"], row["net_minor"]) == ("c1", 150, net)
        assert await books.customer() == ((16_000 if by_merchant else 15_600), 0)
        assert await books.balance(FEES) == (-400, 0)

    async def test_of_another_currency_than_the_earlier_payment_waits_for_people(
        self, books: Books
    ) -> None:
        """The price of the earlier payment says nothing about a token that came to its address."""
        asked = await books.settled_deposit(10**16, 0, currency="ETH", method="ethereum")
        money = ReceivedMoney(
            livemode=False, instrument=INSTRUMENT, related_payment_id=asked.payment_id
        )
        told = received_result(
            rails()["ethereum"], "0xab:0", Money(25_000_000, "USDC"), money,
            occurred_at=NOON, evidence=[],
        )  # fmt: skip
        assert await books.apply(told) == ["conflict"]
        row = await books.payment(paid_by(told))
        assert (row["status"], row["merchant_id"], row["currency"]) == (
            "in_review", "house", "USDC",
        )  # fmt: skip
        assert await books.balance("provider:ethereum:USDC") == (25_000_000, 0)
        assert await books.balance("suspense:ethereum:USDC") == (-25_000_000, 0)
        await assign(books, told)
        await resolve(books, told, "completed")
        assert await books.balance("customer:c1:USDC") == (-25_000_000, 0)

    async def test_can_be_refunded_and_reversed_like_any_other(self, books: Books) -> None:
        told = received("tx1", **OWNER)
        await books.apply(told)
        refund, _ = await books.refund(paid_by(told), 2_000)
        await books.apply(refund.result("settled"))
        back = paid_by(told).result(
            "reversed", seq=5, amount=Money(4_000, "KES"), reversal_reference="r", reason="why"
        )
        assert await books.apply(back) == ["applied"]
        assert await books.customer() == (0, 0)

    async def test_a_receipt_counts_once_whatever_told_it(self, books: Books) -> None:
        first = await books.deposit()
        assert await books.apply(first.result("settled", provider_reference="tx1")) == ["applied"]
        assert await books.apply(received("tx1", 10_000, **OWNER)) == ["duplicate"]
        assert await books.apply(received("tx2", 10_000, **OWNER)) == ["applied"]
        second = await books.deposit()
        told = second.result("settled", provider_reference="tx2")
        assert await books.apply(told) == ["conflict"]
        assert await books.balance(PROVIDER) == (20_000, 0)

    async def test_by_two_replicas_at_once(self, books: Books) -> None:
        told = received("tx1", **OWNER)
        outcomes = await asyncio.gather(*(books.apply(told) for _ in range(6)))
        assert sorted(outcomes) == [["applied"]] + [["duplicate"]] * 5
        assert await books.customer() == (6_000, 0)


class TestForPeople:
    @pytest.mark.parametrize(
        ("known", "minor", "reason"),
        [
            ({}, 6_000, "owner_unknown"),
            ({"related_payment_id": uuid4()}, 6_000, "owner_unknown"),
            ({"related_payment_id": uuid4(), **OWNER}, 6_000, "owner_unknown"),
            ({"related_payment_id": "first", "merchant_id": "else", "customer_id": "c1"},
             6_000, "owner_unknown"),
            ({"related_payment_id": "first"}, 100, "amount_within_fee"),
            ({"related_payment_id": "unpriced"}, 6_000, "fee_unknown"),
        ],
    )  # fmt: skip
    async def test_what_can_not_be_credited_is_in_suspense(
        self, books: Books, known: dict[str, Any], minor: int, reason: str
    ) -> None:
        named = {
            "first": await books.deposit(10_000, 250, pricing=PRICING),
            "unpriced": await books.deposit(),
        }
        if (related := known.get("related_payment_id")) in named:
            known = {**known, "related_payment_id": named[related].payment_id}
        told = received("tx1", minor, **known)
        assert await books.apply(told, told) == ["conflict", "duplicate"]
        row = await books.payment(paid_by(told))
        assert (row["status"], row["minor"], row["fee_minor"]) == ("in_review", minor, 0)
        assert (await books.history(paid_by(told)))[0]["reason"] == reason
        assert await books.balance(SUSPENSE) == (-minor, 0)
        assert await books.customer() == (0, 0)
        assert len(await books.outbox()) == (0 if reason == "owner_unknown" else 1)

    async def test_an_operator_names_the_owner_and_credits_it(self, books: Books) -> None:
        told = received("tx1")
        await books.apply(told)
        with pytest.raises(asyncpg.PostgresError, match="assign it first"):
            await resolve(books, told, "completed")
        await assign(books, told)
        await resolve(books, told, "completed")
        assert await books.customer() == (6_000, 0)
        assert await books.balance(SUSPENSE) == (0, 0)
        types = [json.loads(message["body"])["type"] for message in await books.outbox()]
        assert types == ["payment.in_review", "payment.completed"]

    async def test_it_has_one_owner(self, books: Books) -> None:
        told, credited = received("tx1"), received("tx2", **OWNER)
        await books.apply(told, credited)
        await assign(books, told)
        for result in (told, credited):
            with pytest.raises(asyncpg.PostgresError, match="without an owner"):
                await assign(books, result, customer_id="c2")
        assert (await books.payment(paid_by(told)))["customer_id"] == "c1"

    @pytest.mark.parametrize("owner", [{"merchant_id": "house"}, {"customer_id": None}])
    async def test_the_house_is_no_owner(self, books: Books, owner: dict[str, Any]) -> None:
        told = received("tx1")
        await books.apply(told)
        with pytest.raises(asyncpg.PostgresError, match="are needed"):
            await assign(books, told, **owner)

    async def test_given_back_it_is_a_discrepancy_with_an_owner(self, books: Books) -> None:
        told = received("tx1")
        await books.apply(told)
        await resolve(books, told, "failed")
        kind, owner = await books.admin.fetchrow("select kind, owner from ledger.discrepancy")
        assert (kind, owner) == ("unclaimed", "amina")
        assert await books.balance(SUSPENSE) == (-6_000, 0)

    async def test_by_command(self, books: Books, database: str) -> None:
        told = received("tx1")
        await books.apply(told)
        words = [
            "assign", str(told.payment_id), "--merchant", MERCHANT, "--customer", "c1",
            "--operator", "amina", "--reason", "the payer called",
        ]  # fmt: skip
        done = await asyncio.to_thread(
            CliRunner().invoke, ledger, words, env={"DATABASE_URL": database}
        )
        assert done.exit_code == 0, done.output
        assert (await books.payment(paid_by(told)))["merchant_id"] == MERCHANT


async def test_other_terms_stay_fixed(books: Books) -> None:
    told = received("tx1")
    await books.apply(told)
    for change in ("merchant_id = 'other', currency = 'USD'", "customer_id = 'c9'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await books.admin.execute(f"update ledger.payment set {change}")


async def test_a_rebuild_has_it_too(books: Books, database: str, empty: Any) -> None:
    first = await books.settled_deposit(10_000, 250, pricing=PRICING)
    told = [received("a", related_payment_id=first.payment_id), received("b"), received("c")]
    await books.apply(*told)
    await assign(books, told[1])
    await resolve(books, told[1], "completed")
    await replay(empty, await log_of(database), 7)
    async with snapshot(database) as original, empty.transaction():
        figures = await compare(original, empty)
    assert [(f.name, f.examples) for f in figures if f.differences] == []


told_of = st.tuples(
    st.sampled_from(["received", "received", "settled"]), st.sampled_from(["x", "y", "z"]),
    st.booleans(),
)  # fmt: skip


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(news=st.lists(st.lists(told_of, min_size=1, max_size=4), min_size=1, max_size=6))
async def test_each_reference_counts_once_in_any_order(
    books: Books, news: list[list[tuple[str, str, bool]]]
) -> None:
    await books.admin.execute(EMPTY)
    deposits = {name: await books.deposit(6_000, 0) for name in "xyz"}
    heard = set()
    for batch in news:
        results = [
            received(name, **(OWNER if known else {}))
            if kind == "received"
            else deposits[name].result("settled", provider_reference=name)
            for kind, name, known in batch
        ]
        heard |= {name for _, name, _ in batch}
        await books.apply(*results)
        before = await whole_tables(books.admin)
        assert set(await books.apply(*results)) == {"duplicate"}
        assert await whole_tables(books.admin) == before
    assert await books.balance(PROVIDER) == (6_000 * len(heard), 0)
    assert await books.broken() == set()
