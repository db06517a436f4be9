"""Share one access token among all processes: a new token of Daraja invalidates the former one.

A worker stores the token encrypted in `mpesa.access_token`. A process that needs a new one takes a
lease, checks whether another process has already stored one, and only then requests it from Daraja.
A process that hangs while it renews the token loses the lease within seconds; the next process
renews the token, and the database refuses the late write of the first. Without a database (a
processor without a worker, tests) the same rules apply within the process.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import asyncpg

from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import LeaseLost, ProviderUnavailable, SealBroken
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from cift_shared.security.field_encryption import Vault

SAFETY_MARGIN = timedelta(seconds=60)
"""A token is not used in the last minute of its lifetime."""

WAIT_S = 20.0
"""Seconds that a process waits for a token that another process renews."""
POLL_S = 0.1

_CONTEXT = "access-token"
_DATABASE_ERRORS: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

_STORE = """
insert into mpesa.access_token (app, sealed, expires_at)
select $1, $2, $3::timestamptz
 where exists (select from mpesa.lease where name = $4 and holder = $5 and epoch = $6)
    on conflict (app) do update
   set sealed = excluded.sealed, expires_at = excluded.expires_at, updated_at = now()
returning true
"""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it expires."""

    text: str = field(repr=False)
    expires_at: datetime

    def is_usable(self, *, now: datetime, refused: str | None) -> bool:
        """True when it has not expired and is not the token that Daraja has just refused."""
        return self.text != refused and now < self.expires_at - SAFETY_MARGIN


Issue = Callable[[], Coroutine[Any, Any, Token]]
"""Requests a new token from Daraja; raises `PaymentProcessorError` (`client.DarajaClient`)."""


class TokenStore(Protocol):
    """Gives the client its access token."""

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now; `refused` is a token that Daraja has just refused."""
        ...


class MemoryTokens:
    """One token for one process, kept in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now, from memory or from Daraja; concurrent calls share one request.

        Raises:
            PaymentProcessorError: Daraja gave no token; no money request was sent.
        """
        token = self._usable(refused)
        if token is None:
            async with self._lock:
                token = self._usable(refused) or await self._renew(issue, refused)
                self._token = token
        return token.text

    def _usable(self, refused: str | None) -> Token | None:
        token = self._token
        if token is not None and token.is_usable(now=self._clock.now(), refused=refused):
            return token
        return None

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        del refused  # nothing else in this process can have a newer one
        return await issue()


class SharedTokens(MemoryTokens):
    """One token for every process of the worker, stored in PostgreSQL."""

    def __init__(
        self, pool: "Pool[asyncpg.Record]", vault: Vault, clock: Clock, *, app: str
    ) -> None:
        """`app` identifies the Daraja app (host and consumer key); it is stored as a keyed hash."""
        super().__init__(clock)
        self._pool = pool
        self._vault = vault
        self._app = vault.fingerprint(app.encode(), context="daraja-app")
        self.lease_name = f"token:{self._app}"

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        lease = Lease("mpesa", self.lease_name, self._clock)
        until = self._clock.monotonic() + WAIT_S
        try:
            while self._clock.monotonic() < until:
                token = await self._find(refused) or await self._renew_under_lease(
                    lease, issue, refused
                )
                if token is not None:
                    return token
                await asyncio.sleep(POLL_S)
        except _DATABASE_ERRORS as error:
            # No money request was sent yet. Without this exception type the caller would have to
            # assume that one was.
            raise ProviderUnavailable("token_store_unreachable", type(error).__name__) from error
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

    async def _find(self, refused: str | None) -> Token | None:
        """The stored token, if it can be used now."""
        token = await self._read()
        if token is not None and token.is_usable(now=self._clock.now(), refused=refused):
            return token
        return None

    async def _read(self) -> Token | None:
        row = await self._pool.fetchrow(
            "select sealed, expires_at from mpesa.access_token where app = $1", self._app
        )
        if row is None:
            return None
        try:
            text = self._vault.open(row["sealed"], context=_CONTEXT).decode()
        except SealBroken:
            log.warning("mpesa.token.unreadable")
            return None
        return Token(text, row["expires_at"])

    async def _write(self, token: Token, lease: Lease) -> bool:
        """Store a token; False: another process has the lease now, so this is not the newest."""
        stored: bool | None = await self._pool.fetchval(
            _STORE,
            self._app,
            self._vault.seal(token.text.encode(), context=_CONTEXT),
            token.expires_at,
            *lease.fence,
        )
        return bool(stored)
