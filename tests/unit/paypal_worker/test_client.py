"""Calls to PayPal: its token, what its failures mean, and what never reaches a log."""

import base64
import json
import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.access_token import Token
from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.observability.metrics import PROVIDER_UP
from cift_shared.resilience.circuit_breaker import FAILURES_MAX, PAUSE_S
from cift_shared.testing import FakeClock
from paypal_worker import wire
from paypal_worker.client import PayPalClient
from paypal_worker.token_store import SAFETY_MARGIN, MemoryTokens
from paypal_worker.transport import CREDENTIALS_PAUSE_S, TOKEN_TRIES, RequestRefused
from tests.support import paypal
from tests.support.paypal import CREATE, ORDER, READ, TAKE, TOKEN, Script


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def client(script: Script, clock: FakeClock, **over: Any) -> PayPalClient:
    transport = httpx.MockTransport(script)
    return PayPalClient(paypal.config(), MemoryTokens(clock), clock, transport=transport, **over)


def issued(number: int = 1, lifetime_s: int = 32_400) -> dict[str, Any]:
    return {"access_token": f"A21AA{number}", "expires_in": lifetime_s, "token_type": "Bearer"}


class TestToken:
    async def test_one_token_serves_many_calls(self, clock) -> None:
        script = Script().on(READ, paypal.order())
        api = client(script, clock)
        for _ in range(3):
            await api.read_order(ORDER)
        (asked,) = script.sent(TOKEN)
        pair = base64.b64encode(b"client-id:client-secret").decode()
        assert asked.headers["authorization"] == f"Basic {pair}"
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        assert asked.body == b"grant_type=client_credentials"
        assert {one.headers["authorization"] for one in script.sent(READ)} == {"Bearer A21AAtoken"}

    async def test_it_is_renewed_before_it_expires(self, clock) -> None:
        script = Script().on(READ, paypal.order()).on(TOKEN, issued(1), issued(2))
        api = client(script, clock)
        await api.read_order(ORDER)
        clock.advance(timedelta(seconds=32_400) - SAFETY_MARGIN - timedelta(seconds=1))
        await api.read_order(ORDER)
        assert len(script.sent(TOKEN)) == 1
        clock.advance(timedelta(seconds=1))
        await api.read_order(ORDER)
        used = [one.headers["authorization"] for one in script.sent(READ)]
        assert used == ["Bearer A21AA1", "Bearer A21AA1", "Bearer A21AA2"]

    async def test_a_refused_token_is_renewed_and_the_request_sent_again(self, clock) -> None:
        refused = httpx.Response(401, json={"error": "invalid_token"})
        script = Script().on(TAKE, refused, paypal.paid()).on(TOKEN, issued(1), issued(2))
        made = await client(script, clock).capture_order(ORDER, "key")
        assert made.captures
        first, second = script.sent(TAKE)
        assert (first.body, first.key) == (second.body, second.key) == ({}, "key")
        assert second.headers["authorization"] == "Bearer A21AA2"

    async def test_credentials_that_are_refused_stop_the_calls(self, clock) -> None:
        script = Script().on(READ, httpx.Response(401, json={"error": "invalid_token"}))
        numbers = iter(range(100))
        script.on(TOKEN, lambda _request: httpx.Response(200, json=issued(next(numbers))))
        api = client(script, clock)
        for _ in range(3):
            with pytest.raises(ProviderThrottled):
                await api.read_order(ORDER)
        assert len(script.sent(READ)) == TOKEN_TRIES
        assert api.is_unavailable
        clock.advance(timedelta(seconds=CREDENTIALS_PAUSE_S))
        assert not api.is_unavailable

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (httpx.ReadTimeout("slow"), ProviderUnavailable),
            (httpx.ConnectError("refused"), ProviderUnavailable),
            (httpx.Response(503, text="<html>"), ProviderUnavailable),
            (httpx.Response(200, text="<html>"), ProviderUnavailable),
            (httpx.Response(200, json={"expires_in": 1}), ProviderUnavailable),
            (httpx.Response(429), ProviderThrottled),
            (httpx.Response(401, json={"error": "invalid_client"}), ProviderThrottled),
            (httpx.Response(400, json={"error": "unsupported_grant_type"}), RequestRefused),
        ],
        ids=str,
    )
    async def test_without_a_token_nothing_is_sent(self, clock, answer, kind) -> None:
        script = Script().on(TOKEN, answer)
        with pytest.raises(kind):
            await client(script, clock).capture_order(ORDER, "key")
        assert script.sent(TAKE) == []


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "kind", "code"),
        [
            (httpx.ConnectError("no"), ProviderUnavailable, "provider_unreachable"),
            (httpx.PoolTimeout("busy"), ProviderUnavailable, "provider_unreachable"),
            (httpx.ReadTimeout("slow"), OutcomeUnknown, "provider_answer_lost"),
            (httpx.ReadError("reset"), OutcomeUnknown, "provider_answer_lost"),
            (httpx.Response(500, json={}), OutcomeUnknown, "provider_failed"),
            (httpx.Response(503, text="<html>"), OutcomeUnknown, "provider_failed"),
            (httpx.Response(404, text="<html>"), OutcomeUnknown, "provider_failed"),
            (httpx.Response(302, json={}), OutcomeUnknown, "provider_failed"),
            (httpx.Response(200, text="[]"), OutcomeUnknown, "provider_answer_unreadable"),
            (httpx.Response(200, text='{"a'), OutcomeUnknown, "provider_answer_unreadable"),
            (httpx.Response(200, json={}), OutcomeUnknown, "provider_answer_unreadable"),
            (httpx.Response(200, json={"id": 7}), OutcomeUnknown, "provider_answer_unreadable"),
            (httpx.Response(409, json={}), ProviderThrottled, "provider_request_in_progress"),
            (httpx.Response(429, json={}), ProviderThrottled, "provider_rate_limited"),
            (paypal.error(400, "X"), ProviderRejectedRequest, "provider_request_refused"),
            (paypal.error(403, "X"), ProviderRejectedRequest, "provider_request_refused"),
        ],
        ids=str,
    )
    async def test_they_say_what_may_have_happened(self, clock, answer, kind, code) -> None:
        script = Script().on(TAKE, answer)
        error = await paypal.failure_of(client(script, clock).capture_order(ORDER, "key"))
        assert isinstance(error, kind)
        assert error.code == code
        assert len(script.sent(TAKE)) == 1

    async def test_an_answer_without_end_is_given_up(self, clock) -> None:
        huge = httpx.Response(200, content=b" " * (8 * 1024 * 1024 + 1))
        error = await paypal.failure_of(client(Script().on(READ, huge), clock).read_order(ORDER))
        assert error.code == "provider_answer_too_large"

    @pytest.mark.parametrize(
        ("header", "wait_s"),
        [(None, 5), ("7", 7), ("0", 1), ("86400", 600), ("soon", 5), ("-1", 5), ("٣", 5)],
    )
    async def test_a_throttled_call_waits_as_long_as_paypal_says(
        self, clock, header, wait_s
    ) -> None:
        headers = {} if header is None else {"Retry-After": header.encode()}
        script = Script().on(READ, httpx.Response(429, headers=headers))
        error = await paypal.failure_of(client(script, clock).read_order(ORDER))
        assert isinstance(error, ProviderThrottled)
        assert error.retry_after_s == wait_s

    async def test_a_refusal_has_paypals_reason(self, clock) -> None:
        script = Script().on(TAKE, paypal.error(422, "INSTRUMENT_DECLINED", "SECOND"))
        error = await paypal.failure_of(client(script, clock).capture_order(ORDER, "key"))
        assert isinstance(error, RequestRefused)
        assert (error.status, error.issue) == (422, "INSTRUMENT_DECLINED")

    @pytest.mark.parametrize("answer", [httpx.ReadTimeout("slow"), httpx.Response(500, json={})])
    async def test_a_paypal_that_is_away_is_left_alone_then_probed(self, clock, answer) -> None:
        script = Script().on(READ, answer)
        api = client(script, clock)
        for _ in range(FAILURES_MAX):
            assert not api.is_unavailable
            with pytest.raises(OutcomeUnknown):
                await api.read_order(ORDER)
        assert api.is_unavailable
        assert PROVIDER_UP.labels("paypal")._value.get() == 0
        with pytest.raises(ProviderThrottled):
            await api.read_order(ORDER)
        assert len(script.sent(READ)) == FAILURES_MAX
        clock.advance(timedelta(seconds=PAUSE_S))
        script.on(READ, paypal.order())
        await api.read_order(ORDER)
        assert PROVIDER_UP.labels("paypal")._value.get() == 1

    async def test_refusals_are_answers(self, clock) -> None:
        api = client(Script().on(TAKE, paypal.error(422, "INSTRUMENT_DECLINED")), clock)
        for _ in range(FAILURES_MAX + 1):
            with pytest.raises(RequestRefused):
                await api.capture_order(ORDER, "key")
        assert not api.is_unavailable


