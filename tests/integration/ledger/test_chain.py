"""The hash chain: what is sealed, when, and that a break is found where it is."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from click.testing import CliRunner, Result
from prometheus_client import REGISTRY

from cift_shared.messaging import topics
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.messages import LedgerHead
from cift_shared.money.amount import Money
from cift_shared.testing.clock import FakeClock
from ledger.chain.hash_chain import (
    GENESIS,
    LAST_ID,
    Break,
    ChainReport,
    journal_between,
    walk,
)
from ledger.chain.sealer import (
    BLOCK_TRANSACTIONS_MAX,
    Mark,
    Sealer,
    seal_up_to,
    take_mark,
)
from ledger.cli import ledger
from tests.integration.ledger.books import NOON, Books, open_books
from tests.support.chain import canonical_digest

pytestmark = pytest.mark.integration

EVERYTHING = Mark(LAST_ID, None)


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    """Books that a test may break."""
    async with open_books(database) as opened:
        yield opened


async def fill(books: Books, deposits: int = 6) -> None:
    """Some deposits with all kinds of names and fees."""
    for number in range(deposits):
        customer = f"c{number % 3}"
        paid = await books.deposit(10_000 + number, 250, customer_id=customer)
        fee = Money(7, "KES") if number % 2 else None
        await books.apply(paid.result("settled", seq=9, provider_fee=fee))


async def seal(books: Books, block_size: int = BLOCK_TRANSACTIONS_MAX) -> None:
    """Seal everything in blocks of that size, as nobody writes."""
    while await books.admin.fetchval("select ledger.seal($1, null, $2)", LAST_ID, block_size):
        pass


async def look(books: Books, anchor: bytes | None = None) -> ChainReport:
    """Walk along the chain."""
    async with books.admin.acquire() as connection, connection.transaction():
        return await walk(connection, anchor=anchor)


async def head(books: Books) -> asyncpg.Record:
    row = await books.ledger.fetchrow("select * from ledger.head")
    assert row is not None
    return row


class TestDigests:
    async def test_the_canonical_text_is_as_documented(self, books: Books) -> None:
        await fill(books)
        await books.admin.execute(
            """select ledger.write_transaction(ledger.draw_position(), 0, 'correction', $1, null,
                   '2026-03-01T13:00:00.000001+03', array[
                       row(ledger.open_account('house:test', 'fees:"a\\ü:KES'), 5)::ledger.leg,
                       row(ledger.open_account('house:test', 'losses:b:KES'), -5)::ledger.leg])""",
            'quote " backslash \\ tab \t bell \x07 newline \n é € 𐍈 ]["',
        )
        async with books.admin.acquire() as connection:
            journal = await journal_between(connection, 0, LAST_ID)
            in_sql = dict(
                await connection.fetch(
                    "select * from ledger.transaction_digests(0, $1, 1000)", LAST_ID
                )
            )
            expected = {tx_id: await canonical_digest(connection, tx_id) for tx_id in journal}
        assert len(expected) == 10
        assert {tx_id: here.digest for tx_id, here in journal.items()} == expected
        assert in_sql == expected

    async def test_the_time_zone_of_the_session_does_not_matter(self, books: Books) -> None:
        await fill(books, 1)
        async with books.admin.acquire() as connection:
            before = await journal_between(connection, 0, LAST_ID)
            await connection.execute("set timezone = 'Africa/Nairobi'")
            try:
                assert await journal_between(connection, 0, LAST_ID) == before
            finally:
                await connection.execute("set timezone = 'UTC'")


class TestSealing:
    async def test_the_genesis_is_a_constant(self, books: Books) -> None:
        assert GENESIS.hex() == ("1166df961ae00759d328f1da1b81beb3bb883505d54d1629fa49e30bbb03e174")
        row = await head(books)
        assert (row["hash"], row["transactions"], row["block"]) == (GENESIS, 0, 0)
        assert row["last_transaction_id"] is row["sealed_at"] is None

    async def test_the_head_depends_on_transactions_only(self, books: Books) -> None:
        await fill(books)
        heads = set()
        for block_size in (1, 2, 7, 500):
            async with books.admin.acquire() as connection:
                undo = connection.transaction()
                await undo.start()
                while await connection.fetchval(
                    "select ledger.seal($1, null, $2)", LAST_ID, block_size
                ):
                    pass
                row = await connection.fetchrow("select * from ledger.head")
                heads.add((row["hash"], row["transactions"]))
                assert row["block"] == -(-9 // block_size)
                report = await walk(connection)
                assert (report.breaks, report.head) == ([], row["hash"])
                await undo.rollback()
        assert len(heads) == 1
        link = GENESIS
        async with books.admin.acquire() as connection:
            for here in (await journal_between(connection, 0, LAST_ID)).values():
                link = hashlib.sha256(link + here.digest).digest()
        assert heads == {(link, 9)}

    async def test_each_block_publishes_the_head(self, books: Books) -> None:
        await fill(books)
        await books.admin.execute("delete from ledger.outbox")
        await seal(books, block_size=5)
        sent = await books.outbox()
        messages = [LedgerHead.model_validate_json(row["body"]) for row in sent]
        assert [message.transactions for message in messages] == [5, 9]
        assert [message.block for message in messages] == [1, 2]
        row = await head(books)
        assert messages[-1].hash == row["hash"].hex()
        assert messages[-1].last_transaction_id == str(row["last_transaction_id"])
        assert messages[-1].sealed_at == row["sealed_at"].astimezone(UTC)
        ours = outgoing(topics.HEADS, messages[-1], source="ledger", at=messages[-1].sealed_at)
        assert (sent[-1]["topic"], sent[-1]["key"]) == (ours.topic, ours.key)
        assert json.loads(sent[-1]["body"]).keys() == json.loads(ours.body).keys()
        headers, expected = dict(sent[-1]["headers"]), dict(ours.headers)
        assert datetime.fromisoformat(headers.pop("ce_time")) == messages[-1].sealed_at
        assert expected.pop("ce_time")
        assert headers == expected

    async def test_a_writer_that_is_late_is_waited_for(self, books: Books) -> None:
        """The race: a position is drawn and not committed while later ones are."""
        await fill(books, 2)
        sealer = Sealer(books.ledger, FakeClock(NOON), interval_s=1, wake_relay=lambda: None)
        async with books.admin.acquire() as slow:
            writing = slow.transaction()
            await writing.start()
            await slow.execute(
                """select ledger.lock_balances(array(select account_id from ledger.account
                                                     where code = 'fees:mpesa:KES'))"""
            )
            position = await slow.fetchval("select ledger.draw_position()")
            # another writer is faster, with a position above
            await books.admin.execute(
                """select ledger.write_transaction(ledger.draw_position(), 0, 'correction', 'fast',
                       null, now(), array[
                           row(ledger.open_account('house:test', 'losses:x:KES'), 5)::ledger.leg,
                           row(ledger.open_account('house:test', 'losses:y:KES'), -5)::ledger.leg
                       ])"""
            )
            for _ in range(3):
                assert await sealer.seal_once() == 0  # somebody older than the mark still writes
            await slow.execute(
                """select ledger.write_transaction($1, 0, 'correction', 'slow', null, now(), array[
                       row(a, 5)::ledger.leg, row(a, -5)::ledger.leg])
                   from ledger.account x, lateral (select x.account_id as a) y
                   where code = 'fees:mpesa:KES'""",
                position,
            )
            await writing.commit()
        assert await sealer.seal_once() == 5
        report = await look(books)
        assert (report.breaks, report.transactions) == ([], 5)
        assert await sealer.seal_once() == 0

    async def test_what_came_after_the_mark_waits_for_the_next(self, books: Books) -> None:
        await fill(books, 2)
        sealer = Sealer(books.ledger, FakeClock(NOON), interval_s=1, wake_relay=lambda: None)
        assert await sealer.seal_once() == 0
        await fill(books, 1)
        assert await sealer.seal_once() == 3
        assert REGISTRY.get_sample_value("cift_ledger_unsealed_transactions") == 1
        assert await sealer.seal_once() == 1
        assert REGISTRY.get_sample_value("cift_ledger_unsealed_transactions") == 0
        assert REGISTRY.get_sample_value("cift_ledger_unsealed_age_seconds") == 0

    async def test_sealers_at_once_make_one_chain(self, books: Books) -> None:
        await fill(books, 8)
        mark = await take_mark(books.ledger)

        async def all_of_it() -> None:
            for _ in range(20):
                await books.ledger.fetchval(
                    "select ledger.seal($1, $2::text::xid8, 2)", mark.last_tx, mark.horizon
                )

        await asyncio.gather(*(all_of_it() for _ in range(4)))
        while await seal_up_to(books.ledger, mark):
            pass
        report = await look(books)
        assert (report.breaks, report.transactions) == ([], 12)

    async def test_blocks_stay_as_they_are(self, books: Books) -> None:
        await fill(books, 1)
        await seal(books)
        for statement in (
            "update ledger.block set hash = prev_hash",
            "delete from ledger.block",
            "truncate ledger.block",
        ):
            with pytest.raises(asyncpg.RestrictViolationError):
                await books.admin.execute(statement)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await books.ledger.execute(statement)


# Somebody who owns the server, at a block of three of nine transactions. `{n}` is the n-th
# transaction from 1.
TAMPERING: dict[str, tuple[str, list[str]]] = {
    "one amount": (
        "update ledger.entry set amount = amount + 1 where tx_id = {5} and seq = 1",
        ["changed 5"],
    ),
    "amounts and balances, so that every sum still fits": (
        """update ledger.entry e
               set amount = amount + case when amount > 0 then 100 else -100 end
               where tx_id = {5} and seq <= 2;
           update ledger.entry e set balance_after = s.running
               from (select entry_id, sum(amount) over (partition by account_id
                            order by account_version) as running from ledger.entry) s
               where s.entry_id = e.entry_id;
           update ledger.balance b set posted = s.total
               from (select account_id, sum(amount) as total from ledger.entry group by 1) s
               where s.account_id = b.account_id""",
        ["changed 5", "changed 6"],
    ),
    "a transaction is gone": (
        """delete from ledger.entry where tx_id = {5};
           delete from ledger.ledger_tx where tx_id = {5}""",
        ["missing 5"],
    ),
    "a transaction was slipped in": (
        """insert into ledger.ledger_tx (tx_id, kind, ref, payment_id, effective_at, created_at)
               select {4} + 5, 'correction', 'x', payment_id, effective_at, created_at
               from ledger.ledger_tx where tx_id = {5}""",
        ["added 4+5"],
    ),
    "two transactions changed places": (
        """update ledger.entry set tx_id = -1 where tx_id = {4};
           update ledger.entry set tx_id = {4} where tx_id = {5};
           update ledger.entry set tx_id = {5} where tx_id = -1;
           update ledger.ledger_tx set tx_id = -1 where tx_id = {4};
           update ledger.ledger_tx set tx_id = {4} where tx_id = {5};
           update ledger.ledger_tx set tx_id = {5} where tx_id = -1""",
        ["changed 4", "changed 5"],
    ),
    "an entry went to another account": (
        """update ledger.entry set account_id = (select account_id from ledger.account
               where code = 'suspense:x:KES') where tx_id = {5} and seq = 1""",
        ["changed 5"],
    ),
    "the time of a transaction": (
        "update ledger.ledger_tx set effective_at = effective_at + '1 us' where tx_id = {5}",
        ["changed 5"],
    ),
    "a digest in a block": (
        """update ledger.block
           set digests = set_byte(digests, 40, 255 - get_byte(digests, 40)) where block_id = 2""",
        ["block edited"],
    ),
    "a block's hash": (
        "update ledger.block set hash = sha256('x') where block_id = 2",
        ["block edited"],
    ),
    "where a block begins": (
        "update ledger.block set prev_hash = sha256('x') where block_id = 2",
        ["block edited"],
    ),
    "how far a block says the chain has come": (
        "update ledger.block set height = height + 1 where block_id = 2",
        ["block edited"],
    ),
    "a block is gone": ("delete from ledger.block where block_id = 2", ["block edited"]),
    "a transaction and its digest": (
        """update ledger.ledger_tx set ref = 'y' where tx_id = {5};
           update ledger.block set digests = overlay(digests placing
               (select digest from ledger.transaction_digests({5} - 1, {5}, 1)) from 33)
               where block_id = 2""",
        ["block edited"],
    ),
}


class TestTampering:
    @pytest.mark.parametrize("story", TAMPERING)
    async def test_is_named(self, books: Books, story: str) -> None:
        await fill(books)
        await books.admin.execute("select ledger.open_account('house:test', 'suspense:x:KES')")
        await seal(books, block_size=3)
        ids = await books.admin.fetch("select tx_id, payment_id from ledger.ledger_tx order by 1")
        numbers = {str(place): row["tx_id"] for place, row in enumerate(ids, 1)}
        payments = {row["tx_id"]: row["payment_id"] for row in ids}
        statement, expected = TAMPERING[story]
        for place, tx_id in numbers.items():
            statement = statement.replace(f"{{{place}}}", str(tx_id))
        async with books.admin.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(statement)
        report = await look(books)
        assert {found.block_id for found in report.breaks} == {2}
        assert report.transactions == 3  # the good ones before it

        def told(found: Break) -> str:
            place = {tx_id: place for place, tx_id in numbers.items()}
            if found.tx_id is None:
                return found.what
            here = place.get(found.tx_id) or f"{place[found.tx_id - 5]}+5"
            return f"{found.what} {here}"

        assert sorted({told(found) for found in report.breaks}) == expected
        for found in report.breaks:
            if found.what in ("changed", "missing") and "places" not in story:
                assert found.payment_id == payments[found.tx_id or 0]

    async def test_a_chain_rewritten_from_end_to_end_lacks_the_anchor(self, books: Books) -> None:
        await fill(books)
        await seal(books, block_size=3)
        published = (await head(books))["hash"]
        assert (await look(books, published)).anchor_found
        async with books.admin.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute("update ledger.ledger_tx set ref = ref || '!'")
            await connection.execute("truncate ledger.block")
        await seal(books, block_size=3)
        report = await look(books, published)
        assert report.breaks == []
        assert not report.anchor_found

    async def test_an_anchor_may_be_any_link(self, books: Books) -> None:
        """A rebuilt ledger cuts its blocks elsewhere and still has every head ever published."""
        await fill(books)
        await seal(books, block_size=2)
        heads = await books.admin.fetch("select hash from ledger.block")
        async with books.admin.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute("truncate ledger.block")
        await seal(books)
        for row in heads:
            assert (await look(books, row["hash"])).anchor_found
        assert (await look(books, GENESIS)).anchor_found
        assert not (await look(books, b"x" * 32)).anchor_found


class TestCommand:
    async def run(self, monkeypatch: pytest.MonkeyPatch, dsn: str, *words: str) -> Result:
        monkeypatch.setenv("DATABASE_URL", dsn)
        return await asyncio.to_thread(CliRunner().invoke, ledger, ["verify-chain", *words])

    async def test_tells_a_good_chain(
        self, books: Books, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await fill(books)
        await seal(books, block_size=4)
        await fill(books, 1)
        published = (await head(books))["hash"].hex()
        answer = await self.run(monkeypatch, database, "--anchor", published)
        assert answer.exit_code == 0
        assert "9 transactions in 3 blocks" in answer.output
        assert "1 not sealed yet" in answer.output
        assert f"head {published}" in answer.output

    async def test_tells_a_break(
        self, books: Books, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await fill(books)
        await seal(books, block_size=4)
        async with books.admin.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            changed = await connection.fetchrow(
                "update ledger.entry set amount = amount + 1 where tx_id = (select max(tx_id) "
                "from ledger.ledger_tx where kind = 'settlement') and seq = 2 "
                "returning tx_id"
            )
        answer = await self.run(monkeypatch, database)
        assert answer.exit_code == 1
        payment_id = await books.admin.fetchval(
            "select payment_id from ledger.ledger_tx where tx_id = $1", changed["tx_id"]
        )
        assert answer.output.startswith(
            f"block 2, transaction {changed['tx_id']}, payment {payment_id}: changed"
        )

    async def test_fails_without_the_anchor(
        self, books: Books, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = await self.run(monkeypatch, database, "--anchor", "ab" * 32)
        assert answer.exit_code == 1
        assert "not on the chain" in answer.output

    @pytest.mark.parametrize("anchor", ["ab", "x" * 64, "ab" * 33])
    async def test_refuses_what_is_no_hash(
        self, database: str, monkeypatch: pytest.MonkeyPatch, anchor: str
    ) -> None:
        answer = await self.run(monkeypatch, database, "--anchor", anchor)
        assert answer.exit_code == 2
        assert "64 hexadecimal digits" in answer.output


async def test_the_lock_of_the_sealer_ends_with_its_statement(books: Books) -> None:
    """So a process that hangs can't hold it: nothing of it belongs to a session."""
    await fill(books)
    mark = await take_mark(books.ledger)
    async with books.ledger.acquire() as hangs, books.ledger.acquire() as other:
        assert await seal_up_to(hangs, mark)
        held = "select count(*) from pg_locks where locktype = 'advisory'"
        assert await other.fetchval(held) == 0
        assert await seal_up_to(other, mark) == 0
