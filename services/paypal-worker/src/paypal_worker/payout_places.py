"""In which batch each payout travels: stored before the batch is sent, read before every repeat.

A payout has one place for each round, whoever stores it first: another process that works on the
same payout adopts it. The list of a shared batch is written by one transaction and never grows, so
every request with its id has the same items. It is taken apart only when it is proven that PayPal
has no such batch: the only request that was ever sent for it was refused, or did not leave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import asyncpg

from cift_shared.attempts.processor import Attempt
from cift_shared.attempts.rows import attempt_of
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Connection, Pool
from cift_shared.errors import OutcomeUnknown
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from paypal_worker.payout_keys import round_of

_STORE = """
with open as (
    -- the same order as in every statement that locks attempts: this prevents deadlocks
    select attempt_id from paypal.attempt
     where attempt_id = any ($1::uuid[]) and state in ('sending', 'waiting', 'unknown')
     order by attempt_id for update
)
insert into paypal.payout_place (attempt_id, round, batch_key)
select attempt_id, round, $3
  from open join unnest($1::uuid[], $2::smallint[]) as given (attempt_id, round) using (attempt_id)
    on conflict do nothing
"""
_PLACES = """
select attempt_id, batch_key
  from unnest($1::uuid[], $2::smallint[]) as given (attempt_id, round)
  join paypal.payout_place using (attempt_id, round)
  join paypal.attempt using (attempt_id)
 where attempt.state in ('sending', 'waiting', 'unknown')
   and batch_key is distinct from ''
"""
_MEMBERS = """
select attempt.*, attempt.state as state_before
  from paypal.payout_place join paypal.attempt using (attempt_id)
 where batch_key = $1
 order by attempt_id
"""
_BEGIN_SEND = """
with locked as (
    select attempt_id, round from paypal.payout_place
     where batch_key = $1
       and not exists (
           select from paypal.payout_place as other join paypal.attempt using (attempt_id)
            where other.batch_key = $1 and attempt.state not in ('sending', 'waiting', 'unknown')
       )
     order by attempt_id for update
)
update paypal.payout_place as place set sends = place.sends + 1
  from locked where (place.attempt_id, place.round) = (locked.attempt_id, locked.round)
returning place.sends
"""
_SEND_ALONE = """
with locked as (
    select attempt_id, round from paypal.payout_place
     where batch_key = $1 and sends = 1 order by attempt_id for update
)
update paypal.payout_place as place set batch_key = null, sends = 0
  from locked where (place.attempt_id, place.round) = (locked.attempt_id, locked.round)
returning true
"""
_SET_FREE = """
with locked as (
    select attempt_id, round from paypal.payout_place
     where batch_key = $1 and sends = 1 order by attempt_id for update
)
delete from paypal.payout_place as place
 using locked where (place.attempt_id, place.round) = (locked.attempt_id, locked.round)
returning true
"""
_LEAVE = """
delete from paypal.payout_place where attempt_id = $1 and round = $2 and batch_key is null
"""
_CLOSED = ""
"""The batch key of a payout that must not be sent in this round; no batch has it."""
_CLOSE = """
insert into paypal.payout_place as place (attempt_id, round, batch_key) values ($1, $2, '')
    on conflict (attempt_id, round) do update set batch_key = '' where place.batch_key = ''
