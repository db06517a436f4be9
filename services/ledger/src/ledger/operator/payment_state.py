"""Read everything that the database has about one payment, for an operator who investigates it.

That is the ledger's own tables, and rows in other schemas: attempts and notices of workers,
messages in outboxes. Tables that the login may not read are left out and listed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

from cift_shared.errors import CiftError
from cift_shared.money.amount import Money
from ledger.chain.hash_chain import Connection

STUCK_ROWS_MAX = 10_000

_PAYMENT = """
select payment_id, type, method, status, livemode, merchant_id, customer_id, minor, currency,
       provider_reference, suspense_posted, next_check_at, heard_at, sweep_count, created_at,
       updated_at, reversed_minor, disputed_minor,
       (select since from ledger.overdue($2) o where o.payment_id = p.payment_id) as overdue_since
from ledger.payment p where payment_id = $1
"""
_HOLDS = """
select hold.state, hold.amount, account.currency
from ledger.hold join ledger.account using (account_id)
where hold.payment_id = $1 order by hold.hold_id
"""
_SUMS = """
select account.currency, count(distinct tx.tx_id) as transactions, sum(entry.amount) as total
from ledger.ledger_tx tx
join ledger.entry using (tx_id)
join ledger.account using (account_id)
where tx.payment_id = $1
group by account.currency order by account.currency
"""
_TABLES = """
select n.nspname as schema, c.relname as name,
       has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relname = any($1::text[])
order by n.nspname, c.relname
"""
_OUTBOX = "select topic, created_at from {schema}.outbox where key = $1 order by id limit 20"
_ATTEMPT = """
select attempt_id, number, state, submits, checks, maybe_sent, lease_owner, next_check_at,
       updated_at
from {schema}.attempt where payment_id = $1 order by number
"""
_NOTICES = """
select count(*) from {schema}.notice n join {schema}.attempt a using (attempt_id)
where a.payment_id = $1 and n.handled_at is null
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a payment, from its worker's tables."""

    schema: str
    number: int
    state: str
    submits: int
    checks: int
    maybe_sent: bool
    leased: bool
    next_check_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message about a payment that is still in an outbox."""

    schema: str
    topic: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Posted:
    """A payment's postings in one currency."""

    currency: str
    transactions: int
    total_minor: int
    """Sum of all entries; not zero only when the ledger is inconsistent."""


@dataclass(frozen=True, slots=True)
class PaymentState:
    """One payment, and everything that is stored or waiting for it."""

    payment: dict[str, Any]
    """A row of ledger.payment, and `overdue_since`."""
    holds: Sequence[tuple[str, Money]] = ()
    """State and amount of each hold."""
    posted: Sequence[Posted] = ()
    attempts: Sequence[Attempt] = ()
    outbox: Sequence[Waiting] = ()
    notices: int = 0
    """Number of webhooks that its worker has stored and not handled yet."""
    unreadable: Sequence[str] = field(default=())
    """Tables that this login may not read."""


async def stuck(connection: Connection, *, now: datetime) -> list[dict[str, Any]]:
    """Payments that are overdue or in review, the oldest first, at most `STUCK_ROWS_MAX`."""
    query = (files("ledger.operator") / "sql" / "stuck.sql").read_text("utf-8")
    return [dict(row) for row in await connection.fetch(query, now, STUCK_ROWS_MAX)]


async def payment_state(connection: Connection, payment_id: UUID, *, now: datetime) -> PaymentState:
    """Read everything in one snapshot.

    Raises:
        CiftError: there is no such payment.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        payment = await connection.fetchrow(_PAYMENT, payment_id, now)
        if payment is None:
            raise CiftError(f"there is no payment {payment_id} in this ledger")
        holds = await connection.fetch(_HOLDS, payment_id)
        sums = await connection.fetch(_SUMS, payment_id)
        tables = await connection.fetch(_TABLES, ["attempt", "notice", "outbox"])
        readable = {(row["schema"], row["name"]) for row in tables if row["readable"]}
        return PaymentState(
            dict(payment),
            [(hold["state"], Money(int(hold["amount"]), hold["currency"])) for hold in holds],
            [Posted(row["currency"], row["transactions"], int(row["total"])) for row in sums],
            await _attempts(connection, payment_id, readable),
            await _outbox(connection, payment_id, readable),
            await _notices(connection, payment_id, readable),
            [f"{row['schema']}.{row['name']}" for row in tables if not row["readable"]],
        )


Tables = set[tuple[str, str]]


async def _attempts(connection: Connection, payment_id: UUID, tables: Tables) -> list[Attempt]:
    return [
        Attempt(
            schema, row["number"], row["state"], row["submits"], row["checks"], row["maybe_sent"],
            row["lease_owner"] is not None, row["next_check_at"], row["updated_at"],
        )
        for schema in _schemas(tables, "attempt")
        for row in await connection.fetch(_ATTEMPT.format(schema=_quoted(schema)), payment_id)
    ]  # fmt: skip


async def _outbox(connection: Connection, payment_id: UUID, tables: Tables) -> list[Waiting]:
    return [
        Waiting(schema, row["topic"], row["created_at"])
        for schema in _schemas(tables, "outbox")
        for row in await connection.fetch(_OUTBOX.format(schema=_quoted(schema)), str(payment_id))
    ]


async def _notices(connection: Connection, payment_id: UUID, tables: Tables) -> int:
    counts = [
        await connection.fetchval(_NOTICES.format(schema=_quoted(schema)), payment_id)
        for schema in _schemas(tables, "notice")
        if (schema, "attempt") in tables
    ]
    return sum(counts)


def _schemas(tables: Tables, name: str) -> list[str]:
    """The schemas that have a table of this name."""
    return sorted(schema for schema, table in tables if table == name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
