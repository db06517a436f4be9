"""Read the provider's records (Pull Transactions) and give each push of ours its row as a hint.

register once -> claim a read -> page by page: store the rows -> store hints -> store the coverage

There are two kinds of read. `recent` reads the latest period every few minutes; proofs use its
coverage. `again` reads every period once more a day later, for rows that appeared late in the
records.
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
from mpesa_worker.pull_window import Rules, Window, after_look, next_window
from mpesa_worker.pull_wire import PulledRow, PullQuery, PullRegistration, pull_moment
from mpesa_worker.pulls import PullStore, Round
from mpesa_worker.pushes import SharedPushes
from mpesa_worker.settings import MpesaConfig

RECENT, AGAIN = "recent", "again"

LAG_S = 600
"""How long a paid push may be missing from the records; also covers the difference between our
clock and Daraja's. Not documented; the portal shows payments within seconds."""
REACH_S = 47 * 60 * 60
"""How far back a read goes: the API has records of the last 48 hours."""
AGAIN_AFTER_S = 24 * 60 * 60
AGAIN_EVERY_S = 3600
REGISTER_AGAIN_S = 900
"""Wait before the next try to register, after a refusal."""

PAGES_MAX = 5_000
"""Maximum pages of one read: a server that ignores the offset must not cause an endless loop."""
HOLD = timedelta(seconds=10)
"""How long a claim stays valid without renewal, when its process died or hangs."""
RENEW_S = 3.0
"""Seconds between two renewals of the claim, however long a call to the provider takes."""
FAILED_S = 60
LOOKS_S_MIN = 0.5
ADOPTED_STATES = ("waiting", "unknown", "done", "review")

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
class Look:
    """One kind of read of the records."""

    name: str
    rules: Rules
    every: timedelta
    after_failure: timedelta
    """Wait before the next try, after an incomplete answer."""
    after_refusal: timedelta
    """Wait before the next try, after the registration was refused."""


def name_of(config: MpesaConfig, look: str) -> str:
    """The name under which the coverage is stored; another short code has its own coverage."""
    return f"{config.business_short_code} {look}"


