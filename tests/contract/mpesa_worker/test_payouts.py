"""Withdrawals and refunds against the twin."""

from typing import Any

import pytest

from cift_shared.errors import OutcomeUnknown
from cift_shared.messaging.outcomes import Declined, Pending, Settled, Submitted
from cift_shared.money.amount import Money
from tests.contract.mpesa_worker.conftest import MpesaProcessorHarness, OpenHarness
from tests.support import mpesa

AMOUNT = Money(500_00, "KES")
FEE = Money(22_40, "KES")


def withdrawal(suffix: str = "678", minor: int = 500_00) -> Any:
    return mpesa.withdrawal(minor=minor, phone=f"254712345{suffix}")


class TestWithdrawal:
    @pytest.mark.parametrize(
        "shape",
        [
            {},
            {"result_code_as_text": True},
            {"blank_keys": True},
            {"reference_item_list": True},
        ],
        ids=str,
    )
    async def test_paid(self, shape: dict[str, Any], open_harness: OpenHarness) -> None:
        async with open_harness(**shape) as harness:
            attempt, answer = await harness.submit(withdrawal())
            assert answer.outcome == Submitted()
            _, outcome = await harness.settle(attempt)
            (movement,) = await harness.moved("b2c")
        assert outcome == Settled(AMOUNT, movement["receipt"], FEE)

    @pytest.mark.parametrize(
        ("suffix", "code"),
        [
            ("203", "recipient_unknown"),
            ("204", "recipient_daily_limit"),
            ("208", "recipient_balance_limit"),
            ("240", "recipient_not_registered"),
        ],
    )
    async def test_not_paid(self, suffix: str, code: str, harness: MpesaProcessorHarness) -> None:
        attempt, _ = await harness.submit(withdrawal(suffix))
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == code
        assert await harness.moved("b2c") == []

    async def test_the_float_is_empty(self, open_harness: OpenHarness) -> None:
        async with open_harness(b2c_float_kes=100) as harness:
            attempt, _ = await harness.submit(withdrawal())
            _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "provider_float_insufficient"

    async def test_sent_twice_paid_once(self, harness: MpesaProcessorHarness) -> None:
        await harness.twin.fault("daraja.b2c", "drop_after_effect")
        attempt = mpesa.attempt(withdrawal(), harness.clock)
        with pytest.raises(OutcomeUnknown):
            await harness.send(attempt)
        attempt, answer = await harness.send(attempt)
        assert answer.outcome == Submitted()
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Settled)
        assert len(await harness.moved("b2c")) == 1

    async def test_the_result_is_lost(self, harness: MpesaProcessorHarness) -> None:
        await harness.twin.fault("daraja.b2c", "callback_lost")
        attempt, _ = await harness.submit(withdrawal())
        _, outcome = await harness.settle(attempt)
        (movement,) = await harness.moved("b2c")
        assert outcome == Settled(AMOUNT, movement["receipt"], FEE)

    async def test_a_forged_result_does_not_pay(self, harness: MpesaProcessorHarness) -> None:
        attempt, _ = await harness.submit(withdrawal("306"))
        _, outcome = await harness.settle(attempt)
        assert not isinstance(outcome, Settled)
        assert await harness.moved("b2c") == []

    @pytest.mark.parametrize(("suffix", "kind"), [("604", Settled), ("605", Declined)])
    async def test_the_queue_gives_up(
        self, suffix: str, kind: Any, harness: MpesaProcessorHarness
    ) -> None:
        attempt, _ = await harness.submit(withdrawal(suffix))
        await harness.pass_time(8)
        attempt, early = await harness.check(attempt, *harness.notices(attempt))
        assert early == Pending()
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, kind)

    async def test_a_wrong_operator_password_is_no_verdict_on_the_money(
        self, harness: MpesaProcessorHarness
    ) -> None:
        await harness.twin.control("PATCH", "/settings", {"initiator_name": "another"})
        attempt, _ = await harness.submit(withdrawal())
        attempt, outcome = await harness.settle(attempt, within_s=60)
        assert outcome == Pending()
        await harness.twin.control("PATCH", "/settings", {"initiator_name": "testapi"})
        await harness.twin.control("POST", "/daraja/initiator/unlock")
        _, outcome = await harness.settle(attempt, within_s=800)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "provider_credentials_refused"


class TestRefund:
    async def paid(self, harness: MpesaProcessorHarness, suffix: str = "678") -> str:
        attempt, _ = await harness.submit(mpesa.deposit(minor=100_00, phone=f"254712345{suffix}"))
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Settled)
        assert outcome.provider_reference is not None
        return outcome.provider_reference

    async def test_whole(self, harness: MpesaProcessorHarness) -> None:
        receipt = await self.paid(harness)
        attempt, answer = await harness.submit(mpesa.refund(100_00, receipt=receipt))
        assert answer.outcome == Submitted()
        _, outcome = await harness.settle(attempt)
        (movement,) = await harness.moved("reversal")
        assert outcome == Settled(Money(100_00, "KES"), movement["receipt"])

    async def test_whole_sent_twice_moves_once(self, harness: MpesaProcessorHarness) -> None:
        receipt = await self.paid(harness)
        await harness.twin.fault("daraja.reversal", "drop_after_effect")
        attempt = mpesa.attempt(mpesa.refund(100_00, receipt=receipt), harness.clock)
        with pytest.raises(OutcomeUnknown):
            await harness.send(attempt)
        attempt, _ = await harness.send(attempt)
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Settled)
        assert len(await harness.moved("reversal")) == 1

    async def test_whole_with_its_result_lost(self, harness: MpesaProcessorHarness) -> None:
        receipt = await self.paid(harness)
        await harness.twin.fault("daraja.reversal", "callback_lost")
        attempt, _ = await harness.submit(mpesa.refund(100_00, receipt=receipt))
        _, outcome = await harness.settle(attempt)
        assert outcome == Settled(Money(100_00, "KES"))
        assert len(await harness.moved("reversal")) == 1

    async def test_an_unknown_receipt(self, harness: MpesaProcessorHarness) -> None:
        attempt, _ = await harness.submit(mpesa.refund(100_00, receipt="TKF7RT61SV"))
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "refund_receipt_unknown"

    async def test_part(self, harness: MpesaProcessorHarness) -> None:
        receipt = await self.paid(harness)
        attempt, _ = await harness.submit(mpesa.refund(60_00, of=100_00, receipt=receipt))
        _, outcome = await harness.settle(attempt)
        assert isinstance(outcome, Settled)
        assert outcome.amount == Money(60_00, "KES")
        assert len(await harness.moved("b2c")) == 1
        assert await harness.moved("reversal") == []
