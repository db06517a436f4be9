"""Read the provider's records (Pull Transactions) and give each push of ours its row as a hint.

register once -> claim a read -> page by page: store the rows -> store hints -> store the coverage

There are two kinds of read. `recent` reads the latest period every few minutes; the unpaid
check uses its coverage. `again` reads every period once more a day later, for rows that appeared
late in the records.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
from prometheus_client import Counter, Gauge

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.errors import OutcomeUnknown, PaymentProcessorError, SettingsInvalid
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from cift_shared.security.callback_token import NO_ATTEMPT, CallbackTokens
from mpesa_method.purposes import Purpose
from mpesa_worker import domain
from mpesa_worker.client import DarajaClient
from mpesa_worker.mapping import SETUP_WRONG
from mpesa_worker.pull_window import Rules, Window, coverage_after, next_window
from mpesa_worker.pull_wire import PulledRow, PullQuery, PullRegistration, pull_moment
from mpesa_worker.pulls import ClaimedRead, PullStore
from mpesa_worker.pushes import SharedPushReferences
from mpesa_worker.settings import MpesaConfig

RECENT, SECOND_READ = "recent", "again"

LAG_S = 600
"""How long a paid push may be missing from the records; also covers the difference between our
clock and Daraja's. Not documented; the portal shows payments within seconds."""
REACH_S = 47 * 60 * 60
"""How far back a read goes: the API has records of the last 48 hours."""
SECOND_READ_AFTER_S = 24 * 60 * 60
SECOND_READ_INTERVAL_S = 3600
REGISTRATION_RETRY_S = 900
"""Wait before the next try to register, after a refusal."""

PAGES_MAX = 5_000
"""Maximum pages of one read: a server that ignores the offset must not cause an endless loop."""
CLAIM_VALIDITY = timedelta(seconds=10)
"""How long a claim stays valid without renewal, in case its process dies or hangs."""
RENEW_S = 3.0
"""Seconds between two renewals of the claim, however long a call to the provider takes."""
FAILURE_RETRY_S = 60
POLL_S_MIN = 0.5
UNKEYED_STATES = ("waiting", "unknown", "done", "review")

ROWS = Counter(
    "cift_mpesa_pulled_rows_total",
    "Rows of the records, once each: matched to a push, unmatched, or without account.",
    ["kind"],
)
COVERED = Gauge(
    "cift_mpesa_pull_covered_until_seconds",
    "Time up to which the records are read completely.",
    ["look"],
)

_DATABASE_ERRORS: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

log = get_logger()


@dataclass(frozen=True, slots=True)
class ReadKind:
    """One kind of read of the records."""

    name: str
    rules: Rules
    interval: timedelta
    after_failure: timedelta
    """Wait before the next try, after an incomplete answer."""
    after_refusal: timedelta
    """Wait before the next try, after the registration was refused."""


def coverage_name(config: MpesaConfig, kind: str) -> str:
    """The name under which the coverage is stored; another short code has its own coverage."""
    return f"{config.business_short_code} {kind}"


def read_kinds(config: MpesaConfig) -> tuple[ReadKind, ReadKind]:
    """The two kinds of read, `recent` and `again`, with these settings."""

    def scaled(seconds: int) -> timedelta:
        return sped_up(seconds, config.check_speed)

    def kind(name: str, rules: Rules, interval_s: int) -> ReadKind:
        interval = scaled(interval_s)
        retry = min(scaled(FAILURE_RETRY_S), interval)
        return ReadKind(
            coverage_name(config, name), rules, interval, retry, scaled(REGISTRATION_RETRY_S)
        )

    recent = Rules(lag=scaled(LAG_S), reach=scaled(REACH_S))
    day = scaled(SECOND_READ_AFTER_S)
    second = Rules(lag=day, reach=scaled(REACH_S), newest=day)
    return (
        kind(RECENT, recent, config.pull_interval_s),
        kind(SECOND_READ, second, SECOND_READ_INTERVAL_S),
    )


def registration_of(config: MpesaConfig, tokens: CallbackTokens) -> PullRegistration:
    """The request that registers the short code for pulls.

    Raises:
        SettingsInvalid: no nominated number is set.
    """
    number = config.pull_nominated_number
    if number is None:
        raise SettingsInvalid("MPESA_PULL_NOMINATED_NUMBER: not set")
    token = tokens.make(NO_ATTEMPT, Purpose.CONFIRMATION)
    return PullRegistration(
        short_code=config.business_short_code,
        number=number.get_secret_value(),
        callback_url=domain.callback_address(config.callback_base, token),
    )


