"""Vodacom and MTN answer anything: an outcome or one of our errors, never a crash.

As `test_providers.py`: what is kept can be stored, and only an answer that says so settles.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import PaymentProcessorError
from cift_shared.messaging.outcomes import Settled
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.testing import FakeClock
from momo_worker.client import MomoClient
from momo_worker.processor import MomoProcessor
from momo_worker.token_store import MemoryTokens
from tests.hostile.test_providers import cases, judge
from tests.support import momo, vodacom
from tests.support.commands import VAULT
from vodacom_worker import domain
from vodacom_worker.client import VodacomClient
from vodacom_worker.processor import VodacomProcessor
from vodacom_worker.session_store import MemorySessions, SessionTimes

SESSION = {"output_ResponseCode": "INS-0", "output_SessionID": "session-1"}
THEIR_KEY = "0" * 32
"""Stands for the key of the request, which Vodacom sends back."""
ACCEPTED = {
    "output_ResponseCode": "INS-0",
    "output_ResponseDesc": "m",
    "output_TransactionID": vodacom.RECEIPT,
    "output_ConversationID": "conv-1",
    "output_ThirdPartyConversationID": THEIR_KEY,
}
COMPLETED = {
    **ACCEPTED,
    "output_ResponseTransactionStatus": "Completed",
    "output_OriginalTransactionID": vodacom.RECEIPT,
}
REQUESTS: dict[str, Callable[[], Any]] = {
    "deposit": vodacom.deposit,
    "withdrawal": vodacom.withdrawal,
    "refund": vodacom.refund,
}


class Vodacom:
    """A processor whose calls to one path all get the same answer."""

    def __init__(self, path: str, status: int, body: bytes, **over: Any) -> None:
        self._path, self._status, self._body = path, status, body
        config, clock = vodacom.config(**over), FakeClock()
        sessions = MemorySessions(clock, SessionTimes.at_speed(config.check_speed))
        client = VodacomClient(config, sessions, clock, transport=httpx.MockTransport(self._answer))
        self.processor = VodacomProcessor(
            config, client, vault=VAULT, clock=clock, sessions=sessions
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self._path in request.url.path:
            body = self._body.replace(THEIR_KEY.encode(), _key_in(request).encode())
            return httpx.Response(self._status, content=body)
        return httpx.Response(200, json=SESSION)

    async def submit(self, attempt: Attempt) -> Answer:
        process: Callable[[Attempt], Awaitable[Answer]]
        process = getattr(self.processor, f"process_{attempt.operation}")
        return await process(attempt)


def _key_in(request: httpx.Request) -> str:
    if request.content:
        return str(json.loads(request.content)["input_ThirdPartyConversationID"])
    fields = parse_qs(request.url.query.decode())  # a request for a session has none
    return fields.get("input_ThirdPartyConversationID", [""])[0]


@pytest.mark.parametrize("flow", ["asynchronous", "synchronous"])
@pytest.mark.parametrize("operation", REQUESTS)
async def test_vodacom_answers_anything(operation: str, flow: str) -> None:
    path = {"deposit": "c2bPayment", "withdrawal": "b2cPayment", "refund": "reversal"}[operation]
    for status in (200, 201, 400, 500):
        for case, body in cases(ACCEPTED, status // 100):
            world = Vodacom(path, status, body, flow=flow)
            attempt = vodacom.attempt(REQUESTS[operation]())
            answer = await judge(world.submit(attempt), f"{status} {case}")
            if answer is not None and isinstance(answer.outcome, Settled):
                assert flow == "synchronous", case
                assert json.loads(body)["output_ResponseCode"] == "INS-0", case
            await world.processor.close()


@pytest.mark.parametrize("operation", REQUESTS)
async def test_vodacom_queries_answer_anything(operation: str) -> None:
    for status in (200, 400, 500):
        for case, body in cases(COMPLETED, status // 100):
            world = Vodacom("queryTransactionStatus", status, body)
            attempt = vodacom.attempt(REQUESTS[operation](), accepted="yes")
            answer = await judge(
                world.processor.get_transaction_status(attempt), f"{status} {case}"
            )
            if answer is not None and isinstance(answer.outcome, Settled):
                read = json.loads(body)
                assert read["output_ResponseTransactionStatus"].strip() == "Completed", case
                assert answer.outcome.amount == attempt.request.amount
            await world.processor.close()


async def test_vodacoms_sessions_answer_anything() -> None:
    for status in (200, 401, 500):
        for case, body in cases(SESSION, status // 100):
            world = Vodacom("getSession", status, body)
            answer = await judge(
                world.submit(vodacom.attempt(vodacom.deposit())), f"{status} {case}"
            )
            assert answer is None or not isinstance(answer.outcome, Settled), case
            await world.processor.close()


@pytest.mark.parametrize("operation", REQUESTS)
async def test_vodacoms_notices_say_anything(operation: str) -> None:
    """Without a query that confirms it no notice settles anything."""
    world = Vodacom("queryTransactionStatus", 200, json.dumps(
        {**COMPLETED, "output_ResponseTransactionStatus": "Pending"}
    ).encode())  # fmt: skip
    attempt = vodacom.attempt(REQUESTS[operation](), accepted="yes", conversation="conv-1")
    key = domain.request_key(attempt.attempt_id)
    for case, body in cases(json.loads(vodacom.notice(key))):
        world.processor.read_fingerprint(body)
        asking = world.processor.get_transaction_status(attempt, [vodacom.received(body)])
        answer = await judge(asking, case)
        assert answer is None or not isinstance(answer.outcome, Settled), case
    await world.processor.close()


TOKEN = {"access_token": "t", "token_type": "access_token", "expires_in": 3600}
HOLDER = {"result": True}


class Mtn:
    """A processor of Uganda whose calls to one path all get the same answer."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        self._place, self._status, self._body = (method, path), status, body
        clock = FakeClock()
        config = momo.config()
        client = MomoClient(
            config, MemoryTokens(clock), clock, transport=httpx.MockTransport(self._answer)
        )
        tokens = CallbackTokens(bytes(32))
        self.processor = MomoProcessor(
            config, client, vault=VAULT, callback_tokens=tokens, clock=clock
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        method, path = self._place
        if request.method == method and path in request.url.path:
            return httpx.Response(self._status, content=self._body)
        if "/token/" in request.url.path:
            return httpx.Response(200, json=TOKEN)
        if "accountholder" in request.url.path:
            return httpx.Response(200, json=HOLDER)
        return httpx.Response(202)

    async def submit(self, attempt: Attempt) -> Answer:
        process: Callable[[Attempt], Awaitable[Answer]]
        process = getattr(self.processor, f"process_{attempt.operation}")
        return await process(attempt)


def _status_of(attempt: Attempt, phone_field: str) -> dict[str, Any]:
    """What MTN has of a transaction that succeeded."""
    request = attempt.request
    return {
        "amount": str(request.amount.minor),
        "currency": request.amount.currency,
        "externalId": str(attempt.attempt_id),
        "financialTransactionId": "23503452",
        phone_field: {
            "partyIdType": "MSISDN",
            "partyId": VAULT.open(request.instrument.sealed, context="phone").decode(),
        },
        "status": "SUCCESSFUL",
        "reason": {"code": "PAYER_NOT_FOUND", "message": "m"},
    }


MOVES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "deposit": (momo.deposit, "/requesttopay", "payer"),
    "withdrawal": (momo.withdrawal, "/transfer", "payee"),
}


