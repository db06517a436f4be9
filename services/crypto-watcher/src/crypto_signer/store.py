"""What is to be signed, and what was, in PostgreSQL.

The command of a withdrawal is read from the attempt that the gateway's message has made; requests
from the watcher's tables; what was signed before from the signer's own tables only.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from chain_watch.approval_store import Approvals
from chain_watch.funds import Funds
from cift_shared.database.pool import Connection, Pool
from crypto_signer.policy import (
    Asked,
    History,
    Input,
    Request,
    Sign,
    Signed,
    TransferHistory,
    TransferRequest,
)

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
OPEN_TRANSFERS = """
select s.txid, s.transfer_id, s.unsigned, s.change_index
  from bitcoin.spend as s join bitcoin.own_transfer as t on t.transfer_id = s.transfer_id
 where t.purpose = 'consolidation' and t.released_at is null and s.height is null
   and not exists (select from bitcoin_signer.signature as g where g.transfer_id = s.transfer_id)
   and not exists (select from bitcoin_signer.refusal as r where r.txid = s.txid)
 order by s.created_at, s.txid
 limit $1
"""
"""A sweep is never among them: an operator signs it, elsewhere."""
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
 where payment_id = $1
 union all
select g.version, m.script, m.satoshi, g.inputs
  from bitcoin_signer.paid as m join bitcoin_signer.signature as g on g.txid = m.txid
 where m.payment_id = $1
 order by version
"""
"""A payment may have been signed alone, or in a group."""
MEMBERS = "select payment_id from bitcoin.payout where group_id = $1 order by payment_id"
STORE_PAID = """
insert into bitcoin_signer.paid (txid, payment_id, script, satoshi) values ($1, $2, $3, $4)
"""
DAY = """
select coalesce(sum(satoshi), 0)::bigint
  from bitcoin_signer.signature
 where version = 1 and payment_id <> $1 and signed_at > now() - interval '24 hours'
"""
DAY_TRANSFERS = """
select count(*) from bitcoin_signer.signature
 where transfer_id is not null and signed_at > now() - interval '24 hours'
"""
SIGNED_COIN = "select exists (select from bitcoin_signer.signature where inputs && $1::text[])"
STORE_SIGNATURE = """
insert into bitcoin_signer.signature
    (txid, payment_id, transfer_id, version, script, satoshi, fee, inputs, raw)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
STORE_REFUSAL = """
insert into bitcoin_signer.refusal (txid, payment_id, transfer_id, reason) values ($1, $2, $3, $4)
"""


class SignerStore:
    """Reads and writes of the signer."""

    def __init__(self, pool: "Pool[asyncpg.Record]", funds: Funds) -> None:
        self.pool = pool
        self.funds = funds
        self.approvals = Approvals(SCHEMA)

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

    async def members(self, request: Request) -> Sequence[UUID]:
        """The payments that a request is for, as the watcher says: more than one are a group."""
        rows = await self.pool.fetch(MEMBERS, request.payment_id)
        return [row["payment_id"] for row in rows] or [request.payment_id]

    async def store_paid(
        self, connection: Connection, request: Request, paid: Mapping[UUID, Asked]
    ) -> None:
        """Store what a signed transaction pays for each payment of a group."""
        for payment_id, one in paid.items():
            await connection.execute(STORE_PAID, request.txid, payment_id, one.script, one.satoshi)

    async def history(self, connection: Connection, payment_id: UUID, request: Request) -> History:
        """What was signed before for a payment, and today for other requests."""
        rows = await connection.fetch(SIGNED, payment_id)
        versions = [
            Signed(row["version"], row["script"], row["satoshi"], frozenset(row["inputs"]))
            for row in rows
        ]
        day = await connection.fetchval(DAY, request.payment_id)
        return History(versions, day, await self.approvals.decision(connection, payment_id))

    async def transfers(self) -> Sequence[TransferRequest]:
        """The transfers that wait to be signed, the oldest first."""
        found = []
        for row in await self.pool.fetch(OPEN_TRANSFERS, REQUESTS_MAX):
            inputs = [Input(**one) for one in await self.pool.fetch(INPUTS, row["txid"])]
            found.append(TransferRequest(**row, inputs=inputs))
        return found

    async def transfer_history(
        self, connection: Connection, request: TransferRequest
    ) -> TransferHistory:
        """What was signed before for other transfers today, and of its coins ever."""
        references = [one.reference for one in request.inputs]
        return TransferHistory(
            await connection.fetchval(DAY_TRANSFERS),
            not await connection.fetchval(SIGNED_COIN, references),
        )

    async def store_signature(
        self, connection: Connection, request: Request | TransferRequest, verdict: Sign, raw: bytes
    ) -> None:
        """Store the signed bytes: from now on they may be sent."""
        await connection.execute(
            STORE_SIGNATURE,
            request.txid,
            *_owner(request),
            request.version if isinstance(request, Request) else 1,
            verdict.paid.script,
            verdict.paid.satoshi,
            verdict.fee,
            [one.reference for one in request.inputs],
            raw,
        )

    async def store_refusal(
        self, connection: Connection, request: Request | TransferRequest, reason: str
    ) -> None:
        """Store that this transaction is never signed."""
        await connection.execute(STORE_REFUSAL, request.txid, *_owner(request), reason)


def _owner(request: Request | TransferRequest) -> tuple[UUID | None, UUID | None]:
    """Payment and transfer, of which a request has one."""
    if isinstance(request, Request):
        return request.payment_id, None
    return None, request.transfer_id
