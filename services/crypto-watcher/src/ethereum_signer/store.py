"""What is to be signed, and what was, in PostgreSQL.

The command of a withdrawal is read from the attempt that the gateway's message has made; requests
from the watcher's tables; what was signed before from the signer's own tables only.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chain_watch.approval_store import Approvals
from cift_shared.database.pool import Connection, Pool
from ethereum_signer.policy import History, Request, Sign, Signed
from ethereum_signer.signing import SignedTransfer
from ethereum_watcher.ether_transfers import Transfer

SCHEMA = "ethereum_signer"
ROLE = "cift_ethereum_signer"
REQUESTS_MAX = 50

OPEN = """
select s.payment_id, s.version, s.unsigned
  from ethereum.spend as s join ethereum.payout as p on p.payment_id = s.payment_id
 where p.sender = $1 and p.nonce is not null
   and not exists (select from ethereum_signer.signature as g
                    where g.payment_id = s.payment_id and g.version = s.version)
   and not exists (select from ethereum_signer.refusal as r
                    where r.payment_id = s.payment_id and r.version = s.version)
   and not exists (select from ethereum.hot_transaction as t
                    where t.sender = p.sender and t.nonce = p.nonce)
 order by s.version = 1, p.nonce, s.version
 limit $2
"""
"""Replacements first; then in the order of nonces, because a later one waits for those before."""
COMMAND = """
select request from ethereum.attempt
 where payment_id = $1 and operation = 'withdrawal' and state not in ('done', 'review')
"""
SIGNED = """
select version, account, wei, contract from ethereum_signer.signature
 where payment_id = $1 order by version
"""
NONCE = """
select (select nonce from ethereum_signer.nonce where payment_id = $1) as nonce,
       (select payment_id from ethereum_signer.nonce where sender = $2 and nonce = $3)
           as nonce_owner,
       coalesce((select max(nonce) from ethereum_signer.nonce where sender = $2), -1) as nonce_max
"""
DAY = """
select coalesce(sum(wei), 0)
  from ethereum_signer.signature
 where version = 1 and payment_id <> $1 and signed_at > now() - interval '24 hours'
   and contract is not distinct from $2
"""
STORE_NONCE = """
insert into ethereum_signer.nonce (sender, nonce, payment_id) values ($1, $2, $3)
"""
STORE_SIGNATURE = """
insert into ethereum_signer.signature
    (payment_id, version, hash, account, wei, fee_max, raw, contract)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
STORE_REFUSAL = """
insert into ethereum_signer.refusal (payment_id, version, reason) values ($1, $2, $3)
"""


class SignerStore:
    """Reads and writes of the signer."""

    def __init__(self, pool: "Pool[asyncpg.Record]", sender: bytes) -> None:
        self.pool = pool
        self._sender = sender
        self.approvals = Approvals(SCHEMA)

    async def requests(self) -> Sequence[Request]:
        """What waits to be signed."""
        rows = await self.pool.fetch(OPEN, self._sender, REQUESTS_MAX)
        return [Request(**row) for row in rows]

    async def command(self, payment_id: UUID) -> object:
        """The command of an open withdrawal, as it was received; None: there is none."""
        return await self.pool.fetchval(COMMAND, payment_id)

    async def history(
        self, connection: Connection, payment_id: UUID, transfer: Transfer | None
    ) -> History:
        """What was signed before for a payment, with a nonce, and today for others.

        `transfer` is what is to be signed; None: it can't be read.
        """
        nonce, contract = (transfer.nonce, transfer.contract) if transfer else (None, None)
        rows = await connection.fetch(SIGNED, payment_id)
        numbers = await connection.fetchrow(NONCE, payment_id, self._sender, nonce)
        return History(
            versions=[
                Signed(row["version"], row["account"], int(row["wei"]), row["contract"])
                for row in rows
            ],
            day_wei=int(await connection.fetchval(DAY, payment_id, contract)),
            decision=await self.approvals.decision(connection, payment_id),
            **dict(numbers or {}),
        )

    async def store_signature(
        self, connection: Connection, request: Request, verdict: Sign, signed: SignedTransfer
    ) -> None:
        """Store the signed bytes: from now on they may be sent."""
        transfer, name = verdict.transfer, request.payment_id
        if request.version == 1:
            await connection.execute(STORE_NONCE, self._sender, transfer.nonce, name)
        await connection.execute(
            STORE_SIGNATURE, name, request.version, signed.hash, transfer.account, transfer.wei,
            transfer.fee_max, signed.raw, transfer.contract,
        )  # fmt: skip

    async def store_refusal(self, connection: Connection, request: Request, reason: str) -> None:
        """Store that this version is never signed."""
        await connection.execute(STORE_REFUSAL, request.payment_id, request.version, reason)
