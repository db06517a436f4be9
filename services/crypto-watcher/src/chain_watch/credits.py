"""What the chain does to money outside of open deposits, reported to the ledger by new postings.

    arrived without an open deposit  ->  received    late, paid again, or to the shared address
    credited, then in no block       ->  reversed
    reversed, then deep again        ->  reinstated  and so on, any number of times

One arrival is one transaction of the database: the row changes with the message in the outbox. No
posting is ever changed: each report has an id of its own, and may be sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

import asyncpg
from prometheus_client import Counter

from chain_watch.context import Tables, Terms
from chain_watch.deposit_store import store_credits
from chain_watch.domain import ArrivalType, Tip
from chain_watch.exchange import Credit, at_current_rate, current_rate
from chain_watch.fence import fenced
from cift_shared.attempts.received import received_result
from cift_shared.attempts.store import attempt_id_of
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint
from cift_shared.messaging import outbox
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.exchange import Exchanged
from cift_shared.messaging.messages import PaymentResult, Step
from cift_shared.messaging.received import ReceivedMoney, received_id
from cift_shared.messaging.topics import RESULTS
from cift_shared.money.amount import Money
from cift_shared.money.rates import RateSource
from cift_shared.observability.log import get_logger

ROWS_MAX = 500

_FIELDS = """
select {fields}, o.payment_id, o.deposit_id, o.received_as, c.minor as credited_minor,
       c.currency as credited_currency,
       case when a.request #>> '{{exchange,amount,currency}}' = {currency}
           then a.request #>> '{{amount,currency}}' end as priced_in
  from {arrivals} as o
  left join {schema}.attempt as a on a.payment_id = o.payment_id
  left join rates.credit as c on c.rail = '{schema}' and c.hash = o.{hash} and c.place = o.{place}
"""
UNCLAIMED = f"""
{_FIELDS}
  left join unnest($2::text[], $3::numeric[]) as dust (currency, minor)
    on dust.currency = {{currency}}
 where o.deposit_id is null and o.received_as is null
   and o.height <= $1 and o.{{amount}} >= coalesce(dust.minor, 0)
   and case when o.payment_id is null then o.first_seen_at <= $4
       else a.state is null or a.state in ('done', 'review') end
 order by o.height, o.{{hash}}, o.{{place}}
 limit {ROWS_MAX}
"""
"""Confirmed arrivals that no open deposit will be settled with."""
LOST = f"""
{_FIELDS}
 where o.height is null and not o.is_reversed
   and (o.received_as is not null or (o.deposit_id is not null and a.state = 'done'))
 order by o.{{hash}}, o.{{place}}
 limit {ROWS_MAX}
"""
"""Credited arrivals that are in no block. A deposit is credited once its settlement is stored."""
RETURNED = f"""
{_FIELDS}
 where o.is_reversed and o.height <= $1
 order by o.height, o.{{hash}}, o.{{place}}
 limit {ROWS_MAX}
"""
MARK_RECEIVED = """
update {arrivals} set received_as = $4
 where {hash} = $1 and {place} = $2 and block_hash = $3
   and deposit_id is null and received_as is null
returning true
"""
MARK_REVERSED = """
update {arrivals} set is_reversed = true, reversals = reversals + 1
 where {hash} = $1 and {place} = $2 and height is null and not is_reversed
returning reversals
"""
MARK_RETURNED = """
update {arrivals} set is_reversed = false
 where {hash} = $1 and {place} = $2 and block_hash = $3 and is_reversed
returning reversals
"""

REPORTS = Counter(
    "cift_chain_credit_changes_total",
    "Reports of money outside of open deposits: received, reversed, reinstated.",
    ["rail", "kind"],
)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Credited(Generic[ArrivalType]):
    """An arrival with what it was credited as."""

    arrival: ArrivalType
    payment_id: UUID | None
    deposit_id: UUID | None
    received_as: UUID | None
    amount: Money | None = None
    """What it was credited with, if that is another currency than the chain's."""
    priced_in: str | None = None
    """The currency of the deposit that its address belongs to, if the deposit is priced in it and
    paid in the arrival's."""

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


