"""The directed run: every service dies once at every fail point, for each method that passes it.

`python -m tests.chaos.points [WORDS]` plays every case (those whose text has the words in it) in
two clusters, one line each; then the independent checker judges all that happened. A case is right
when its service died at the place, came back, and what was played ended as it must. With
`SCENARIOS=one` each service dies once at each point, during one of the scenarios that pass it. With
`SHARES=N` one part of so many is played, which the commit chooses.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence

import httpx

from tests.chaos.checks.checker import check
from tests.chaos.clients.history import History
from tests.chaos.clients.merchant_client import LOOK_S, MerchantClient, WrongEnd
from tests.chaos.cluster.cluster import Cluster, ClusterOptions, running_cluster
from tests.chaos.cluster.quiescence import Watch
from tests.chaos.evidence.gathering import Places, gather
from tests.chaos.points.cases import SCENARIOS, Case, all_cases, one_each
from tests.chaos.scenarios.context import RICH, ScenarioContext
from tests.support.postgres import throw_away_folder
from tests.support.share import head, share_of

OPTIONS = ClusterOptions(
    restart_pause_max_s=0.2,
    env={
        "CIFT_SANDBOX_STRIPE_3DS": "waits",
        "CIFT_SANDBOX_PAYPAL_PAYER": "waits",
        # divided by the twins' speed: longer than a service takes to come back on a busy machine
        "CIFT_PAYPAL_ACTION_TIMEOUT_S": "9900",
        "CIFT_SANDBOX_PAYPAL_ORDER_S": "10800",
        "CIFT_LEDGER_SWEEP_INTERVAL_S": "1",
    },
)
CASE_S = 120
REST_S = 60
CLUSTERS = (
    ("card-worker", "paypal-worker", "gateway"),
    ("mpesa-worker", "crypto-watcher", "ledger"),
)
"""Whose deaths share a cluster; each cluster has every service, and two keep two cores busy."""
FUNDS_KES = "50000.00"


async def play(context: ScenarioContext, case: Case) -> str | None:
    """Play one case; answers what was wrong."""
    cluster = context.cluster
    restarts = cluster.status(case.service).restarts
    try:
        async with asyncio.timeout(CASE_S):
            await SCENARIOS[case.scenario](context)
            while not cluster.fired(case.service):
                await asyncio.sleep(LOOK_S)
            while not (cluster.status(case.service).restarts > restarts and cluster.is_ready()):
                await asyncio.sleep(LOOK_S)
    except WrongEnd as error:
        return str(error)
    except TimeoutError:
        reached = "came not back" if cluster.fired(case.service) else "never got there"
        return f"{case.service} {reached}"
    finally:
        cluster.disarm(case.service)
    return None


async def judged(cluster: Cluster, history: History) -> list[str]:
    """What the independent checker finds, once the cluster has come to rest."""
    async with contextlib.aclosing(Watch(cluster)) as watch:
        try:
            async with asyncio.timeout(REST_S):
                while not await watch.is_still():
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return [f"never came to rest: {await watch.look()}"]
        try:
            evidence = await gather(
                Places(cluster.database_url, cluster.twins, cluster.kafka), history
            )
        finally:
            watch.go_on()
    verdict = check(evidence)
    print(json.dumps(verdict.counts()))
    return [str(finding) for finding in verdict.findings]


@contextlib.asynccontextmanager
async def opened(
    cluster: Cluster, history: History
) -> AsyncIterator[tuple[MerchantClient, httpx.AsyncClient]]:
    """A merchant with a rich customer, and the twin's control."""
    merchant = await MerchantClient.of(cluster, history, "m_points")
    async with merchant.http, httpx.AsyncClient(base_url=cluster.twin, timeout=30) as twin:
        await merchant.ends(
            await merchant.pay("mpesa", "deposit", customer_id=RICH, amount=FUNDS_KES)
        )
        yield merchant, twin


async def run(cases: Sequence[Case]) -> int:
    """Play cases in a cluster of their own; answers how many findings there were."""
    history, wrong = History(), 0
    with throw_away_folder("points") as folder:
        async with (
            running_cluster(folder, OPTIONS) as cluster,
            opened(cluster, history) as (merchant, twin),
        ):
            for case in cases:
                began = time.monotonic()
                finding = await play(
                    ScenarioContext(cluster, merchant, twin, case.service, case.point), case
                )
                wrong += finding is not None
                seconds = time.monotonic() - began
                print(f"{seconds:5.1f} s  {case}: {finding or 'right'}", flush=True)
            findings = await judged(cluster, history)
    for finding in findings:
        print(finding)
    return wrong + len(findings)


async def run_all(cases: Sequence[Case]) -> int:
    """Play the cases of both clusters side by side; answers the process's exit status."""
    shares = [[case for case in cases if case.service in services] for services in CLUSTERS]
    wrong = sum(await asyncio.gather(*(run(share) for share in shares if share)))
    hit = len({(case.service, case.point) for case in cases})
    print(f"{hit} points × services hit in {len(cases)} cases, {wrong} findings")
    return 1 if wrong else 0


def main() -> int:
    """Play what the command line asks for."""
    words = " ".join(sys.argv[1:])
    chosen = one_each() if os.environ.get("SCENARIOS") == "one" else all_cases()
    named = [case for case in chosen if words in str(case)]
    cases = share_of(named, int(os.environ.get("SHARES") or 1), commit=head())
    if not cases:
        print(f"no case has `{words}` in it")
        return 2
    return asyncio.run(run_all(cases))


if __name__ == "__main__":
    sys.exit(main())
