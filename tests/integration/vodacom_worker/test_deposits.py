"""Deposits by C2B: the engine over PostgreSQL, the twin behind a real socket."""

import pytest

from cift_shared.money.amount import Money
from tests.integration.vodacom_worker.harness import VodacomHarness
from tests.support import vodacom


def phone(ending: str) -> str:
    return f"255754123{ending}"


class TestAsynchronous:
    async def test_asks_the_payer_and_settles_with_the_receipt(
        self, harness: VodacomHarness
    ) -> None:
        command = vodacom.deposit()
        await harness.send(command)
        asked = await harness.reach(command.payment_id, "action_required")
        told = await harness.reach(command.payment_id, "settled")
        assert asked.next_action is not None
        assert asked.next_action["type"] == "confirm_on_phone"
        assert told.amount == Money(20_000_00, "TZS")
        [entry] = (await harness.control("GET", "/book"))["entries"]
        assert told.provider_reference == entry["receipt"]
        assert await harness.book() == [("c2b", "20000")]

    @pytest.mark.parametrize(
        ("ending", "kind", "code"),
        [
            ("001", "declined", "payer_balance_insufficient"),
            ("005", "declined", "canceled_by_payer"),
            ("006", "declined", "payment_not_carried_out"),
            ("009", "expired", "prompt_expired"),
            ("051", "declined", "phone_invalid"),
            ("090", "declined", "customer_limit"),
            ("306", "declined", "canceled_by_payer"),
        ],
    )
    async def test_ends_without_money(
        self, harness: VodacomHarness, ending: str, kind: str, code: str
    ) -> None:
        command = vodacom.deposit(phone=phone(ending))
        await harness.send(command)
        told = await harness.reach(command.payment_id, kind)
        assert told.failure is not None
        assert told.failure.code == code
        assert await harness.book() == []

    @pytest.mark.parametrize(
        "ending",
        ["301", "302", "303", "304", "305", "307", "401", "402", "403", "404", "416", "501", "503"],
    )
    async def test_is_paid_once_whatever_happens_to_answer_and_notice(
        self, harness: VodacomHarness, ending: str
    ) -> None:
        command = vodacom.deposit(phone=phone(ending))
        await harness.send(command)
        await harness.reach(command.payment_id, "settled")
        await harness.rest_if_open(command.payment_id)
        assert await harness.book() == [("c2b", "20000")]

    async def test_a_timed_out_prompt_that_is_paid_later_is_no_failure(
        self, harness: VodacomHarness
    ) -> None:
        command = vodacom.deposit(phone=phone("502"))
        await harness.send(command)
        await harness.reach(command.payment_id, "settled")
        assert "declined" not in await harness.kinds(command.payment_id)
        codes = [body for body in harness.told_worker if b"INS-9" in body]
        assert codes  # M-Pesa had told of the time-out before

    async def test_nobody_answers_for_a_day(self, harness: VodacomHarness) -> None:
        command = vodacom.deposit(phone=phone("099"))
        await harness.send(command)
        await harness.reach(command.payment_id, "action_required")
        await harness.rest(command.payment_id)
        assert await harness.kinds(command.payment_id) == ["action_required"]

    async def test_a_duplicate_key_is_asked_about(self, harness: VodacomHarness) -> None:
        command = vodacom.deposit()
        await harness.fault("c2b", "drop_after_effect")
        # The query says nothing at first, so the request is sent again.
        await harness.fault("query", "internal_error", times=1)
        await harness.send(command)
        await harness.reach(command.payment_id, "settled")
        [times] = (await harness.received("c2b")).values()
        assert times == 2
        assert await harness.book() == [("c2b", "20000")]

    async def test_an_unknown_status_word_stays_pending(self, harness: VodacomHarness) -> None:
        command = vodacom.deposit(phone=phone("501"))
        await harness.send(command)
        await harness.reach(command.payment_id, "action_required")
        await harness.settings(vodacom_unknown_query="INS-23")
        await harness.rest(command.payment_id, checks=1)
        assert "declined" not in await harness.kinds(command.payment_id)


class TestSynchronous:
    async def test_settles_with_the_answer_to_the_request(self, held: VodacomHarness) -> None:
        command = vodacom.deposit()
        await held.send(command)
        told = await held.reach(command.payment_id, "settled")
        [entry] = (await held.control("GET", "/book"))["entries"]
        assert told.provider_reference == entry["receipt"]
        assert await held.kinds(command.payment_id) == ["settled"]
        assert held.told_worker == []

    async def test_declines_with_the_answer_to_the_request(self, held: VodacomHarness) -> None:
        command = vodacom.deposit(phone=phone("001"))
        await held.send(command)
        told = await held.reach(command.payment_id, "declined")
        assert told.failure is not None
        assert told.failure.code == "payer_balance_insufficient"

    async def test_a_time_out_is_asked_about(self, held: VodacomHarness) -> None:
        command = vodacom.deposit(phone=phone("502"))
        await held.send(command)
        await held.reach(command.payment_id, "settled")
        assert await held.kinds(command.payment_id) == ["unknown", "settled"]
        assert await held.book() == [("c2b", "20000")]

    async def test_an_answer_that_does_not_come_in_time_is_asked_about(
        self, held: VodacomHarness
    ) -> None:
        await held.restart(flow="synchronous", hold_timeout_s=0.05)
        command = vodacom.deposit()
        await held.send(command)
        await held.reach(command.payment_id, "settled")
        assert await held.kinds(command.payment_id) == ["unknown", "settled"]
        assert await held.book() == [("c2b", "20000")]
