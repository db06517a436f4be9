"""An operator's session: the database as role `cift_operator`, refusals as one clear line."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import click

from cift_shared.cli import environment
from cift_shared.errors import CiftError

ROLE = "cift_operator"
_JSON_TYPES = ("json", "jsonb")

Connection = asyncpg.Connection
Answer = TypeVar("Answer")
Command = TypeVar("Command", bound=Callable[..., Any])


def run(work: Callable[["Connection[Any]"], Awaitable[Answer]]) -> Answer:
    """Do some work on the books of DATABASE_URL.

    Raises:
        ClickException: the books refuse, or the database can't be reached.
    """
    dsn = environment("DATABASE_URL")

    async def connected() -> Answer:
        async with operator_session(dsn) as connection:
            return await work(connection)

    try:
        return asyncio.run(connected())
    except CiftError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"the database can't be reached: {error}") from error


@asynccontextmanager
async def operator_session(dsn: str) -> AsyncIterator["Connection[Any]"]:
    """A connection that may decide, and nothing else.

    Raises:
        CiftError: the database can't be reached, or the login may not decide.
    """
    try:
        connection = await asyncpg.connect(dsn, server_settings={"role": ROLE, "timezone": "UTC"})
    except asyncpg.PostgresError as error:
        raise CiftError(f"this login can't act as {ROLE}: {error}") from error
    try:
        for name in _JSON_TYPES:
            await connection.set_type_codec(
                name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads
            )
        yield connection
    except asyncpg.PostgresError as error:
        raise CiftError(f"the database refused: {error}") from error
    finally:
        await connection.close()


def signed(command: Command) -> Command:
    """Add the options that every decision needs."""
    by = click.option("--operator", required=True, help="Who decides: your name.")
    why = click.option("--reason", required=True, help="Why; kept with the decision for ever.")
    return by(why(command))


def age(since: datetime, now: datetime) -> str:
    """How long ago, as people say it: 5 min, 3 h, 12 d."""
    passed = max(now - since, timedelta())
    if passed >= timedelta(days=2):
        return f"{passed.days} d"
    minutes = passed // timedelta(minutes=1)
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"
