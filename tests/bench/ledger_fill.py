"""Fills books fast, with deposits that look as if they had been accepted and settled one by one."""

from pathlib import Path

import asyncpg

CUSTOMERS = 10_000
MINOR, FEE = 10_000, 250
ENTRIES_A_DEPOSIT = 3
CHUNK = 100_000

_DEPOSITS = Path(__file__).with_name("ledger_fill.sql").read_text("utf-8")
_OPEN = """
select ledger.open_account('house:test', 'fees:mpesa:KES') as fees,
    ledger.open_account('house:test', 'provider:mpesa:KES') as provider,
    (select min(ledger.open_account('bench:test', 'customer:c' || n || ':KES'))
     from (select n from generate_series(0, $1 - 1) n order by n) in_order) as first_customer
"""
_BALANCES = """
update ledger.balance b
set posted = newest.balance_after, version = newest.account_version
from (
    select distinct on (account_id) account_id, balance_after, account_version
    from ledger.entry order by account_id, account_version desc
) newest
where newest.account_id = b.account_id
"""


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", entries: int) -> int:
    """Writes deposits with that many entries into empty books; answers how many deposits."""
    deposits = entries // ENTRIES_A_DEPOSIT
    if not deposits:
        return 0
    accounts = await connection.fetchrow(_OPEN, CUSTOMERS)
    assert accounts is not None
    statement = _DEPOSITS.format(customers=CUSTOMERS, minor=MINOR, fee=FEE, **dict(accounts))
    async with connection.transaction():
        # the guards look at each row again; what is written here is right by construction
        await connection.execute("set local session_replication_role = replica")
        for start in range(0, deposits, CHUNK):
            await connection.execute(
                statement.replace("$1", str(start)).replace("$2", str(min(start + CHUNK, deposits)))
            )
        await connection.execute(
            "select setval('ledger.log_position', $1)".replace("$1", str(2 * deposits))
        )
        await connection.execute(_BALANCES)
    await connection.execute("vacuum (analyze)")
    return deposits
