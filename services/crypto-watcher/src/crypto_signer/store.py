"""What is to be signed, and what was, in PostgreSQL.

The command of a withdrawal is read from the attempt that the gateway's message has made; requests
from the watcher's tables; what was signed before from the signer's own tables only.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from cift_shared.database.pool import Connection, Pool
from crypto_signer.policy import History, Input, Request, Sign, Signed

SCHEMA = "bitcoin_signer"
ROLE = "cift_bitcoin_signer"
REQUESTS_MAX = 50

OPEN = """
select s.txid, s.payment_id, s.version, s.unsigned, s.change_index
  from bitcoin.spend as s
 where s.height is null and s.payment_id is not null
   and not exists (select from bitcoin_signer.signature as g where g.txid = s.txid)
   and not exists (select from bitcoin_signer.refusal as r where r.txid = s.txid)
   and not exists (select from bitcoin.spend as other
                    where other.payment_id = s.payment_id and other.height is not null)
 order by s.created_at, s.txid
 limit $1
"""
INPUTS = """
select txid, vout, satoshi, chain, index from bitcoin.spend_input
 where spend_txid = $1 order by place
"""
COMMAND = """
select request from bitcoin.attempt
 where payment_id = $1 and operation = 'withdrawal' and state not in ('done', 'review')
"""
SIGNED = """
select version, script, satoshi, inputs from bitcoin_signer.signature
 where payment_id = $1 order by version
"""
DAY = """
select coalesce(sum(satoshi), 0)::bigint
  from bitcoin_signer.signature
 where version = 1 and payment_id <> $1 and signed_at > now() - interval '24 hours'
"""
STORE_SIGNATURE = """
insert into bitcoin_signer.signature
    (txid, payment_id, version, script, satoshi, fee, inputs, raw)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
STORE_REFUSAL = """
insert into bitcoin_signer.refusal (txid, payment_id, reason) values ($1, $2, $3)
"""


class SignerStore:
    """Reads and writes of the signer."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self.pool = pool

    async def requests(self) -> Sequence[Request]:
        """What waits to be signed, the oldest first."""
        found = []
        for row in await self.pool.fetch(OPEN, REQUESTS_MAX):
            inputs = [Input(**one) for one in await self.pool.fetch(INPUTS, row["txid"])]
            found.append(Request(**row, inputs=inputs))
        return found

    async def command(self, payment_id: UUID) -> object:
        """The command of an open withdrawal, as it was received; None: there is none."""
        return await self.pool.fetchval(COMMAND, payment_id)

    async def history(self, connection: Connection, payment_id: UUID) -> History:
        """What was signed before for a payment, and today for others."""
        rows = await connection.fetch(SIGNED, payment_id)
        versions = [
            Signed(row["version"], row["script"], row["satoshi"], frozenset(row["inputs"]))
            for row in rows
        ]
        return History(versions, await connection.fetchval(DAY, payment_id))

    async def store_signature(
        self, connection: Connection, request: Request, verdict: Sign, raw: bytes
    ) -> None:
        """Store the signed bytes: from now on they may be sent."""
        await connection.execute(
            STORE_SIGNATURE,
            request.txid,
            request.payment_id,
            request.version,
            verdict.paid.script,
            verdict.paid.satoshi,
            verdict.fee,
            [one.reference for one in request.inputs],
            raw,
        )

    async def store_refusal(self, connection: Connection, request: Request, reason: str) -> None:
        """Store that this transaction is never signed."""
        await connection.execute(STORE_REFUSAL, request.txid, request.payment_id, reason)
