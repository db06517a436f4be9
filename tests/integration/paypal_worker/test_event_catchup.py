"""Webhooks that were lost are found in PayPal's list of events."""

from datetime import timedelta

import pytest

from cift_shared.errors import PaymentProcessorError
from tests.integration.paypal_worker.notices_harness import NoticesHarness

pytestmark = pytest.mark.integration

EVENTS = "/v1/notifications/webhooks-events"


async def lost_approval(harness: NoticesHarness):
    """A deposit whose approval's webhook was lost."""
    payment = await harness.deposit()
    await harness.only_by_notice()
    await harness.approve(payment)
    harness.twin.posts.clear()
    return payment


async def later(harness: NoticesHarness) -> int:
    """Read the list some minutes later."""
    harness.clock.advance(timedelta(minutes=5))
    found = await harness.catch_up.read()
    harness.engine.poll.wake()
    return found


async def test_a_lost_webhook_is_caught_up(notices: NoticesHarness) -> None:
    payment = await lost_approval(notices)
    assert await later(notices) == 1
    await notices.told(payment, "settled")


async def test_what_came_by_webhook_is_skipped(notices: NoticesHarness) -> None:
    payment = await notices.paid()
    before = await notices.matched(payment)
    assert await later(notices) == 0
    assert await notices.matched(payment) == before


async def test_a_second_read_finds_nothing_new(notices: NoticesHarness) -> None:
    payment = await lost_approval(notices)
    assert await later(notices) == 1
    await notices.told(payment, "settled")
    notices.twin.posts.clear()
    assert await later(notices) == 1  # the capture's own event, whose webhook was lost, too
    for _ in range(2):
        assert await later(notices) == 0


async def test_the_webhook_after_all_causes_no_second_query(notices: NoticesHarness) -> None:
    payment = await notices.deposit()
    await notices.only_by_notice()
    await notices.approve(payment)
    late = notices.twin.posts.pop()
    await later(notices)
    await notices.told(payment, "settled")
    before = await notices.matched(payment)
    await notices.hear(late)
    assert await notices.matched(payment) == before


async def test_after_a_failure_the_same_time_is_read_again(notices: NoticesHarness) -> None:
    payment = await lost_approval(notices)
    notices.wire.broken.add(EVENTS)
    for _ in range(3):
        with pytest.raises(PaymentProcessorError):
            await later(notices)
    assert await notices.delivery.events.covered_until(notices.catch_up.webhook_id) is None
    notices.wire.broken.clear()
    assert await later(notices) == 1
    await notices.told(payment, "settled")


async def test_after_a_long_outage_every_page_is_read(notices: NoticesHarness) -> None:
    await later(notices)
    payments = [await notices.deposit() for _ in range(3)]
    await notices.only_by_notice()
    for payment in payments:
        await notices.approve(payment)
    notices.clock.advance(timedelta(days=40))  # longer than PayPal keeps its list
    events = (await notices.twin.call("GET", f"{EVENTS}?page_size=2")).json()
    assert [link["rel"] for link in events["links"]] == ["self", "next"]
    covered = await notices.delivery.events.covered_until(notices.catch_up.webhook_id)
    assert covered is not None
    notices.clock.advance(timedelta(minutes=7) - timedelta(days=40))
    assert await notices.catch_up._read_pages(
        covered - timedelta(hours=1), notices.clock.now()
    ) == len(payments)


async def test_pages_keep_their_period(notices: NoticesHarness) -> None:
    """Every page is one of the same period: PayPal's link to the next one is followed."""
    for _ in range(3):
        await lost_approval(notices)
    query, seen = "page_size=1&start_time=2020-01-01T00:00:00Z", []
    while True:
        page = await notices.api.list_events(query)
        seen += [event["id"] for event in page.events]
        if page.next_query is None:
            break
        assert "start_time=2020" in page.next_query
        query = page.next_query
    assert len(seen) == len(set(seen)) == 3


async def test_old_events_are_forgotten(notices: NoticesHarness) -> None:
    await notices.paid()
    count = "select count(*) from paypal.event"
    assert await notices.pool.fetchval(count) > 0
    notices.clock.advance(timedelta(days=70))
    await notices.catch_up.read()
    assert await notices.pool.fetchval(count) == 0
