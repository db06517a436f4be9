"""Deposits against the twin: every way a prompt, its answer and its notice can go."""

from typing import Any

import pytest

from cift_shared.errors import OutcomeUnknown, ProviderRejectedRequest, ProviderThrottled
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Declined,
    Expired,
    Pending,
    Settled,
)
from cift_shared.money.amount import Money
from tests.contract.mpesa_worker.conftest import MpesaProcessorHarness, OpenHarness
from tests.support import mpesa

HUNDRED = Money(100_00, "KES")


def deposit(suffix: str = "678") -> Any:
    return mpesa.deposit(minor=100_00, phone=f"254712345{suffix}")


class TestOutcomes:
    async def test_paid(self, harness: MpesaProcessorHarness) -> None:
        attempt, answer = await harness.submit(deposit())
        assert isinstance(answer.outcome, ActionRequired)
        _, outcome = await harness.settle(attempt)
        (movement,) = await harness.moved("stk")
        assert outcome == Settled(HUNDRED, movement["receipt"])

    @pytest.mark.parametrize(
        ("suffix", "kind", "code"),
        [
            ("001", Declined, "payer_balance_insufficient"),
            ("019", Expired, "prompt_expired"),
            ("025", Declined, "prompt_not_delivered"),
            ("026", Declined, "provider_busy"),
            ("032", Declined, "canceled_by_payer"),
            ("037", Expired, "phone_unreachable"),
            ("101", Declined, "payer_busy"),
            ("201", Declined, "pin_wrong"),
            ("806", Declined, "pin_locked"),
        ],
    )
    async def test_not_paid(
        self, suffix: str, kind: Any, code: str, harness: MpesaProcessorHarness
    ) -> None:
        attempt, _ = await harness.submit(deposit(suffix))
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, kind)
        assert outcome.failure.code == code
        assert await harness.moved("stk") == []

    async def test_the_same_amount_at_once_is_declined(self, open_harness: OpenHarness) -> None:
        async with open_harness(same_amount_s=120) as harness:
            await harness.submit(deposit())
            attempt, _ = await harness.submit(deposit())
            _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "repeated_too_soon"

    async def test_a_prompt_is_open_on_that_phone(self, open_harness: OpenHarness) -> None:
        async with open_harness(lock_s=60) as harness:
            await harness.submit(deposit())
            _, answer = await harness.submit(deposit())
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "payer_busy"

    async def test_paid_after_it_was_reported_unreachable(
        self, harness: MpesaProcessorHarness
    ) -> None:
        attempt, _ = await harness.submit(deposit("502"))
        attempt, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Expired)
        await harness.pass_time(600)
        _, late = await harness.check(attempt, *harness.notices(attempt))
        assert isinstance(late, Settled)
        assert late.provider_reference is not None

    async def test_paid_after_it_was_reported_unreachable_and_the_notice_is_lost(
        self, harness: MpesaProcessorHarness
    ) -> None:
        attempt, _ = await harness.submit(deposit("502"))
        attempt, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Expired)
        look = harness.answers[-1].check_after
        assert look is not None
        await harness.pass_time(int(look.total_seconds()))
        _, late = await harness.check(attempt)
        assert late == Settled(HUNDRED)
        assert len(await harness.moved("stk")) == 1


class TestInFlight:
    @pytest.mark.parametrize("shape", ["4999", "error_500", "error_200_empty"])
    async def test_every_shape_waits(self, shape: str, open_harness: OpenHarness) -> None:
        async with open_harness(in_flight_shape=shape, query_noise=0.5) as harness:
            attempt, _ = await harness.submit(deposit("501"))
            _, early = await harness.check(attempt)
            assert early == Pending()
            _, outcome = await harness.settle(attempt)
            assert isinstance(outcome, Settled)

    async def test_nobody_answers_for_long(self, harness: MpesaProcessorHarness) -> None:
        attempt, _ = await harness.submit(deposit("099"))
        _, outcome = await harness.settle(attempt, within_s=200)
        assert outcome == Pending()


