"""What a caller may conclude from each way a call to Daraja can end."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.errors import (
    OutcomeUnknown,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.messaging.outcomes import Failure
from mpesa_worker import wire
from mpesa_worker.client import BODY_BYTES_MAX, DarajaClient
from mpesa_worker.token_store import MemoryTokens
from tests.support import mpesa
from tests.support.mpesa import error

PUSH = wire.StkPush(
    short_code="174379",
    password="p",
    timestamp="20260105120000",
    transaction_type="CustomerPayBillOnline",
    amount=100,
    party_a=mpesa.PHONE,
    party_b="174379",
    phone=mpesa.PHONE,
    callback_url="https://pay.example.com/api/v1/callbacks/aa",
    account_reference="ABCDEFGHIJKL",
    description="Deposit",
)
QUERY = wire.StkQuery(
    short_code="174379", password="p", timestamp="20260105120000", checkout_id=mpesa.CHECKOUT
)


@pytest.fixture
async def client(script: mpesa.Script, clock: mpesa.FakeClock) -> AsyncIterator[DarajaClient]:
    config = mpesa.config(connect_timeout_s=0.2, read_timeout_s=0.2)
    built = DarajaClient(config, MemoryTokens(clock), clock, transport=httpx.MockTransport(script))
    yield built
    await built.close()


class Broken(httpx.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"MerchantRequestID": "1'
        raise self._failure


class Packed(httpx.AsyncByteStream):
    """A body that says it is packed."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._raw


def packed(raw: bytes) -> httpx.Response:
    return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Packed(raw))


def broken(failure: Exception) -> httpx.Response:
    return httpx.Response(200, stream=Broken(failure))


