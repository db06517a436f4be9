"""`cift ledger verify-chain`, `export-log`, `rebuild` and `rebuild-verify`."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit, urlunsplit

import click

from cift_shared.cli import environment
from cift_shared.errors import CiftError
from cift_shared.migrations import migrate
from ledger.chain import ChainReport, Connection, head_of_journal, walk
from ledger.commands.books import open_books
from ledger.compare import Figure, compare
from ledger.rebuild import INPUTS_A_COMMIT, RESULTS_A_CALL, End, Replay, export_log

_INPUTS = """
select (select count(*) from ledger.payment_event
        where result_id is not null or kind in ('accepted', 'cancel_requested'))
    + (select count(*) from ledger.input)
"""

Progress = Callable[[int], None]

BATCH = click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=RESULTS_A_CALL,
    show_default=True,
    help="Results taken in together; changes nothing but the time it takes.",
)


@click.command("verify-chain")
@click.option("--anchor", help="A head as it was published; it must be on the chain.")
def verify_chain(anchor: str | None) -> None:
    """Recompute the hash chain from its genesis; exits with 1 at the first broken block."""
    report, transactions = asyncio.run(_walk(environment("DATABASE_URL"), _as_hash(anchor)))
    if report.breaks:
        for found in report.breaks:
            click.echo(str(found))
        click.echo(f"BROKEN after {report.transactions} good transactions")
        sys.exit(1)
    click.echo(
        f"{report.transactions} transactions in {report.blocks} blocks, every link as it was "
        f"sealed; {transactions - report.transactions} not sealed yet"
    )
    click.echo(f"head {report.head.hex()}")
    if anchor is not None and not report.anchor_found:
        click.echo(f"BROKEN: {anchor} is not on the chain")
        sys.exit(1)


@click.command("export-log")
@click.argument("file", type=click.File("w", encoding="utf-8"))
def export_log_command(file: TextIO) -> None:
    """Write everything the books took in to FILE ("-": to the standard output), in its order."""
    lines = asyncio.run(_export(environment("DATABASE_URL"), file))
    click.echo(f"{lines - 1} inputs", err=True)


@click.command("rebuild")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--into", required=True, help="Address of a migrated database without books.")
@BATCH
def rebuild(file: TextIO, into: str, batch: int) -> None:
    """Take the log in FILE into empty books; exits with 1 when the heads differ."""
    path = Path(file.name)
    size = path.stat().st_size if path.is_file() else None
    with _progress("bytes", size) as on_progress:
        end, count, head = asyncio.run(_rebuild(file, into, batch, on_progress))
    click.echo(f"log      {end.transactions} transactions, head {end.head.hex()}")
    click.echo(f"rebuilt  {count} transactions, head {head.hex()}")
    sys.exit(0 if _same_head(end, count, head) else 1)


@click.command("rebuild-verify")
@BATCH
def rebuild_verify(batch: int) -> None:
    """Rebuild the books in a scratch database and compare; exits with 1 at any difference."""
    figures, end, count, head = asyncio.run(_rebuild_verify(environment("DATABASE_URL"), batch))
    click.echo(f"{end.inputs} inputs taken in again, {batch} results at a time at most")
    click.echo(f"books    {end.transactions} transactions, head {end.head.hex()}")
    click.echo(f"rebuilt  {count} transactions, head {head.hex()}")
    for figure in figures:
        verdict = "the same" if not figure.differences else f"{figure.differences} DIFFER"
        click.echo(f"{figure.name:<14}{figure.rows:>10}  {verdict}")
        for example in figure.examples:
            click.echo(f"    {example}")
    same = _same_head(end, count, head)
    sys.exit(0 if same and not any(figure.differences for figure in figures) else 1)


def _same_head(end: End, count: int, head: bytes) -> bool:
    same = (count, head) == (end.transactions, end.head)
    if not same:
        click.echo("the heads DIFFER: what the log says was not posted as it stands in the journal")
    return same


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


@contextmanager
def _progress(label: str, length: int | None) -> Iterator[Progress]:
    """A progress bar on a terminal; nothing elsewhere, nor where the length is unknown."""
    if length is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update


@asynccontextmanager
async def _snapshot(dsn: str) -> AsyncIterator[Connection]:
    """The books as they are at one moment."""
    async with (
        open_books(dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def _walk(dsn: str, anchor: bytes | None) -> tuple[ChainReport, int]:
    async with _snapshot(dsn) as connection:
        sealed = await connection.fetchval("select transactions from ledger.head")
        transactions = await connection.fetchval("select count(*) from ledger.ledger_tx")
        with _progress("transactions", sealed) as on_progress:
            report = await walk(connection, anchor=anchor, on_progress=on_progress)
    return report, transactions


async def _export(dsn: str, file: TextIO) -> int:
    lines = 0
    async with _snapshot(dsn) as connection:
        with _progress("inputs", await connection.fetchval(_INPUTS)) as on_progress:
            async for line in export_log(connection):
                file.write(line + "\n")
                lines += 1
                on_progress(1)
    return lines


async def _rebuild(
    file: TextIO, into: str, batch: int, on_progress: Progress
) -> tuple[End, int, bytes]:
    async def lines() -> AsyncIterator[str]:
        for line in file:
            yield line
            on_progress(len(line.encode()))

    async with open_books(into) as rebuilt:
        end = await _replay(lines(), Replay(rebuilt, batch_size=batch))
        async with rebuilt.transaction():
            return end, *await head_of_journal(rebuilt)


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


async def _rebuild_verify(dsn: str, batch: int) -> tuple[list[Figure], End, int, bytes]:
    async with (
        _snapshot(dsn) as books,
        _scratch_database(dsn) as scratch,
        open_books(scratch) as rebuilt,
    ):
        length = await books.fetchval(_INPUTS)
        with _progress("inputs", length) as on_progress:
            replay = Replay(rebuilt, batch_size=batch, on_progress=on_progress)
            end = await _replay(export_log(books), replay)
        async with rebuilt.transaction():
            count, head = await head_of_journal(rebuilt)
            return await compare(books, rebuilt), end, count, head


@asynccontextmanager
async def _scratch_database(dsn: str) -> AsyncIterator[str]:
    """A migrated database beside the books, dropped at the end; answers its address.

    Raises:
        CiftError: the login may not create a database.
    """
    name = f"cift_rebuild_{secrets.token_hex(6)}"
    address = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    async with open_books(dsn) as server:
        try:
            await server.execute(f'create database "{name}" template template0')
        except Exception as error:
            raise CiftError(f"no scratch database can be made: {error}") from error
        try:
            await migrate(address)
            yield address
        finally:
            await server.execute(f'drop database "{name}" with (force)')


COMMANDS: tuple[Any, ...] = (verify_chain, export_log_command, rebuild, rebuild_verify)
