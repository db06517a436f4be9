"""`cift ledger verify-chain`, `export-log`, `rebuild` and `rebuild-verify`."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit, urlunsplit

import click

from cift_shared.cli import Cell, Exit, Output, Table, command, environment, progress
from cift_shared.database.migrations import migrate
from cift_shared.errors import CiftError
from ledger.chain.compare import Figure, compare
from ledger.chain.hash_chain import ChainReport, Connection, head_of_journal, walk
from ledger.chain.rebuild import (
    INPUTS_A_COMMIT,
    RESULTS_A_CALL,
    End,
    Replay,
    export_log,
)
from ledger.cli.session import open_ledger

_INPUTS = """
select (select count(*) from ledger.payment_event
        where result_id is not null or kind in ('accepted', 'cancel_requested'))
    + (select count(*) from ledger.input)
"""

OnProgress = Callable[[int], None]

BATCH = click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=RESULTS_A_CALL,
    show_default=True,
    help="Results replayed per batch; affects only the duration.",
)


@command("verify-chain")
@click.option("--anchor", help="A published head; it must be on the chain.")
async def verify_chain(anchor: str | None) -> Output:
    """Recompute the hash chain from its genesis; exits with 1 at the first broken block."""
    report, transactions = await _walk(environment("DATABASE_URL"), _as_hash(anchor))
    lost = anchor is not None and not report.anchor_found
    document = {
        "transactions": report.transactions,
        "blocks": report.blocks,
        "unsealed": transactions - report.transactions,
        "head": report.head.hex(),
        "breaks": [str(found) for found in report.breaks],
        "anchor_found": None if anchor is None else report.anchor_found,
    }
    code = Exit.FINDING if report.breaks or lost else Exit.OK
    return Output(document, list(_verdict(report, transactions, anchor)), [report.head.hex()], code)


def _verdict(report: ChainReport, transactions: int, anchor: str | None) -> Iterator[str]:
    if report.breaks:
        yield from map(str, report.breaks)
        yield f"BROKEN after {report.transactions} good transactions"
        return
    yield (
        f"{report.transactions} transactions in {report.blocks} blocks, every link as it was "
        f"sealed; {transactions - report.transactions} not sealed yet"
    )
    yield f"head {report.head.hex()}"
    if anchor is not None and not report.anchor_found:
        yield f"BROKEN: {anchor} is not on the chain"


@command("export-log")
@click.argument("file", type=click.File("w", encoding="utf-8"))
async def export_log_command(file: TextIO) -> Output:
    """Write the log of all inputs to FILE ("-": to standard output), in log order."""
    inputs = await _export(environment("DATABASE_URL"), file) - 1
    return Output({"inputs": inputs}, [f"{inputs} inputs"], to_stderr=True)


@command("rebuild")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--into", required=True, help="Address of a migrated database with an empty ledger.")
@BATCH
async def rebuild(file: TextIO, into: str, batch: int) -> Output:
    """Rebuild an empty ledger from the log in FILE; exits with 1 when the heads differ."""
    with progress("bytes", _size(file)) as bar:
        rebuilt = await _rebuild(file, into, batch, bar.step)
    return Output(
        rebuilt.facts,
        [
            f"log      {rebuilt.log_summary}",
            f"rebuilt  {rebuilt.rebuilt_summary}",
            *rebuilt.mismatches,
        ],
        [rebuilt.head.hex()],
        Exit.OK if rebuilt.same else Exit.FINDING,
    )


def _size(file: TextIO) -> int | None:
    """The size of a file in bytes; None for a pipe."""
    path = Path(file.name)
    return path.stat().st_size if path.is_file() else None


@command("rebuild-verify")
@BATCH
async def rebuild_verify(batch: int) -> Output:
    """Rebuild the ledger in a scratch database and compare; exits with 1 at any difference."""
    figures, rebuilt = await _rebuild_verify(environment("DATABASE_URL"), batch)
    same = rebuilt.same and not any(figure.differences for figure in figures)
    compared = [asdict(figure) for figure in figures]
    return Output(
        {"inputs": rebuilt.end.inputs, **rebuilt.facts, "same": same, "figures": compared},
        [
            f"{rebuilt.end.inputs} inputs replayed, {batch} results at a time at most",
            f"ledger   {rebuilt.log_summary}",
            f"rebuilt  {rebuilt.rebuilt_summary}",
            _compared(figures),
            *rebuilt.mismatches,
        ],
        [rebuilt.head.hex()],
        Exit.OK if same else Exit.FINDING,
    )


def _compared(figures: Sequence[Figure]) -> Table:
    rows: list[list[str | Cell]] = []
    for figure in figures:
        differ = Cell(f"{figure.differences} DIFFER", "bold red")
        same = Cell("the same", "green")
        rows.append([figure.name, str(figure.rows), differ if figure.differences else same])
        rows += [["", "", f"  {example}"] for example in figure.examples]
    return Table(["figures", "rows", "verdict"], rows, numbers=(1,))


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rebuilt ledger, and the end line of the log that it was rebuilt from."""

    end: End
    transactions: int
    head: bytes

    @property
    def same(self) -> bool:
        """True when the rebuilt journal has the count and the head of the log's end line."""
        return (self.transactions, self.head) == (self.end.transactions, self.end.head)

    @property
    def log_summary(self) -> str:
        """Count and head according to the log."""
        return f"{self.end.transactions} transactions, head {self.end.head.hex()}"

    @property
    def rebuilt_summary(self) -> str:
        """Count and head of the rebuilt ledger."""
        return f"{self.transactions} transactions, head {self.head.hex()}"

    @property
    def mismatches(self) -> list[str]:
        """Lines of text about different heads; empty when they are equal."""
        if self.same:
            return []
        return ["the heads DIFFER: the replay gave other transactions than the log ends with"]

    @property
    def facts(self) -> dict[str, Any]:
        """Both counts and heads, as data for programs."""
        return {
            "log": {"transactions": self.end.transactions, "head": self.end.head.hex()},
            "rebuilt": {"transactions": self.transactions, "head": self.head.hex()},
            "same": self.same,
        }


