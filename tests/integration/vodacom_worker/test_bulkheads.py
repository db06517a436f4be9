"""An outage of one operator slows nothing of another, though both are called by one process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from cift_shared.clock import SystemClock
from cift_shared.errors import PaymentProcessorError, ProviderThrottled
from mpesa_worker.client import DarajaClient
from mpesa_worker.token_store import MemoryTokens
from mpesa_worker.wire import StkQuery
from tests.integration.vodacom_worker.harness import VodacomHarness
from tests.support import mpesa, vodacom
from vodacom_worker import wire
from vodacom_worker.client import VodacomClient
from vodacom_worker.session_store import MemorySessions, SessionTimes

DEPOSITS = 10
LOST_S = 30
"""The read time-out of the silent operator: what a payment would take if it waited for it."""
QUERY = wire.Query(about="0" * 32, provider_code="000000", key="1" * 32)
PUSH_QUERY = StkQuery(
    short_code="174379", password="p", timestamp="20260105120000", checkout_id="ws_CO_1"
)


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """An operator that takes every connection and never answers."""
    taken: set[asyncio.StreamWriter] = set()

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.add(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in taken:
            writer.close()


def daraja(base: str, read_timeout_s: float) -> DarajaClient:
    clock = SystemClock()
    config = mpesa.config(api_base=base, read_timeout_s=read_timeout_s, connect_timeout_s=1)
    return DarajaClient(config, MemoryTokens(clock), clock)


async def test_silence_of_one_makes_only_that_one_unavailable() -> None:
    async with silent() as nobody:
        clock = SystemClock()
        config = vodacom.config(api_base=nobody, read_timeout_s=0.1, connect_timeout_s=0.1)
        sessions = MemorySessions(clock, SessionTimes.at_speed(config.check_speed))
        tanzania, kenya = VodacomClient(config, sessions, clock), daraja(nobody, 0.1)
        for _ in range(5):
            with pytest.raises(PaymentProcessorError):
                await tanzania.query(QUERY)
        assert tanzania.is_unavailable
        assert not kenya.is_unavailable
        with pytest.raises(ProviderThrottled):  # nothing is sent any more, so nothing waits
            await tanzania.query(QUERY)
        await tanzania.close()
        await kenya.close()


async def test_deposits_settle_while_every_call_to_the_other_operator_hangs(
    harness: VodacomHarness,
) -> None:
    async with silent() as nobody:
        kenya = daraja(nobody, LOST_S)
        hanging = [asyncio.create_task(_hang(kenya)) for _ in range(64)]
        await asyncio.sleep(0.05)
        commands = [vodacom.deposit(phone=f"25575412{n:04d}") for n in range(100, 100 + DEPOSITS)]
        await harness.send(*commands)
        async with asyncio.timeout(LOST_S - 5):
            for command in commands:
                await harness.reach(command.payment_id, "settled")
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        await kenya.close()
    assert len(await harness.book()) == DEPOSITS


async def _hang(kenya: DarajaClient) -> None:
    with suppress(PaymentProcessorError):
        await kenya.stk_query(PUSH_QUERY)
