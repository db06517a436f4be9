"""Whether an outage of one operator slows the payments of another: `make bench-bulkheads`.

Deposits by MTN MoMo Uganda at a steady rate, in pairs of windows: first alone, then beside deposits
by M-Pesa Tanzania while Vodacom answers every request a minute late. Both are units of the same
worker process. A figure is what a deposit took from its acceptance to its end, by the ledger's
clock; the ratio is the median of the pairs. Prints each window, the last line is JSON. Ends with 1
when a deposit of Uganda did not end, or the books don't verify.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from cift_local.errors import LocalStackError
from tests.bench.arithmetic import paired_ratio, percentile
from tests.bench.cluster import TWIN, Cluster, running_cluster
from tests.bench.parts import unsound
from tests.support.postgres import throw_away_folder

SECONDS = 20.0
LATE_S = 60.0
ALWAYS = 1_000_000
UGANDA: dict[str, Any] = {"amount": "20000", "currency": "UGX"}
TANZANIA: dict[str, Any] = {"amount": "5000.00", "currency": "TZS"}
_TIMES = """
select extract(epoch from updated_at - created_at)::float8 as took, status
  from ledger.payment
 where currency = 'UGX' and created_at between to_timestamp($1) and to_timestamp($2)
"""


@dataclass(frozen=True, slots=True)
class Window:
    """What deposits of Uganda took, in seconds."""

    others: str
    """What else went on."""
    count: int
    open: int
    p50: float
    p99: float


async def measure(folder: Path, rate: float, pairs: int) -> tuple[list[Window], list[str]]:
    """The windows in their order, and what is wrong with the books."""
    async with running_cluster(folder, {**TWIN, "MPESA_TZ_CHECK_SPEED": "10"}) as cluster:
        windows = []
        for _ in range(pairs):
            windows.append(await _window(cluster, rate, "nothing"))
            await _faults(cluster, broken=True)
            windows.append(await _window(cluster, rate, "outage", beside=TANZANIA))
            await _faults(cluster, broken=False)
        await cluster.settled(within_s=300)
        return windows, await unsound(cluster)


async def _window(
    cluster: Cluster, rate: float, others: str, *, beside: dict[str, Any] | None = None
) -> Window:
    began = time.time()
    async with asyncio.TaskGroup() as group:
        group.create_task(_send(cluster, rate, UGANDA, "2567720", "UG"))
        if beside:
            group.create_task(_send(cluster, 2 * rate, beside, "2557540", "TZ"))
    ended = time.time()
    rows = await _ended_rows(cluster, began, ended)
    took = [row["took"] for row in rows if row["status"] == "completed"]
    window = Window(
        others, len(rows), len(rows) - len(took), percentile(took, 0.5), percentile(took, 0.99)
    )
    print(json.dumps(asdict(window)), flush=True)
    return window


async def _ended_rows(cluster: Cluster, began: float, ended: float) -> list[Any]:
    """The deposits of a window, once all have ended or had half a minute for it."""
    for _ in range(60):
        rows = await cluster.rows(_TIMES, began, ended)
        if all(row["status"] == "completed" for row in rows):
            break
        await asyncio.sleep(0.5)
    return rows


async def _send(
    cluster: Cluster, rate: float, order: dict[str, Any], prefix: str, country: str
) -> None:
    """Deposits at a rate for the time of a window, each from a phone of its own that pays."""
    headers = {"Authorization": f"Bearer {cluster.key}"}
    base = f"{cluster.stack.url('gateway')}/api/v1"
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as http:
        for _ in range(round(rate * SECONDS)):
            phone = f"{prefix}{secrets.randbelow(100):02d}777"
            body = {
                **order,
                "type": "deposit",
                "method": "mpesa",
                "customer_id": f"cus_{phone}",
                "payment_method": {"phone": phone, "country": country},
            }
            reply = await http.post(
                "/payments", json=body, headers={"Idempotency-Key": secrets.token_hex(12)}
            )
            reply.raise_for_status()
            await asyncio.sleep(1 / rate)


async def _faults(cluster: Cluster, *, broken: bool) -> None:
    async with httpx.AsyncClient(base_url=cluster.stack.url("provider-sandbox")) as twin:
        (await twin.delete("/control/faults")).raise_for_status()
        if broken:
            rule = {"operation": "vodacom.*", "kind": "delay", "delay_s": LATE_S, "times": ALWAYS}
            (await twin.post("/control/faults", json=rule)).raise_for_status()


def main() -> None:
    """Measure, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5, help="deposits of Uganda a second")
    parser.add_argument("--pairs", type=int, default=3, help="pairs of windows")
    options = parser.parse_args()
    try:
        with throw_away_folder("bulkheads") as folder:
            windows, wrong = asyncio.run(measure(folder, options.rate, options.pairs))
    except LocalStackError as error:
        sys.exit(f"bench: {error}")
    calm, outage = windows[::2], windows[1::2]
    left = sum(window.open for window in windows)
    wrong += [f"{left} deposits of Uganda did not end"] if left else []
    ratios = {
        name: round(
            paired_ratio([getattr(w, name) for w in outage], [getattr(w, name) for w in calm]), 2
        )
        for name in ("p50", "p99")
    }
    print(json.dumps({"outage_over_calm": ratios, "wrong": wrong}))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
