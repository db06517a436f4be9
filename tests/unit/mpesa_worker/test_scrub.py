"""Logs, timeline and memory tell neither phones, nor ids, nor secrets."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from cift_shared.attempts.processor import Answer
from cift_shared.errors import PaymentProcessorError
from mpesa_method.purposes import Purpose
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa
from tests.support.mpesa import acknowledged, error, notice, paid_callback, query_answer

PERSONAL = (mpesa.PHONE, mpesa.PHONE[3:], mpesa.CHECKOUT, "WANJIKU")
HIDDEN = (*PERSONAL, *mpesa.SECRETS, "token-1")


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def transcript(answers: list[Answer], errors: list[Exception], logs: list[Any]) -> str:
    shown = [
        {**asdict(answer), "evidence": [step.model_dump(mode="json") for step in answer.evidence]}
        for answer in answers
    ]
    return json.dumps([shown, [f"{error!r} {error}" for error in errors], logs], default=repr)


async def deposit_by(
    processor: MpesaProcessor, clock: mpesa.FakeClock
) -> tuple[list[Answer], list[Exception]]:
    fresh = mpesa.attempt(mpesa.deposit(phone=mpesa.PHONE), clock)
    first = await processor.process_deposit(fresh)
    known = mpesa.learned(fresh, first)
    second = await processor.get_transaction_status(known, [notice(paid_callback())])
    return [first, second], []


async def withdrawal_by(
    processor: MpesaProcessor, clock: mpesa.FakeClock
) -> tuple[list[Answer], list[Exception]]:
    fresh = mpesa.attempt(mpesa.withdrawal(phone=mpesa.PHONE), clock)
    first = await processor.process_withdrawal(fresh)
    known = mpesa.learned(fresh, first)
    told = mpesa.result(
        0,
        {"ReceiverPartyPublicName": f"{mpesa.PHONE} - JANE WANJIKU", "TransactionAmount": 100},
        OriginatorConversationID=str(fresh.attempt_id),
        ConversationID="AG_20260105_1",
    )
    second = await processor.get_transaction_status(known, [notice(told, Purpose.PAYOUT)])
    return [first, second], []


class TestTranscripts:
    async def test_daraja_hears_what_nobody_else_does(
        self,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
        logs: list[Any],
    ) -> None:
        script.on("stkpush/", mpesa.PUSH_TAKEN).on("query", query_answer("0"))
        script.on("b2c", acknowledged()).on("status", acknowledged())
        deposits = await deposit_by(processor, clock)
        withdrawals = await withdrawal_by(processor, clock)
        sent = json.dumps([body for _, body, _ in script.requests])
        assert mpesa.PHONE in sent
        assert mpesa.CHECKOUT in sent
        after = transcript(deposits[0] + withdrawals[0], [], logs)
        assert mpesa.MERCHANT_REQUEST in after
        assert [word for word in HIDDEN if word in after] == []

    @pytest.mark.parametrize(
        "end",
        [
            error("500.001.1001", f"Unable to lock subscriber {mpesa.PHONE}"),
            error("500.003.1001", f"{mpesa.CHECKOUT} of {mpesa.PHONE} went wrong"),
            error("400.002.02", f"Invalid Amount for +{mpesa.PHONE}", status=400),
            error("404.001.03", "Invalid Access Token", status=404),
            httpx.Response(502, text=f"<html>{mpesa.PHONE}</html>"),
            httpx.ConnectError("refused"),
            httpx.ReadTimeout("slow"),
        ],
        ids=repr,
    )
    async def test_errors_say_what_went_wrong_and_no_more(
        self,
        end: Any,
        processor: MpesaProcessor,
        script: mpesa.Script,
        clock: mpesa.FakeClock,
        logs: list[Any],
    ) -> None:
        script.on("stkpush/", end)
        fresh = mpesa.attempt(mpesa.deposit(phone=mpesa.PHONE), clock)
        answers: list[Answer] = []
        errors: list[Exception] = []
        try:
            answers.append(await processor.process_deposit(fresh))
        except PaymentProcessorError as failure:
            errors.append(failure)
        after = transcript(answers, errors, logs)
        assert [word for word in HIDDEN if word in after] == []