class TestSubmission:
    async def test_taken(self, client: DarajaClient, script: mpesa.Script) -> None:
        script.on("stkpush", mpesa.PUSH_TAKEN)
        taken = await client.stk_push(PUSH)
        assert isinstance(taken, wire.StkAccepted)
        assert taken.checkout_id == mpesa.CHECKOUT
        assert script.sent("stkpush")[0]["Amount"] == 100

    @pytest.mark.parametrize(
        "failure",
        [
            httpx.ConnectError("refused"),
            httpx.ConnectTimeout("slow"),
            httpx.PoolTimeout("full"),
        ],
    )
    async def test_nothing_was_sent(
        self, client: DarajaClient, script: mpesa.Script, failure: Exception
    ) -> None:
        script.on("stkpush", failure)
        with pytest.raises(ProviderUnavailable):
            await client.stk_push(PUSH)

    @pytest.mark.parametrize(
        "end",
        [
            httpx.ReadTimeout("slow"),
            httpx.ReadError("reset"),
            httpx.WriteError("reset"),
            httpx.RemoteProtocolError("cut"),
            broken(httpx.RemoteProtocolError("cut")),
            broken(httpx.ReadTimeout("slow")),
            httpx.Response(200, text="OK"),
            httpx.Response(200, json=[]),
            httpx.Response(200, json={}),
            httpx.Response(200, json={"ResponseCode": "0"}),
            httpx.Response(200, content=b'{"ResponseCode": "0", "Merch'),
            packed(b"not gzip"),
            httpx.Response(302, headers={"location": "https://elsewhere.example"}),
            httpx.Response(403, text="<html>firewall</html>"),
            httpx.Response(502, text="<html>bad gateway</html>"),
            httpx.Response(503, text="upstream connect error"),
            httpx.Response(500, json={"fault": "?"}),
            error("500.003.1001", "Internal Server Error"),
            error("500.001.1001", "Internal Server Error"),
            error("777.777.77", "never heard of"),
        ],
        ids=repr,
    )
    async def test_it_may_have_been_carried_out_and_is_never_sent_again(
        self, client: DarajaClient, script: mpesa.Script, end: Any
    ) -> None:
        script.on("stkpush", end)
        with pytest.raises(OutcomeUnknown):
            await client.stk_push(PUSH)
        assert len(script.sent("stkpush")) == 1

    async def test_a_bomb_is_not_unpacked(self, client: DarajaClient, script: mpesa.Script) -> None:
        script.on("stkpush", packed(gzip.compress(b" " * (20 * BODY_BYTES_MAX))))
        with pytest.raises(OutcomeUnknown) as told:
            await client.stk_push(PUSH)
        assert told.value.code == "provider_answer_too_large"

    async def test_an_answer_that_drips_ends_too(
        self, client: DarajaClient, script: mpesa.Script
    ) -> None:
        class Dripping(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                while True:
                    await asyncio.sleep(0.05)
                    yield b" "

        script.on("stkpush", httpx.Response(200, stream=Dripping()))
        with pytest.raises(OutcomeUnknown):
            await client.stk_push(PUSH)

    @pytest.mark.parametrize(
        ("end", "code"),
        [
            (error("500.001.1001", "Wrong credentials"), "provider_credentials_refused"),
            (error("400.002.02", "Invalid Amount", status=400), "provider_request_refused"),
            (error("404.001.01", "not found", status=404), "provider_setup_wrong"),
            (httpx.Response(200, json={"ResponseCode": "1"}), "provider_request_refused"),
        ],
    )
    async def test_refused_for_people_to_look(
        self, client: DarajaClient, script: mpesa.Script, end: httpx.Response, code: str
    ) -> None:
        script.on("stkpush", end)
        with pytest.raises(ProviderRejectedRequest) as told:
            await client.stk_push(PUSH)
        assert told.value.code == code

    @pytest.mark.parametrize(
        "end",
        [
            error("500.003.02", "Spike Arrest Violation"),
            error("500.003.02", "System is busy"),
            error("500.003.03", "Quota Violation"),
            error("00.002.1001", "maintenance", status=503),
            httpx.Response(429, text="<html>slow down</html>"),
        ],
        ids=repr,
    )
    async def test_refused_for_now(
        self, client: DarajaClient, script: mpesa.Script, end: httpx.Response
    ) -> None:
        script.on("stkpush", end)
        with pytest.raises(ProviderThrottled) as told:
            await client.stk_push(PUSH)
        assert told.value.retry_after_s >= 10

    @pytest.mark.parametrize(
        ("end", "code"),
        [
            (error("500.001.1001", "Unable to lock subscriber, a transaction"), "payer_busy"),
            (error("400.002.02", "Invalid PhoneNumber", status=400), "phone_invalid"),
        ],
    )
    async def test_refused_for_the_customer_to_act(
        self, client: DarajaClient, script: mpesa.Script, end: httpx.Response, code: str
    ) -> None:
        script.on("stkpush", end)
        refused = await client.stk_push(PUSH)
        assert isinstance(refused, Failure)
        assert refused.code == code


class TestToken:
    @pytest.mark.parametrize("status", [400, 401, 404])
    async def test_a_refused_one_is_renewed_and_the_request_sent_again(
        self, client: DarajaClient, script: mpesa.Script, status: int
    ) -> None:
        refused = error("404.001.03", "Invalid Access Token", status=status)
        script.on("stkpush", refused, mpesa.PUSH_TAKEN)
        assert isinstance(await client.stk_push(PUSH), wire.StkAccepted)
        assert [header for _, _, header in script.requests] == ["Bearer token-1", "Bearer token-2"]

    async def test_refused_for_ever_ends_as_not_sent(
        self, client: DarajaClient, script: mpesa.Script
    ) -> None:
        script.on("stkpush", error("404.001.03", status=404))
        with pytest.raises(ProviderUnavailable):
            await client.stk_push(PUSH)
        assert len(script.requests) == 3

    async def test_one_for_many_calls_at_once(
        self, client: DarajaClient, script: mpesa.Script
    ) -> None:
        script.on("query", mpesa.query_answer("4999"))
        await asyncio.gather(*(client.stk_query(QUERY) for _ in range(20)))
        assert script.tokens_issued == 1

    async def test_it_is_not_used_in_its_last_minute(
        self, client: DarajaClient, script: mpesa.Script, clock: mpesa.FakeClock
    ) -> None:
        script.on("query", mpesa.query_answer("4999"))
        await client.stk_query(QUERY)
        clock.advance(timedelta(seconds=3530))
        await client.stk_query(QUERY)
        clock.advance(timedelta(seconds=30))
        await client.stk_query(QUERY)
        assert script.tokens_issued == 2

    @pytest.mark.parametrize(
        ("end", "kind"),
        [
            (httpx.Response(400), ProviderRejectedRequest),
            (error("400.008.02", status=400), ProviderRejectedRequest),
            (httpx.Response(502, text="<html>"), ProviderUnavailable),
            (httpx.ReadTimeout("slow"), ProviderUnavailable),
            (httpx.Response(200, json={"access_token": ""}), ProviderUnavailable),
            (httpx.Response(429), ProviderThrottled),
        ],
        ids=repr,
    )
    async def test_without_one_nothing_is_sent(
        self, client: DarajaClient, script: mpesa.Script, end: Any, kind: type[Exception]
    ) -> None:
        script.on("oauth", end).on("stkpush", mpesa.PUSH_TAKEN)
        with pytest.raises(kind):
            await client.stk_push(PUSH)
        assert not script.sent("stkpush")


class TestQuery:
    @pytest.mark.parametrize(
        "end",
        [
            error("500.001.1001", "The transaction is being processed"),
            error("500.001.1001", "", status=200),
            error("500.001.1001", "Wrong credentials"),
            {"ResponseCode": "0", "ResponseDescription": "no result yet"},
        ],
        ids=repr,
    )
    async def test_no_news(self, client: DarajaClient, script: mpesa.Script, end: Any) -> None:
        script.on("query", end)
        assert await client.stk_query(QUERY) is None

    async def test_a_code_as_number(self, client: DarajaClient, script: mpesa.Script) -> None:
        script.on("query", {**mpesa.query_answer("0"), "ResultCode": 1032})
        state = await client.stk_query(QUERY)
        assert state is not None
        assert state.code == "1032"
