"""Database sessions of the commands: to read the ledger, or to decide in role `cift_operator`."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import click

from cift_shared.cli import environment
from cift_shared.database.connecting import database

ROLE = "cift_operator"
_JSON_TYPES = ("json", "jsonb")

Connection = asyncpg.Connection
Answer = TypeVar("Answer")
Command = TypeVar("Command", bound=Callable[..., Any])


@asynccontextmanager
async def open_ledger(dsn: str) -> AsyncIterator["Connection[Any]"]:
    """A connection to the ledger's database, with times in UTC.

    Raises:
        CiftError: the database can't be reached, or refuses the login; the message has the reason.
    """
    async with database(dsn) as connection:
        yield connection


async def run(work: Callable[["Connection[Any]"], Awaitable[Answer]]) -> Answer:
    """Run `work` with an operator's connection to the database of DATABASE_URL.

    Raises:
        CiftError: the ledger refuses, or the database can't be reached.
    """
    async with operator_session(environment("DATABASE_URL")) as connection:
        return await work(connection)


@asynccontextmanager
async def operator_session(dsn: str) -> AsyncIterator["Connection[Any]"]:
    """A connection with the rights for operators' decisions, and no others.

    Raises:
        CiftError: the database can't be reached, or the login may not use the operators' role.
    """
    async with database(dsn, role=ROLE) as connection:
        for name in _JSON_TYPES:
            await connection.set_type_codec(
                name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads
            )
        yield connection


def signed(command: Command) -> Command:
    """Add the options that every decision needs."""
    by = click.option("--operator", required=True, help="Your name, stored with the decision.")
    why = click.option("--reason", required=True, help="Why; stored with the decision.")
    return by(why(command))


def age(since: datetime, now: datetime) -> str:
    """How long ago, in short form: 5 min, 3 h, 12 d."""
    passed = max(now - since, timedelta())
    if passed >= timedelta(days=2):
        return f"{passed.days} d"
    minutes = passed // timedelta(minutes=1)
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"
