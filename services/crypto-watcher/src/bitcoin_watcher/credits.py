"""What the chain does to money outside of open deposits, reported to the ledger by new postings.

    arrived without an open deposit  ->  received    late, paid again, or to the shared address
    credited, then in no block       ->  reversed
    reversed, then deep again        ->  reinstated  and so on, any number of times

One output is one transaction of the database: the row changes with the message in the outbox. No
posting is ever changed: each report has an id of its own, and may be sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from prometheus_client import Counter

from bitcoin_method.instruments import DISPLAY, KIND, PUBLIC
from bitcoin_method.rail import RAIL
from bitcoin_watcher.chain_store import SCHEMA
from bitcoin_watcher.domain import Depths, Output, Tip
from bitcoin_watcher.settings import BitcoinConfig
from chain_watch.fence import fenced
from cift_shared.attempts.received import received_result
from cift_shared.attempts.store import attempt_id_of
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint
from cift_shared.messaging import outbox
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import PaymentResult, Step
from cift_shared.messaging.received import ReceivedMoney, received_id
from cift_shared.messaging.topics import RESULTS
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger

ROWS_MAX = 500

_FIELDS = """
select o.txid, o.vout, o.satoshi, o.is_coinbase, o.block_hash, o.height, o.in_mempool,
       o.first_seen_at, o.payment_id, o.deposit_id, o.received_as, o.reversals
  from bitcoin.output as o
"""
UNCLAIMED = f"""
{_FIELDS}
  left join bitcoin.attempt as a on a.payment_id = o.payment_id
 where o.deposit_id is null and o.received_as is null
   and o.height <= $1 and o.satoshi >= $2
   and case when o.payment_id is null then o.first_seen_at <= $3
       else a.state is null or a.state in ('done', 'review') end
 order by o.height, o.txid, o.vout
 limit {ROWS_MAX}
"""
"""Confirmed outputs that no open deposit will be settled with."""
LOST = f"""
{_FIELDS}
  left join bitcoin.attempt as a on a.payment_id = o.deposit_id
 where o.height is null and not o.is_reversed
   and (o.received_as is not null or (o.deposit_id is not null and a.state = 'done'))
 order by o.txid, o.vout
 limit {ROWS_MAX}
"""
"""Credited outputs that are in no block. A deposit is credited once its settlement is stored."""
RETURNED = f"""
{_FIELDS}
 where o.is_reversed and o.height <= $1
 order by o.height, o.txid, o.vout
 limit {ROWS_MAX}
"""
MARK_RECEIVED = """
update bitcoin.output set received_as = $4
 where txid = $1 and vout = $2 and block_hash = $3 and deposit_id is null and received_as is null
returning true
"""
MARK_REVERSED = """
update bitcoin.output set is_reversed = true, reversals = reversals + 1
 where txid = $1 and vout = $2 and height is null and not is_reversed
returning reversals
"""
MARK_RETURNED = """
update bitcoin.output set is_reversed = false
 where txid = $1 and vout = $2 and block_hash = $3 and is_reversed