class TestRequests:
    async def test_an_id_is_one_segment_of_the_path(self, clock) -> None:
        script = Script().on("GET /v2/checkout/orders/a/../b?c", paypal.order())
        await client(script, clock).read_order("a/../b?c")
        assert script.requests[-1].path == "/v2/checkout/orders/a/../b?c"

    async def test_a_query_is_written_after_the_path(self, clock) -> None:
        seen = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(str(request.url))
            return httpx.Response(200, json={})

        script = Script().on("GET /v1/reporting/balances", answer)
        query = {"currency_code": "ALL", "page": 2}
        await client(script, clock).get("balances", "/v1/reporting/balances", wire.Part, query)
        assert seen == ["http://127.0.0.1:12111/v1/reporting/balances?currency_code=ALL&page=2"]

    async def test_a_deletion_has_no_answer(self, clock) -> None:
        script = Script().on("DELETE /v3/vault/payment-tokens/1", httpx.Response(204))
        await client(script, clock).delete("token_delete", "/v3/vault/payment-tokens/1")
        (sent,) = script.sent("DELETE /v3/vault/payment-tokens/1")
        assert "content-type" not in sent.headers

    async def test_raw_json_is_sent_as_it_is(self, clock) -> None:
        raw = b'{"b": 1,\n "a":2}'
        seen = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request.content)
            return httpx.Response(200, json={})

        script = Script().on("POST /v1/x", answer)
        await client(script, clock).post_raw("x", "/v1/x", raw, wire.Part)
        assert seen == [raw]

    async def test_a_mock_response_is_asked_for_one_operation(self, clock) -> None:
        script = Script().on(CREATE, paypal.order()).on(TAKE, paypal.paid())
        mocks = {"order_capture": "INSTRUMENT_DECLINED"}
        api = client(script, clock, mock_responses=mocks)
        await api.create_order({}, "key")
        await api.capture_order(ORDER, "key")
        (created,), (taken,) = script.sent(CREATE), script.sent(TAKE)
        assert "paypal-mock-response" not in created.headers
        asked = json.loads(taken.headers["paypal-mock-response"])
        assert asked == {"mock_application_codes": "INSTRUMENT_DECLINED"}


async def test_secrets_reach_no_log(clock, caplog, capsys) -> None:
    caplog.set_level(logging.DEBUG)
    script = Script().on(
        READ,
        httpx.Response(401, json={"error": "invalid_token", "error_description": "A21AAtoken"}),
        paypal.error(422, "X"),
        httpx.Response(500, text="payer@example.com"),
        httpx.Response(200, text="payer@example.com"),
        paypal.order(payer={"email_address": "payer@example.com"}),
    )
    numbers = iter(range(9))
    script.on(TOKEN, lambda _request: httpx.Response(200, json=issued(next(numbers))))
    api = client(script, clock)
    for _ in range(4):
        try:
            shown = repr(await api.read_order(ORDER))
        except PaymentProcessorError as error:
            shown = f"{error!s} {error!r} {error.__cause__!r}"
        assert "payer@example.com" not in shown
        assert paypal.PAGE not in shown
    told = caplog.text + "".join(capsys.readouterr())
    for secret in ("client-secret", "A21AA", "payer@example.com", paypal.PAGE):
        assert secret not in told


def test_a_token_is_not_shown() -> None:
    assert "A21AA" not in repr(Token("A21AAx", FakeClock().now()))
