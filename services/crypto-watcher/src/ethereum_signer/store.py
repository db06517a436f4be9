"""What is to be signed, and what was, in PostgreSQL.

The command of a withdrawal is read from the attempt that the gateway's message has made; requests
from the watcher's tables; what was signed before from the signer's own tables only.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chain_watch.approval_store import Approvals
from chain_watch.funds import Funds
from cift_shared.database.pool import Connection, Pool
from ethereum_signer.policy import History, Request, Sign, Signed
from ethereum_signer.signing import SignedTransfer
from ethereum_watcher.ether_transfers import Transfer

SCHEMA = "ethereum_signer"
ROLE = "cift_ethereum_signer"
REQUESTS_MAX = 50

OPEN = """
select s.payment_id, s.version, s.unsigned, p.sender, p.index
  from ethereum.spend as s join ethereum.payout as p on p.payment_id = s.payment_id
 where (p.sender = $1 or p.index is not null) and p.nonce is not null
   and not exists (select from ethereum_signer.signature as g
                    where g.payment_id = s.payment_id and g.version = s.version)
   and not exists (select from ethereum_signer.refusal as r
                    where r.payment_id = s.payment_id and r.version = s.version)
   and not exists (select from ethereum.hot_transaction as t
                    where t.sender = p.sender and t.nonce = p.nonce)
 order by p.sender <> $1, s.version = 1, p.nonce, s.version
 limit $2
"""
"""Of the account that pays first. Replacements before others; then in the order of nonces, because
a later one waits for those before."""
COMMAND = """
select request from ethereum.attempt
 where payment_id = $1 and operation = 'withdrawal' and state not in ('done', 'review')
"""
SIGNED = """
select version, account, wei, contract, fee_max from ethereum_signer.signature
 where payment_id = $1 order by version
"""
NONCE = """
select (select nonce from ethereum_signer.nonce where payment_id = $1) as nonce,
       (select sender from ethereum_signer.nonce where payment_id = $1) as sender,
       (select payment_id from ethereum_signer.nonce where sender = $2 and nonce = $3)
           as nonce_owner,
       coalesce((select max(nonce) from ethereum_signer.nonce where sender = $2), -1) as nonce_max
"""
DAY = """
select coalesce(sum(case when purpose = 'consolidation' then fee_max else wei end), 0)
  from ethereum_signer.signature
 where version = 1 and payment_id <> $1 and signed_at > now() - interval '24 hours'
   and case when purpose = 'consolidation' then null else contract end is not distinct from $2
"""
"""As `policy.counted` counts them."""
STORE_NONCE = """
insert into ethereum_signer.nonce (sender, nonce, payment_id) values ($1, $2, $3)
"""
STORE_SIGNATURE = """
insert into ethereum_signer.signature
    (payment_id, version, hash, account, wei, fee_max, raw, contract, purpose)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
STORE_REFUSAL = """
insert into ethereum_signer.refusal (payment_id, version, reason) values ($1, $2, $3)
"""


class SignerStore:
    """Reads and writes of the signer."""

    def __init__(self, pool: "Pool[asyncpg.Record]", sender: bytes, funds: Funds) -> None:
        self.pool = pool
        self.funds = funds
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
        self,
        connection: Connection,
        request: Request,
        transfer: Transfer | None,
        contract: bytes | None,
    ) -> History:
        """What was signed before for a payment, with a nonce of its sender, and today for others.

        Args:
            connection: of the transaction that stores the answer.
            request: what is to be signed.
            transfer: the same; None: it can't be read.
            contract: of the token whose cap of the day it counts for; None: ether's.
        """
        payment_id, nonce = request.payment_id, transfer.nonce if transfer else None
        rows = await connection.fetch(SIGNED, payment_id)
        numbers = await connection.fetchrow(NONCE, payment_id, request.sender, nonce)
        return History(
            versions=[
                Signed(
                    row["version"],
                    row["account"],
                    int(row["wei"]),
                    row["contract"],
                    int(row["fee_max"]),
                )
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
            await connection.execute(STORE_NONCE, request.sender, transfer.nonce, name)
        await connection.execute(
            STORE_SIGNATURE, name, request.version, signed.hash, transfer.account, transfer.wei,
            transfer.fee_max, signed.raw, transfer.contract, verdict.purpose.value,
        )  # fmt: skip

    async def store_refusal(self, connection: Connection, request: Request, reason: str) -> None:
        """Store that this version is never signed."""
        await connection.execute(STORE_REFUSAL, request.payment_id, request.version, reason)
