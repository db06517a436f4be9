"""Prove stored webhooks, and find the payments that their events are about.

stored transmission -> proven? -> first of its event? -> attempts -> each becomes due for a query
                       no: refused, counted, no effect
                       PayPal does not answer: kept, tried again

Nothing of an event reaches a payment, except that PayPal is queried now.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.attempts.store import AttemptStore
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import ProviderNotice
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import DUPLICATES, UNKNOWN_WORDS
from cift_shared.runtime.job import Job
from cift_shared.security.field_encryption import Vault
from paypal_method.events import Event, read_event
from paypal_method.transmission import AGE_MAX, Transmission, Unproven
from paypal_worker.event_store import EventStore, Unverified
from paypal_worker.settings import PayPalConfig
from paypal_worker.transport import PROVIDER
from paypal_worker.webhook_verifier import Undecided, Verifier

REFUSED = Counter(
    "cift_paypal_notices_refused_total",
    "Webhooks that did not prove that PayPal sent them, by the check that refused them.",
    ["reason"],
)
UNMATCHED = Counter(
    "cift_paypal_events_unmatched_total", "Proven events that are about no payment of ours."
)
RETRY_EVERY_S = 30
EVERY_MIN = timedelta(seconds=1)
RETRY_S, RETRY_S_MAX = 30, 3600
"""Wait before the second try to verify a transmission, and the longest; it doubles."""

log = get_logger()


def event_in(body: bytes) -> Event | None:
    """The event of a stored notice: of a transmission, or of PayPal's list; None: neither."""
    transmission = Transmission.unpacked(body)
    return read_event(body if transmission is None else transmission.body)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Gives notices of events to attempts."""

    events: EventStore
    attempts: AttemptStore
    vault: Vault

    async def first_attempts(self, notice_id: str, event: Event) -> Sequence[AttemptId]:
        """The attempts of an event; none when it is about none of ours, or is a repeat."""
        if not event.is_known:
            UNKNOWN_WORDS.labels(PROVIDER).inc()
            log.warning("paypal.word.unknown", kind="event", word=event.type[:64])
        found = await self.events.attempts_of(event)
        if not found:
            UNMATCHED.inc()
            log.info("paypal.notice.unmatched", notice_id=notice_id, event_type=event.type)
            return ()
        if await self.events.first_notice(event, notice_id) != notice_id:
            DUPLICATES.labels("event").inc()
            return ()
        return found

    async def store(
        self, notice_id: str, body: bytes, attempts: Sequence[AttemptId], at: datetime
    ) -> None:
        """Store a notice for each attempt, which makes it due; a repeat changes nothing."""
        if not attempts:
            return
        sealed = self.vault.seal(body, context="notice")
        notices = [
            ProviderNotice(
                notice_id=f"{notice_id}.{number}",
                provider=PROVIDER,
                attempt_id=attempt_id,
                sealed_body=sealed,
                source_listed=True,
                received_at=at,
            )
            for number, attempt_id in enumerate(attempts)
        ]
        await self.attempts.store_notices(notices, [None] * len(notices))


class Notices:
    """Verifies the transmissions that the gateway has stored."""

    def __init__(
        self, verifier: Verifier | None, delivery: Delivery, config: PayPalConfig, clock: Clock
    ) -> None:
        """Without a verifier, as no webhook id is set, every transmission is refused."""
        self._verifier = verifier
        self._delivery = delivery
        self._config = config
        self._clock = clock

    async def find_attempts(self, bodies: Mapping[str, bytes]) -> Mapping[str, AttemptId]:
        """The attempt of each notice that PayPal has proven to send; others are left out.

        An event about several attempts has its own notice for each of the others.
        """
        found: dict[str, AttemptId] = {}
        for notice_id, body in bodies.items():
            attempts = await self._attempts_of(notice_id, body)
            if attempts:
                first, *others = attempts
                await self._delivery.store(notice_id, body, others, self._clock.now())
                found[notice_id] = first
        return found

    def job(self, wake: Callable[[], None]) -> Job:
        """The job that verifies again what PayPal did not answer; `wake` starts due queries."""

        async def work(lease: Lease) -> None:
            del lease  # every step may be repeated
            await self.retry()
            wake()

        every = max(sped_up(RETRY_EVERY_S, self._config.check_speed), EVERY_MIN)
        return Job(name="paypal:unverified-notices", every=every, work=work)

    async def retry(self) -> None:
        """Try every transmission again that is due."""
        for waiting in await self._delivery.events.due(self._clock.now()):
            if not await self._try_again(waiting):
                await self._delivery.events.forget(waiting.notice_id)

    async def _attempts_of(self, notice_id: str, body: bytes) -> Sequence[AttemptId]:
        try:
            event = await self._prove(body)
        except Unproven as error:
            self._refuse(notice_id, error)
            return ()
        except Undecided as error:
            log.warning("paypal.notice.undecided", notice_id=notice_id, reason=str(error))
            now = self._clock.now()
            await self._delivery.events.keep_unverified(
                notice_id, body, now, now + self._wait(tries=0)
            )
            return ()
        failpoint("paypal.after_proof")
        return await self._delivery.first_attempts(notice_id, event)

    async def _prove(self, body: bytes) -> Event:
        if self._verifier is None:
            raise Unproven("unverified", "PAYPAL_WEBHOOK_ID is not set.")
        return await self._verifier.prove(body)

    async def _try_again(self, waiting: Unverified) -> bool:
        """True when it must be tried once more."""
        try:
            event = await self._prove(waiting.body)
        except Unproven as error:
            self._refuse(waiting.notice_id, error)
            return False
        except Undecided as error:
            now = self._clock.now()
            if now - waiting.received_at > AGE_MAX:
                self._refuse(waiting.notice_id, Unproven("unverified", str(error)))
                return False
            later = now + self._wait(tries=waiting.tries)
            await self._delivery.events.postpone(waiting.notice_id, later)
            return True
        attempts = await self._delivery.first_attempts(waiting.notice_id, event)
        await self._delivery.store(
            f"{waiting.notice_id}.again", waiting.body, attempts, waiting.received_at
        )
        return False

    def _wait(self, *, tries: int) -> timedelta:
        seconds = min(RETRY_S * 2 ** min(tries, 10), RETRY_S_MAX)
        return sped_up(seconds, self._config.check_speed)

    def _refuse(self, notice_id: str, error: Unproven) -> None:
        REFUSED.labels(error.reason).inc()
        log.warning("paypal.notice.refused", notice_id=notice_id, reason=error.reason)


def listed_notice(event: Event) -> bytes:
    """The body of a notice for an event of PayPal's list: no personal data."""
    return json.dumps({"id": event.event_id, "event_type": event.type}).encode()
