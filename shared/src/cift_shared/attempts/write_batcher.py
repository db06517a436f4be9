"""Store decisions that finish together in one statement.

A decision that comes alone is stored at once; while many come, each statement takes those of a
short time.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from asyncpg.exceptions import UniqueViolationError

from cift_shared.attempts.state_machine import Decision
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.ids import AttemptId
from cift_shared.observability.log import get_logger
from cift_shared.waiting import Gap

SAVE_MAX = 200
BUSY_GAP_S = 0.01
RETRY_DELAYS_S = (0.1, 0.2, 0.5, 1, 2, 5, 5, 10, 10, 10, 15, 15, 15, 30)
"""Delays between saves while the database is unavailable: about two minutes in all."""

log = get_logger()


class Store(Protocol):
    """The part of the attempt store that the batcher uses."""

    async def save(self, decisions: Sequence[Decision], *, now: datetime) -> set[AttemptId]:
        """Store decisions; returns the ids of those whose lease still held."""
        ...


class WriteBatcher:
    """One writer for many callers; each caller waits until its own decision is stored."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._waiting: list[tuple[Decision, asyncio.Future[bool]]] = []
        self._flush: asyncio.Task[None] | None = None
        self._gap = Gap(BUSY_GAP_S)

    async def save(self, decision: Decision) -> bool:
        """Store a decision; False when another holder has taken its lease.

        Raises:
            Exception: the database's error for this decision.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((decision, future))
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._flush_all(), name="attempts:saver")
        # A known outcome must be stored even while the process stops.
        return await asyncio.shield(future)

    async def _flush_all(self) -> None:
        while self._waiting:
            await self._gap.wait()
            batch, self._waiting = self._waiting[:SAVE_MAX], self._waiting[SAVE_MAX:]
            await self._save_batch(batch)

    async def _save_batch(self, batch: list[tuple[Decision, "asyncio.Future[bool]"]]) -> None:
        """Store a batch; while the database is unavailable, keep the decisions and try again."""
        for delay_s in (*RETRY_DELAYS_S, None):
            try:
                await self._try_batch(batch)
            except INFRASTRUCTURE_ERRORS as error:
                if delay_s is None:
                    _fail(batch, error)
                    return
                log.warning("attempts.save_delayed", count=len(batch), error=repr(error))
                await asyncio.sleep(delay_s)
            else:
                return

    async def _try_batch(self, batch: list[tuple[Decision, "asyncio.Future[bool]"]]) -> None:
        try:
            held = await self._store.save([decision for decision, _ in batch], now=self._now())
        except UniqueViolationError as error:
            if len(batch) > 1:
                for one in batch:
                    await self._try_batch([one])
                return
            # Two attempts have the same provider reference: the provider reused it. The row keeps
            # its lease until that expires, and is then queried again; operators see the log line.
            log.exception("attempts.reference_reused", attempt_id=_id(batch[0][0]))
            _fail(batch, error)
        except INFRASTRUCTURE_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001  `save` raises it for its caller
            _fail(batch, error)
        else:
            for decision, future in batch:
                if not future.done():
                    future.set_result(decision.claim.attempt.attempt_id in held)


def _fail(batch: list[tuple[Decision, "asyncio.Future[bool]"]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


def _id(decision: Decision) -> str:
    return str(decision.claim.attempt.attempt_id)