@pytest.mark.parametrize("operation", MOVES)
async def test_mtn_answers_anything(operation: str) -> None:
    request, path, _ = MOVES[operation]
    refused = {"code": "PAYER_NOT_FOUND", "message": "m"}
    for status in (202, 400, 404, 409, 500):
        for case, body in cases(refused, status // 100):
            world = Mtn("POST", path, status, body)
            answer = await judge(world.submit(momo.attempt(request())), f"{status} {case}")
            assert answer is None or not isinstance(answer.outcome, Settled), case
            await world.processor.close()


@pytest.mark.parametrize("operation", MOVES)
async def test_mtns_statuses_say_anything(operation: str) -> None:
    request, path, phone_field = MOVES[operation]
    attempt = momo.attempt(request())
    good = _status_of(attempt, phone_field)
    settled = 0
    for status in (200, 400, 500):
        for case, body in cases(good, status // 100):
            world = Mtn("GET", path, status, body)
            await judge(world.submit(attempt), case)
            answer = await judge(
                world.processor.get_transaction_status(attempt), f"{status} {case}"
            )
            if answer is not None and isinstance(answer.outcome, Settled):
                settled += 1
                assert status == 200, case
                assert json.loads(body)["status"] == "SUCCESSFUL", case
                assert answer.outcome.amount == attempt.request.amount
            await world.processor.close()
    assert settled


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [("POST", "/token/", TOKEN), ("GET", "accountholder", HOLDER)],
)
async def test_what_comes_before_a_transfer_answers_anything(
    method: str, path: str, document: dict[str, Any]
) -> None:
    for status in (200, 401, 404, 500):
        for case, body in cases(document, status // 100):
            world = Mtn(method, path, status, body)
            answer = await judge(world.submit(momo.attempt(momo.withdrawal())), f"{status} {case}")
            assert answer is None or not isinstance(answer.outcome, Settled), case
            await world.processor.close()


async def test_a_balance_may_be_anything() -> None:
    for case, body in cases({"availableBalance": "1000", "currency": "UGX"}):
        world = Mtn("GET", "balance", 200, body)
        try:
            found = await world.processor.get_float()
        except PaymentProcessorError:
            continue
        finally:
            await world.processor.close()
        assert all(abs(one.minor) < 2**63 for one in found), case
