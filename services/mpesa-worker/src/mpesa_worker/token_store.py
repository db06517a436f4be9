"""The access token, one for all: a new token ends the former one, so nobody takes one alone.

In a worker the token rests sealed in `mpesa.access_token`; who needs a new one takes an advisory
lock, looks whether somebody else was faster, and only then asks Daraja. Without a database (a
processor of its own, tests) the same rules hold inside the process.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg

from cift_shared.clock import Clock
from cift_shared.database import INFRASTRUCTURE_ERRORS, Connection, Pool
from cift_shared.errors import ProviderUnavailable, SealBroken
from cift_shared.failpoints import failpoint
from cift_shared.log import get_logger
from cift_shared.vault import Vault

SAFETY_MARGIN = timedelta(seconds=60)
"""A token is not used in the last minute of its life."""

LOCK_TIMEOUT_MS = 20_000
"""Longer than one token request may take, shorter than the pool's statement time-out."""

_CONTEXT = "access-token"
_DATABASE_ERRORS: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it ends."""

    text: str = field(repr=False)
    expires_at: datetime

    def serves(self, *, now: datetime, refused: str | None) -> bool:
        """True when it still lives and is not the one Daraja has just refused."""
        return self.text != refused and now < self.expires_at - SAFETY_MARGIN


Issue = Callable[[], Awaitable[Token]]
"""Asks Daraja for a new token; raises what `client.DarajaClient` says."""


class TokenStore(Protocol):
    """Where the client gets its token."""

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now; `refused` is one that Daraja just turned down."""
        ...


class MemoryTokens:
    """One token for one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now, from memory or else from Daraja, asked for once.

        Raises:
            PaymentProcessorError: Daraja gave none; nothing was sent for money.
        """
        token = self._usable(refused)
        if token is None:
            async with self._one_at_a_time:
                token = self._usable(refused) or await self._renew(issue, refused)
                self._token = token
        return token.text

    def _usable(self, refused: str | None) -> Token | None:
        token = self._token
        if token is not None and token.serves(now=self._clock.now(), refused=refused):
            return token
        return None

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        del refused  # nobody else in this process can have a newer one
        return await issue()


class SharedTokens(MemoryTokens):
    """One token for every process of the worker, kept in PostgreSQL."""

    def __init__(
        self, pool: "Pool[asyncpg.Record]", vault: Vault, clock: Clock, *, app: str
    ) -> None:
        """`app` names the Daraja app (host and consumer key); it is kept as a keyed hash."""
        super().__init__(clock)
        self._pool = pool
        self._vault = vault
        self._app = vault.fingerprint(app.encode(), context="daraja-app")
        digest = hashlib.sha256(f"mpesa.access_token:{self._app}".encode()).digest()
        self._lock_id = int.from_bytes(digest[:8], "big", signed=True)

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
                await connection.execute("select pg_advisory_xact_lock($1)", self._lock_id)
                token = await self._read(connection)
                if token is None or not token.serves(now=self._clock.now(), refused=refused):
                    token = await issue()
                    await self._write(connection, token)
                    failpoint("mpesa.before_token_commit")
                return token
        except _DATABASE_ERRORS as error:
            # Nothing was sent for money yet: say so, or the caller must think that it was.
            raise ProviderUnavailable("token_store_unreachable", type(error).__name__) from error

    async def _read(self, connection: Connection) -> Token | None:
        row = await connection.fetchrow(
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

    async def _write(self, connection: Connection, token: Token) -> None:
        await connection.execute(
            """
            insert into mpesa.access_token (app, sealed, expires_at) values ($1, $2, $3)
                on conflict (app) do update
                   set sealed = excluded.sealed, expires_at = excluded.expires_at,
                       updated_at = now()
            """,
            self._app,
            self._vault.seal(token.text.encode(), context=_CONTEXT),
            token.expires_at,
        )
