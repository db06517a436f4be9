"""Share one access token among all processes: PayPal limits how often tokens may be requested.

A new token does not end the former one, so two processes that renew it at the same time do no
harm. The newest token is stored encrypted in `paypal.access_token`. Without a database (a processor
without a worker, tests) each process keeps its own.

Source: developer.paypal.com/api/rest/authentication and /reference/rate-limiting.
"""

from datetime import timedelta

import asyncpg

from cift_shared.attempts.access_token import CachedTokens, Issue, StoredTokens, Token
from cift_shared.clock import Clock
from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.security.field_encryption import Vault

SAFETY_MARGIN = timedelta(minutes=5)
"""A token is not used in the last minutes of its lifetime."""

_STORE = """
insert into paypal.access_token (app, sealed, expires_at) values ($1, $2, $3)
    on conflict (app) do update
   set sealed = excluded.sealed, expires_at = excluded.expires_at, updated_at = now()
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
        """`app` identifies the app at PayPal (host and client id); it is stored as a keyed hash."""
        hashed = vault.fingerprint(app.encode(), context="paypal-app")
        super().__init__(
            pool, vault, clock, schema="paypal", app=hashed, safety_margin=SAFETY_MARGIN
        )

    async def renew_stored(self, issue: Issue, refused: str | None) -> Token:
        """The stored token, or a new one."""
        stored = await self._find(refused)
        if stored is not None:
            return stored
        token = await issue()
        failpoint("paypal.before_token_commit")
        await self._pool.execute(_STORE, self._app, self._sealed(token), token.expires_at)
        return token
