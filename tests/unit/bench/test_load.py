"""The generator against a server that answers as slowly as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from tests.bench.load import Load, Plan, Result, read_plan
from tests.bench.orders import Mix, card_share, id_in, requests

Answer = Callable[[int], Awaitable[tuple[int, str]]]
ID = "01a2070c-dbca-79c8-9cf7-5be0fc6f43fd"


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """An HTTP server; `answer` gets the number of the request and returns status and body."""
    seen = 0
    lines: set[asyncio.Task] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        lines.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                seen += 1
                status, body = await answer(seen)
                if not status:
                    return
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
                )
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


async def sent(port: int, **options) -> Result:
    plan = Plan(**{"port": port, "rate": 200, "seconds": 0.25, "arrivals": "even", **options})
    load = Load(plan, requests(plan.mix, 50))
    try:
        return await load.run()
    finally:
        load.close()


async def accepts(_: int) -> tuple[int, str]:
    return 202, f'{{"id":"{ID}","status":"pending"}}'


async def test_every_request_is_answered_once():
    async with server(accepts) as port:
        result = await sent(port)
    assert result.accepted == list(range(50))
    assert set(result.ids) == {ID}


async def test_time_runs_from_when_a_request_was_due():
    """A server that stands still makes all wait that were due meanwhile, not just the one."""

    async def answer(number: int) -> tuple[int, str]:
        if number == 1:
            await asyncio.sleep(0.5)
        return await accepts(number)

    async with server(answer) as port:
        result = await sent(port, connections=1)
    answered = [due + (took or 0) for due, took in zip(result.due, result.took, strict=True)]
    assert min(answered) >= 0.5
    assert sum(took > 0.25 for took in result.latencies) >= 49


async def test_requests_leave_without_waiting_for_answers():
    gate = asyncio.Event()

    async def answer(number: int) -> tuple[int, str]:
        if number == 50:
            gate.set()
        await gate.wait()
        return await accepts(number)

    async with server(answer) as port:
        result = await sent(port, connections=64)
    assert len(result.accepted) == 50


async def test_what_is_turned_away_is_sent_again_under_the_same_key():
    async def answer(number: int) -> tuple[int, str]:
        return await accepts(number) if number > 50 else (503, "{}")

    async with server(answer) as port:
        result = await sent(port, insist_s=60.0)
    assert len(result.accepted) == 50


async def test_a_broken_connection_is_not_an_answer():
    async def answer(number: int) -> tuple[int, str]:
        return await accepts(number) if number != 7 else (0, "")

    async with server(answer) as port:
        impatient = await sent(port)
        assert len(impatient.accepted) == 49
        assert impatient.took.count(None) == 1


async def test_a_lost_request_is_sent_again():
    async def answer(number: int) -> tuple[int, str]:
        return await accepts(number) if number != 7 else (0, "")

    async with server(answer) as port:
        result = await sent(port, insist_s=60.0)
    assert len(result.accepted) == 50


def test_a_plan_survives_its_file():
    plan = Plan(8080, 100, 5, Mix(key="k", card_share=0.5, endings=("678", "032")), insist_s=3)
    assert read_plan(json.dumps(asdict(plan))) == plan


def test_requests_have_keys_of_their_own_and_the_mix_asked_for():
    made = requests(Mix(card_share=0.25, hot_share=0.5), 2_000)
    keys = {one.partition(b"Idempotency-Key: ")[2].split(b"\r\n")[0] for one in made}
    assert len(keys) == 2_000
    bodies = [json.loads(one.partition(b"\r\n\r\n")[2]) for one in made]
    assert 400 < sum(body["method"] == "card" for body in bodies) < 600
    assert 900 < sum(body["customer_id"] == "cus_hot" for body in bodies) < 1_100


def test_cards_are_as_many_at_any_rate_but_at_most_one_payment_in_ten():
    assert [rate * card_share(rate) for rate in (20, 80, 500)] == [2, 2, 2]
    assert card_share(5) == 0.1
    assert 0 < card_share(0) < 0.1


def test_an_answer_without_an_id_has_none():
    assert id_in(b'{"code":"validation_failed"}') == ""
    assert id_in(f'{{"id":"{ID}"}}'.encode()) == ID


def test_phones_end_as_asked() -> None:
    made = requests(Mix(card_share=0, endings=("678", "032")), 200)
    phones = [json.loads(one.partition(b"\r\n\r\n")[2])["payment_method"]["phone"] for one in made]
    assert {phone[-3:] for phone in phones} == {"678", "032"}
    assert {len(phone) for phone in phones} == {12}