class PullJob:
    """Makes one kind of read whenever it is due and no other process makes it."""

    def __init__(
        self,
        kind: ReadKind,
        registration: PullRegistration,
        *,
        client: DarajaClient,
        store: PullStore,
        pushes: SharedPushReferences,
        on_hints: Callable[[], None],
    ) -> None:
        """`on_hints` is called after hints were stored for attempts."""
        self.name = f"mpesa:pull:{kind.name.rpartition(' ')[2]}"
        self._kind = kind
        self._registration = registration
        self._client = client
        self._store = store
        self._pushes = pushes
        self._on_hints = on_hints
        self._refused = False
        """True once a refused registration has been logged."""

    async def run(self) -> None:
        """Read whenever it is due, until cancelled."""
        reach = self._kind.rules.reach
        await self._pushes.store_unkeyed(UNKEYED_STATES, within=reach)
        while True:
            try:
                await self.read_if_due()
            except _DATABASE_ERRORS as error:
                log.warning("mpesa.pull.not_stored", look=self._kind.name, error=repr(error))
            await asyncio.sleep(max(POLL_S_MIN, self._kind.interval.total_seconds() / 4))

    async def read_if_due(self) -> bool:
        """Make one read if it is due; True when it was complete."""
        claimed = await self._store.claim(self._kind.name, valid_for=CLAIM_VALIDITY)
        if claimed is None:
            return False
        failpoint("mpesa.after_round_claimed")
        return await self._renewing_claim(claimed, self._read_claimed(claimed))

    async def _renewing_claim(self, claimed: ClaimedRead, read: Coroutine[Any, Any, bool]) -> bool:
        """Run the read and renew its claim meanwhile; returns the read's result."""
        reading = asyncio.create_task(read)
        try:
            while not (await asyncio.wait({reading}, timeout=RENEW_S))[0]:
                await self._store.renew(claimed, CLAIM_VALIDITY)
            return reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_claimed(self, claimed: ClaimedRead) -> bool:
        try:
            await self._register(claimed)
        except PaymentProcessorError as error:
            self._log_refusal(error)
            await self._store.postpone(claimed, self._kind.after_refusal)
            return False
        await self._pushes.store_unkeyed(("unknown",), within=self._kind.rules.reach)
        try:
            await self._read_window(claimed)
        except PaymentProcessorError as error:
            log.warning("mpesa.pull.failed", look=claimed.name, code=error.code)
            if error.code == SETUP_WRONG:
                await self._store.clear_registration(claimed)
            await self._store_hints(claimed)  # rows stored before the failure are hints, too
            await self._store.postpone(claimed, self._kind.after_failure)
            return False
        return True

    async def _register(self, claimed: ClaimedRead) -> None:
        if claimed.registered_at is not None:
            return
        await self._client.register_pull(self._registration)
        failpoint("mpesa.after_registration")
        since = await self._store.store_registration(claimed)
        log.info("mpesa.pull.registered", look=claimed.name, since=since.isoformat())

    def _log_refusal(self, error: PaymentProcessorError) -> None:
        if not self._refused:
            log.error(
                "mpesa.pull.not_registered",
                code=error.code,
                meaning="pushes whose answer is lost wait for a callback, and for an operator "
                "after a day",
            )
        self._refused = True

    async def _read_window(self, claimed: ClaimedRead) -> None:
        """Read every page of the window, store the hints, then the coverage."""
        rules = self._kind.rules
        window = next_window(claimed.covered, claimed.at, rules)
        all_named = await self._read_pages(window)
        await self._store_hints(claimed)
        covered = coverage_after(claimed.covered, window, claimed.at, rules, all_named=all_named)
        failpoint("mpesa.before_coverage")
        await self._store.finish(claimed, covered, due=self._kind.interval)
        if covered.until is not None:
            COVERED.labels(self._kind.name).set(covered.until.timestamp())

    async def _read_pages(self, window: Window) -> bool:
        """Store the rows of every page; False when a row names no account."""
        all_named, offset, last = True, 0, frozenset[str]()
        for _ in range(PAGES_MAX):
            rows = await self._client.pull(self._query(window, offset))
            if not rows:
                return all_named
            page = frozenset(row.raw for row in rows)
            if page <= last:
                raise OutcomeUnknown("pull_offset_ignored", "the same page came twice")
            last = page
            all_named = all_named and all(row.reference for row in rows)
            await self._store_rows(rows)
            offset += len(rows)
        raise OutcomeUnknown("pull_without_end", f"more than {PAGES_MAX} pages")

    def _query(self, window: Window, offset: int) -> PullQuery:
        return PullQuery(
            short_code=self._registration.short_code,
            since=pull_moment(window.since),
            until=pull_moment(window.until + timedelta(seconds=1)),
            offset=str(offset),
        )

    async def _store_rows(self, rows: Sequence[PulledRow]) -> None:
        stored = await self._store.store_rows(rows)
        without_account = sum(row.reference is None for row in rows)
        ROWS.labels("ours").inc(stored.ours)
        ROWS.labels("unmatched").inc(stored.new - stored.ours)
        ROWS.labels("without_account").inc(without_account)

    async def _store_hints(self, claimed: ClaimedRead) -> None:
        while stored := await self._store.store_hints(at=claimed.at):
            log.info("mpesa.pull.told", rows=stored)
            self._on_hints()
