"""Share the newest access token of each API user among all processes of a worker.

A new token does not end the former one, so two processes that renew it at the same time do no
harm. Tokens are stored encrypted in `access_token` of the country's schema. Without a database (a
processor without a worker, tests) each process keeps its own.

Source: momodeveloper.mtn.com, "Authentication": a token lives for an hour.
"""

from datetime import timedelta
from typing import Protocol

import asyncpg

from cift_shared.attempts.access_token import CachedTokens, Issue, StoredTokens, Token, TokenStore
from cift_shared.clock import Clock
from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.security.field_encryption import Vault

SAFETY_MARGIN = timedelta(minutes=2)
"""A token is not used in the last minutes of its lifetime."""

_STORE = """
insert into {schema}.access_token (app, sealed, expires_at) values ($1, $2, $3)
    on conflict (app) do update
   set sealed = excluded.sealed, expires_at = excluded.expires_at, updated_at = now()
"""


class Tokens(Protocol):
    """Gives each API user its own store of tokens."""

    def of(self, app: str) -> TokenStore:
        """The store of one API user; `app` identifies platform, product and user."""
        ...


class MemoryTokens:
    """Tokens for one process, kept in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def of(self, app: str) -> TokenStore:  # noqa: ARG002  each user gets an object of its own
        """A store for one API user."""
        return CachedTokens(self._clock, safety_margin=SAFETY_MARGIN)


class SharedTokens:
    """Tokens for every process of a country's worker, stored in PostgreSQL."""

    def __init__(
        self, pool: "Pool[asyncpg.Record]", vault: Vault, clock: Clock, *, schema: str
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._schema = schema

    def of(self, app: str) -> TokenStore:
        """A store for one API user, under a keyed hash of its name."""
        return _UserTokens(
            self._pool,
            self._vault,
            self._clock,
            schema=self._schema,
            app=self._vault.fingerprint(app.encode(), context="momo-app"),
            safety_margin=SAFETY_MARGIN,
        )


class _UserTokens(StoredTokens):
    async def renew_stored(self, issue: Issue, refused: str | None) -> Token:
        stored = await self._find(refused)
        if stored is not None:
            return stored
        token = await issue()
        failpoint("momo.before_token_commit")
        await self._pool.execute(
            _STORE.format(schema=self._schema), self._app, self._sealed(token), token.expires_at
        )
        return token
