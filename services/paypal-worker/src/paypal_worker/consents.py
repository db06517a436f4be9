"""The consents of payers: who let us take later deposits, when, and when that ended.

Written before the saved account is reported, so no account is used without its consent on record.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from cift_shared.attempts.processor import MethodAttempt
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import ProviderUnavailable

_GIVEN = """
insert into paypal.consent (payment_method_id, merchant_id, livemode, customer_id, given_at)
values ($1, $2, $3, $4, $5) on conflict do nothing
"""
_ENDED = """
update paypal.consent set ended_at = $2 where payment_method_id = $1 and ended_at is null
"""


@dataclass(slots=True)
class Consent:
    """One payer's consent."""

    given_at: datetime
    ended_at: datetime | None = None
    """When the account was deleted, here or by its owner at PayPal."""


class Consents(Protocol):
    """Records consents; both calls may be repeated.

    Both raise `ProviderUnavailable` when they can't be stored: the step is taken again later.
    """

    async def give(self, attempt: MethodAttempt, at: datetime) -> None:
        """The payer has approved; the first time counts."""
        ...

    async def end(self, payment_method_id: UUID, at: datetime) -> None:
        """The approval is gone; the first time counts."""
        ...


class MemoryConsents:
    """Keeps consents in memory, for a processor without a database."""

    def __init__(self) -> None:
        self.known: dict[UUID, Consent] = {}

    async def give(self, attempt: MethodAttempt, at: datetime) -> None:
        """The payer has approved; the first time counts."""
        self.known.setdefault(attempt.request.payment_method_id, Consent(at))

    async def end(self, payment_method_id: UUID, at: datetime) -> None:
        """The approval is gone; the first time counts."""
        consent = self.known.get(payment_method_id)
        if consent is not None and consent.ended_at is None:
            consent.ended_at = at


class StoredConsents:
    """Keeps consents in the table `paypal.consent`."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def give(self, attempt: MethodAttempt, at: datetime) -> None:
        """The payer has approved; the first time counts."""
        request = attempt.request
        await self._write(
            _GIVEN,
            request.payment_method_id,
            request.merchant_id,
            request.livemode,
            request.customer_id,
            at,
        )

    async def end(self, payment_method_id: UUID, at: datetime) -> None:
        """The approval is gone; the first time counts."""
        await self._write(_ENDED, payment_method_id, at)

    async def _write(self, statement: str, *values: object) -> None:
        try:
            await self._pool.execute(statement, *values)
        except INFRASTRUCTURE_ERRORS as error:
            raise ProviderUnavailable("consents_unreachable", type(error).__name__) from error