class TestNotices:
    @pytest.mark.parametrize(
        ("suffix", "has_receipt"),
        [
            ("301", False),
            ("302", True),
            ("303", False),
            ("304", True),
            ("305", True),
            ("307", True),
        ],
        ids=["lost", "twice", "late", "before the answer", "forged", "out of order"],
    )
    async def test_a_callback_lost_doubled_late_or_forged_settles_once(
        self, suffix: str, has_receipt: bool, harness: MpesaProcessorHarness
    ) -> None:
        attempt, _ = await harness.submit(deposit(suffix))
        attempt, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Settled)
        assert outcome.amount == HUNDRED
        (movement,) = await harness.moved("stk")
        if has_receipt and outcome.provider_reference is None:
            await harness.pass_time(120)
            _, outcome = await harness.check(attempt, *harness.notices(attempt))
        receipt = getattr(outcome, "provider_reference", None)
        assert receipt == (movement["receipt"] if has_receipt else None)

    async def test_a_forged_success_does_not_pay(self, harness: MpesaProcessorHarness) -> None:
        attempt, _ = await harness.submit(deposit("306"))
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "canceled_by_payer"

    async def test_a_forged_id_does_not_pay(self, harness: MpesaProcessorHarness) -> None:
        await harness.twin.fault("daraja.stk", "callback_forged_id")
        attempt, _ = await harness.submit(deposit("032"))
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Declined)


class TestLostAnswers:
    @pytest.mark.parametrize("suffix", ["401", "403"], ids=["dropped", "html after effect"])
    async def test_the_notice_saves_the_payment(
        self, suffix: str, harness: MpesaProcessorHarness
    ) -> None:
        attempt = mpesa.attempt(deposit(suffix), harness.clock)
        with pytest.raises(OutcomeUnknown):
            await harness.send(attempt)
        _, outcome = await harness.settle(attempt)
        (movement,) = await harness.moved("stk")
        assert outcome == Settled(HUNDRED, movement["receipt"])

    @pytest.mark.parametrize("suffix", ["402", "404"], ids=["html", "dropped before"])
    async def test_without_a_notice_it_stays_open_and_is_not_sent_again(
        self, suffix: str, harness: MpesaProcessorHarness
    ) -> None:
        attempt = mpesa.attempt(deposit(suffix), harness.clock)
        with pytest.raises(OutcomeUnknown):
            await harness.send(attempt)
        _, outcome = await harness.settle(attempt, within_s=60)
        assert outcome == Pending()
        assert await harness.received("daraja.stk") == 1

    async def test_cut_in_the_middle(self, harness: MpesaProcessorHarness) -> None:
        await harness.twin.fault("daraja.stk", "reset_mid_body")
        attempt = mpesa.attempt(deposit(), harness.clock)
        with pytest.raises(OutcomeUnknown):
            await harness.send(attempt)
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Settled)

    async def test_a_proxy_in_the_way_of_a_question(self, harness: MpesaProcessorHarness) -> None:
        attempt, _ = await harness.submit(deposit())
        await harness.twin.fault("daraja.stk_query", "html_502", times=2)
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Settled)


class TestRefusals:
    @pytest.mark.parametrize(
        "kind", ["spike_arrest", "system_busy", "quota", "maintenance", "http_429"]
    )
    async def test_refused_for_now(self, kind: str, harness: MpesaProcessorHarness) -> None:
        await harness.twin.fault("daraja.stk", kind)
        attempt = mpesa.attempt(deposit(), harness.clock)
        with pytest.raises(ProviderThrottled):
            await harness.send(attempt)
        attempt, answer = await harness.send(attempt)
        assert isinstance(answer.outcome, ActionRequired)

    @pytest.mark.parametrize(
        "over",
        [{"consumer_secret": "wrong"}, {"passkey": "wrong"}, {"business_short_code": "999999"}],
        ids=["app", "passkey", "short code"],
    )
    async def test_credentials_refused(
        self, over: dict[str, Any], open_harness: OpenHarness
    ) -> None:
        async with open_harness(over) as harness:
            with pytest.raises(ProviderRejectedRequest) as told:
                await harness.submit(deposit())
        assert told.value.code == "provider_credentials_refused"


class TestTokens:
    @pytest.mark.parametrize("code", ["404.001.03", "400.003.01", "401.002.01", "401.003.01"])
    async def test_another_worker_took_a_new_one(
        self, code: str, open_harness: OpenHarness
    ) -> None:
        async with open_harness(token_error=code) as harness:
            await harness.submit(deposit())
            await harness.twin.oauth()  # ends ours
            attempt, answer = await harness.submit(deposit("679"))
            assert isinstance(answer.outcome, ActionRequired)
            _, outcome = await harness.settle(attempt)
            assert isinstance(outcome, Settled)
            assert len(await harness.moved("stk")) == 2

    async def test_a_lifetime_as_text(self, open_harness: OpenHarness) -> None:
        async with open_harness(expires_in_as_text=True) as harness:
            _, answer = await harness.submit(deposit())
        assert isinstance(answer.outcome, ActionRequired)
