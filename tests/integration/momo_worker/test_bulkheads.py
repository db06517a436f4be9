"""An outage of MTN in one country slows nothing of the other: they share only the process."""

import asyncio
from pathlib import Path

import httpx

from momo_method.countries import RWANDA, UGANDA
from tests.integration.momo_worker.harness import open_harness
from tests.support import momo

STUCK = 80
"""More payments than a worker works on at a time (64)."""


async def test_a_country_whose_mtn_hangs_does_not_hold_up_the_other(
    database: str, tmp_path: Path
) -> None:
    async with (
        momo.serving_twin(tmp_path / "ug") as stuck,
        momo.serving_twin(tmp_path / "rw") as sound,
        open_harness(database, stuck, UGANDA, read_timeout_s=60) as uganda,
        open_harness(database, sound, RWANDA) as rwanda,
    ):
        await uganda.fault("collection", "delay_before", times=STUCK, delay_s=25)
        waiting = [momo.deposit() for _ in range(STUCK)]
        await uganda.send(*waiting)
        await asyncio.sleep(0.5)
        beside = [momo.deposit(RWANDA) for _ in range(10)]
        await rwanda.send(*beside)
        for command in beside:
            await rwanda.reach(command.payment_id, "settled")
        # all this while Uganda has waited for its first answer
        assert not any([await uganda.kinds(one.payment_id) for one in waiting])
        assert rwanda.processor.unavailable_reason() is None


async def test_each_country_has_a_circuit_of_its_own(
    database: str, twin: httpx.AsyncClient
) -> None:
    async with (
        open_harness(database, twin, UGANDA) as uganda,
        open_harness(database, twin, RWANDA) as rwanda,
    ):
        await uganda.fault("*", "drop_before", times=1_000)
        lost, paid = momo.deposit(UGANDA), momo.deposit(RWANDA)
        await uganda.send(lost)
        for _ in range(200):
            if uganda.processor.unavailable_reason() is not None:
                break
            await uganda.make_due()
            await asyncio.sleep(0.05)
        assert uganda.processor.unavailable_reason() == "provider_unavailable"
        await rwanda.send(paid)
        await rwanda.reach(paid.payment_id, "settled")
        assert rwanda.processor.unavailable_reason() is None
