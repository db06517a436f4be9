"""The references of pushes: stored before each push is sent, and unique for each push.

Safaricom's records identify a payment by its AccountReference. By this reference a push whose
answer was lost is found in them.
"""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg

from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import InvariantViolated, ProviderUnavailable
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.observability.log import get_logger
from cift_shared.security.field_encryption import Vault
from mpesa_worker import domain, wire

KEYED_FORM = 2
UNKEYED_FORM = 1
VARIANTS_MAX = 5
BATCH_MAX = 200

_DATABASE_ERRORS: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

log = get_logger()

_RESERVE = """
insert into mpesa.push as held (attempt_id, reference, form)
select wanted.attempt_id, wanted.reference, $3
  from unnest($1::uuid[], $2::text[]) as wanted (attempt_id, reference)
 where exists (select from mpesa.attempt
                where attempt.attempt_id = wanted.attempt_id and attempt.state = 'sending')
 order by wanted.attempt_id
    on conflict (attempt_id) do update set last_at = clock_timestamp()
returning attempt_id, reference
"""
"""Only for attempts in state `sending`. A process that paused for so long that another process took
over its attempt gets no reference, and sends nothing."""

_FIND = "select reference, attempt_id from mpesa.push where reference = any ($1::text[])"

_WITHOUT_REFERENCE = """
select attempt_id, payment_id, created_at
  from mpesa.attempt
 where operation = 'deposit' and state = any ($1::text[]) and created_at > now() - $2::interval
   and not exists (select from mpesa.push where push.attempt_id = attempt.attempt_id)
 limit 5000
"""
_STORE_UNKEYED = """
insert into mpesa.push (attempt_id, reference, form, first_at)
select attempt_id, reference, $4, first_at
  from unnest($1::uuid[], $2::text[], $3::timestamptz[])
       as old (attempt_id, reference, first_at)
    on conflict do nothing
"""
_LINK_ROWS = """
update mpesa.pulled set attempt_id = push.attempt_id, sent_at = push.first_at
  from mpesa.push
 where push.attempt_id = any ($1::uuid[]) and pulled.reference = push.reference
   and pulled.attempt_id is null
"""


class PushReferences(Protocol):
    """Reserves the references of pushes."""

    async def reserve(self, attempt_id: AttemptId) -> str:
        """The reference under which the attempt is sent now.

        Raises:
            ProviderUnavailable: the reference could not be stored, so nothing may be sent.
        """
        ...


class MemoryPushReferences:
    """References of a processor without a database: computed, not stored."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def reserve(self, attempt_id: AttemptId) -> str:
        """The attempt's reference; never fails."""
        return domain.keyed_account_reference(self._vault, attempt_id)


class SharedPushReferences:
    """References in PostgreSQL, shared by every process of the worker."""

    def __init__(self, pool: "Pool[asyncpg.Record]", vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        self._waiting: dict[AttemptId, asyncio.Future[str]] = {}
        self._flush: asyncio.Task[None] | None = None

    async def reserve(self, attempt_id: AttemptId) -> str:
        """Store the attempt's reference and return it; concurrent calls are stored in one batch.

        Raises:
            ProviderUnavailable: it could not be stored, or another process has the attempt.
            InvariantViolated: all `VARIANTS_MAX` references of the attempt belong to other pushes.
        """
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[attempt_id] = future
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._flush_all(), name="mpesa:references")
        reference = await future
        failpoint("mpesa.after_reference")
        return reference

    async def find_attempts(self, bodies: Mapping[str, bytes]) -> Mapping[str, AttemptId]:
        """Find the attempts of C2B confirmations by their account references.

        Args:
            bodies: notice bodies by notice id.

        Returns:
            The attempt ids by notice id; a notice without a known reference is left out.
        """
        accounts: dict[str, str] = {}
        for notice_id, body in bodies.items():
            confirmation = wire.read_confirmation(body)
            account = (confirmation.account or "").upper() if confirmation else ""
            if domain.is_our_reference(account):
                accounts[notice_id] = account
        if not accounts:
            return {}
        rows = await self._pool.fetch(_FIND, sorted(set(accounts.values())))
        owners = {row["reference"]: AttemptId(row["attempt_id"]) for row in rows}
        return {name: owners[account] for name, account in accounts.items() if account in owners}

    async def store_unkeyed(self, states: Collection[str], *, within: timedelta) -> int:
        """Store the unkeyed references of pushes that an earlier release sent.

        Args:
            states: the attempt states to include.
            within: the maximum age of an attempt.

        Returns:
            The number of pushes.
        """
        rows = await self._pool.fetch(_WITHOUT_REFERENCE, list(states), within)
        if not rows:
            return 0
        ids = [row["attempt_id"] for row in rows]
        references = [domain.account_reference(row["payment_id"]) for row in rows]
        created: list[datetime] = [row["created_at"] for row in rows]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_STORE_UNKEYED, ids, references, created, UNKEYED_FORM)
            await connection.execute(_LINK_ROWS, ids)
        return len(rows)

    async def _flush_all(self) -> None:
        while self._waiting:
            attempt_ids = sorted(self._waiting)[:BATCH_MAX]
            batch = {one: self._waiting.pop(one) for one in attempt_ids}
            await self._store_batch(batch, variant=0)

    async def _store_batch(
        self, batch: Mapping[AttemptId, "asyncio.Future[str]"], *, variant: int
    ) -> None:
        try:
            stored = await self._store(list(batch), variant)
        except asyncpg.UniqueViolationError:
            await self._store_singly(batch, variant)
        except _DATABASE_ERRORS as error:
            unreachable = ProviderUnavailable("push_store_unreachable", type(error).__name__)
            _resolve(batch, {}, unreachable)
        else:
            taken_over = ProviderUnavailable(
                "attempt_taken_over", "another process has the attempt"
            )
            _resolve(batch, stored, taken_over)

    async def _store_singly(
        self, batch: Mapping[AttemptId, "asyncio.Future[str]"], variant: int
    ) -> None:
        """Store one by one after a conflict; an attempt whose reference is taken gets a variant."""
        if len(batch) > 1:
            for attempt_id, future in batch.items():
                await self._store_batch({attempt_id: future}, variant=variant)
        elif variant + 1 < VARIANTS_MAX:
            log.warning("mpesa.reference.taken", variant=variant)
            await self._store_batch(batch, variant=variant + 1)
        else:
            _resolve(batch, {}, InvariantViolated("every reference for this push is in use"))

    async def _store(self, attempt_ids: list[AttemptId], variant: int) -> dict[AttemptId, str]:
        wanted = [
            domain.keyed_account_reference(self._vault, attempt_id, variant)
            for attempt_id in attempt_ids
        ]
        rows = await self._pool.fetch(_RESERVE, attempt_ids, wanted, KEYED_FORM)
        return {AttemptId(row["attempt_id"]): row["reference"] for row in rows}


def _resolve(
    batch: Mapping[AttemptId, "asyncio.Future[str]"],
    stored: Mapping[AttemptId, str],
    otherwise: Exception,
) -> None:
    for attempt_id, future in batch.items():
        if future.done():
            continue
        if attempt_id in stored:
            future.set_result(stored[attempt_id])
        else:
            future.set_exception(otherwise)