class Credits(Generic[ArrivalType]):
    """Reports what happened to money outside of open deposits."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        tables: Tables[ArrivalType],
        terms: Terms[ArrivalType],
        clock: Clock,
        rates: RateSource | None = None,
    ) -> None:
        """`rates` are those at which money is credited in other currencies."""
        self._pool = pool
        self._rates = rates
        self._waiting: set[tuple[str, int]] = set()
        self._tables = tables
        self._terms = terms
        self._rail = terms.rail
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
            if self._is_deep(one.arrival, tip):
                count += await self._reinstated(lease, one)
        park_before = self._clock.now() - self._terms.park_after
        dusts = self._terms.dusts
        columns = list(dusts), list(dusts.values())
        for one in await self._read(UNCLAIMED, tip.height, *columns, park_before):
            if self._is_deep(one.arrival, tip):
                count += await self._received(lease, one)
        return count

    def _is_deep(self, arrival: ArrivalType, tip: Tip) -> bool:
        return self._terms.depths.is_deep(arrival, arrival.minor, tip)

    async def _read(self, query: str, *args: Any) -> Sequence[Credited[ArrivalType]]:
        rows = await self._pool.fetch(self._tables.sql(query), *args)
        return [
            Credited(
                self._tables.read(row),
                row["payment_id"],
                row["deposit_id"],
                row["received_as"],
                _amount(row),
                row["priced_in"],
            )
            for row in rows
        ]

    async def _received(self, lease: Lease, one: Credited[ArrivalType]) -> int:
        """Report money that no open deposit asked for, with the owner of its address."""
        arrival, now = one.arrival, self._clock.now()
        amount, exchanged = Money(arrival.minor, arrival.currency), None
        if one.priced_in is not None:
            rate = current_rate(self._rates, arrival.currency, one.priced_in, now)
            if rate is None:
                return self._without_rate(arrival)
            amount, exchanged = at_current_rate(arrival, rate)
        result = received_result(
            self._rail,
            arrival.reference,
            amount,
            ReceivedMoney(
                livemode=self._terms.livemode,
                instrument=self._terms.instrument,
                related_payment_id=one.payment_id,
            ),
            occurred_at=now,
            evidence=[self._step(now, "received", one)],
        ).model_copy(update={"exchanged": exchanged})
        async with fenced(self._pool, self._tables.schema, lease) as connection:
            identity = received_id(self._rail.name, arrival.reference)
            mark = self._tables.sql(MARK_RECEIVED)
            if not await connection.fetchval(mark, *arrival.key, arrival.block_hash, identity):
                return 0
            if exchanged is not None:
                credits_ = [Credit(arrival, amount)]
                await store_credits(connection, self._tables.schema, identity, credits_)
            await self._store(connection, result)
        return self._counted(result)

    def _without_rate(self, arrival: ArrivalType) -> int:
        """Nothing is reported before the current rate is known; it is logged once."""
        if arrival.key not in self._waiting:
            self._waiting.add(arrival.key)
            log.warning(
                "chain.credit_waits_for_rate", rail=self._rail.name, arrival=arrival.reference
            )
        return 0

    async def _reversed(self, lease: Lease, one: Credited[ArrivalType]) -> int:
        """Report that credited money is in no block any more."""
        arrival = one.arrival
        async with fenced(self._pool, self._tables.schema, lease) as connection:
            number = await connection.fetchval(self._tables.sql(MARK_REVERSED), *arrival.key)
            if number is None:
                return 0
            result = self._result("reversed", one, number, "reorganised_away")
            await self._store(connection, result)
        log.error(
            "chain.credit_reversed",
            rail=self._rail.name,
            payment_id=str(one.credited_as),
            arrival=arrival.reference,
            meaning="a reorganisation of the chain took back money that was credited",
        )
        return self._counted(result)

    async def _reinstated(self, lease: Lease, one: Credited[ArrivalType]) -> int:
        """Report that money which was taken back is confirmed deeply again."""
        arrival = one.arrival
        async with fenced(self._pool, self._tables.schema, lease) as connection:
            number = await connection.fetchval(
                self._tables.sql(MARK_RETURNED), *arrival.key, arrival.block_hash
            )
            if number is None:
                return 0
            result = self._result("reinstated", one, number, "confirmed_again")
            await self._store(connection, result)
        return self._counted(result)

    def _result(
        self, kind: str, one: Credited[ArrivalType], number: int, reason: str
    ) -> PaymentResult:
        """The report of the n-th reversal of an arrival, or of its end; not counted (seq 0)."""
        now, reference = self._clock.now(), f"{one.arrival.reference}#{number}"
        attempt_id = attempt_id_of(one.deposit_id) if one.deposit_id else one.credited_as
        return PaymentResult.model_validate(
            {
                "kind": kind,
                "result_id": f"{attempt_id}.{kind}.{reference}",
                "attempt_id": attempt_id,
                "seq": 0,
                "payment_id": one.credited_as,
                "method": self._rail.method,
                "rail": self._rail.name,
                "occurred_at": now,
                "amount": one.amount or Money(one.arrival.minor, one.arrival.currency),
                "exchanged": self._moved(one),
                "provider_reference": reference if kind == "reversed" else None,
                "reversal_reference": reference,
                "reason": reason,
                "evidence": [self._step(now, kind, one)],
            }
        )

    def _moved(self, one: Credited[ArrivalType]) -> Exchanged | None:
        """What moved on the chain, if it was credited in another currency."""
        if one.amount is None:
            return None
        return Exchanged(amount=Money(one.arrival.minor, one.arrival.currency))

    async def _store(self, connection: Connection, result: PaymentResult) -> None:
        message = outgoing(
            RESULTS, result, source=f"{self._rail.name}-worker", at=result.occurred_at
        )
        await outbox.store(connection, self._tables.schema, [message])
        failpoint("chain.before_credit_commit")

    def _counted(self, result: PaymentResult) -> int:
        REPORTS.labels(self._rail.name, result.kind).inc()
        failpoint("chain.after_credit_commit")
        return 1

    def _step(self, now: datetime, kind: str, one: Credited[ArrivalType]) -> Step:
        """For the timeline, and for operators: the deposit whose address it came to."""
        arrival = one.arrival
        detail = {"arrival": arrival.reference, "block": arrival.block_hash or "none"}
        if one.payment_id is not None:
            detail["deposit"] = str(one.payment_id)
        return Step.of(now, f"{self._rail.name}.arrival.{kind}", detail)


def _amount(row: Any) -> Money | None:
    """What an arrival was credited with in another currency."""
    if row["credited_minor"] is None:
        return None
    return Money(int(row["credited_minor"]), row["credited_currency"])