returning reversals
"""

REPORTS = Counter(
    "cift_bitcoin_credit_changes_total",
    "Reports of money outside of open deposits: received, reversed, reinstated.",
    ["kind"],
)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Credited:
    """An output with what it was credited as."""

    output: Output
    payment_id: UUID | None
    deposit_id: UUID | None
    received_as: UUID | None

    @property
    def credited_as(self) -> UUID:
        """The payment in the ledger that has its money.

        Raises:
            AssertionError: it is not credited.
        """
        found = self.deposit_id or self.received_as
        if found is None:
            raise AssertionError("not credited")
        return found


class Credits:
    """Reports what happened to money outside of open deposits."""

    def __init__(self, pool: "Pool[asyncpg.Record]", config: BitcoinConfig, clock: Clock) -> None:
        self._pool = pool
        self._config = config
        self._depths: Depths = config.depths
        self._clock = clock

    async def run(self, lease: Lease, tip: Tip) -> int:
        """Report everything that is to be reported at this tip; returns the number of reports.

        Nothing is reported while blocks are being undone: money that is only moved to another block
        by a reorganisation was never gone.

        Raises:
            LeaseLost: another process leads.
        """
        if not tip.is_settled:
            return 0
        count = 0
        for one in await self._read(LOST):
            count += await self._reversed(lease, one)
        for one in await self._read(RETURNED, tip.height):
            if self._is_deep(one.output, tip):
                count += await self._reinstated(lease, one)
        park_before = self._clock.now() - timedelta(seconds=self._config.park_after_s)
        for one in await self._read(UNCLAIMED, tip.height, self._config.dust, park_before):
            if self._is_deep(one.output, tip):
                count += await self._received(lease, one)
        return count

    def _is_deep(self, output: Output, tip: Tip) -> bool:
        return self._depths.is_deep(output, output.satoshi, tip.height)

    async def _read(self, query: str, *args: Any) -> Sequence[Credited]:
        owners = ("payment_id", "deposit_id", "received_as")
        rows = [dict(row) for row in await self._pool.fetch(query, *args)]
        for row in rows:
            row.pop("reversals")
        return [
            Credited(Output(**{name: row[name] for name in row if name not in owners}),
                     *(row[name] for name in owners))
            for row in rows
        ]  # fmt: skip

    async def _received(self, lease: Lease, one: Credited) -> int:
        """Report money that no open deposit asked for, with the owner of its address."""
        output, now = one.output, self._clock.now()
        result = received_result(
            RAIL,
            output.reference,
            Money(output.satoshi, "BTC"),
            ReceivedMoney(
                livemode=self._config.mode == "live",
                instrument=Instrument(kind=KIND, display=DISPLAY, sealed="", public=dict(PUBLIC)),
                related_payment_id=one.payment_id,
            ),
            occurred_at=now,
            evidence=[_step(now, "output.received", output)],
        )
        async with fenced(self._pool, SCHEMA, lease) as connection:
            identity = received_id(RAIL.name, output.reference)
            if not await connection.fetchval(
                MARK_RECEIVED, output.txid, output.vout, output.block_hash, identity
            ):
                return 0
            await self._store(connection, result)
        return self._counted(result)

    async def _reversed(self, lease: Lease, one: Credited) -> int:
        """Report that credited money is in no block any more."""
        output = one.output
        async with fenced(self._pool, SCHEMA, lease) as connection:
            number = await connection.fetchval(MARK_REVERSED, output.txid, output.vout)
            if number is None:
                return 0
            result = self._result("reversed", one, number, "reorganised_away")
            await self._store(connection, result)
        log.error(
            "bitcoin.credit_reversed",
            payment_id=str(one.credited_as),
            output=output.reference,
            meaning="a reorganisation of the chain took back money that was credited",
        )
        return self._counted(result)

    async def _reinstated(self, lease: Lease, one: Credited) -> int:
        """Report that money which was taken back is confirmed deeply again."""
        output = one.output
        async with fenced(self._pool, SCHEMA, lease) as connection:
            number = await connection.fetchval(
                MARK_RETURNED, output.txid, output.vout, output.block_hash
            )
            if number is None:
                return 0
            result = self._result("reinstated", one, number, "confirmed_again")
            await self._store(connection, result)
        return self._counted(result)

    def _result(self, kind: str, one: Credited, number: int, reason: str) -> PaymentResult:
        """The report of the n-th reversal of an output, or of its end; not counted (seq 0)."""
        now, reference = self._clock.now(), f"{one.output.reference}#{number}"
        attempt_id = attempt_id_of(one.deposit_id) if one.deposit_id else one.credited_as
        return PaymentResult.model_validate(
            {
                "kind": kind,
                "result_id": f"{attempt_id}.{kind}.{reference}",
                "attempt_id": attempt_id,
                "seq": 0,
                "payment_id": one.credited_as,
                "method": RAIL.method,
                "rail": RAIL.name,
                "occurred_at": now,
                "amount": Money(one.output.satoshi, "BTC"),
                "provider_reference": reference if kind == "reversed" else None,
                "reversal_reference": reference,
                "reason": reason,
                "evidence": [_step(now, f"output.{kind}", one.output)],
            }
        )

    async def _store(self, connection: Connection, result: PaymentResult) -> None:
        message = outgoing(RESULTS, result, source="bitcoin-worker", at=result.occurred_at)
        await outbox.store(connection, SCHEMA, [message])
        failpoint("bitcoin.before_credit_commit")

    def _counted(self, result: PaymentResult) -> int:
        REPORTS.labels(result.kind).inc()
        failpoint("bitcoin.after_credit_commit")
        return 1


def _step(now: datetime, name: str, output: Output) -> Step:
    detail = {"output": output.reference, "block": output.block_hash or "none"}
    return Step.of(now, f"bitcoin.{name}", detail)
