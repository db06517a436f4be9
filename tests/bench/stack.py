"""How fast the whole stack is: `python -m tests.bench.stack` (`make bench`).

Apache Kafka, PostgreSQL with fsync, every service, the twins and the load on one machine. Load is
open loop (`load.py`), at a fixed provider time (`cluster.py`), few payments by card (`orders.py`),
one in five into one busy account. Prints each figure with its aim, writes bench/latest.json, .txt
and .svg (bench/partial.* where not everything was measured); the last line is JSON. Ends with 1
when the books don't verify or a payment was not settled: a fast wrong run is no figure.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path

from cift_local.errors import LocalStackError
from tests.bench import parts
from tests.bench.cluster import running_cluster
from tests.bench.orders import CARDS_PER_S
from tests.bench.parts import Bench, Effort
from tests.bench.plot import picture
from tests.bench.profile import find_sampler, profile
from tests.bench.report import figure_lines, machine, rounded, write
from tests.support.postgres import throw_away_folder

PARTS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "idle": parts.at_rest,
    "latency": parts.latency,
    "loads": parts.costs_by_load,
    "floor": parts.beside_the_floor,
    "settle": parts.settling,
    "accept": parts.accepting,
    "outage": parts.database_away,
    "recovery": parts.dying,
}
EXTRA = ("start", "cpu")
FULL = Effort()
QUICK = Effort(
    idle_s=4, latency_s=6, flood_s=4, trial_s=6, trials=2, accept_rounds=1, accept_s=2, half_s=4,
    outage_s=5, kill_rounds=0,
)  # fmt: skip


async def measure(options: argparse.Namespace, folder: Path) -> Bench:
    """Runs the parts that were asked for; answers what they found."""
    effort = QUICK if options.quick else FULL
    effort = replace(effort, outage_s=options.outage or effort.outage_s)
    wanted = set(options.only.split(",")) if options.only else {*PARTS, *EXTRA}
    async with running_cluster(folder) as cluster:
        bench = Bench(cluster, effort, options.rate)
        if "start" in wanted:
            bench.figures["start_s"] = cluster.started_in_s
        if wanted == {"cpu"} or options.profile:
            await parts.cpu(bench, options.seconds)
        for name, part in PARTS.items():
            if name in wanted and not options.profile:
                began = time.perf_counter()
                await part(bench)
                print(f"[{name}: {time.perf_counter() - began:.0f} s]", flush=True)
        if options.profile:
            await profile(cluster, find_sampler(options.py_spy), options.rate, options.seconds)
        bench.failures += await parts.unsound(cluster)
    if "start" in wanted and not options.quick:
        async with running_cluster(folder) as cluster:
            bench.figures["start_on_data_s"] = cluster.started_in_s
            bench.failures += await parts.unsound(cluster)
    return bench


async def until_told_to_stop(work: Coroutine[None, None, Bench]) -> Bench:
    """Runs it to its end; SIGTERM stops it as Ctrl-C does, and everything that it started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        sys.exit("bench: stopped")


def show(bench: Bench) -> str:
    """The whole report as text."""
    where = f"CIFT Payments on {machine()}; by card: about {CARDS_PER_S:g} a second"
    lines = [where, *figure_lines(bench.figures), *bench.lines]
    books = "the books do not hold" if bench.failures else "verified"
    return "\n".join([*lines, "", f"books: {books}", *bench.failures])


def main() -> None:
    """Reads the arguments, measures, reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute; for development")
    parser.add_argument("--only", help=f"some of: {','.join([*PARTS, *EXTRA])}")
    parser.add_argument("--rate", type=float, default=100, help="payments/s of the latency part")
    parser.add_argument("--outage", type=float, help="seconds that the database is away")
    parser.add_argument("--seconds", type=float, default=10, help="of the cpu part and a profile")
    parser.add_argument("--profile", action="store_true", help="top functions of every service")
    parser.add_argument("--py-spy", help="py-spy's program, for --profile")
    options = parser.parse_args()
    unknown = set((options.only or "").split(",")) - {"", *PARTS, *EXTRA}
    if unknown:
        parser.error(f"--only knows no {', '.join(sorted(unknown))}")
    try:
        with throw_away_folder("bench") as folder:
            bench = asyncio.run(until_told_to_stop(measure(options, folder)))
    except LocalStackError as error:
        sys.exit(f"bench: {error}")
    text = show(bench)
    print(text)
    whole = not (options.only or options.quick or options.profile)
    name = "latest" if whole else "partial"
    write(name, bench.figures, bench.details, text, picture(bench.charts))
    print(json.dumps({name: rounded(value) for name, value in bench.figures.items()}))
    sys.exit(bool(bench.failures))


if __name__ == "__main__":
    main()
