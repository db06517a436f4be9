"""Providers that answer anything: an outcome or one of our errors, never a crash, never garbage.

What is stored and told afterwards must fit a table and a message; nothing may be settled by an
answer that does not say so. Cut, slow and empty answers: `unit/mpesa_worker/test_client.py`,
`unit/card_worker/test_client.py`, `unit/paypal_worker/test_client.py`.
"""

import asyncio
import gzip
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from cift_shared.attempts.access_token import Token
from cift_shared.attempts.processor import Answer
from cift_shared.attempts.results import details_of
from cift_shared.errors import OutcomeUnknown, PaymentProcessorError, ProviderUnavailable
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import Settled
from mpesa_method.purposes import Purpose
from mpesa_worker.client import DarajaClient
from mpesa_worker.pull_wire import PullQuery, hint_body
from mpesa_worker.token_store import MemoryTokens
from tests.hostile.mutations import RAW, hostile_documents
from tests.support import cards, mpesa, paypal
from tests.support.commands import VAULT
from tests.unit.mpesa_worker.test_client import QUERY

STRIDE = 11
"""Every so many cases; the stride moves on from case to case, so that all kinds are met."""
STORED_CHARS_MAX = 20_000

PARAMETERS = {
    "TransactionAmount": 100,
    "TransactionReceipt": mpesa.RECEIPT,
    "TransactionStatus": "Completed",
    "ReceiptNo": mpesa.RECEIPT,
    "Amount": 100,
    "DebitPartyCharges": "Fee For B2C Payment|KES|22.40",
    "OriginalTransactionID": mpesa.RECEIPT,
    "Charge": 0,
}


def cases(document: Any, offset: int = 0) -> list[tuple[str, bytes]]:
    raw = [(f"raw {number}", body) for number, body in enumerate(RAW)]
    return [*islice(hostile_documents(document), offset, None, STRIDE), *raw]


def check(answer: Answer) -> None:
    """What an answer leaves behind can be stored, sent and read."""
    kept = json.dumps([dict(answer.memory), [one.detail for one in answer.evidence]])
    told = repr(details_of(answer.outcome))
    for text in (kept, told):
        assert "\\u0000" not in text
        assert "\\x00" not in text
        assert "\\ud8" not in text
        assert len(text) < STORED_CHARS_MAX
    for step in answer.evidence:
        Step.model_validate_json(step.model_dump_json())


async def judge(asking: Awaitable[Any], case: str) -> Answer | None:
    """The answer, or None for an error of ours; any other error names its case."""
    try:
        answer: Answer = await asking
        check(answer)
    except PaymentProcessorError:
        return None
    except Exception as error:
        raise AssertionError(f"{case}: {error!r}") from error
    return answer


SUBMITS: dict[str, tuple[str, Any, Any, str]] = {
    "push": ("stkpush/", mpesa.PUSH_TAKEN, mpesa.deposit, "process_deposit"),
    "payout": ("b2c", mpesa.acknowledged(), mpesa.withdrawal, "process_withdrawal"),
    "reversal": ("reversal", mpesa.acknowledged(), mpesa.refund, "process_refund"),
    "error": (
        "stkpush/",
        {"requestId": "1", "errorCode": "400.002.02", "errorMessage": "Invalid PhoneNumber"},
        mpesa.deposit,
        "process_deposit",
    ),
    "token": ("oauth", {"access_token": "abc", "expires_in": "3599"}, mpesa.deposit,
              "process_deposit"),
}  # fmt: skip


