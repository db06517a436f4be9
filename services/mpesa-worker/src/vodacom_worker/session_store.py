"""Share sessions among all processes: M-Pesa OpenAPI accepts a new one only after up to 30 seconds.

    renewed in advance   one process requests a session at its start, and the next one `LEAD_S`
                         before the newest one ends
    changed              every process uses the next one from `MARGIN_S` before that end: both live
    refused              Vodacom ended a session early: delete it, and use or request another one;
                         until that is accepted, nothing is sent

A new session does not end the former one, so two processes that renew at the same time do no harm.
Sessions are stored encrypted in `mpesa_tz.session`. Without a database (a processor without a
worker, tests) each process keeps its own.
Source: M-Pesa OpenAPI documentation, "Generate Session Key", and the sample code beside it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg

from cift_shared.attempts.access_token import CachedTokens, Issue, StoredTokens, Token
from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.database.pool import Pool
from cift_shared.errors import ProviderThrottled, SealBroken
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from cift_shared.security.field_encryption import Vault

SETTLES_S = 30
"""Time after which a new session is accepted everywhere at Vodacom."""
LEAD_S, MARGIN_S = 120, 60
"""When the next session is requested, and from when it is used: seconds before the end."""
RETRY_S = 5
"""Wait before the next call while a new session is not accepted yet."""
NOT_LIVE = "provider_session_not_live"

_CONTEXT = "access-token"
_STORE = """
with outdated as (delete from mpesa_tz.session where app = $1 and expires_at < $5)
insert into mpesa_tz.session (app, sealed, issued_at, expires_at) values ($1, $2, $3, $4)
"""
_FORGET = "delete from mpesa_tz.session where app = $1 and issued_at = $2"
_NEWEST = """
select sealed, issued_at, expires_at from mpesa_tz.session
 where app = $1 and expires_at > $2 order by issued_at desc limit 3
"""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Session(Token):
    """A session and when it was issued."""

    issued_at: datetime


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """The times of the change from one session to the next, divided by the check speed."""

    settles: timedelta
    lead: timedelta
    margin: timedelta
    retry: timedelta

    @classmethod
    def at_speed(cls, speed: Decimal) -> "SessionTimes":
        """The times, `speed` times faster."""
        seconds = (SETTLES_S, LEAD_S, MARGIN_S, RETRY_S)
        return cls(*(sped_up(one, speed) for one in seconds))

    def not_live(self) -> ProviderThrottled:
        """The error of a request whose session is not live yet; nothing was sent."""
        wait_s = max(1, round(self.retry.total_seconds()))
        return ProviderThrottled(NOT_LIVE, "the session is not live yet", retry_after_s=wait_s)


def refuse_early(session: Session, now: datetime, times: SessionTimes) -> None:
    """Wait for a refused session that may not be live yet, instead of requesting another one.

    Raises:
        ProviderThrottled: it is too new to be called wrong.
    """
    if now - session.issued_at < times.settles:
        raise times.not_live()


class MemorySessions(CachedTokens):
    """The sessions of one process, kept in memory."""

    def __init__(self, clock: Clock, times: SessionTimes) -> None:
        super().__init__(clock, safety_margin=times.margin)
        self._times = times

    async def _renew(self, issue: Issue, refused: str | None) -> Token:
        known = self._token
        if isinstance(known, Session) and known.text == refused:
            refuse_early(known, self._clock.now(), self._times)
        return await issue()


class SharedSessions(StoredTokens):
    """The sessions of every process of the worker, stored in PostgreSQL."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        vault: Vault,
        clock: Clock,
        *,
        app: str,
        times: SessionTimes,
    ) -> None:
        """`app` identifies the application (address and API key); it is stored as a keyed hash."""
        hashed = vault.fingerprint(app.encode(), context="vodacom-app")
        super().__init__(
            pool, vault, clock, schema="mpesa_tz", app=hashed, safety_margin=times.margin
        )
        self._times = times

    async def renew_stored(self, issue: Issue, refused: str | None) -> Token:
        """The best stored session, or a new one.

        Raises:
            ProviderThrottled: Vodacom refused a session that may not be live yet.
        """
        now = self._clock.now()
        stored = await self._stored()
        ended = next((one for one in stored if one.text == refused), None)
        if ended is not None:
            refuse_early(ended, now, self._times)
            await self._forget(ended)
        usable = [one for one in stored if self._usable(one, refused)]
        settled = [one for one in usable if now - one.issued_at >= self._times.settles]
        if usable:
            return (settled or usable)[0]
        return await self._issue(issue)

    async def renew_ahead(self, issue: Issue) -> bool:
        """Request a session if there is none, or the newest one ends soon; True: requested."""
        stored = await self._stored()
        if stored and self._clock.now() < stored[0].expires_at - self._times.lead:
            return False
        await self._issue(issue)
        return True

    async def _issue(self, issue: Issue) -> Token:
        session = await issue()
        failpoint("vodacom.before_session_commit")
        now = self._clock.now()
        issued_at = session.issued_at if isinstance(session, Session) else now
        await self._pool.execute(
            _STORE, self._app, self._sealed(session), issued_at, session.expires_at, now
        )
        return session

    async def _forget(self, ended: Session) -> None:
        """Delete a session that Vodacom has ended, else two of them would be used in turn."""
        await self._pool.execute(_FORGET, self._app, ended.issued_at)

    async def _stored(self) -> list[Session]:
        """The stored sessions that have not ended, newest first."""
        rows = await self._pool.fetch(_NEWEST, self._app, self._clock.now())
        return [session for row in rows if (session := self._session(row)) is not None]

    def _session(self, row: asyncpg.Record) -> Session | None:
        try:
            text = self._vault.open(row["sealed"], context=_CONTEXT).decode()
        except SealBroken:
            log.warning("mpesa_tz.session.unreadable")
            return None
        return Session(text, row["expires_at"], row["issued_at"])
