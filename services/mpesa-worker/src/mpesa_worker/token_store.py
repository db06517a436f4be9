"""Share one access token among all processes: a new token of Daraja invalidates the former one.

A worker stores the token encrypted in `mpesa.access_token`. A process that needs a new one takes a
lease, checks whether another process has already stored one, and only then requests it from Daraja.
A process that hangs while it renews the token loses the lease within seconds; the next process
renews the token, and the database refuses the late write of the first. Without a database (a
processor without a worker, tests) the same rules apply within the process.
"""

import asyncio
from datetime import timedelta

import asyncpg

from cift_shared.attempts.access_token import CachedTokens, Issue, StoredTokens, Token
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Pool
from cift_shared.errors import LeaseLost, ProviderUnavailable
from cift_shared.failpoints import failpoint
from cift_shared.security.field_encryption import Vault

SAFETY_MARGIN = timedelta(seconds=60)
"""A token is not used in the last minute of its lifetime."""

WAIT_S = 20.0
"""Seconds that a process waits for a token that another process renews."""
POLL_S = 0.1

_STORE = """
insert into mpesa.access_token (app, sealed, expires_at)
select $1, $2, $3::timestamptz
 where exists (select from mpesa.lease where name = $4 and holder = $5 and epoch = $6)
    on conflict (app) do update
   set sealed = excluded.sealed, expires_at = excluded.expires_at, updated_at = now()
returning true
"""


class MemoryTokens(CachedTokens):
    """One token for one process, kept in memory."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, safety_margin=SAFETY_MARGIN)


class SharedTokens(StoredTokens):
    """One token for every process of the worker, stored in PostgreSQL."""

    def __init__(
        self, pool: "Pool[asyncpg.Record]", vault: Vault, clock: Clock, *, app: str
    ) -> None:
        """`app` identifies the Daraja app (host and consumer key); it is stored as a keyed hash."""
        hashed = vault.fingerprint(app.encode(), context="daraja-app")
        super().__init__(
            pool, vault, clock, schema="mpesa", app=hashed, safety_margin=SAFETY_MARGIN
        )
        self.lease_name = f"token:{hashed}"

    async def renew_stored(self, issue: Issue, refused: str | None) -> Token:
        """The token that one of the processes renews under the lease.

        Raises:
            ProviderUnavailable: another process has renewed it for longer than `WAIT_S`.
        """
        lease = Lease("mpesa", self.lease_name, self._clock)
        until = self._clock.monotonic() + WAIT_S
        while self._clock.monotonic() < until:
            token = await self._find(refused) or await self._renew_under_lease(
                lease, issue, refused
            )
            if token is not None:
                return token
            await asyncio.sleep(POLL_S)
        raise ProviderUnavailable("token_store_busy", "another process renews the token")

    async def _renew_under_lease(
        self, lease: Lease, issue: Issue, refused: str | None
    ) -> Token | None:
        """A new token, requested under the lease; None: another process has the lease."""
        if not await lease.take(self._pool):
            return None
        try:
            # Another process may have stored a token before it released the lease.
            return await self._find(refused) or await self._issue(lease, issue)
        except LeaseLost:
            return None
        finally:
            if lease.is_held:
                await lease.release(self._pool)

    async def _issue(self, lease: Lease, issue: Issue) -> Token | None:
        """Request and store a new token; None: this process paused and another one renews.

        Raises:
            LeaseLost: the same, detected during the request to Daraja.
        """
        if not lease.is_sure:
            return None
        token = await lease.keep(self._pool, issue())
        failpoint("mpesa.before_token_commit")
        return token if await self._write(token, lease) else None

    async def _write(self, token: Token, lease: Lease) -> bool:
        """Store a token; False: another process has the lease now, so this is not the newest."""
        stored: bool | None = await self._pool.fetchval(
            _STORE,
            self._app,
            self._sealed(token),
            token.expires_at,
            *lease.fence,
        )
        return bool(stored)
