"""Bytes that are nearly HTTP, over a real socket, at the server that the gateway runs on."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.http.server_protocol import HEAD_BYTES_MAX, BoundedHttpProtocol
from gateway.openapi.docs_page import read_assets
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order
from tests.support.served import listening

pytestmark = pytest.mark.integration

BODY = json.dumps(order()).encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
GARBAGE = b"\0\1\2\r\n\r\n"
SMUGGLED = b"0\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True)
class Line:
    """A way to the server that takes any bytes."""

    port: int
    authorization: bytes

    async def exchange(self, *pieces: bytes) -> list[tuple[int, bytes]]:
        """Every answer on one connection, as status and body, until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            async with asyncio.timeout(20):
                received = await reader.read()
        except ConnectionError:
            return []
        finally:
            writer.close()
        return answers_in(received)

    def get(
        self, path: bytes = b"/api/v1/payments", more: bytes = b"", *, last: bool = True
    ) -> bytes:
        """A good GET with further header lines."""
        end = b"Connection: close\r\n" if last else b""
        return b"GET %b HTTP/1.1\r\nHost: x\r\n%b%b%b\r\n" % (path, self.authorization, end, more)

    def post(self, more: bytes = b"", body: bytes = BODY, *, key: bytes = b"k") -> bytes:
        """A POST of a payment whose framing is up to the further header lines."""
        return (
            b"POST /api/v1/payments HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b"
            b"Content-Type: application/json\r\nIdempotency-Key: %b\r\n%b\r\n%b"
            % (self.authorization, key, more, body)
        )


