"""What a signer asks besides its own records: decisions of people, set-aside money, its lease."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from chain_watch.approval_store import Approvals
from chain_watch.approvals import Decision, Terms
from chain_watch.fence import fenced
from chain_watch.funds import Held
from chain_watch.funds_store import LedgerFunds
from cift_shared.clock import SystemClock
from cift_shared.database.lease import Lease
from cift_shared.errors import LeaseLost
from cift_shared.money.amount import Money
from crypto_signer.store import ROLE, SCHEMA
from tests.integration.ledger.books import Books, open_books
from tests.support.rows import Rows, open_role, open_rows


@pytest.fixture
async def rows(emptied_database: str) -> AsyncIterator[Rows]:
    async with open_rows(emptied_database) as opened:
        yield opened


@pytest.fixture
async def pool(emptied_database: str) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
    async with open_role(emptied_database, ROLE) as opened:
        yield opened


async def decided(rows: Rows, *, is_approved: bool, **over: Any) -> Any:
    name = uuid4()
    known = {"script": b"s", "minor": 900, "currency": "BTC", **over}
    await rows.put(
        "bitcoin_signer.approval", payment_id=name, is_approved=is_approved, operator="amina",
        reason="because", **known,
    )  # fmt: skip
    return name


async def test_what_was_decided_about_a_payment(rows: Rows, pool: Any) -> None:
    await decided(rows, is_approved=False)
    name = await decided(rows, is_approved=True, minor=7)
    async with pool.acquire() as connection:
        assert await Approvals(SCHEMA).decision(connection, name) == Decision(
            True, Terms(b"s", 7, "BTC")
        )
        assert await Approvals(SCHEMA).decision(connection, uuid4()) is None


@pytest.mark.parametrize(
    ("amount", "is_needed"),
    [(Money(500, "BTC"), False), (Money(501, "BTC"), True), (Money(501, "ETH"), False)],
)
async def test_above_its_limit_a_payment_waits_for_a_decision(
    rows: Rows, pool: Any, amount: Money, is_needed: bool
) -> None:
    await rows.put("bitcoin_signer.approval_limit", currency="BTC", minor=500)
    await decided(rows, is_approved=True)
    found = await Approvals(SCHEMA).of(pool, uuid4(), amount)
    assert (found.is_approved, found.is_needed) == (None, is_needed)


@pytest.mark.parametrize("is_approved", [True, False])
async def test_how_a_payment_was_decided(rows: Rows, pool: Any, is_approved: bool) -> None:
    await decided(rows, is_approved=not is_approved)
    name = await decided(rows, is_approved=is_approved)
    found = await Approvals(SCHEMA).of(pool, name, Money(1, "BTC"))
    assert (found.is_approved, found.is_needed) == (is_approved, False)


async def test_what_the_ledger_has_set_aside(emptied_database: str, pool: Any) -> None:
    def terms(rail: str) -> dict[str, Any]:
        return {"currency": "BTC", "method": "bitcoin", "rail": rail}

    async with open_books(emptied_database) as books:
        paid = await _accepted(books, terms("bitcoin"), 4_000)
        other = await _accepted(books, terms("other"), 300)
    async with pool.acquire() as connection:
        funds = LedgerFunds("bitcoin")
        found = await funds.held(connection, paid)
        assert found == Held(4_000, "BTC", "k1:c2VhbGVk", is_held=True)
        assert await funds.held(connection, other) is None
        assert await funds.held(connection, uuid4()) is None


async def _accepted(books: Books, terms: dict[str, Any], minor: int) -> Any:
    await books.settled_deposit(50_000, 0, **terms)
    return (await books.withdrawal(minor, 0, **terms)).payment_id


class TestFence:
    async def _lease(self, pool: Any, name: str = "job:sign") -> Lease:
        lease = Lease(SCHEMA, name, SystemClock())
        assert await lease.take(pool)
        return lease

    @pytest.mark.parametrize("change", ["epoch = epoch + 1", "holder = 'another'"])
    async def test_one_who_has_lost_the_lease_changes_nothing(
        self, rows: Rows, pool: Any, change: str
    ) -> None:
        lease = await self._lease(pool)
        await rows.run(f"update bitcoin_signer.lease set {change}")
        with pytest.raises(LeaseLost):
            async with fenced(pool, SCHEMA, lease):
                raise AssertionError("it must not begin")

    async def test_one_of_another_name_is_no_lease_of_this(self, rows: Rows, pool: Any) -> None:
        lease = await self._lease(pool)
        await rows.run("update bitcoin_signer.lease set name = 'job:other'")
        with pytest.raises(LeaseLost):
            async with fenced(pool, SCHEMA, lease):
                raise AssertionError("it must not begin")

    async def test_nobody_takes_it_before_the_commit(
        self, rows: Rows, pool: Any, emptied_database: str
    ) -> None:
        lease = await self._lease(pool)
        async with open_rows(emptied_database) as other:
            async with fenced(pool, SCHEMA, lease):
                await other.run("set lock_timeout = '200ms'")
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await other.run("update bitcoin_signer.lease set epoch = epoch + 1")
            await other.run("update bitcoin_signer.lease set epoch = epoch + 1")
