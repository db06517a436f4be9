"""What the engine and the gateway ask a processor besides moving money."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from cift_shared.attempts.processor import PaymentProcessor
from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose
from mpesa_method.rail import RAIL
from mpesa_worker import domain
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa


class TestPort:
    def test_it_is_a_payment_processor(self, processor: MpesaProcessor) -> None:
        port: PaymentProcessor = processor
        assert port.rail == "mpesa"


class TestExample:
    """What the documents show of the rail is what its worker writes."""

    async def test_its_evidence_is_the_step_of_a_paid_push(
        self, processor: MpesaProcessor, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> None:
        script.on("stkpush/", mpesa.PUSH_TAKEN).on("query", mpesa.query_answer("0"))
        attempt = mpesa.attempt(mpesa.deposit(), clock)
        pushed = mpesa.learned(attempt, await processor.process_deposit(attempt))
        answer = await processor.get_transaction_status(pushed, [])
        (step,) = answer.evidence
        assert RAIL.example.evidence == (step.name, step.detail)

    def test_its_callback_is_that_of_a_deposit(self) -> None:
        assert RAIL.example.callback == Purpose.STK_PUSH


class TestFee:
    def test_by_the_schedule(self, processor: MpesaProcessor, clock: mpesa.FakeClock) -> None:
        fee = processor.calculate_fee(Money(101_00, "KES"), "deposit", at=clock.now())
        assert fee == Money(2_53, "KES")

    def test_before_the_first_price(
        self, processor: MpesaProcessor, clock: mpesa.FakeClock
    ) -> None:
        at = clock.now() - timedelta(days=3650)
        with pytest.raises(InvalidCommand):
            processor.calculate_fee(Money(100_00, "KES"), "deposit", at=at)


class TestCheckDelay:
    async def test_by_count_and_age(self, clock: mpesa.FakeClock, script: mpesa.Script) -> None:
        fast = mpesa.processor(mpesa.config(check_speed="4"), httpx.MockTransport(script), clock)
        attempt = mpesa.attempt(mpesa.deposit(), clock)
        assert fast.check_delay(attempt) == timedelta(seconds=3)
        asked_out = replace(attempt, checks=len(domain.CHECK_GAPS_S))
        assert fast.check_delay(asked_out) == timedelta(seconds=225)
        clock.advance(timedelta(hours=6))
        assert fast.check_delay(asked_out) is None
        await fast.close()


class TestReadFingerprint:
    async def test_of_a_payout_by_our_key(
        self, processor: MpesaProcessor, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> None:
        script.on("b2c", mpesa.acknowledged())
        attempt = mpesa.attempt(mpesa.withdrawal(), clock)
        answer = await processor.process_withdrawal(attempt)
        body = mpesa.result(0, OriginatorConversationID=str(attempt.attempt_id))
        raw = mpesa.notice(body, Purpose.PAYOUT).body
        assert processor.read_fingerprint(raw) == answer.fingerprint is not None

    @pytest.mark.parametrize("raw", [b"", b"{}", b"<html>"])
    def test_of_anything_else(self, raw: bytes, processor: MpesaProcessor) -> None:
        assert processor.read_fingerprint(raw) is None
