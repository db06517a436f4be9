"""Read PayPal's list of events, for webhooks that were lost during an outage of ours or PayPal's.

PayPal tries to deliver an event for three days and lists it for 30. The list is read over our own
authenticated connection, so its events need no other proof. An event that came by webhook is
skipped; for the others each payment gets one notice.
Source: developer.paypal.com/docs/api/webhooks/v1, "List event notifications".
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.errors import OutcomeUnknown
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from paypal_method.events import event_of
from paypal_worker.client import PayPalClient
from paypal_worker.notices import EVERY_MIN, Delivery, listed_notice
from paypal_worker.settings import PayPalConfig

EVERY_S = 300
LAG_S = 120
"""Newer events are left to their webhooks."""
OVERLAP_S = 900
"""Every read goes back so far again: PayPal may list an event late."""
FIRST_REACH_S = 3600
REACH = timedelta(days=29)
"""How far back a read goes after an outage; PayPal lists events for 30 days."""
PAGES_MAX = 500
"""A list that never ends must not cause an endless loop."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class EventCatchUp:
    """Reads the list for one webhook."""

    webhook_id: str
    api: PayPalClient
    delivery: Delivery
    config: PayPalConfig
    clock: Clock

    def job(self, wake: Callable[[], None]) -> Job:
        """The periodic job; `wake` starts the queries of attempts that became due."""

        async def work(lease: Lease) -> None:
            del lease  # every step may be repeated
            if await self.read():
                wake()

        every = max(sped_up(EVERY_S, self.config.check_speed), EVERY_MIN)
        return Job(name="paypal:event-catch-up", every=every, work=work)

    async def read(self) -> int:
        """Read what is not covered yet; returns how many events were new.

        Raises:
            PaymentProcessorError: PayPal did not answer; what is not read stays uncovered.
        """
        now, speed = self.clock.now(), self.config.check_speed
        until = now - sped_up(LAG_S, speed)
        covered = await self.delivery.events.covered_until(self.webhook_id)
        since = (covered or now - sped_up(FIRST_REACH_S, speed)) - sped_up(OVERLAP_S, speed)
        found = await self._read_pages(max(since, now - REACH), until)
        failpoint("paypal.before_event_coverage")
        await self.delivery.events.cover(self.webhook_id, until)
        if found:
            log.info("paypal.events.caught_up", events=found, since=since.isoformat())
        return found

    async def _read_pages(self, since: datetime, until: datetime) -> int:
        found, query = 0, _query(since, until)
        for _ in range(PAGES_MAX):
            page = await self.api.list_events(query)
            for told in page.events:
                found += await self._take(told)
            if page.next_query is None or not page.events:
                return found
            query = page.next_query
        raise OutcomeUnknown("event_list_without_end", f"more than {PAGES_MAX} pages")

    async def _take(self, told: object) -> bool:
        """Give an event to its payments; False when it is none, or was seen before."""
        event = event_of(told)
        if event is None or await self.delivery.events.is_seen(event):
            return False
        notice_id = f"event.{event.event_id}"
        attempts = await self.delivery.events.attempts_of(event)
        await self.delivery.store(notice_id, listed_notice(event), attempts, self.clock.now())
        if attempts:  # only now: a crash before this repeats the notice, which changes nothing
            await self.delivery.events.first_notice(event, notice_id)
        return bool(attempts)


def _query(since: datetime, until: datetime) -> str:
    def text(moment: datetime) -> str:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    return f"page_size=300&start_time={text(since)}&end_time={text(until)}"
