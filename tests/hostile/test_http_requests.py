"""Requests that nobody means well, at the API: a clear problem, nothing stored, nothing told.

The rows of the table (docs/proof.md) that the gateway's own tests have already are not here again.
"""

import base64
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.problems.problem import ERRORS_MAX
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

# Moments whose place in UTC no database and no calendar here knows.
OUT_OF_TIME = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
NO_MOMENTS = [
    *OUT_OF_TIME, "2026", "1e9", "inf", "nan", "2026-01-01", "2026-01-01T00:00:00",
    "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z", "",
    "99999999999999999999", "2026-01-01T00:00:00Z\0",
]  # fmt: skip
PROTOTYPES = ["__proto__", "constructor", "prototype", "__class__", "toString", "$where", "../.."]


@pytest.fixture
async def gateway(database: str):
    async with running_gateway(database) as running:
        yield running


@pytest.fixture
async def client(gateway: RunningGateway) -> httpx.AsyncClient:
    return await gateway.client()


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


async def post_raw(client: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    sent = {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json", **headers}
    return await client.post("/payments", content=content, headers=sent)


async def stored_nothing(gateway: RunningGateway) -> None:
    for table in ("ledger.payment", "gateway.outbox", "gateway.idempotency_key", "gateway.quote"):
        assert await gateway.count(table) == 0, table


async def test_moments_out_of_range(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    await gateway.funded(client, "c_1", "100.00")
    for path, name in (
        ("/payments", "created_after"),
        ("/payments", "created_before"),
        ("/customers/c_1/balances", "as_of"),
        ("/customers/c_1/statement", "as_of"),
    ):
        for moment in NO_MOMENTS:
            answer = await client.get(path, params={name: moment})
            (error,) = problem(answer, 422, "validation_failed")["errors"]
            assert error["parameter"] == name, moment
        for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01 00:00:00+03:00"):
            answer = await client.get(path, params={name: moment})
            assert answer.status_code == 200, (moment, answer.text)


async def test_cursors_that_were_never_ours(client: httpx.AsyncClient) -> None:
    moment = "2026-01-01T00:00:00+00:00"
    garbage = [
        "", "x", "é", "%00", "=" * 200, "A" * 201, "[" * 150, cursor(), cursor(None), cursor(True),
        cursor(-1), cursor(2**63), cursor(1.5), cursor([]), cursor({}), cursor(moment),
        cursor(moment, None), cursor(moment, 5), cursor(moment, "a\0b"), cursor(5, str(uuid4())),
        cursor(moment, str(uuid4()), 1), *(cursor(out, str(uuid4())) for out in OUT_OF_TIME),
        base64.urlsafe_b64encode(b"[NaN]").decode(), base64.urlsafe_b64encode(b"\xff").decode(),
        base64.urlsafe_b64encode(b"[1e999]").decode(),
    ]  # fmt: skip
    for path in ("/payments", "/payment-methods", "/disputes", "/customers/c_1/statement"):
        for after in garbage:
            answer = await client.get(path, params={"after": after})
            (error,) = problem(answer, 422, "validation_failed")["errors"]
            assert error["parameter"] == "after", (path, after)


async def test_pages_that_cannot_be(client: httpx.AsyncClient) -> None:
    for path in ("/payments", "/payment-methods", "/disputes", "/customers/c_1/statement"):
        for limit in ("0", "-1", "1000000000", "9" * 5000, "1e1", "0x10", "ten", "", "٣", "NaN"):
            answer = await client.get(path, params={"limit": limit})
            (error,) = problem(answer, 422, "validation_failed")["errors"]
            assert error["parameter"] == "limit", (path, limit)


async def test_parameters_in_every_dress(client: httpx.AsyncClient) -> None:
    for query in ("customer_id=%00", "customer_id=%ff", "customer_id=Ω", "customer_id=c%0d%0a",
                  "customer_id=%27%20or%201%3D1--", "customer_id=" + "a" * 30_000, "status=%00",
                  "type[]=deposit", "type=deposit&x=1", "__proto__=1",
                  "&".join(f"a{n}=1" for n in range(900))):  # fmt: skip
        problem(await client.get(f"/payments?{query}"), 422, "validation_failed")
    problem(await client.get("/payments?limit=1&limit=2"), 422, "validation_failed")


async def test_paths_that_lead_nowhere(client: httpx.AsyncClient) -> None:
    for path in ("/payments/..", "/payments/..%2f..%2f..%2fmetrics", "/payments/%2e%2e/%2e%2e",
                 "/payments/%00", "/payments/%ff", "/payments/;x=1", "/payments/" + "a" * 30_000,
                 "//payments", "/PAYMENTS", "/payments%2f", "/payments%00",
                 "/customers/%00/balances", "/customers/%0d%0aX-A:%20b/balances",
                 "/customers/..%2f..%2fdocs/balances", "/customers/Ω/statement",
                 "/customers/c_1/conversions/%00", "/disputes/%00", "/callbacks/%00",
                 "/callbacks/" + "a" * 30_000, "/callbacks/..%2fwebhooks%2fmpesa"):  # fmt: skip
        for method in ("GET", "POST"):
            answer = await client.request(method, path)
            assert answer.status_code in (404, 405), path
            problem(answer, answer.status_code, answer.json()["code"])
            assert "x-a" not in answer.headers


async def test_json_that_means_two_things(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    body = json.dumps(order())
    twice_deep = body.replace('"country"', '"phone": "0712345678", "country"')
    escaped = body.replace('"amount"', '"amoun\\u0074": "1.00", "amount"')
    for text in (
        twice_deep,
        escaped,
        body.replace('"100.00"', "1e400"),
        body.replace('"100.00"', "-0"),
    ):
        answer = await post_raw(client, text.encode())
        assert answer.status_code == 422, text
        assert answer.json()["code"] in ("json_refused", "validation_failed")
    for content in (body.encode() + b" x", body.encode() * 2, b"\xef\xbb\xbf" + body.encode(),
                    body.encode("utf-16"), body.encode() + b"\0", b"// c\n" + body.encode(),
                    body.replace("c_1", "c\n1").encode(), b'{"a": "\xed\xa0\xbd"}',
                    b'{"a": "\xc0\x80"}', b'{"a": 0x10}', b"{'a': 1}", b"[1,]"):  # fmt: skip
        problem(await post_raw(client, content), 400, "json_malformed")
    await stored_nothing(gateway)


async def test_numbers_without_end(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    body = json.dumps(order())
    for number in ("9" * 4000, "1e999999999", "-1e999999999", "0." + "0" * 5000 + "1"):
        answer = await post_raw(client, body.replace('"100.00"', number).encode())
        assert answer.status_code == 422, number[:20]
    for amount in ("9" * 64, "0." + "0" * 60 + "1", "1" + "0" * 37, "1" * 65, "१००", "1\u066b5"):
        answer = await pay(client, order(amount=amount))
        assert answer.json()["errors"][0]["pointer"] == "/amount", amount
    await stored_nothing(gateway)


async def test_text_that_looks_like_something_else(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """Lookalikes of a currency, a method, a customer are another thing, which there is not."""
    for field, value in (("currency", "ΚΕS"), ("currency", "KES\u200b"), ("currency", "ＫＥＳ"),
                         ("currency", "KES\u202e"), ("method", "mpеsa"), ("method", "mpesa\u200d"),
                         ("customer_id", "c_１"), ("customer_id", "c_1\u202e"),
                         ("customer_id", "ç_1"), ("type", "depo\u017fit")):  # fmt: skip
        answer = await pay(client, order(**{field: value}))
        assert answer.status_code == 422, value
        assert answer.json()["errors"][0]["pointer"] == f"/{field}"
    await stored_nothing(gateway)


async def test_names_of_prototypes_are_names(client: httpx.AsyncClient) -> None:
    nasty = "<script>alert(1)</script>{{7*7}}'; drop table payment; --\u202e\u0301"
    metadata = dict.fromkeys(PROTOTYPES, nasty)
    made = await pay(client, order(metadata=metadata, description=nasty))
    assert made.status_code == 202
    shown = (await client.get(f"/payments/{made.json()['id']}")).json()
    assert shown["metadata"] == metadata
    assert shown["description"] == nasty
    for name in PROTOTYPES:
        document = problem(await pay(client, order(**{name: {"x": 1}})), 422, "validation_failed")
        assert document["errors"][0]["code"] == "field_unknown"


async def test_ten_thousand_faults_name_twenty(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    bodies: list[dict[str, Any]] = [
        order(metadata={f"{n:x}": 1 for n in range(6_000)}),
        order(**{f"{n:x}": 1 for n in range(6_000)}),
        order(payment_method={f"{n:x}": 1 for n in range(6_000)}),
        order(metadata={"a": {"b": {"c": {"d": "e"}}}}),
    ]
    for body in bodies:
        answer = await pay(client, body)
        assert 1 <= len(problem(answer, 422, "validation_failed")["errors"]) <= ERRORS_MAX
        assert len(answer.content) < 8_000
    ten_thousand = order(metadata={f"{n:x}": "" for n in range(10_000)})
    problem(await pay(client, ten_thousand), 413, "body_too_large")
    await stored_nothing(gateway)


async def test_texts_that_tie_up_patterns(client: httpx.AsyncClient) -> None:
    """The search for card numbers stays linear: each of these 60 kB would hang a careless one."""
    for text in ("4 ", "+1   ", "254 7", "0712345678 ", "1.", "-1", "2025-01-01-", "12345678-",
                 "4\u200b", "\ufdfa", "%34", "a1"):  # fmt: skip
        answer = await pay(client, order(description=text * (60_000 // len(text.encode()))))
        assert answer.status_code in (413, 422)


async def test_headers_given_twice(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    key = client.headers["authorization"]
    bare = gateway.raw_client()
    for pair in ([("Authorization", key)] * 2, [("Authorization", key), ("Authorization", "x")],
                 [("Authorization", f"{key}, {key}")],
                 [("Authorization", key.replace(" ", "\t"))]):  # fmt: skip
        raw = [(name.encode(), value.encode("latin-1")) for name, value in pair]
        problem(await bare.get("/payments", headers=raw), 401, "unauthenticated")
    body = json.dumps(order())
    for encodings in (["identity", "gzip"], ["gzip", "identity"], ["identity, gzip"], [""]):
        headers = [("Content-Encoding", value) for value in encodings]
        headers += [("Idempotency-Key", "k"), ("Content-Type", "application/json")]
        answer = await client.post("/payments", content=body, headers=headers)
        problem(answer, 415, "content_encoding_unsupported")
    await stored_nothing(gateway)


async def test_headers_out_of_the_ordinary(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await gateway.funded(client, "c_1", "100.00")
    path = f"/payments/{payment['id']}/events"
    for last in ("-1", "1e3", "0x1", "9223372036854775808", "9" * 5000, "٣", "True", "1, 2"):
        answer = await client.get(path, headers=[(b"Last-Event-ID", last.encode())])
        problem(answer, 422, "validation_failed")
    for header in (("Range", "bytes=0-1"), ("If-None-Match", "*"), ("Accept", "application/xml"),
                   ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/openapi.json"),
                   ("Cookie", "session=1"), ("Prefer", "wait=" + "9" * 5000)):  # fmt: skip
        answer = await client.get(f"/payments/{payment['id']}", headers=[header])
        assert (answer.status_code, answer.json()["id"]) == (200, payment["id"])
    for length in ("²", "-1", "1e3"):
        raw = [(b"Content-Length", length.encode("latin-1")), (b"Idempotency-Key", b"k")]
        raw += [(b"Content-Type", b"application/json")]
        answer = await client.post("/payments", content=b"{}", headers=raw)
        problem(answer, 422, "validation_failed")


async def test_strangers_hosts_are_not_believed(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    for host in ("evil.example", "[", "a/../b?c", "evil.example:99999", "x" * 5000, "é"):
        believed = [
            (b"Host", host.encode("latin-1")),
            (b"X-Forwarded-Host", b"evil.example"),
            (b"Forwarded", b"host=evil.example"),
        ]
        key = (b"Idempotency-Key", uuid4().hex.encode())
        made = await client.post("/payments", json=order(), headers=[*believed, key])
        assert made.headers["location"] == f"/api/v1/payments/{made.json()['id']}"
        page = await client.get("/payments?limit=1", headers=believed)
        link = page.headers.get("link", "</api/v1/payments?")
        assert link.startswith("</api/v1/payments?")
        assert "evil" not in str(page.headers) + page.text


async def test_nothing_secret_is_logged(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    phone, token, secret = "0712999888", "pm_1SecretTokenOfACard", "s3cret-metadata"
    with capture_logs() as lines:
        await pay(client, order(payment_method={"phone": phone}, metadata={"x": secret}))
        await pay(client, order(payment_method={"phone": phone}, metadata={"x": [secret]}))
        await pay(client, order(payment_method={"token": token}, description=secret), key=secret)
        await post_raw(client, f'{{"a": "{secret}", "b": "{phone}'.encode())
        await client.get(f"/payments/{secret}?x={phone}")
        await client.get(f"/customers/{secret}/statement?as_of={secret}")
        await client.post(f"/callbacks/{secret}", content=phone.encode())
        await gateway.raw_client(Authorization=f"Bearer cift_test_{secret}").get("/payments")
        await refund(client, str(uuid4()), phone, key=secret)
    told = str(lines)
    assert len(lines) >= 9
    for value in (phone, phone[1:], token, secret, client.headers["authorization"][-20:]):
        assert value not in told
