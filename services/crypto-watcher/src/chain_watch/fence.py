"""A transaction that only the holder of a lease can commit.

The lease's row stays locked until the commit, so no other process takes over meanwhile. A process
that was paused, and continues after another has taken the lease, changes nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.errors import LeaseLost

HELD = """
select true from {schema}.lease where name = $1 and holder = $2 and epoch = $3 for share
"""


@asynccontextmanager
async def fenced(
    pool: "Pool[asyncpg.Record]", schema: str, lease: Lease
) -> AsyncIterator[Connection]:
    """A connection in a transaction that commits only while the lease's epoch is ours.

    Raises:
        LeaseLost: another process has taken the lease; nothing was changed.
    """
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(HELD.format(schema=schema), *lease.fence):
            raise LeaseLost(lease.name)
        yield connection