def looks_of(config: MpesaConfig) -> tuple[Look, Look]:
    """The two kinds of read, `recent` and `again`, with these settings."""

    def fast(seconds: int) -> timedelta:
        return sped_up(seconds, config.check_speed)

    def look(name: str, rules: Rules, every_s: int) -> Look:
        every = fast(every_s)
        failed = min(fast(FAILED_S), every)
        return Look(name_of(config, name), rules, every, failed, fast(REGISTER_AGAIN_S))

    recent = Rules(lag=fast(LAG_S), reach=fast(REACH_S))
    day = fast(AGAIN_AFTER_S)
    again = Rules(lag=day, reach=fast(REACH_S), newest=day)
    return look(RECENT, recent, config.pull_interval_s), look(AGAIN, again, AGAIN_EVERY_S)


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
        look: Look,
        registration: PullRegistration,
        *,
        client: DarajaClient,
        store: PullStore,
        pushes: SharedPushes,
        noticed: Callable[[], None],
    ) -> None:
        """`noticed` is called after hints were stored for attempts."""
        self.name = f"mpesa:pull:{look.name.rpartition(' ')[2]}"
        self._look = look
        self._registration = registration
        self._client = client
        self._store = store
        self._pushes = pushes
        self._noticed = noticed
        self._refused = False
        """True once a refused registration was logged."""

    async def run(self) -> None:
        """Read whenever it is due, until cancelled."""
        reach = self._look.rules.reach
        await self._pushes.adopt(ADOPTED_STATES, within=reach)
        while True:
            try:
                await self.look_if_due()
            except _DATABASE_ERRORS as error:
                log.warning("mpesa.pull.not_stored", look=self._look.name, error=repr(error))
            await asyncio.sleep(max(LOOKS_S_MIN, self._look.every.total_seconds() / 4))

    async def look_if_due(self) -> bool:
        """Make one read if it is due; True when it was complete."""
        turn = await self._store.claim(self._look.name, hold=HOLD)
        if turn is None:
            return False
        failpoint("mpesa.after_round_claimed")
        return await self._held(turn, self._look_claimed(turn))

    async def _held(self, turn: Round, look: Coroutine[Any, Any, bool]) -> bool:
        """Run the read and renew its claim meanwhile; returns the read's result."""
        looking = asyncio.create_task(look)
        try:
            while not (await asyncio.wait({looking}, timeout=RENEW_S))[0]:
                await self._store.renew(turn, HOLD)
            return looking.result()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_claimed(self, turn: Round) -> bool:
        try:
            await self._register(turn)
        except PaymentProcessorError as error:
            self._tell_refused(error)
            await self._store.hold(turn, self._look.after_refusal)
            return False
        await self._pushes.adopt(("unknown",), within=self._look.rules.reach)
        try:
            await self._look_whole(turn)
        except PaymentProcessorError as error:
            log.warning("mpesa.pull.failed", look=turn.name, code=error.code)
            if error.code == SETUP_WRONG:
                await self._store.not_registered(turn)
            await self._tell(turn)  # rows stored before the failure are hints all the same
            await self._store.hold(turn, self._look.after_failure)
            return False
        return True

    async def _register(self, turn: Round) -> None:
        if turn.registered_at is not None:
            return
        await self._client.register_pull(self._registration)
        failpoint("mpesa.after_registration")
        since = await self._store.registered(turn)
        log.info("mpesa.pull.registered", look=turn.name, since=since.isoformat())

    def _tell_refused(self, error: PaymentProcessorError) -> None:
        if not self._refused:
            log.error(
                "mpesa.pull.not_registered",
                code=error.code,
                meaning="pushes whose answer is lost wait for a callback, and for an operator "
                "after a day",
            )
        self._refused = True

    async def _look_whole(self, turn: Round) -> None:
        """Read every page of the window, store the hints, then the coverage."""
        rules = self._look.rules
        window = next_window(turn.covered, turn.at, rules)
        clean = await self._read_pages(window)
        await self._tell(turn)
        covered = after_look(turn.covered, window, turn.at, rules, clean=clean)
        failpoint("mpesa.before_coverage")
        await self._store.finish(turn, covered, due=self._look.every)
        if covered.until is not None:
            COVERED.labels(self._look.name).set(covered.until.timestamp())

    async def _read_pages(self, window: Window) -> bool:
        """Store the rows of every page; False when a row names no account."""
        clean, offset, last = True, 0, frozenset[str]()
        for _ in range(PAGES_MAX):
            rows = await self._client.pull(self._query(window, offset))
            if not rows:
                return clean
            page = frozenset(row.raw for row in rows)
            if page <= last:
                raise OutcomeUnknown("pull_offset_ignored", "the same page came twice")
            last = page
            clean = clean and all(row.reference for row in rows)
            await self._keep(rows)
            offset += len(rows)
        raise OutcomeUnknown("pull_without_end", f"more than {PAGES_MAX} pages")

    def _query(self, window: Window, offset: int) -> PullQuery:
        return PullQuery(
            short_code=self._registration.short_code,
            since=pull_moment(window.since),
            until=pull_moment(window.until + timedelta(seconds=1)),
            offset=str(offset),
        )

    async def _keep(self, rows: Sequence[PulledRow]) -> None:
        kept = await self._store.keep(rows)
        nameless = sum(row.reference is None for row in rows)
        ROWS.labels("ours").inc(kept.ours)
        ROWS.labels("unmatched").inc(kept.fresh - kept.ours)
        ROWS.labels("without_account").inc(nameless)

    async def _tell(self, turn: Round) -> None:
        while told := await self._store.tell(at=turn.at):
            log.info("mpesa.pull.told", rows=told)
            self._noticed()
