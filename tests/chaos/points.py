"""The directed run: every service dies once at every fail point, for each method that passes it.

`python -m tests.chaos.points [WORDS]` plays every case (those whose text has the words in it) in
two worlds, one line each; then the independent checker judges all that happened. A case is right
when its service died at the place, came back, and what was played ended as it must.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence

import httpx

from tests.chaos.checker import check
from tests.chaos.evidence import Places, gather
from tests.chaos.history import History
from tests.chaos.point_cases import PLAYS, Case, all_cases
from tests.chaos.quiet import Watch
from tests.chaos.shop import LOOK_S, Shop, WrongEnd
from tests.chaos.stage import RICH, Stage
from tests.chaos.world import World, WorldOptions, running_world
from tests.support.postgres import throw_away_folder

OPTIONS = WorldOptions(
    restart_pause_max_s=0.2,
    env={
        "CIFT_SANDBOX_STRIPE_3DS": "waits",
        "CIFT_LEDGER_SWEEP_INTERVAL_S": "1",
    },
)
CASE_S = 120
REST_S = 60
WORLDS = (("card-worker", "ledger"), ("mpesa-worker", "gateway"))
"""Whose deaths share a world; each world has every service, and two keep two cores busy."""
FUNDS_KES = "50000.00"


async def play(stage: Stage, case: Case) -> str | None:
    """Play one case; answers what was wrong."""
    world = stage.world
    restarts = world.status(case.service).restarts
    try:
        async with asyncio.timeout(CASE_S):
            await PLAYS[case.play](stage)
            while not world.fired(case.service):
                await asyncio.sleep(LOOK_S)
            while not (world.status(case.service).restarts > restarts and world.is_ready()):
                await asyncio.sleep(LOOK_S)
    except WrongEnd as error:
        return str(error)
    except TimeoutError:
        reached = "came not back" if world.fired(case.service) else "never got there"
        return f"{case.service} {reached}"
    finally:
        world.disarm(case.service)
    return None


async def judged(world: World, history: History) -> list[str]:
    """What the independent checker finds, once the world has come to rest."""
    async with contextlib.aclosing(Watch(world)) as watch:
        try:
            async with asyncio.timeout(REST_S):
                while not await watch.is_still():
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return [f"never came to rest: {await watch.look()}"]
        try:
            evidence = await gather(Places(world.database_url, world.twin, world.kafka), history)
        finally:
            watch.go_on()
    verdict = check(evidence)
    print(json.dumps(verdict.counts()))
    return [str(finding) for finding in verdict.findings]


@contextlib.asynccontextmanager
async def opened(world: World, history: History) -> AsyncIterator[tuple[Shop, httpx.AsyncClient]]:
    """A merchant with a rich customer, and the twin's control."""
    shop = await Shop.of(world, history, "m_points")
    async with shop.http, httpx.AsyncClient(base_url=world.twin, timeout=30) as twin:
        await shop.ends(await shop.pay("mpesa", "deposit", customer_id=RICH, amount=FUNDS_KES))
        yield shop, twin


async def run(cases: Sequence[Case]) -> int:
    """Play cases in a world of their own; answers how many findings there were."""
    history, wrong = History(), 0
    with throw_away_folder("points") as folder:
        async with (
            running_world(folder, OPTIONS) as world,
            opened(world, history) as (shop, twin),
        ):
            for case in cases:
                began = time.monotonic()
                finding = await play(Stage(world, shop, twin, case.service, case.point), case)
                wrong += finding is not None
                seconds = time.monotonic() - began
                print(f"{seconds:5.1f} s  {case}: {finding or 'right'}", flush=True)
            findings = await judged(world, history)
    for finding in findings:
        print(finding)
    return wrong + len(findings)


async def run_all(cases: Sequence[Case]) -> int:
    """Play the cases of both worlds side by side; answers the process's exit status."""
    shares = [[case for case in cases if case.service in services] for services in WORLDS]
    wrong = sum(await asyncio.gather(*(run(share) for share in shares if share)))
    hit = len({(case.service, case.point) for case in cases})
    print(f"{hit} points × services hit in {len(cases)} cases, {wrong} findings")
    return 1 if wrong else 0


def main() -> int:
    """Play what the command line asks for."""
    words = " ".join(sys.argv[1:])
    cases = [case for case in all_cases() if words in str(case)]
    if not cases:
        print(f"no case has `{words}` in it")
        return 2
    return asyncio.run(run_all(cases))


if __name__ == "__main__":
    sys.exit(main())
