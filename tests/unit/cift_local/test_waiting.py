import asyncio
from collections.abc import AsyncIterator

import pytest

from cift_local.ports import LOOPBACK, free_port
from cift_local.waiting import answers_ok, run_in_thread, wait_until


@pytest.fixture
async def http_server() -> AsyncIterator[str]:
    """A server that answers 200 under /ready, 503 elsewhere, and nothing under /silent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if b"/silent" not in line:
            status = b"200 OK" if b"/ready?deep=1 " in line else b"503 Unavailable"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    port = free_port()
    async with await asyncio.start_server(answer, LOOPBACK, port):
        yield f"http://{LOOPBACK}:{port}"


class TestAnswersOk:
    async def test_yes_to_200(self, http_server: str) -> None:
        assert await answers_ok(f"{http_server}/ready?deep=1")

    async def test_no_to_503(self, http_server: str) -> None:
        assert not await answers_ok(f"{http_server}/other")

    async def test_no_to_a_connection_closed_without_an_answer(self, http_server: str) -> None:
        assert not await answers_ok(f"{http_server}/silent")

    async def test_no_where_nobody_listens(self) -> None:
        assert not await answers_ok(f"http://{LOOPBACK}:{free_port()}/")


class TestWaitUntil:
    async def test_asks_until_yes(self) -> None:
        answers = iter([False, False, True])

        async def probe() -> bool:
            return next(answers)

        assert await wait_until(probe, 5, every_s=0)

    async def test_gives_up(self) -> None:
        async def never() -> bool:
            return False

        assert not await wait_until(never, 0.05, every_s=0.01)


class TestRunApart:
    async def test_answers_below_a_running_loop(self) -> None:
        async def question() -> int:
            await asyncio.sleep(0)
            return 42

        assert run_in_thread(question()) == 42

    def test_hands_on_the_error(self) -> None:
        async def wrong() -> None:
            raise KeyError("x")

        with pytest.raises(KeyError):
            run_in_thread(wrong())
