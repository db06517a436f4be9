"""Payouts by B2C and refunds by reversal, and what happens while our balance is too low."""

import pytest

from cift_shared.money.amount import Money
from tests.integration.vodacom_worker.harness import VodacomHarness
from tests.support import vodacom
from tests.support.eventually import eventually
from vodacom_worker.payout_pause import PAYOUTS_PAUSED


def phone(ending: str) -> str:
    return f"255754123{ending}"


class TestWithdrawals:
    async def test_settles_with_the_receipt(self, harness: VodacomHarness) -> None:
        command = vodacom.withdrawal()
        await harness.send(command)
        told = await harness.reach(command.payment_id, "settled")
        [entry] = (await harness.control("GET", "/book"))["entries"]
        assert told.provider_reference == entry["receipt"]
        assert told.amount == Money(5_000_00, "TZS")
        assert await harness.kinds(command.payment_id) == ["submitted", "settled"]

    @pytest.mark.parametrize(
        ("ending", "code"),
        [
            ("051", "phone_invalid"),
            ("202", "phone_invalid"),
            ("206", "payment_not_carried_out"),
            ("306", "payment_not_carried_out"),
        ],
    )
    async def test_ends_without_money(
        self, harness: VodacomHarness, ending: str, code: str
    ) -> None:
        command = vodacom.withdrawal(phone=phone(ending))
        await harness.send(command)
        told = await harness.reach(command.payment_id, "declined")
        assert told.failure is not None
        assert told.failure.code == code
        assert await harness.book() == []

    @pytest.mark.parametrize("ending", ["301", "302", "304", "401", "402", "403", "404", "503"])
    async def test_is_paid_once(self, harness: VodacomHarness, ending: str) -> None:
        command = vodacom.withdrawal(phone=phone(ending))
        await harness.send(command)
        await harness.reach(command.payment_id, "settled")
        await harness.rest_if_open(command.payment_id)
        assert await harness.book() == [("b2c", "5000")]

    async def test_in_synchronous_use_the_answer_is_final(self, held: VodacomHarness) -> None:
        command = vodacom.withdrawal()
        await held.send(command)
        await held.reach(command.payment_id, "settled")
        assert await held.kinds(command.payment_id) == ["settled"]


class TestLowBalance:
    @pytest.mark.parametrize("when", ["at_once", "later"])
    async def test_no_payout_is_lost_while_there_is_no_money(
        self, harness: VodacomHarness, when: str
    ) -> None:
        await harness.settings(vodacom_short_balance=when)
        await harness.control("PUT", "/vodacom/balance", {"amount": "100"})
        command = vodacom.withdrawal()
        await harness.send(command)
        await harness.reach(command.payment_id, "submitted")

        async def is_low() -> bool:
            await harness.make_due()
            return list(harness.processor.low_float()) == ["TZS"]

        await eventually(is_low, "a low float")
        assert PAYOUTS_PAUSED._value.get() == 1
        assert await harness.book() == []
        await harness.control("PUT", "/vodacom/balance", {"amount": "100000"})
        await harness.reach(command.payment_id, "settled")
        assert await harness.book() == [("b2c", "5000")]
        assert list(harness.processor.low_float()) == []
        assert "declined" not in await harness.kinds(command.payment_id)

    async def test_another_payout_is_not_even_sent(self, harness: VodacomHarness) -> None:
        await harness.control("PUT", "/vodacom/balance", {"amount": "100"})
        first, second = vodacom.withdrawal(), vodacom.withdrawal()
        await harness.send(first)
        await harness.reach(first.payment_id, "submitted")
        await harness.send(second)

        async def waits() -> bool:
            return "mpesa_tz.submit.failed" in await harness.steps(second.payment_id)

        await eventually(waits, "the second payout waits")
        await harness.control("PUT", "/vodacom/balance", {"amount": "100000"})
        for command in (first, second):
            await harness.reach(command.payment_id, "settled")
        assert await harness.book() == [("b2c", "5000"), ("b2c", "5000")]

    async def test_each_round_has_a_key_of_its_own(self, harness: VodacomHarness) -> None:
        await harness.control("PUT", "/vodacom/balance", {"amount": "100"})
        command = vodacom.withdrawal()
        await harness.send(command)
        await harness.reach(command.payment_id, "submitted")
        await harness.control("PUT", "/vodacom/balance", {"amount": "100000"})
        await harness.reach(command.payment_id, "settled")
        keys = sorted(await harness.received("b2c"), key=len)
        assert len(keys) > 1
        assert all(key.startswith(keys[0]) for key in keys)


class TestRefunds:
    async def test_a_part_is_reversed(self, harness: VodacomHarness) -> None:
        paid = await harness.paid()
        for minor in (3_000_00, 5_000_00):
            command = vodacom.refund(minor, receipt=paid.provider_reference)
            await harness.send(command)
            told = await harness.reach(command.payment_id, "settled")
            assert told.amount == Money(minor, "TZS")
        assert await harness.book() == [
            ("c2b", "20000"), ("reversal", "3000"), ("reversal", "5000")
        ]  # fmt: skip

    async def test_more_than_the_deposit_is_refused(self, harness: VodacomHarness) -> None:
        paid = await harness.paid()
        command = vodacom.refund(20_001_00, receipt=paid.provider_reference)
        await harness.send(command)
        told = await harness.reach(command.payment_id, "declined")
        assert told.failure is not None
        assert told.failure.code == "amount_out_of_limits"

    async def test_an_unknown_receipt_is_refused(self, harness: VodacomHarness) -> None:
        command = vodacom.refund(receipt="AAAAAAAAAAA")
        await harness.send(command)
        told = await harness.reach(command.payment_id, "declined")
        assert told.failure is not None
        assert told.failure.code == "refund_receipt_unknown"

    async def test_without_a_receipt_it_is_paid_out(self, harness: VodacomHarness) -> None:
        command = vodacom.refund(receipt=None)
        await harness.send(command)
        await harness.reach(command.payment_id, "settled")
        assert await harness.book() == [("b2c", "3000")]

    async def test_a_lost_answer_reverses_once(self, harness: VodacomHarness) -> None:
        paid = await harness.paid()
        await harness.fault("reversal", "drop_after_effect")
        command = vodacom.refund(receipt=paid.provider_reference)
        await harness.send(command)
        await harness.reach(command.payment_id, "settled")
        assert await harness.book() == [("c2b", "20000"), ("reversal", "3000")]