@pytest.mark.parametrize("name", SUBMITS)
async def test_daraja_answers_anything(name: str, tmp_path) -> None:
    place, good, request, process = SUBMITS[name]
    clock = mpesa.FakeClock()
    for status in (200, 400, 500):
        for case, body in cases(good, status // 100):
            script = mpesa.Script().on("stkpush/", mpesa.PUSH_TAKEN)
            script.on(place, httpx.Response(status, content=body))
            transport = httpx.MockTransport(script)
            processor = mpesa.processor(mpesa.config(tmp_path), transport, clock)
            attempt = mpesa.attempt(request(), clock)
            answer = await judge(getattr(processor, process)(attempt), f"{status} {case}")
            assert answer is None or not isinstance(answer.outcome, Settled)
            await processor.close()


async def test_daraja_queries_answer_anything(tmp_path) -> None:
    clock, sealed = mpesa.FakeClock(), VAULT.seal(mpesa.CHECKOUT.encode(), context="checkout")
    for case, body in cases(mpesa.query_answer("1032")):
        script = mpesa.Script().on("stkpushquery", httpx.Response(200, content=body))
        processor = mpesa.processor(mpesa.config(tmp_path), httpx.MockTransport(script), clock)
        attempt = mpesa.attempt(mpesa.deposit(), clock, checkout=sealed)
        answer = await judge(processor.get_transaction_status(attempt), case)
        if answer is not None and isinstance(answer.outcome, Settled):
            assert json.loads(body)["ResultCode"] in (0, "0")
        await processor.close()


@pytest.mark.parametrize("purpose", [Purpose.STK_PUSH, Purpose.PAYOUT, Purpose.REVERSAL, None])
@pytest.mark.parametrize("kind", ["deposit", "withdrawal", "refund"])
async def test_callbacks_say_anything(kind: str, purpose: int | None, tmp_path) -> None:
    """Without a query that bears it out nobody's money has moved, whatever a callback says."""
    clock = mpesa.FakeClock()
    script = mpesa.Script().on("stkpushquery", mpesa.query_answer("1037"))
    for path in ("transactionstatus", "reversal", "b2c"):
        script.on(path, mpesa.acknowledged())
    processor = mpesa.processor(mpesa.config(tmp_path), httpx.MockTransport(script), clock)
    request: dict[str, Any] = {
        "deposit": mpesa.deposit,
        "withdrawal": mpesa.withdrawal,
        "refund": mpesa.refund,
    }
    attempt = mpesa.attempt(request[kind](), clock)
    good = mpesa.result(0, PARAMETERS, OriginatorConversationID=str(attempt.attempt_id))
    for document in (mpesa.paid_callback(), mpesa.stk_callback(1032), good):
        for case, body in cases(document):
            notice = mpesa.notice(body, purpose)
            ask = processor.get_transaction_status
            answer = await judge(ask(attempt, [notice]), case)
            if kind != "refund" and answer is not None:
                assert not isinstance(answer.outcome, Settled), case
    await processor.close()


async def test_records_say_anything(tmp_path) -> None:
    """Pull answers: rows that can be kept, or an error of ours; a broken row names no account."""
    clock = mpesa.FakeClock()
    for status in (200, 401, 500):
        for case, body in cases(mpesa.pulled(mpesa.ROW), status // 100):
            script = mpesa.Script().on("pulltransactions", httpx.Response(status, content=body))
            transport = httpx.MockTransport(script)
            client = DarajaClient(mpesa.config(), MemoryTokens(clock), clock, transport=transport)
            query = PullQuery(short_code="174379", since="a", until="b", offset="0")
            try:
                rows = await client.pull(query)
            except PaymentProcessorError:
                continue
            except Exception as error:
                raise AssertionError(f"{status} {case}: {error!r}") from error
            for row in rows:
                VAULT.seal(row.raw.encode(), context="pulled")
                assert row.receipt is None or len(row.receipt) <= 12
                assert row.reference is None or len(row.reference) <= 200
                assert row.amount is None or 0 <= row.amount.minor < 2**63, case
                assert "\0" not in hint_body(row).decode()
            await client.close()


@pytest.mark.parametrize("purpose", [Purpose.RECORD, Purpose.CONFIRMATION, Purpose.STATUS, None])
async def test_a_push_in_limbo_is_settled_by_no_broken_word(purpose: int | None, tmp_path) -> None:
    """Rows, confirmations and status answers with any field replaced; only what still says the
    receipt, "Completed", our short code and our amount settles."""
    clock = mpesa.FakeClock()
    script = mpesa.Script().on("transactionstatus", mpesa.acknowledged())
    processor = mpesa.processor(mpesa.config(tmp_path), httpx.MockTransport(script), clock)
    hinted = {"hint_receipt": mpesa.RECEIPT, "hint_recorded": "yes"}
    memory = hinted if purpose == Purpose.STATUS else {}
    attempt = mpesa.attempt(mpesa.deposit(phone=mpesa.PHONE), clock, **memory)
    asked = attempt.request.amount
    whole = mpesa.completed(Amount=asked.minor // 100)
    for document in (mpesa.ROW, mpesa.confirmation(), whole):
        for case, body in cases(document):
            notice = mpesa.notice(body, purpose)
            answer = await judge(processor.get_transaction_status(attempt, [notice]), case)
            if answer is not None and isinstance(answer.outcome, Settled):
                assert purpose == Purpose.STATUS, case
                assert answer.outcome == Settled(asked, mpesa.RECEIPT), case
    await processor.close()


def card_script() -> cards.Script:
    script = cards.Script().on(cards.CREATE, cards.intent())
    script.on(cards.CONFIRM, cards.intent("succeeded")).on(cards.READ, cards.intent("succeeded"))
    script.on(cards.CANCEL, cards.intent("canceled")).on(cards.DISPUTES, cards.page())
    script.on(cards.LIST, cards.page()).on(cards.REFUND, cards.refund_object())
    return script.on(cards.REFUND_READ, cards.refund_object()).on(cards.REFUND_LIST, cards.page())


ERROR = {"error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card",
                   "advice_code": "do_not_try_again", "param": "x", "message": "m"}}  # fmt: skip
ACTION = cards.intent(
    "requires_action",
    next_action={"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example"}},
    last_payment_error=ERROR["error"],
)
MOVED = {"id": "txn_9", "amount": -2000, "fee": 3, "currency": "usd"}
STRIPE: dict[str, tuple[str, int, Any, dict[str, str], str]] = {
    "create": (cards.CREATE, 200, cards.intent(), {}, "submit"),
    "create refused": (cards.CREATE, 402, ERROR, {}, "submit"),
    "create malformed": (cards.CREATE, 400, ERROR, {}, "submit"),
    "create failed": (cards.CREATE, 500, ERROR, {}, "submit"),
    "confirm": (cards.CONFIRM, 200, cards.intent("succeeded"), {"intent": cards.INTENT}, "first"),
    "read": (cards.READ, 200, cards.intent("succeeded"), {"intent": cards.INTENT}, "check"),
    "action": (cards.READ, 200, ACTION, {"intent": cards.INTENT}, "check"),
    "list": (cards.LIST, 200, cards.page(cards.intent()), {}, "check"),
    "disputes": (
        cards.DISPUTES, 200, cards.page(cards.dispute_object("needs_response", (-2000, 1500))),
        {"intent": cards.INTENT, "told": "settled", "fee_told": "yes", "dispute:x": "1"}, "ended",
    ),
    "refund": (cards.REFUND, 200, cards.refund_object(balance_transaction=MOVED), {}, "refund"),
}  # fmt: skip


@pytest.mark.parametrize("name", STRIPE)
async def test_stripe_answers_anything(name: str) -> None:
    place, status, good, memory, how = STRIPE[name]
    clock = mpesa.FakeClock()
    for case, body in cases(good):
        script = card_script().on(place, httpx.Response(status, content=body))
        processor = cards.processor(script, clock)
        request = cards.refund() if how == "refund" else cards.deposit(clock=clock)
        attempt = cards.attempt(request, clock, **memory)
        attempt = replace(attempt, checks=int(how == "check"), ended=how == "ended")
        call = {"submit": processor.process_deposit, "refund": processor.process_refund}
        ask = call.get(how, processor.get_transaction_status)
        await judge(ask(attempt), case)
        await processor.close()
        clock.advance(timedelta(seconds=10))


def paypal_script() -> paypal.Script:
    script = paypal.Script(defaultdict(lambda: deque([paypal.error(404, "INVALID_RESOURCE_ID")])))
    script.on(DISPUTES, {"items": [{"dispute_id": "PP-D-1"}]}).on(DISPUTE, CONTESTED)
    script.on(paypal.CREATE, paypal.order()).on(paypal.READ, paypal.paid())
    script.on(paypal.TAKE, paypal.paid()).on(paypal.LOOK, paypal.capture_object())
    script.on(paypal.REFUND_MAKE, paypal.refund_object())
    return script.on(paypal.REFUND_READ, paypal.refund_object())


DISPUTES, DISPUTE = "GET /v1/customer/disputes", "GET /v1/customer/disputes/PP-D-1"
CONTESTED = {
    "dispute_id": "PP-D-1", "status": "RESOLVED", "reason": "OTHER",
    "dispute_amount": paypal.money(), "dispute_outcome": {"outcome_code": "ACCEPTED"},
    "seller_response_due_date": "2026-02-01T00:00:00Z",
    "money_movements": [{"affected_party": "SELLER", "amount": paypal.money(), "type": "DEBIT",
                         "reason": "DISPUTE_SETTLEMENT"}],
}  # fmt: skip
REVERSED = paypal.order(
    "COMPLETED", captures=[paypal.capture_object()], refunds=[paypal.refund_object()]
)
SETTLED = {"order": paypal.ORDER, "capture": paypal.CAPTURE, "told": "settled"}
DETAILS = [{"issue": "INSTRUMENT_DECLINED", "field": "/x", "description": "m"}]
REFUSAL = {"name": "UNPROCESSABLE_ENTITY", "message": "m", "debug_id": "d", "details": DETAILS,
           "links": paypal.SENT_BACK}  # fmt: skip
WAITS = {"order": paypal.ORDER, "action": "1"}
TAKEN = {**WAITS, "approved": "1"}
REASON = {"status_details": {"reason": "PENDING_REVIEW"}}
PAYPAL: dict[str, tuple[str, int, Any, dict[str, str], str]] = {
    "token": (paypal.TOKEN, 200, {"access_token": "t", "expires_in": 9}, {}, "submit"),
    "create": (paypal.CREATE, 201, paypal.order(), {}, "submit"),
    "create refused": (paypal.CREATE, 422, REFUSAL, {}, "submit"),
    "create malformed": (paypal.CREATE, 400, REFUSAL, {}, "submit"),
    "create failed": (paypal.CREATE, 500, REFUSAL, {}, "submit"),
    "read": (paypal.READ, 200, paypal.order("APPROVED"), WAITS, "check"),
    "read paid": (paypal.READ, 200, paypal.paid(), WAITS, "check"),
    "capture": (paypal.TAKE, 201, paypal.paid(), TAKEN, "check"),
    "capture refused": (paypal.TAKE, 422, REFUSAL, TAKEN, "check"),
    "pending": (paypal.TAKE, 201, paypal.paid("PENDING", **REASON), TAKEN, "check"),
    "look": (paypal.LOOK, 200, paypal.capture_object(), {**TAKEN, "capture": paypal.CAPTURE},
             "check"),
    "refund": (paypal.REFUND_MAKE, 201, paypal.refund_object(), {}, "refund"),
    "refund refused": (paypal.REFUND_MAKE, 422, REFUSAL, {}, "refund"),
    "disputes": (DISPUTES, 200, {"items": [{"dispute_id": "PP-D-1"}]}, SETTLED, "ended"),
    "dispute": (DISPUTE, 200, CONTESTED, SETTLED, "ended"),
    "reversal": (paypal.READ, 200, REVERSED, SETTLED, "ended"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAYPAL)
async def test_paypal_answers_anything(name: str) -> None:
    place, status, good, memory, how = PAYPAL[name]
    clock = mpesa.FakeClock()
    for case, body in cases(good):
        script = paypal_script().on(place, httpx.Response(status, content=body))
        processor = paypal.processor(script, clock)
        request = paypal.refund() if how == "refund" else paypal.deposit(clock=clock)
        attempt = paypal.attempt(request, clock, **memory)
        attempt = replace(attempt, checks=int(how == "check"), ended=how == "ended")
        call = {"submit": processor.process_deposit, "refund": processor.process_refund}
        ask = call.get(how, processor.get_transaction_status)
        answer = await judge(ask(attempt), case)
        if answer is not None and isinstance(answer.outcome, Settled):
            assert status < 300, case
        await processor.close()
        clock.advance(timedelta(seconds=10))


async def test_events_say_anything() -> None:
    """The worker finds the attempt, or none; what is told comes from the API."""
    clock = mpesa.FakeClock()
    processor = cards.processor(card_script(), clock)
    attempt = cards.attempt(cards.deposit(clock=clock), clock, intent=cards.INTENT, told="settled")
    event = cards.event("payment_intent.succeeded", cards.intent("succeeded"))
    for case, body in cases(event):
        processor.read_fingerprint(body)
        clock.advance(timedelta(seconds=10))
        ask = processor.get_transaction_status
        await judge(ask(replace(attempt, ended=True), [cards.notice(body)]), case)
    await processor.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(b"0" * 50_000_000)
WIRE = {
    "no HTTP": b"hello\r\n\r\n",
    "no head": b"",
    "ten megabytes of headers": HEAD + b"X-A: " + b"a" * 10_000_000,
    "a hundred thousand headers": HEAD + b"X: y\r\n" * 100_000,
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "length of no end": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{",
    "huge body": HEAD + b"Content-Length: 30000000\r\n\r\n" + b"x" * 30_000_000,
    "endless chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" * 200_000,
    "gzip bomb": HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n"
    b"Content-Length: 0\r\n\r\n",
    "status of no sort": b"HTTP/1.1 999 ?\r\nContent-Length: 2\r\n\r\n{}",
    "informed for ever": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100_000,
    "another protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "HTML": HEAD + b"Content-Length: 13\r\n\r\n<html></html>",
}


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[str]:
    """A server that says the same to everybody."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.write_eof()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("name", WIRE)
async def test_anything_on_the_wire(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over real sockets and the workers' own clients: bounded, in doubt, and nothing told."""
    clock = mpesa.FakeClock()
    with capture_logs() as logs:
        async with saying(WIRE[name]) as base:
            config = mpesa.config(api_base=base)
            tokens = MemoryTokens(clock)
            tokens._token = Token("t", clock.now() + timedelta(hours=1))
            client = DarajaClient(config, tokens, clock)
            query = QUERY
            with pytest.raises(PaymentProcessorError) as lost:
                await client.stk_query(query)
            assert isinstance(lost.value, OutcomeUnknown), lost.value
            tokens._token = None
            with pytest.raises(ProviderUnavailable):
                await client.stk_query(query)
            await client.close()
            processor = cards.processor(None, clock, api_base=base)
            attempt = cards.attempt(cards.deposit(clock=clock), clock)
            try:
                answer = await processor.process_deposit(attempt)
                check(answer)
                assert not isinstance(answer.outcome, Settled)
            except OutcomeUnknown:
                pass
            await processor.close()
            wallet = paypal.processor(None, clock, api_base=base)
            with pytest.raises(PaymentProcessorError):
                await wallet.process_deposit(paypal.attempt(paypal.deposit(clock=clock), clock))
            await wallet.close()
    assert mpesa.PHONE not in repr(logs)
    assert cards.SECRET_KEY not in repr(logs)
    assert "client-secret" not in repr(logs)
