"""A busy loop leaves gaps, an idle one does not wait."""

import asyncio

from cift_shared.waiting import Gap

GAP_S = 0.05


async def test_the_first_round_does_not_wait(monkeypatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await Gap(GAP_S).wait()
    assert slept == []


async def test_rounds_are_at_least_a_gap_apart() -> None:
    loop, gap = asyncio.get_running_loop(), Gap(GAP_S)
    await gap.wait()
    began = loop.time()
    for _ in range(3):
        await gap.wait()
    assert loop.time() - began >= 3 * GAP_S * 0.9


async def test_a_loop_that_has_waited_for_work_goes_on_at_once(monkeypatch) -> None:
    gap, slept = Gap(GAP_S), []
    await gap.wait()
    await asyncio.sleep(2 * GAP_S)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await gap.wait()
    assert slept == []
