"""The same inputs give the same books: rebuilt from their own log, in batches of any size."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from ledger.chain.compare import compare, difference, load_comparisons
from ledger.chain.hash_chain import head_of_journal
from ledger.chain.rebuild import RebuildFailed, Replay, export_log
from ledger.cli import ledger
from ledger.cli.session import open_ledger as open_connection
from tests.integration.ledger.books import Books, open_books
from tests.support.ledger_history import LedgerHistory
from tests.support.postgres import PgServer

pytestmark = pytest.mark.integration


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    """Books that have seen something of everything."""
    async with open_books(database) as opened:
        yield opened


@pytest.fixture
async def empty(other_database: str) -> AsyncIterator[Any]:
    """Empty books beside them."""
    async with open_connection(other_database) as connection:
        yield connection


@asynccontextmanager
async def snapshot(dsn: str) -> AsyncIterator[Any]:
    async with (
        open_connection(dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def log_of(dsn: str) -> list[str]:
    async with snapshot(dsn) as connection:
        return [line async for line in export_log(connection)]


async def replay(connection: Any, lines: list[str], batch_size: int, commit: int = 100) -> None:
    """Take a log in, so many lines a commit."""
    taking = Replay(connection, batch_size=batch_size)
    await taking.begin()
    for start in range(0, len(lines), commit):
        await taking.take(lines[start : start + commit])
    await taking.finish()


@pytest.mark.parametrize("batch_size", [1, 7, 500])
async def test_rebuilt_books_are_the_same(
    books: Books, database: str, empty: Any, batch_size: int
) -> None:
    await LedgerHistory(books, seed=batch_size).play(150)
    await replay(empty, await log_of(database), batch_size)
    async with snapshot(database) as original, empty.transaction():
        figures = await compare(original, empty)
        assert [(f.name, f.differences, f.examples) for f in figures if f.differences] == []
        assert [figure.name for figure in figures if not figure.rows] == []
        assert await head_of_journal(original) == await head_of_journal(empty)
        sealed = await empty.fetchval("select transactions from ledger.head")
        assert sealed == await original.fetchval("select count(*) from ledger.ledger_tx") > 25
    assert await empty.fetchval("select count(*) from ledger.outbox") == 0
    kinds = {json.loads(line)["kind"] for line in await log_of(database)}
    assert kinds >= {
        "accepted", "cancel_requested", "result", "conversion", "hold_place", "hold_capture",
        "hold_release", "holds_expired", "resolve", "receive", "assign", "charge", "end",
    }  # fmt: skip
    assert await books.broken() == set()


async def test_the_log_of_rebuilt_books_is_the_same_log(
    books: Books, database: str, empty: Any, pg_server: PgServer
) -> None:
    await LedgerHistory(books, seed=99).play(60)
    lines = await log_of(database)
    await replay(empty, lines, 5, commit=13)
    name = await empty.fetchval("select current_database()")
    assert await log_of(pg_server.address(name)) == lines


async def test_positions_that_were_taken_back_leave_no_trace(
    books: Books, database: str, empty: Any
) -> None:
    """Gaps cut batches, so every input keeps its place."""
    paid = await books.deposit()
    for number in range(3):
        await books.admin.execute("select ledger.draw_position()")
        await books.apply(paid.result("noted", seq=number + 1))
    await books.apply(*(paid.result("noted", seq=number) for number in (7, 8, 9)))
    await replay(empty, await log_of(database), 500)
    rows = await empty.fetch("select event_seq from ledger.payment_event order by 1")
    assert [row["event_seq"] for row in rows] == [1, 3, 5, 7, 8, 9, 10]


class TestRefusals:
    async def lines(self, books: Books, database: str) -> list[str]:
        first = await books.settled_deposit()
        await books.settled_deposit()
        await books.refund(first, 400)
        return await log_of(database)

    async def test_books_that_are_not_empty(self, books: Books, database: str) -> None:
        lines = await self.lines(books, database)
        async with open_connection(database) as connection:
            with pytest.raises(RebuildFailed, match="already has a ledger"):
                await replay(connection, lines, 5)

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda lines: lines[:-1], "cut off after 5 inputs"),
            (lambda lines: lines[:4] + lines[5:], "cut off after 4 inputs"),
            (lambda lines: lines[:2] + lines[3:], "position 4: .* not taken in as before"),
            (lambda lines: [*lines[:3], lines[3][:-9], *lines[4:]], "line 4 .* can't be read"),
            (lambda lines: [lines[0], "[]", *lines[1:]], "line 2 .* can't be read"),
            (lambda lines: [lines[2], lines[1], lines[0], *lines[3:]], "out of order"),
            (lambda lines: [*lines, lines[0]], "out of order"),
            (lambda lines: [lines[0], lines[0], *lines[1:]], "out of order"),
            (lambda lines: lines[1:], "position 2: up to position 2 .* not taken in as before"),
            (
                lambda lines: [line.replace('"accepted"', '"invented"') for line in lines],
                "position 1: ",
            ),
        ],
    )
    async def test_a_damaged_log(
        self, books: Books, database: str, empty: Any, damage: Any, message: str
    ) -> None:
        lines = damage(await self.lines(books, database))
        with pytest.raises(RebuildFailed, match=message):
            await replay(empty, lines, 5)

    async def test_a_log_that_tells_another_story_has_another_head(
        self, books: Books, database: str, empty: Any
    ) -> None:
        lines = await self.lines(books, database)
        for was, told in (('"minor": "10000"', '"minor": "9000"'), ('"9750"', '"8750"')):
            lines = [line.replace(was, told) for line in lines]
        await replay(empty, lines, 5)
        async with snapshot(database) as original, empty.transaction():
            figures = {f.name: f.differences for f in await compare(original, empty)}
            assert figures["balances"] > 0
            assert await head_of_journal(original) != await head_of_journal(empty)

    async def test_replaying_never_goes_back(self, books: Books) -> None:
        await books.settled_deposit()
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await books.admin.execute("select ledger.replay_input(1, 'accepted', '{}')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await books.ledger.execute("select ledger.replay_input(100, 'accepted', '{}')")


class TestComparison:
    async def test_every_difference_is_counted(
        self, books: Books, database: str, empty: Any
    ) -> None:
        for _ in range(3):
            await books.deposit()
        lines = await log_of(database)
        await replay(empty, lines, 5)
        async with empty.transaction():
            await empty.execute("set local session_replication_role = replica")
            ids = [row[0] for row in await empty.fetch("select payment_id from ledger.payment")]
            await empty.execute("delete from ledger.payment where payment_id = $1", min(ids))
            await empty.execute(
                "update ledger.payment set status = 'failed', description = 'secret' "
                "where payment_id = $1", max(ids),
            )  # fmt: skip
            await empty.execute("update ledger.balance set posted = 5 where house")
        async with snapshot(database) as original, empty.transaction():
            figures = {figure.name: figure for figure in await compare(original, empty)}
        assert figures["payments"].rows == 3
        assert figures["payments"].examples == [
            f"{min(ids)}: not rebuilt", f"{max(ids)}: description, status",
        ]  # fmt: skip
        assert figures["balances"].differences == 2
        assert "[0, 0, 0, null" in figures["balances"].examples[0]

    async def test_no_time_of_writing_and_no_serial_number_is_compared(self, books: Books) -> None:
        await LedgerHistory(books, seed=5).play(40)
        async with open_connection_of(books) as connection:
            for name, query in load_comparisons().items():
                facts = json.loads((await connection.fetchrow(query))["facts"])
                if isinstance(facts, dict) and name != "payments":
                    assert "created_at" not in facts or name == "holds"
                assert not {key for key in facts if str(key).endswith("account_id")}

    def test_personal_data_is_not_shown(self) -> None:
        assert difference('{"a": "x", "b": 1}', '{"a": "y", "b": 1, "c": null}') == "a"
        assert difference("[1]", "[2]") == "[1], rebuilt: [2]"


@asynccontextmanager
async def open_connection_of(books: Books) -> AsyncIterator[Any]:
    async with books.admin.acquire() as connection:
        yield connection


class TestCommands:
    async def run(self, monkeypatch: pytest.MonkeyPatch, dsn: str, *words: str) -> Result:
        monkeypatch.setenv("DATABASE_URL", dsn)
        return await asyncio.to_thread(CliRunner().invoke, ledger, words)

    async def test_export_and_rebuild(
        self,
        books: Books,
        database: str,
        empty: Any,
        pg_server: PgServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await LedgerHistory(books, seed=1).play(30)
        file = tmp_path / "log.jsonl"
        answer = await self.run(monkeypatch, database, "export-log", str(file))
        assert answer.exit_code == 0, answer.output
        assert file.read_text().splitlines() == await log_of(database)
        on_screen = await self.run(monkeypatch, database, "export-log", "-")
        assert on_screen.stdout == file.read_text()
        into = pg_server.address(await empty.fetchval("select current_database()"))
        answer = await self.run(
            monkeypatch, database, "rebuild", str(file), "--into", into, "--batch", "3"
        )
        assert answer.exit_code == 0, answer.output
        log_line, rebuilt_line = answer.output.splitlines()
        assert log_line.split()[1:] == rebuilt_line.split()[1:]

    async def test_rebuild_verify(
        self, books: Books, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await LedgerHistory(books, seed=2).play(30)
        size = str(Random(2).choice([1, 7, 500]))
        answer = await self.run(monkeypatch, database, "rebuild-verify", "--batch", size)
        assert answer.exit_code == 0, answer.output
        assert "DIFFER" not in answer.output
        lines = answer.output.splitlines()
        assert lines[1].split()[1:] == lines[2].split()[1:]
        assert await books.admin.fetchval(
            "select count(*) from pg_database where datname like 'cift_rebuild%'"
        ) in (0, None)

    async def test_rebuild_verify_reads_the_journal_and_not_what_was_sealed_of_it(
        self, books: Books, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await books.settled_deposit()
        assert await books.admin.fetchval("select ledger.seal($1, null, 9)", 2**62) == 1
        async with books.admin.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute("update ledger.entry set amount = amount + 1 where seq = 1")
        answer = await self.run(monkeypatch, database, "rebuild-verify")
        assert answer.exit_code == 1
        assert answer.output.count("DIFFER") == answer.output.count("the heads DIFFER") == 1

    async def test_rebuild_verify_names_what_differs(
        self, books: Books, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paid = await books.settled_deposit()
        async with books.admin.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute("update ledger.payment set status = 'failed'")
            await connection.execute("update ledger.entry set amount = amount + 1 where seq = 1")
        answer = await self.run(monkeypatch, database, "rebuild-verify")
        assert answer.exit_code == 1
        assert f"{paid.payment_id}: status" in answer.output
        lines = answer.output.splitlines()
        assert lines[1].split()[1:] != lines[2].split()[1:]


CARD = {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2030}


@pytest.mark.parametrize("saved", [False, True], ids=["new", "saved"])
async def test_what_is_known_of_a_card_is_rebuilt(
    books: Books, database: str, empty: Any, saved: bool
) -> None:
    """A result brings a new card's details, after the settlement; a saved one's were accepted."""
    instrument: dict[str, Any] = {"kind": "card", "display": "card", "sealed": "k1:c2VhbGVk"}
    if saved:
        instrument["public"] = CARD
    command = {"headers": {}, "body": {"kind": "request_deposit", "instrument": instrument}}
    paid = await books.deposit(method="card", instrument=instrument, command=command)
    await books.apply(paid.result("settled"))
    for seq in (20, 21):
        await books.apply(paid.result("settled", seq=seq, public=CARD))
    assert (await books.payment(paid))["instrument"]["public"] == CARD
    await replay(empty, await log_of(database), batch_size=1)
    async with snapshot(database) as original, empty.transaction():
        figures = await compare(original, empty)
        assert [(f.name, f.differences, f.examples) for f in figures if f.differences] == []
        assert await head_of_journal(original) == await head_of_journal(empty)


async def test_a_card_that_an_earlier_release_stored_is_rebuilt_as_the_same(
    books: Books, database: str, empty: Any
) -> None:
    """Releases before `public` stored what is shown of a card as `card`."""
    instrument = {"kind": "card", "display": "card", "sealed": "k1:c2VhbGVk"}
    command = {"headers": {}, "body": {"kind": "request_deposit", "instrument": instrument}}
    paid = await books.deposit(method="card", instrument=instrument, command=command)
    await books.apply(paid.result("settled", public=CARD))
    stored = json.dumps({**instrument, "card": CARD})
    async with books.admin.acquire() as connection:
        await connection.execute("update ledger.payment set instrument = $1::text::jsonb", stored)
    await replay(empty, await log_of(database), batch_size=1)
    async with snapshot(database) as original, empty.transaction():
        figures = await compare(original, empty)
        assert [(f.name, f.differences, f.examples) for f in figures if f.differences] == []
    other = json.dumps({**instrument, "card": {**CARD, "last4": "0000"}})
    async with books.admin.acquire() as connection:
        await connection.execute("update ledger.payment set instrument = $1::text::jsonb", other)
    async with snapshot(database) as original, empty.transaction():
        figures = await compare(original, empty)
        assert [(f.name, f.differences) for f in figures if f.differences] == [("payments", 1)]
