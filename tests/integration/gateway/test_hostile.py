"""What strangers send: each wrong thing is named, none is a server error, none is kept."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.breakable import breakable
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

CARD = "4242424242424242"
BAD_AMOUNTS = [
    "0", "0.00", "-1", "-0", "1e3", "1,000", "NaN", "Infinity", "1.001", "1.50", "10" * 15, "",
    " 1", "1 ", "+1", "01", ".5", "1.", "٣", "0x10", "1_0",
]  # fmt: skip


async def refused(client: httpx.AsyncClient, body: dict[str, Any], pointer: str, code: str) -> None:
    document = problem(await pay(client, body), 422, code)
    assert pointer in [error.get("pointer") for error in document["errors"]]


async def raw(client: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    sent = {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json", **headers}
    return await client.post("/payments", content=content, headers=sent)


async def test_malformed_amounts_are_refused(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    for amount in BAD_AMOUNTS:
        answer = await pay(client, order(amount=amount))
        assert answer.status_code == 422, amount
        assert answer.json()["errors"][0]["pointer"] == "/amount"
    for value in (100, 0.1 + 0.2, True, None, ["1"], {"a": 1}):
        await refused(client, order(amount=value), "/amount", "validation_failed")
    document = json.dumps(order()).replace('"100.00"', "NaN").encode()
    problem(await raw(client, document), 422, "json_refused")
    assert await gateway.count("ledger.payment") == 0


async def test_currency_method_and_type(client: httpx.AsyncClient) -> None:
    for currency in ("usd", "kes", "USDT ", "XXX", "KЕS", ""):
        await refused(client, order(currency=currency), "/currency", "currency_unknown")
    for currency in ("USD", "GHS", "BTC"):
        await refused(client, order(currency=currency), "/currency", "currency_unsupported")
    for method in ("monero", "dogecoin", "", "MPESA"):
        await refused(client, order(method=method), "/method", "method_unavailable")
    for kind in ("refund", "payout", "", None):
        await refused(client, order(type=kind), "/type", "validation_failed")


async def test_limits_of_the_method(client: httpx.AsyncClient) -> None:
    await refused(client, order(amount="250001"), "/amount", "amount_out_of_limits")
    await refused(client, order(type="withdrawal", amount="9"), "/amount", "amount_out_of_limits")


async def test_phones_that_no_rail_takes_are_refused(client: httpx.AsyncClient) -> None:
    for phone in ("254812345678", "+255712345678", "0900123456", "07123456789", "abcdefghij"):
        method = {"phone": phone, "country": "KE"}
        await refused(
            client, order(payment_method=method), "/payment_method/phone", "phone_invalid"
        )
    method = {"phone": "0712345678", "country": "TZ"}
    await refused(
        client, order(payment_method=method), "/payment_method/country", "country_unsupported"
    )
    for phone in ("0712 345 678", "0112-345-678", "+254 712 345678", "00254712345678", "712345678"):
        answer = await pay(client, order(payment_method={"phone": phone, "country": "KE"}))
        assert answer.status_code == 202, phone


async def test_fields_that_are_not_ours(client: httpx.AsyncClient) -> None:
    await refused(client, order(status="completed"), "/status", "validation_failed")
    body = order(payment_method={"phone": "0712345678", "pin": "1234"})
    await refused(client, body, "/payment_method/pin", "validation_failed")
    for name in ("type", "method", "amount", "currency", "customer_id", "payment_method"):
        body = order()
        del body[name]
        document = problem(await pay(client, body), 422, "validation_failed")
        assert {"pointer": f"/{name}", "code": "field_required"}.items() <= (
            document["errors"][0].items()
        )


async def test_instrument_must_be_one(client: httpx.AsyncClient) -> None:
    both = {"phone": "0712345678", "id": str(uuid4())}
    wrong: list[dict[str, str]] = [{}, {"country": "KE"}, both]
    for method in wrong:
        await refused(
            client, order(payment_method=method), "/payment_method", "payment_method_invalid"
        )
    given: Any
    for given in (None, [], "254712345678", 254712345678):
        await refused(client, order(payment_method=given), "/payment_method", "validation_failed")


async def test_malformed_texts_are_refused(client: httpx.AsyncClient) -> None:
    bad_ids = ("", "a" * 65, "a b", "a/b", "x\n", "Ω", "a%00")
    for customer in bad_ids:
        await refused(client, order(customer_id=customer), "/customer_id", "validation_failed")
    for url in ("javascript:alert(1)", "data:text/html,x", "http://shop.example/", "//shop.example",
                "https://user@shop.example", "https://", "https://a b/", "ftp://shop.example",
                "https://shop.example\\@evil.example"):  # fmt: skip
        await refused(client, order(return_url=url), "/return_url", "return_url_invalid")
    await refused(client, order(description="x" * 256), "/description", "validation_failed")
    metadata: Any
    for metadata in ({f"k{n}": "v" for n in range(51)}, {"k" * 41: "v"}, {"k": "v" * 501},
                     {"k": 1}, {"": "v"}, {"k": None}, [], "x"):  # fmt: skip
        answer = await pay(client, order(metadata=metadata))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"].startswith("/metadata")
    for url in ("https://shop.example/done?x=1", "http://localhost:3000/", "http://127.0.0.1/"):
        assert (await pay(client, order(return_url=url))).status_code == 202


async def test_text_that_cannot_be_stored(client: httpx.AsyncClient) -> None:
    await refused(client, order(description="a\0b"), "/description", "text_refused")
    body = json.dumps(order(description="half")).replace("half", "\\ud83d").encode()
    problem(await raw(client, body), 422, "text_refused")
    answer = await pay(client, order(description="ünïcode 😀 '; drop table payment; --"))
    assert answer.json()["description"] == "ünïcode 😀 '; drop table payment; --"


async def test_card_numbers_are_neither_taken_nor_told(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    with capture_logs() as lines:
        for body in (
            order(description=f"card {CARD}"),
            order(description="4242 4242-4242 4242"),
            order(metadata={"note": f"x{CARD}y"}),
            order(metadata={CARD: "x"}),
            order(customer_id=CARD),
            order(return_url=f"https://shop.example/{CARD}"),
            order(surprise={"deep": [CARD]}),
            order(amount=int(CARD)),
        ):
            answer = await pay(client, body)
            problem(answer, 422, "card_number_refused")
            assert CARD not in answer.text
    assert CARD not in str(lines)
    assert await gateway.count("gateway.idempotency_key") == 0
    ids = {"order": str(uuid4()), "digest": "ab" + "12" * 31, "when": "2025-11-15 10:30:00"}
    assert (await pay(client, order(metadata=ids))).status_code == 202


async def test_bodies_that_are_no_json(client: httpx.AsyncClient) -> None:
    for content in (b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b"{'a': 1}", b"[" * 60_000, b"1" * 5000):
        problem(await raw(client, content), 400, "json_malformed")
    for content in (b'{"amount": "1", "amount": "2"}', b'{"a": Infinity}',
                    b"[" * 25 + b"]" * 25, b'{"a":' * 25 + b"1" + b"}" * 25):  # fmt: skip
        problem(await raw(client, content), 422, "json_refused")
    for content in (b"[]", b'"text"', b"7", b"null"):
        problem(await raw(client, content), 422, "validation_failed")
    problem(await raw(client, b""), 422, "validation_failed")


async def test_content_types_and_encodings(client: httpx.AsyncClient) -> None:
    body = json.dumps(order()).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "x",
                 "application/json; charset=utf-16", "application/jsonp"):  # fmt: skip
        problem(await raw(client, body, **{"Content-Type": kind}), 415, "content_type_unsupported")
    for kind in ("application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
        assert (await raw(client, body, **{"Content-Type": kind})).status_code == 202
    for encoding in ("gzip", "br", "deflate, gzip"):
        answer = await raw(client, b"\x1f\x8b bomb", **{"Content-Encoding": encoding})
        problem(answer, 415, "content_encoding_unsupported")


async def test_a_body_over_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    async def endless():
        while True:
            yield b"x" * 16_384

    problem(await raw(client, b" " * (64 * 1024 + 1)), 413, "body_too_large")
    problem(await raw(client, b"{}", **{"Content-Length": "9" * 5000}), 413, "body_too_large")
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await client.post("/payments", content=endless(), headers=headers)
    problem(answer, 413, "body_too_large")
    assert (await raw(client, b" " * 60_000 + json.dumps(order()).encode())).status_code == 202


async def test_a_body_that_comes_too_slowly_is_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.http.limits.BODY_TIMEOUT_S", 0.05)

    async def trickle():
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await client.post("/payments", content=trickle(), headers=headers)
    assert problem(answer, 408, "request_timeout")["retryable"]


async def test_unknown_paths_and_methods_are_refused(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    problem(await client.get("/nothing"), 404, "not_found")
    problem(await client.get("/payments/"), 404, "not_found")
    for payment_id in ("not-a-uuid", "%00", str(uuid4()) + "x"):
        answer = await client.get(f"/payments/{payment_id}")
        assert answer.status_code == 404
    for method in ("TRACE", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"):
        answer = await client.request(method, "/payments")
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, POST"
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert (await client.get("/payments", headers=headers)).status_code == 200


async def test_headers_of_every_answer(client: httpx.AsyncClient) -> None:
    for path in ("/payments", "/nothing"):
        headers = (await client.get(path, headers={"Origin": "https://evil.example"})).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"]
        assert "server" not in headers
        assert not [name for name in headers if name.startswith("access-control")]


async def test_request_line_has_no_secrets(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await client.get("/payments?customer_id=c_secret", headers={"traceparent": "00-1-2-01"})
    (line,) = [line for line in lines if line["event"] == "gateway.request"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/payments", 200)
    assert line["merchant_id"] == "m_acme"
    assert line["duration_ms"] > 0
    assert "c_secret" not in str(lines)


async def test_bug_is_a_problem_without_a_trace(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise KeyError("the inner workings")

    monkeypatch.setattr("gateway.payments.service.payment_out", broken)
    with capture_logs() as lines:
        answer = await pay(client, order())
        answer = await client.get(answer.headers["location"].removeprefix("/api/v1"))
    document = problem(answer, 500, "internal_error")
    assert "inner workings" not in answer.text
    (line,) = [line for line in lines if line["event"] == "gateway.request.failed"]
    assert line["log_level"] == "error"
    assert document["instance"].startswith("urn:uuid:")


async def test_database_that_is_away(database: str) -> None:
    async with breakable(database) as (address, line), running_gateway(address) as gateway:
        client = await gateway.client()
        assert (await client.get("/payments")).status_code == 200
        operations = gateway.ops_client()
        assert (await operations.get("/readyz")).status_code == 200
        await line.cut()
        answer = await pay(client, order())
        assert problem(answer, 503, "unavailable")["retryable"]
        assert answer.headers["retry-after"]
        problem(await client.post("/webhooks/mpesa", content=b"{}"), 503, "unavailable")
        assert (await operations.get("/healthz")).status_code == 200
        answer = await operations.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
        assert answer.json()["detail"] == "the database can't be reached"
        await line.mend()
        assert (await pay(client, order())).status_code == 202


async def test_database_that_ends_our_connections(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await pay(client, order())
    await gateway.admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    answer = await pay(client, order(), key="k")
    assert answer.status_code in (202, 503)
    assert (await pay(client, order(), key="k")).status_code == 202