def _as_hash(anchor: str | None) -> bytes | None:
    if anchor is None:
        return None
    try:
        link = bytes.fromhex(anchor)
    except ValueError:
        link = b""
    if len(link) != 32:
        raise click.BadParameter("64 hexadecimal digits", param_hint="--anchor")
    return link


@asynccontextmanager
async def _snapshot(dsn: str) -> AsyncIterator[Connection]:
    """A connection to the ledger's database in a read-only transaction with one snapshot."""
    async with (
        open_ledger(dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def _walk(dsn: str, anchor: bytes | None) -> tuple[ChainReport, int]:
    async with _snapshot(dsn) as connection:
        sealed = await connection.fetchval("select transactions from ledger.head")
        transactions = await connection.fetchval("select count(*) from ledger.ledger_tx")
        with progress("transactions", sealed) as bar:
            report = await walk(connection, anchor=anchor, on_progress=bar.step)
    return report, transactions


async def _export(dsn: str, file: TextIO) -> int:
    lines = 0
    async with _snapshot(dsn) as connection:
        with progress("inputs", await connection.fetchval(_INPUTS)) as bar:
            async for line in export_log(connection):
                file.write(line + "\n")
                lines += 1
                bar.step()
    return lines


async def _rebuild(file: TextIO, into: str, batch: int, on_progress: OnProgress) -> Rebuilt:
    async def lines() -> AsyncIterator[str]:
        for line in file:
            yield line
            on_progress(len(line.encode()))

    async with open_ledger(into) as rebuilt:
        end = await _replay(lines(), Replay(rebuilt, batch_size=batch))
        async with rebuilt.transaction():
            return Rebuilt(end, *await head_of_journal(rebuilt))


async def _replay(lines: AsyncIterator[str], replay: Replay) -> End:
    await replay.begin()
    chunk: list[str] = []
    async for line in lines:
        chunk.append(line)
        if len(chunk) == INPUTS_A_COMMIT:
            await replay.take(chunk)
            chunk = []
    await replay.take(chunk)
    return await replay.finish()


async def _rebuild_verify(dsn: str, batch: int) -> tuple[list[Figure], Rebuilt]:
    async with (
        _snapshot(dsn) as original,
        _scratch_database(dsn) as scratch,
        open_ledger(scratch) as rebuilt,
    ):
        length = await original.fetchval(_INPUTS)
        with progress("inputs", length) as bar:
            replay = Replay(rebuilt, batch_size=batch, on_progress=bar.step)
            end = await _replay(export_log(original), replay)
        async with rebuilt.transaction():
            head = await head_of_journal(rebuilt)
            return await compare(original, rebuilt), Rebuilt(end, *head)


@asynccontextmanager
async def _scratch_database(dsn: str) -> AsyncIterator[str]:
    """A migrated database on the ledger's server, dropped at the end; yields its address.

    Raises:
        CiftError: the login may not create a database.
    """
    name = f"cift_rebuild_{secrets.token_hex(6)}"
    address = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    async with open_ledger(dsn) as server:
        try:
            await server.execute(f'create database "{name}" template template0')
        except Exception as error:
            raise CiftError(f"cannot create a scratch database: {error}") from error
        try:
            await migrate(address)
            yield address
        finally:
            await server.execute(f'drop database "{name}" with (force)')
