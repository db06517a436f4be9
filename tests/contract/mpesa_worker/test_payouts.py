"""Withdrawals and refunds against the twin."""

from typing import Any

import pytest

from cift_shared.errors import OutcomeUnknown
from cift_shared.messaging.outcomes import Declined, Pending, Settled, Submitted
from cift_shared.money.amount import Money
from tests.contract.mpesa_worker.conftest import Counter, OpenCounter
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
    async def test_paid(self, shape: dict[str, Any], open_counter: OpenCounter) -> None:
        async with open_counter(**shape) as counter:
            attempt, answer = await counter.submit(withdrawal())
            assert answer.outcome == Submitted()
            _, outcome = await counter.settle(attempt)
            (movement,) = await counter.moved("b2c")
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
    async def test_not_paid(self, suffix: str, code: str, counter: Counter) -> None:
        attempt, _ = await counter.submit(withdrawal(suffix))
        _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == code
        assert await counter.moved("b2c") == []

    async def test_the_float_is_empty(self, open_counter: OpenCounter) -> None:
        async with open_counter(b2c_float_kes=100) as counter:
            attempt, _ = await counter.submit(withdrawal())
            _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "provider_float_insufficient"

    async def test_sent_twice_paid_once(self, counter: Counter) -> None:
        await counter.twin.fault("daraja.b2c", "drop_after_effect")
        attempt = mpesa.attempt(withdrawal(), counter.clock)
        with pytest.raises(OutcomeUnknown):
            await counter.send(attempt)
        attempt, answer = await counter.send(attempt)
        assert answer.outcome == Submitted()
        _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, Settled)
        assert len(await counter.moved("b2c")) == 1

    async def test_the_result_is_lost(self, counter: Counter) -> None:
        await counter.twin.fault("daraja.b2c", "callback_lost")
        attempt, _ = await counter.submit(withdrawal())
        _, outcome = await counter.settle(attempt)
        (movement,) = await counter.moved("b2c")
        assert outcome == Settled(AMOUNT, movement["receipt"], FEE)

    async def test_a_forged_result_does_not_pay(self, counter: Counter) -> None:
        attempt, _ = await counter.submit(withdrawal("306"))
        _, outcome = await counter.settle(attempt)
        assert not isinstance(outcome, Settled)
        assert await counter.moved("b2c") == []

    @pytest.mark.parametrize(("suffix", "kind"), [("604", Settled), ("605", Declined)])
    async def test_the_queue_gives_up(self, suffix: str, kind: Any, counter: Counter) -> None:
        attempt, _ = await counter.submit(withdrawal(suffix))
        await counter.pass_time(8)
        attempt, early = await counter.check(attempt, *counter.notices(attempt))
        assert early == Pending()
        _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, kind)

    async def test_a_wrong_operator_password_is_no_verdict_on_the_money(
        self, counter: Counter
    ) -> None:
        await counter.twin.control("PATCH", "/settings", {"initiator_name": "another"})
        attempt, _ = await counter.submit(withdrawal())
        attempt, outcome = await counter.settle(attempt, within_s=60)
        assert outcome == Pending()
        await counter.twin.control("PATCH", "/settings", {"initiator_name": "testapi"})
        await counter.twin.control("POST", "/daraja/initiator/unlock")
        _, outcome = await counter.settle(attempt, within_s=800)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "provider_credentials_refused"


class TestRefund:
    async def paid(self, counter: Counter, suffix: str = "678") -> str:
        attempt, _ = await counter.submit(mpesa.deposit(minor=100_00, phone=f"254712345{suffix}"))
        _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, Settled)
        assert outcome.provider_reference is not None
        return outcome.provider_reference

    async def test_whole(self, counter: Counter) -> None:
        receipt = await self.paid(counter)
        attempt, answer = await counter.submit(mpesa.refund(100_00, receipt=receipt))
        assert answer.outcome == Submitted()
        _, outcome = await counter.settle(attempt)
        (movement,) = await counter.moved("reversal")
        assert outcome == Settled(Money(100_00, "KES"), movement["receipt"])

    async def test_whole_sent_twice_moves_once(self, counter: Counter) -> None:
        receipt = await self.paid(counter)
        await counter.twin.fault("daraja.reversal", "drop_after_effect")
        attempt = mpesa.attempt(mpesa.refund(100_00, receipt=receipt), counter.clock)
        with pytest.raises(OutcomeUnknown):
            await counter.send(attempt)
        attempt, _ = await counter.send(attempt)
        _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, Settled)
        assert len(await counter.moved("reversal")) == 1

    async def test_whole_with_its_result_lost(self, counter: Counter) -> None:
        receipt = await self.paid(counter)
        await counter.twin.fault("daraja.reversal", "callback_lost")
        attempt, _ = await counter.submit(mpesa.refund(100_00, receipt=receipt))
        _, outcome = await counter.settle(attempt)
        assert outcome == Settled(Money(100_00, "KES"))
        assert len(await counter.moved("reversal")) == 1

    async def test_an_unknown_receipt(self, counter: Counter) -> None:
        attempt, _ = await counter.submit(mpesa.refund(100_00, receipt="TKF7RT61SV"))
        _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, Declined)
        assert outcome.failure.code == "refund_receipt_unknown"

    async def test_part(self, counter: Counter) -> None:
        receipt = await self.paid(counter)
        attempt, _ = await counter.submit(mpesa.refund(60_00, of=100_00, receipt=receipt))
        _, outcome = await counter.settle(attempt)
        assert isinstance(outcome, Settled)
        assert outcome.amount == Money(60_00, "KES")
        assert len(await counter.moved("b2c")) == 1
        assert await counter.moved("reversal") == []
