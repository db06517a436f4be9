"""Calls to Stripe: their limits, their circuit, and what never reaches a log."""

import logging
from datetime import timedelta

import httpx
import pytest

from cift_shared.errors import OutcomeUnknown, ProviderThrottled
from cift_shared.observability.metrics import PROVIDER_UP
from cift_shared.resilience.circuit_breaker import FAILURES_MAX, PAUSE_S
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.cards import CREATE, READ, Script


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def ask(processor, clock):
    return await processor.process_deposit(cards.attempt(cards.deposit(clock=clock), clock))


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("slow"), cards.error(503), b"<html>"])
async def test_a_stripe_that_is_away_is_left_alone_then_probed(clock, answer) -> None:
    gone = httpx.Response(502, content=answer) if isinstance(answer, bytes) else answer
    script = Script().on(READ, gone)
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.deposit(clock=clock), clock, intent=cards.INTENT)
    attempt = cards.learned(attempt, type("A", (), {"memory": {}})(), checked=True)
    for _ in range(FAILURES_MAX):
        assert processor.unavailable_reason() is None
        with pytest.raises(OutcomeUnknown):
            await processor.get_transaction_status(attempt)
    assert PROVIDER_UP.labels("stripe")._value.get() == 0
    assert processor.unavailable_reason() == "provider_unavailable"
    for _ in range(3):
        with pytest.raises(ProviderThrottled):
            await processor.get_transaction_status(attempt)
    assert len(script.requests) == FAILURES_MAX
    clock.advance(timedelta(seconds=PAUSE_S))
    script.on(READ, cards.intent("processing"))
    await processor.get_transaction_status(attempt)
    assert PROVIDER_UP.labels("stripe")._value.get() == 1
    assert processor.unavailable_reason() is None
    await processor.close()


async def test_declines_and_refusals_are_answers(clock) -> None:
    script = Script().on(CREATE, cards.error(402, "card_declined", "card_error"))
    processor = cards.processor(script, clock, mode="test")
    for _ in range(FAILURES_MAX + 1):
        await ask(processor, clock)
        clock.advance(timedelta(seconds=1))
    assert PROVIDER_UP.labels("stripe")._value.get() == 1
    await processor.close()


async def test_more_than_our_share_waits_or_goes_back(clock) -> None:
    """The clock stands still here, so nothing is refilled: soon a turn is too far away."""
    script = Script().on(CREATE, cards.intent())
    processor = cards.processor(script, clock, replicas=20)  # 1.25 a second each
    await ask(processor, clock)
    with pytest.raises(ProviderThrottled) as caught:
        await ask(processor, clock)
    assert caught.value.code == "rate_limited_here"
    assert len(script.requests) == 1
    await processor.close()


async def test_a_shape_nobody_knows_is_a_doubt_and_not_a_verdict(clock) -> None:
    processor = cards.processor(Script().on(CREATE, {"object": "payment_intent"}), clock)
    with pytest.raises(OutcomeUnknown):
        await ask(processor, clock)
    await processor.close()


async def test_secrets_reach_no_log(clock, caplog, capsys) -> None:
    caplog.set_level(logging.DEBUG)
    script = Script().on(
        CREATE,
        cards.error(400, param="x"),
        httpx.Response(500, content=b'{"client_secret": "pi_3_secret_x"}'),
        httpx.Response(200, content=b"pi_3_secret_x"),
        cards.intent(),
    )
    processor = cards.processor(script, clock)
    await ask(processor, clock)  # declined
    await ask(processor, clock)  # in doubt
    with pytest.raises(OutcomeUnknown) as caught:
        await ask(processor, clock)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    await ask(processor, clock)
    told = caplog.text + "".join(capsys.readouterr())
    for secret in (cards.SECRET_KEY, "pi_3_secret_x", cards.CLIENT_SECRET, "pm_card_visa"):
        assert secret not in told
    await processor.close()
