"""`cift verify-books`: check the books by hand."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import click

from cift_shared.cli import environment
from cift_shared.errors import CiftError
from ledger.chain import Connection
from ledger.invariants import Finding, verify


@click.command("verify-books")
def verify_books() -> None:
    """Check every invariant over all of the books; exits with 1 when one is broken."""
    findings = asyncio.run(_verify(environment("DATABASE_URL")))
    for line in table(findings):
        click.echo(line)
    sys.exit(1 if any(finding.violations for finding in findings) else 0)


def table(findings: Sequence[Finding]) -> list[str]:
    """The findings as lines of text, a line for each invariant and each example."""
    width = max(len(finding.invariant.name) for finding in findings)
    lines = []
    for finding in findings:
        verdict = "ok" if not finding.violations else f"{finding.violations} BROKEN"
        name = finding.invariant.name.ljust(width)
        lines.append(f"{name}  {verdict:>10}  {finding.invariant.rule}")
        lines += [f"{'':{width}}              {example}" for example in finding.examples]
    return lines


@asynccontextmanager
async def open_books(dsn: str) -> AsyncIterator[Connection]:
    """A connection to the books, times in UTC.

    Raises:
        CiftError: the database can't be reached.
    """
    try:
        connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
    except (OSError, asyncpg.PostgresError) as error:
        raise CiftError(f"the database can't be reached: {error}") from error
    try:
        yield connection
    finally:
        await connection.close()


async def _verify(dsn: str) -> list[Finding]:
    async with open_books(dsn) as connection:
        return await verify(connection)
