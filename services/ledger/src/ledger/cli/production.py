"""The ledger's part of `cift doctor --production`."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from cift_shared.cli.doctor.finding import Finding, ok, warn

_NEWEST = """
select coalesce(rail, method) as rail, max(updated_at) as at
  from ledger.payment
 where livemode and status = 'completed' and created_at > now() - interval '30 days'
 group by 1
"""


async def check_payments(
    connection: "asyncpg.Connection[Any]", rails: Sequence[str]
) -> AsyncIterator[Finding]:
    """Whether a real payment was completed by each of these rails in the last 30 days."""
    newest = {row["rail"]: row["at"] for row in await connection.fetch(_NEWEST)}
    for rail in rails:
        if rail in newest:
            yield ok(f"payments.{rail}", f"a real payment was completed at {newest[rail]:%F %T %Z}")
        else:
            seen = "no real payment was completed in the last 30 days"
            yield warn(f"payments.{rail}", seen, "make one: cift canary --help")
