"""Access tokens of a provider's API: requested rarely, and shared by the processes of a worker.

A worker stores its newest token encrypted in `access_token` of its schema. How processes agree on
who renews it depends on the provider, and is the worker's (`StoredTokens.renew_stored`).
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import asyncpg

from cift_shared.clock import Clock
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import ProviderUnavailable, SealBroken
from cift_shared.observability.log import get_logger
from cift_shared.security.field_encryption import Vault

_CONTEXT = "access-token"
_DATABASE_ERRORS: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it expires."""

    text: str = field(repr=False)
    expires_at: datetime


Issue = Callable[[], Coroutine[Any, Any, Token]]
"""Requests a new token from the provider; raises `PaymentProcessorError`."""


class TokenStore(Protocol):
    """Gives the client its access token."""

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now; `refused` is a token that the provider has just refused."""
        ...


class CachedTokens:
    """One token for one process, kept in memory."""

    def __init__(self, clock: Clock, *, safety_margin: timedelta) -> None:
        """A token is not used in the last `safety_margin` of its lifetime."""
        self._clock = clock
        self._safety_margin = safety_margin
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def get(self, issue: Issue, *, refused: str | None = None) -> str:
        """A token to use now, kept or new; concurrent calls share one request.

        Raises:
            PaymentProcessorError: the provider gave no token; no money request was sent.
        """
        token = self._usable(self._token, refused)
        if token is None:
            async with self._lock:
                token = self._usable(self._token, refused) or await self._renew(issue, refused)
                self._token = token
        return token.text

    def _usable(self, token: Token | None, refused: str | None) -> Token | None:
        """The token, unless it expires soon or the provider has just refused it."""
        if token is None or token.text == refused:
            return None
        return token if self._clock.now() < token.expires_at - self._safety_margin else None

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        del refused  # nothing else in this process can have a newer one
        return await issue()


class StoredTokens(CachedTokens, ABC):
    """One token for every process of a worker, stored in PostgreSQL."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        vault: Vault,
        clock: Clock,
        *,
        schema: str,
        app: str,
        safety_margin: timedelta,
    ) -> None:
        """`app` is the keyed hash that identifies our app at the provider."""
        super().__init__(clock, safety_margin=safety_margin)
        self._pool = pool
        self._vault = vault
        self._schema = schema
        self._app = app

    @abstractmethod
    async def renew_stored(self, issue: Issue, refused: str | None) -> Token:
        """A token that another process has stored, or a new one that this process has stored."""

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        try:
            return await self.renew_stored(issue, refused)
        except _DATABASE_ERRORS as error:
            # No money request was sent yet. Without this exception type the caller would have to
            # assume that one was.
            raise ProviderUnavailable("token_store_unreachable", type(error).__name__) from error

    async def _find(self, refused: str | None) -> Token | None:
        """The stored token, if it can be used now."""
        query = f"select sealed, expires_at from {self._schema}.access_token where app = $1"  # noqa: S608  a constant of the worker
        row = await self._pool.fetchrow(query, self._app)
        if row is None:
            return None
        try:
            text = self._vault.open(row["sealed"], context=_CONTEXT).decode()
        except SealBroken:
            log.warning(f"{self._schema}.token.unreadable")
            return None
        return self._usable(Token(text, row["expires_at"]), refused)

    def _sealed(self, token: Token) -> str:
        return self._vault.seal(token.text.encode(), context=_CONTEXT)