def answers_in(received: bytes) -> list[tuple[int, bytes]]:
    """The answers on a connection, each with the body its Content-Length announces."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
        size = length[0] if length else 0
        found.append((int(head.split(b" ")[1]), rest[:size]))
        received = rest[size:]
    return found


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database) as running:
        yield running


@pytest.fixture
async def line(gateway: RunningGateway) -> AsyncIterator[Line]:
    key = await gateway.key()
    async with listening(gateway) as port:
        yield Line(port, f"Authorization: Bearer {key}\r\n".encode())


async def refused(line: Line, raw: bytes, status: int = 400, code: str = "http_malformed") -> None:
    """One answer, a problem document, and the end of the connection."""
    ((answered, body),) = await line.exchange(raw)
    assert (answered, json.loads(body)["code"]) == (status, code), raw[:200]


async def test_two_lengths_are_none(gateway: RunningGateway, line: Line) -> None:
    """What a proxy before us might read as one request and we as two."""
    length = b"Content-Length: %d\r\n" % len(BODY)
    for raw in (
        line.post(length + CHUNKED, SMUGGLED),
        line.post(CHUNKED + length, SMUGGLED),
        line.post(length + b"Content-Length: 1\r\n"),
        line.post(length * 2),
        line.post(b"Content-Length: 5, 5\r\n"),
        line.post(b"Content-Length: +5\r\n"),
        line.post(b"Content-Length: -5\r\n"),
        line.post(b"Content-Length: 0x5\r\n"),
        line.post(b"Content-Length: 99999999999999999999999\r\n"),
        line.post(b"Transfer-Encoding: xchunked\r\n", SMUGGLED),
        line.post(CHUNKED + b"Transfer-Encoding: identity\r\n", SMUGGLED),
        line.post(b"Transfer-Encoding : chunked\r\n", SMUGGLED),
        line.post(b"Transfer-Encoding: \x0bchunked\r\n", SMUGGLED),
        line.post(b"Transfer-Encoding:\r\n chunked\r\n", SMUGGLED),
        line.post(b"X: y\rTransfer-Encoding: chunked\r\n", SMUGGLED),
        line.post(CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"),
        line.post(CHUNKED, b"FFFFFFFFFFFFFFFFF\r\n{}"),
        line.post(CHUNKED, b"2\n{}\n0\n\n"),
        line.post(CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"),
    ):
        await refused(line, raw)
    assert await gateway.count("ledger.payment") == 0


async def test_heads_that_are_none(line: Line) -> None:
    start = b"GET /api/v1/payments HTTP/1.1\r\nConnection: close\r\n"
    for raw in (
        start + line.authorization + b"\r\n",
        line.get(more=b"Host: y\r\n"),
        line.get(more=b"X-A: a\0b\r\n"),
        line.get(more=b"X A: a\r\n"),
        line.get(more=b"XA\r\n"),
        line.get(more=b": x\r\n"),
        line.get(more=b"X-A: a\r\n b\r\n"),
        line.get().replace(b"\r\n", b"\n"),
        line.get().replace(b"HTTP/1.1", b"HTTP/1.9"),
        line.get().replace(b"HTTP/1.1", b"HTTX/1.1"),
        line.get().replace(b"GET", b"BREW"),
        line.get().replace(b"GET", b"G\0T"),
        line.get(b"/api/v1/payments?customer_id=\xff"),
        line.get(b"/api/v1/payments/\xff"),
        line.get(b"/api/v1/payments?a b"),
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/payments\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 100,
    ):
        await refused(line, raw)


async def test_refusal_is_a_whole_answer(line: Line) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(b"nonsense\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    headers = dict(row.lower().split(b": ", 1) for row in head.split(b"\r\n")[1:])
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"connection"] == b"close"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert json.loads(body)["instance"] == f"urn:uuid:{headers[b'x-request-id'].decode()}"


async def test_heads_too_large(line: Line) -> None:
    many = b"".join(b"X-%d: %b\r\n" % (n, b"v" * 50) for n in range(1_000))
    for raw in (
        line.get(more=many),
        line.get(more=b"X-A: " + b"a" * HEAD_BYTES_MAX + b"\r\n"),
        line.get(b"/api/v1/" + b"a" * HEAD_BYTES_MAX),
        b"GET /" + b"a" * 100_000,
    ):
        await refused(line, raw, 431, "head_too_large")
    few = b"".join(b"X-%d: v\r\n" % n for n in range(1_000))
    assert (await line.exchange(line.get(more=few)))[0][0] == 200


async def test_trailers_are_no_headers(gateway: RunningGateway, line: Line) -> None:
    """They come after the checks: a key, an address or a credential there counts for nothing."""
    end = b"0\r\nIdempotency-Key: other\r\n%b\r\n" % line.authorization
    ((status, _),) = await line.exchange(line.post(CHUNKED, chunk(BODY) + end))
    assert status == 202
    keyless = line.post(CHUNKED, chunk(BODY) + end).replace(b"Idempotency-Key: k\r\n", b"")
    await refused(line, keyless, 400, "idempotency_key_missing")
    nobody = line.post(CHUNKED, chunk(BODY) + end).replace(line.authorization, b"", 1)
    ((status, body),) = await line.exchange(nobody)
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
    assert await gateway.count("ledger.payment") == 1


async def test_framing_without_end(line: Line) -> None:
    """Trailers and chunk extensions are bounded like heads, whether the body is awaited or not."""
    flood = [b"a" * 8_000] * 10
    for path in (b"/api/v1/payments", b"/api/v1/payments/x/cancel", b"/docs"):
        for start in (chunk(b"{}") + b"0\r\nX-Trailer: ", b"2;x="):
            raw = line.post(CHUNKED, start).replace(b"/api/v1/payments", path, 1)
            answers = await line.exchange(raw.replace(b"Connection: close\r\n", b""), *flood)
            assert all(status in (400, 404, 405, 422, 431) for status, _ in answers), answers


async def test_many_requests_in_one_breath(gateway: RunningGateway, line: Line) -> None:
    three = [line.get(last=False), line.get(b"/nothing", last=False), line.get()]
    assert [status for status, _ in await line.exchange(b"".join(three))] == [200, 404, 200]
    # what follows a whole request never becomes its answer
    answers = await line.exchange(line.get(b"/docs/page.js", last=False) + GARBAGE)
    assert answers[0] == (200, read_assets()["page.js"].content)
    assert_refused(answers[1:])


def assert_refused(
    answers: list[tuple[int, bytes]], status: int = 400, code: str = "http_malformed"
) -> None:
    """One answer: a problem document."""
    ((answered, body),) = answers
    assert (answered, json.loads(body)["code"]) == (status, code)


def lasting(line: Line, key: bytes, framing: bytes | None = None, body: bytes = BODY) -> bytes:
    """A POST of a payment that leaves the connection open."""
    framing = b"Content-Length: %d\r\n" % len(body) if framing is None else framing
    return line.post(framing, body, key=key).replace(b"Connection: close\r\n", b"")


@pytest.mark.parametrize(
    "garbage",
    [
        GARBAGE,
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\nNo Host: here\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
@pytest.mark.parametrize("requests", [1, 3])
async def test_whole_requests_are_answered_before_the_garbage_behind_them(
    gateway: RunningGateway, line: Line, garbage: bytes, requests: int
) -> None:
    whole = b"".join(lasting(line, b"k%d" % number) for number in range(requests))
    answers = await line.exchange(whole + garbage)
    assert [status for status, _ in answers[:-1]] == [202] * requests
    assert len({json.loads(body)["id"] for _, body in answers[:-1]}) == requests
    assert_refused(answers[-1:])
    assert await gateway.count("ledger.payment") == requests


async def test_garbage_that_comes_piece_by_piece(gateway: RunningGateway, line: Line) -> None:
    whole = lasting(line, b"k")
    for pieces in (
        [whole, *(bytes([byte]) for byte in GARBAGE)],
        [whole + GARBAGE[:1], GARBAGE[1:], GARBAGE * 1_000],
        [whole + GARBAGE * 8_000],
        [whole[:40], whole[40:] + b"BREW", b" / HTTP/1.1\r\n", b"\r\n"],
        [whole + b"GET / HTTP/1.1\r\nX: ", b"a\0b\r\n\r\n"],
    ):
        answers = await line.exchange(*pieces)
        assert answers[0][0] == 202
        assert_refused(answers[1:])
    assert await gateway.count("ledger.payment") == 1


async def test_garbage_on_a_connection_that_rests(line: Line) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(lasting(line, b"k"))
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = [
        int(row.split(b":")[1])
        for row in head.lower().split(b"\r\n")
        if row.startswith(b"content-length:")
    ]
    assert json.loads(await reader.readexactly(length))["status"] == "pending"
    writer.write(GARBAGE)
    assert_refused(answers_in(await reader.read()))
    writer.close()


async def test_a_body_that_cannot_be_read_behind_whole_requests(
    gateway: RunningGateway, line: Line
) -> None:
    whole, broken = lasting(line, b"k"), lasting(line, b"other", CHUNKED, b"zz\r\n")
    answers = await line.exchange(whole + broken)
    assert answers[0][0] == 202
    assert_refused(answers[1:])
    assert await gateway.count("ledger.payment") == 1


async def test_a_head_too_large_behind_a_whole_request(line: Line) -> None:
    large = line.get(more=b"X-A: " + b"a" * HEAD_BYTES_MAX + b"\r\n")
    answers = await line.exchange(lasting(line, b"k") + large)
    assert answers[0][0] == 202
    assert_refused(answers[1:], 431, "head_too_large")


async def test_half_a_head_does_not_cost_the_request_before_it_its_answer(
    gateway: RunningGateway,
) -> None:
    """The time for the next head runs out while the answer is still awaited."""

    class Impatient(BoundedHttpProtocol):
        head_timeout_s = 0.2

    key = await gateway.key()
    async with listening(gateway, Impatient) as port:
        line = Line(port, f"Authorization: Bearer {key}\r\n".encode())
        waiting = lasting(line, b"k").replace(b"Host: x\r\n", b"Host: x\r\nPrefer: wait=2\r\n")
        ((status, body),) = await line.exchange(waiting + b"GET / HT")
    assert (status, json.loads(body)["status"]) == (202, "pending")


async def test_old_and_odd_requests(line: Line) -> None:
    old = b"GET /api/v1/payments HTTP/1.0\r\n" + line.authorization + b"\r\n"
    for raw, status in (
        (old, 200),
        (line.get(b"http://evil.example/api/v1/payments"), 200),
        (line.get(b"//api/v1/payments"), 404),
        (line.get(b"/./api/v1/payments"), 404),
        (line.get(b"/api/v1/payments/../../../docs"), 404),
        (line.get(b"/api/v1/payments/../../../../etc/passwd"), 404),
        (line.get(more=b"Upgrade: h2c\r\n"), 200),
        (line.get(more=b"Content-Length: 5\r\n") + b"hello", 200),
        (line.get(more=CHUNKED) + chunk(b"hello") + b"0\r\n\r\n", 200),
        (line.get().replace(b"GET", b"TRACE"), 405),
        (line.get().replace(b"GET", b"PURGE"), 405),
        (line.get(b"*").replace(b"GET", b"OPTIONS"), 404),
        (line.post(CHUNKED, chunk(BODY[:50]) + chunk(BODY[50:]) + b"0\r\n\r\n"), 202),
        (
            line.post(b"Transfer-Encoding: gzip, chunked\r\n", chunk(b"\x1f\x8b") + b"0\r\n\r\n"),
            400,
        ),
    ):
        assert [answer[0] for answer in await line.exchange(raw)] == [status], raw[:80]