returning true
"""


class Places(Protocol):
    """Stores places; every call raises `OutcomeUnknown` when the database does not answer."""

    async def join(
        self, attempts: Sequence[Attempt], batch_key: str | None
    ) -> Mapping[AttemptId, str | None]:
        """Store the place of each payout that has none; the place of each, None: alone.

        A payout that has ended, or is claimed by nobody, gets no place and is left out; so is one
        whose round was closed.
        """
        ...

    async def leave(self, attempt: Attempt) -> None:
        """Forget that a payout travels alone: its first request was refused, or did not leave."""
        ...

    async def close(self, attempt: Attempt) -> bool:
        """Let nobody send a payout in this round; False: it has a place, and may have been sent."""
        ...

    async def members(self, batch_key: str) -> Sequence[Attempt]:
        """The payouts of a shared batch, always in the same order."""
        ...

    async def begin_send(self, batch_key: str) -> int:
        """Count a request for a shared batch, before it is sent.

        Returns:
            The number of the request; 0: it must not be sent, as the batch was taken apart, or one
            of its payouts has ended.
        """
        ...

    async def take_apart(self, batch_key: str, *, alone: bool) -> bool:
        """End a batch whose only request was refused or did not leave.

        Args:
            batch_key: our id of the batch.
            alone: each payout travels alone from now on; else it has no place and may join again.

        Returns:
            False when there was another request: that one may have created the batch.
        """
        ...


class StoredPlaces:
    """Keeps places in the table `paypal.payout_place`."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def join(
        self, attempts: Sequence[Attempt], batch_key: str | None
    ) -> Mapping[AttemptId, str | None]:
        """Store the place of each payout that has none; see `Places.join`."""
        ids = [attempt.attempt_id for attempt in attempts]
        rounds = [round_of(attempt) for attempt in attempts]
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await self._join(connection, ids, rounds, batch_key)
                failpoint("paypal.before_places_commit")
        except INFRASTRUCTURE_ERRORS as error:
            raise _unreachable(error) from error
        return {AttemptId(row["attempt_id"]): row["batch_key"] for row in rows}

    async def _join(
        self,
        connection: Connection,
        ids: Sequence[AttemptId],
        rounds: Sequence[int],
        batch_key: str | None,
    ) -> Sequence[asyncpg.Record]:
        await connection.execute(_STORE, ids, rounds, batch_key)
        # another statement: it sees what another process has just committed
        return await connection.fetch(_PLACES, ids, rounds)

    async def leave(self, attempt: Attempt) -> None:
        """Forget that a payout travels alone; see `Places.leave`."""
        await self._fetch(_LEAVE, attempt.attempt_id, round_of(attempt))

    async def close(self, attempt: Attempt) -> bool:
        """Let nobody send a payout in this round; see `Places.close`."""
        return bool(await self._fetch(_CLOSE, attempt.attempt_id, round_of(attempt)))

    async def members(self, batch_key: str) -> Sequence[Attempt]:
        """The payouts of a shared batch, in the order of their ids."""
        found = (attempt_of(row) for row in await self._fetch(_MEMBERS, batch_key))
        return [attempt for attempt in found if isinstance(attempt, Attempt)]

    async def begin_send(self, batch_key: str) -> int:
        """Count a request for a shared batch; see `Places.begin_send`."""
        rows = await self._fetch(_BEGIN_SEND, batch_key)
        return int(rows[0]["sends"]) if rows else 0

    async def take_apart(self, batch_key: str, *, alone: bool) -> bool:
        """End a batch whose only request was refused; see `Places.take_apart`."""
        return bool(await self._fetch(_SEND_ALONE if alone else _SET_FREE, batch_key))

    async def _fetch(self, query: str, *values: object) -> Sequence[asyncpg.Record]:
        try:
            return await self._pool.fetch(query, *values)
        except INFRASTRUCTURE_ERRORS as error:
            raise _unreachable(error) from error


@dataclass(slots=True)
class _Place:
    attempt: Attempt
    batch_key: str | None
    sends: int = 0


class MemoryPlaces:
    """Keeps places in memory, for a processor without a database."""

    def __init__(self) -> None:
        self._places: dict[tuple[AttemptId, int], _Place] = {}

    async def join(
        self, attempts: Sequence[Attempt], batch_key: str | None
    ) -> Mapping[AttemptId, str | None]:
        """Store the place of each payout that has none; see `Places.join`."""
        found = {}
        for attempt in attempts:
            new = _Place(replace(attempt, memory=dict(attempt.memory)), batch_key)
            name = attempt.attempt_id, round_of(attempt)
            found[attempt.attempt_id] = self._places.setdefault(name, new).batch_key
        return {name: key for name, key in found.items() if key != _CLOSED}

    async def leave(self, attempt: Attempt) -> None:
        """Forget that a payout travels alone; see `Places.leave`."""
        self._places.pop((attempt.attempt_id, round_of(attempt)), None)

    async def close(self, attempt: Attempt) -> bool:
        """Let nobody send a payout in this round; see `Places.close`."""
        name = attempt.attempt_id, round_of(attempt)
        return self._places.setdefault(name, _Place(attempt, _CLOSED)).batch_key == _CLOSED

    async def members(self, batch_key: str) -> Sequence[Attempt]:
        """The payouts of a shared batch, in the order of their ids."""
        attempts = (place.attempt for place in self._of(batch_key))
        return sorted(attempts, key=lambda attempt: attempt.attempt_id)

    async def begin_send(self, batch_key: str) -> int:
        """Count a request for a shared batch; see `Places.begin_send`."""
        for place in self._of(batch_key):
            place.sends += 1
        return max((place.sends for place in self._of(batch_key)), default=0)

    async def take_apart(self, batch_key: str, *, alone: bool) -> bool:
        """End a batch whose only request was refused; see `Places.take_apart`."""
        found = {name: one for name, one in self._places.items() if one.batch_key == batch_key}
        if not found or any(place.sends != 1 for place in found.values()):
            return False
        for name, place in found.items():
            if alone:
                place.batch_key, place.sends = None, 0
            else:
                del self._places[name]
        return True

    def _of(self, batch_key: str) -> list[_Place]:
        return [place for place in self._places.values() if place.batch_key == batch_key]


def _unreachable(error: BaseException) -> OutcomeUnknown:
    """The place may be stored, and another process may send the batch: nothing is certain."""
    return OutcomeUnknown("payout_places_unreachable", type(error).__name__)
