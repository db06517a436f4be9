"""What the client sends, and what each answer means for the request."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.testing import FakeClock
from tests.support import vodacom
from vodacom_worker import wire
from vodacom_worker.client import VodacomClient
from vodacom_worker.codes import Meaning
from vodacom_worker.session_store import MemorySessions, SessionTimes

KEY = "0" * 32
BASE = "http://127.0.0.1:9/sandbox/ipg/v2/vodacomTZN"
PAYMENT = wire.Payment(
    incoming=True, amount=20_000, phone=vodacom.PHONE, provider_code="000000",
    reference="ABCDEF234567", key=KEY, description="Deposit",
)  # fmt: skip
QUERY = wire.Query(about=KEY, provider_code="000000", key="1" * 32)
SESSION = {"output_ResponseCode": "INS-0", "output_SessionID": "session-1"}

Answer = Callable[[httpx.Request], httpx.Response]


class Vodacom:
    """Answers sessions by itself and everything else by a function."""

    def __init__(self, answer: Answer, *, session: Answer | None = None, **over: Any) -> None:
        self.requests: list[httpx.Request] = []
        self._answer, self._session = answer, session
        self.clock = FakeClock()
        config = vodacom.config(**over)
        self.sessions = MemorySessions(self.clock, SessionTimes.at_speed(config.check_speed))
        self.client = VodacomClient(
            config, self.sessions, self.clock, transport=httpx.MockTransport(self._handle)
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.endswith("getSession/"):
            return self._session(request) if self._session else httpx.Response(200, json=SESSION)
        return self._answer(request)

    @property
    def calls(self) -> list[httpx.Request]:
        """The requests other than those for a session."""
        return [one for one in self.requests if not one.url.path.endswith("getSession/")]


def coded(code: str, status: int = 400, **more: str) -> Answer:
    return lambda _: httpx.Response(status, json={"output_ResponseCode": code, **more})


def fails(error: Exception) -> Answer:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


class TestRequests:
    async def test_a_session_is_requested_with_the_encrypted_api_key(self) -> None:
        world = Vodacom(coded("INS-0", 201), origin="cift.example")
        await world.client.send(PAYMENT)
        first = world.requests[0]
        assert (first.method, str(first.url)) == ("GET", f"{BASE}/getSession/")
        assert vodacom.opened(first.headers["authorization"]) == vodacom.API_KEY
        assert first.headers["origin"] == "cift.example"

    async def test_a_payment(self) -> None:
        world = Vodacom(coded("INS-0", 201))
        await world.client.send(PAYMENT)
        [sent] = world.calls
        assert (sent.method, str(sent.url)) == ("POST", f"{BASE}/c2bPayment/singleStage/")
        assert vodacom.opened(sent.headers["authorization"]) == "session-1"
        assert json.loads(sent.content) == {
            "input_Amount": "20000",
            "input_CustomerMSISDN": vodacom.PHONE,
            "input_Country": "TZN",
            "input_Currency": "TZS",
            "input_ServiceProviderCode": "000000",
            "input_TransactionReference": "ABCDEF234567",
            "input_ThirdPartyConversationID": KEY,
            "input_PurchasedItemsDesc": "Deposit",
        }

    async def test_a_payout(self) -> None:
        world = Vodacom(coded("INS-0", 201))
        payout = wire.Payment(
            incoming=False, amount=5, phone=vodacom.PHONE, provider_code="000000",
            reference="A", key=KEY, description="Withdrawal",
        )  # fmt: skip
        await world.client.send(payout)
        assert world.calls[0].url.path.endswith("/b2cPayment/")
        assert json.loads(world.calls[0].content)["input_PaymentItemsDesc"] == "Withdrawal"

    async def test_a_reversal_is_put(self) -> None:
        world = Vodacom(coded("INS-0", 201))
        await world.client.send(
            wire.Reversal(receipt="9KE71HX0QTR", amount=3, provider_code="000000", key=KEY)
        )
        [sent] = world.calls
        assert (sent.method, sent.url.path.rsplit("/", 2)[1]) == ("PUT", "reversal")
        assert json.loads(sent.content)["input_ReversalAmount"] == "3"

    async def test_a_query_has_its_fields_in_the_address(self) -> None:
        world = Vodacom(coded("INS-0", 200, output_ResponseTransactionStatus="Pending"))
        status = await world.client.query(QUERY)
        [sent] = world.calls
        assert sent.method == "GET"
        assert dict(sent.url.params) == QUERY.document()
        assert sent.content == b""
        assert status.word == "Pending"

    async def test_one_session_serves_many_requests(self) -> None:
        world = Vodacom(coded("INS-0", 201))
        for _ in range(3):
            await world.client.send(PAYMENT)
        assert len(world.requests) == 4


class TestAnswers:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (httpx.ConnectError("no"), ProviderUnavailable),
            (httpx.ConnectTimeout("no"), ProviderUnavailable),
            (httpx.PoolTimeout("no"), ProviderUnavailable),
            (httpx.ReadTimeout("no"), OutcomeUnknown),
            (httpx.ReadError("no"), OutcomeUnknown),
            (httpx.RemoteProtocolError("no"), OutcomeUnknown),
        ],
    )
    async def test_what_may_have_happened(self, error: Exception, kind: type) -> None:
        world = Vodacom(fails(error))
        with pytest.raises(PaymentProcessorError) as raised:
            await world.client.send(PAYMENT)
        assert type(raised.value) is kind
        assert len(world.calls) == 1  # never a second time by itself

    @pytest.mark.parametrize("status", [502, 503, 504])
    async def test_a_proxys_page_is_an_unknown_outcome(self, status: int) -> None:
        world = Vodacom(lambda _: httpx.Response(status, html="<html>Bad gateway</html>"))
        with pytest.raises(OutcomeUnknown):
            await world.client.send(PAYMENT)

    @pytest.mark.parametrize("body", [b"upstream connect error", b"", b"[]", b"\xff\xfe{}"])
    async def test_a_body_that_is_no_object_is_unknown(self, body: bytes) -> None:
        world = Vodacom(lambda _: httpx.Response(200, content=body))
        assert (await world.client.send(PAYMENT)).meaning is Meaning.UNKNOWN

    async def test_a_body_that_is_too_long_is_unknown(self) -> None:
        world = Vodacom(lambda _: httpx.Response(200, content=b" " * 70_000))
        with pytest.raises(OutcomeUnknown):
            await world.client.send(PAYMENT)

    @pytest.mark.parametrize("code", ["INS-16", "INS-996"])
    async def test_refused_for_now(self, code: str) -> None:
        with pytest.raises(ProviderThrottled):
            await Vodacom(coded(code, 503)).client.send(PAYMENT)

    async def test_an_unlisted_code_is_no_failure(self) -> None:
        assert (await Vodacom(coded("INS-31337")).client.send(PAYMENT)).meaning is Meaning.UNKNOWN


class TestSessions:
    async def test_a_refused_new_session_is_waited_for(self) -> None:
        world = Vodacom(lambda _: httpx.Response(401))
        with pytest.raises(ProviderThrottled) as raised:
            await world.client.send(PAYMENT)
        assert raised.value.code == "provider_session_not_live"
        assert len(world.requests) == 2  # no other session was requested

    async def test_a_refused_old_session_is_replaced_and_the_request_sent_again(self) -> None:
        replies = [201, 401, 201]

        def answer(_: httpx.Request) -> httpx.Response:
            status = replies.pop(0)
            body = {"output_ResponseCode": "INS-0"} if status == 201 else None
            return httpx.Response(status, json=body)

        world = Vodacom(answer)
        await world.client.send(PAYMENT)
        world.clock.advance(SessionTimes.at_speed(vodacom.config().check_speed).settles)
        assert (await world.client.send(PAYMENT)).meaning is Meaning.ACCEPTED
        assert len(world.requests) == 5

    async def test_a_session_that_is_used_up_is_replaced(self) -> None:
        world = Vodacom(coded("INS-993"))
        first = await world.sessions.get(world.client.issue_session)
        world.clock.advance(SessionTimes.at_speed(vodacom.config().check_speed).settles)
        with pytest.raises(ProviderThrottled) as raised:
            await world.client.send(PAYMENT)
        assert raised.value.code == "INS-993"
        assert len(world.calls) == 1
        assert first == "session-1"
        assert len(world.requests) == 3  # two sessions

    async def test_no_answer_to_its_request_is_no_unknown_payment(self) -> None:
        world = Vodacom(coded("INS-0"), session=fails(httpx.ReadTimeout("no")))
        with pytest.raises(ProviderUnavailable):
            await world.client.send(PAYMENT)
        assert world.calls == []

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (coded("INS-989"), ProviderUnavailable),
            (lambda _: httpx.Response(500), ProviderUnavailable),
            (lambda _: httpx.Response(200, json={"output_ResponseCode": "INS-0"}),
             ProviderUnavailable),
            (coded("INS-2001"), ProviderRejectedRequest),
            (lambda _: httpx.Response(401), ProviderRejectedRequest),
        ],
    )  # fmt: skip
    async def test_refused(self, answer: Answer, kind: type) -> None:
        with pytest.raises(PaymentProcessorError) as raised:
            await Vodacom(coded("INS-0"), session=answer).client.send(PAYMENT)
        assert type(raised.value) is kind


class TestOutages:
    async def test_the_circuit_opens_and_nothing_more_is_sent(self) -> None:
        world = Vodacom(fails(httpx.ReadError("no")))
        for _ in range(5):
            with pytest.raises(OutcomeUnknown):
                await world.client.send(PAYMENT)
        assert world.client.is_unavailable
        with pytest.raises(ProviderThrottled):
            await world.client.send(PAYMENT)
        assert len(world.calls) == 5

    async def test_payers_who_do_not_answer_open_no_circuit(self) -> None:
        world = Vodacom(fails(httpx.ReadTimeout("no")), flow="synchronous")
        for _ in range(8):
            with pytest.raises(OutcomeUnknown):
                await world.client.send(PAYMENT)
        assert not world.client.is_unavailable
        assert len(world.calls) == 8

    async def test_a_payment_in_synchronous_use_may_take_long_and_a_query_may_not(self) -> None:
        world = Vodacom(coded("INS-0", 201), flow="synchronous")
        await world.client.send(PAYMENT)
        await world.client.query(QUERY)
        payment, query = (one.extensions["timeout"]["read"] for one in world.calls)
        assert (payment, query) == (120, 30)

    async def test_in_asynchronous_use_neither_may(self) -> None:
        world = Vodacom(coded("INS-0", 201))
        await world.client.send(PAYMENT)
        assert world.calls[0].extensions["timeout"]["read"] == 30

    async def test_too_many_at_once_are_put_off(self) -> None:
        world = Vodacom(coded("INS-0", 201), requests_per_second=1.5)
        calls = [world.client.issue_session() for _ in range(4)]
        with pytest.raises(ProviderThrottled) as raised:
            await asyncio.gather(*calls)
        assert raised.value.code == "rate_limited_here"
