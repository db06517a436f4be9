"""Share one access token among all processes: PayPal limits how often tokens may be requested.

A new token does not end the former one, so two processes that renew it at the same time do no
harm. The newest token is stored encrypted in `paypal.access_token`. Without a database (a processor
without a worker, tests) each process keeps its own.

Source: developer.paypal.com/api/rest/authentication and /reference/rate-limiting.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import asyncpg

from cift_shared.clock import Clock
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import ProviderUnavailable, SealBroken
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from cift_shared.security.field_encryption import Vault

SAFETY_MARGIN = timedelta(minutes=5)
"""A token is not used in the last minutes of its lifetime."""

_CONTEXT = "access-token"
_DATABASE_ERRORS: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

_STORE = """
insert into paypal.access_token (app, sealed, expires_at) values ($1, $2, $3)
    on conflict (app) do update
   set sealed = excluded.sealed, expires_at = excluded.expires_at, updated_at = now()
"""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it expires."""

    text: str = field(repr=False)
    expires_at: datetime

    def is_usable(self, *, now: datetime, refused: str | None) -> bool:
        """True when it has not expired and is not the token that PayPal has just refused."""
        return self.text != refused and now < self.expires_at - SAFETY_MARGIN


Issue = Callable[[], Coroutine[Any, Any, Token]]
"""Requests a new token from PayPal; raises `PaymentProcessorError`."""


class TokenStore(Protocol):
    """Gives the client its access token."""

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now; `refused` is a token that PayPal has just refused."""
        ...


class MemoryTokens:
    """One token for one process, kept in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now, from memory or from PayPal; concurrent calls share one request.

        Raises:
            PaymentProcessorError: PayPal gave no token; no payment request was sent.
        """
        token = self._usable(self._token, refused)
        if token is None:
            async with self._lock:
                token = self._usable(self._token, refused) or await self._renew(issue, refused)
                self._token = token
        return token.text

    def _usable(self, token: Token | None, refused: str | None) -> Token | None:
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
        """`app` identifies the app at PayPal (host and client id); it is stored as a keyed hash."""
        super().__init__(clock)
        self._pool = pool
        self._vault = vault
        self._app = vault.fingerprint(app.encode(), context="paypal-app")

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        try:
            stored = self._usable(await self._read(), refused)
            if stored is not None:
                return stored
            token = await issue()
            failpoint("paypal.before_token_commit")
            await self._write(token)
        except _DATABASE_ERRORS as error:
            # No payment request was sent yet. Without this exception type the caller would have to
            # assume that one was.
            raise ProviderUnavailable("token_store_unreachable", type(error).__name__) from error
        return token

    async def _read(self) -> Token | None:
        row = await self._pool.fetchrow(
            "select sealed, expires_at from paypal.access_token where app = $1", self._app
        )
        if row is None:
            return None
        try:
            text = self._vault.open(row["sealed"], context=_CONTEXT).decode()
        except SealBroken:
            log.warning("paypal.token.unreadable")
            return None
        return Token(text, row["expires_at"])

    async def _write(self, token: Token) -> None:
        sealed = self._vault.seal(token.text.encode(), context=_CONTEXT)
        await self._pool.execute(_STORE, self._app, sealed, token.expires_at)
