"""How fast the books are: `python -m tests.bench.ledger` (`make bench-ledger`).

Settlements one by one and in batches, by one, two, four and eight writers, all on the same two hot
accounts; in empty books and in full ones; and a hundred transfers a call beside pgledger's SQL,
when its file is given. Rounds are interleaved and medians shown: a machine's mood changes, ratios
stay.

Runs on the server of DATABASE_URL, or else on an embedded PostgreSQL of its own with fsync on, in
databases that are made and dropped. Prints a table and writes bench/ledger.json.
"""

import argparse
import asyncio
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from cift_local.postgres import Postgres
from cift_shared.database.migrations import migrate
from tests.bench import ledger_load as load
from tests.bench import ledger_peer as peer
from tests.bench.ledger_fill import fill
from tests.support.postgres import throw_away_folder

BATCH = 500
ROUNDS = 5
WRITERS = (1, 2, 4, 8)
SERVER = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}
REPORT = Path("bench/ledger.json")

Rates = dict[str, list[float]]


@contextmanager
def server() -> Iterator[str]:
    """The address of the server to measure."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with throw_away_folder("bench") as folder, Postgres(folder, settings=SERVER) as own:
        yield own.dsn()


@asynccontextmanager
async def database(dsn: str) -> AsyncIterator[str]:
    """The address of a new database, dropped at the end."""
    name = f"cift_bench_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"create database {name}")
    try:
        yield urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()


async def settle_round(dsn: str, rates: Rates, seconds: float, *, name: str) -> None:
    """One round of everything in these books."""
    for writers in WRITERS:
        # some 20,000 a second; what is prepared is all used
        count = (load.WARM_UP + max(2, round(seconds * 20_000 / BATCH / writers))) * writers
        batches = await load.prepare(dsn, count, BATCH)
        rate = await load.settle(dsn, batches, size=BATCH, writers=writers)
        rates.setdefault(f"{name}, batches of {BATCH}, {writers} writers", []).append(rate)
    single = await load.prepare(dsn, load.WARM_UP + max(50, round(seconds * 500)), 1)
    rate = await load.settle(dsn, single, size=1, writers=1)
    rates.setdefault(f"{name}, one by one, 1 writer", []).append(rate)


async def peer_round(
    ours: tuple[str, peer.Call], theirs: tuple[str, peer.Call], rates: Rates, seconds: float
) -> None:
    """One round of transfers, ours and theirs."""
    for clients in (1, 4):
        for name, (dsn, call) in (("ours", ours), ("pgledger", theirs)):
            rate = await peer.transfers_per_s(dsn, call, clients=clients, seconds=seconds)
            rates.setdefault(f"{name}, 100 transfers a call, {clients} clients", []).append(rate)


def paired(rates: Rates, upper: str, lower: str) -> float:
    """The median of the ratios of two rates, round by round."""
    return round(median(a / b for a, b in zip(rates[upper], rates[lower], strict=True)), 3)


def summary(rates: Rates, *, filled: bool, compared: bool) -> dict[str, float | None]:
    """The figures that are compared from one change to the next."""
    batched = [f"empty, batches of {BATCH}, {writers} writers" for writers in WRITERS]
    full = [key.replace("empty", "full") for key in batched]
    clients = [f"100 transfers a call, {count} clients" for count in (1, 4)]
    return {
        "settle_batched_per_s": round(max(median(rates[key]) for key in batched)),
        "settle_single_per_s": round(median(rates["empty, one by one, 1 writer"])),
        "vs_pgledger_batch": min(paired(rates, f"ours, {c}", f"pgledger, {c}") for c in clients)
        if compared
        else None,
        "rate_at_10m_vs_empty": median(
            paired(rates, a, b) for a, b in zip(full, batched, strict=True)
        )
        if filled
        else None,
    }


async def measure(
    dsn: str, entries: int, pgledger: str | None, seconds: float
) -> dict[str, object]:
    """Measures and prints; answers the report."""
    rates: Rates = {}
    async with database(dsn) as empty, database(dsn) as full, database(dsn) as other:
        await migrate(empty)
        await settle_round(empty, {}, seconds / 2, name="warm-up")
        fill_s = await filled_in(full, entries) if entries else 0.0
        calls = None
        if pgledger is not None:
            calls = (empty, await peer.ours(empty)), (other, await peer.theirs(other, pgledger))
        for _ in range(ROUNDS):
            await settle_round(empty, rates, seconds, name="empty")
            if entries:
                await settle_round(full, rates, seconds, name="full")
            if calls is not None:
                await peer_round(*calls, rates, seconds)
    figures = summary(rates, filled=entries > 0, compared=pgledger is not None)
    show(rates, figures, entries, fill_s)
    medians = {name: round(median(values)) for name, values in rates.items()}
    return {**figures, "entries": entries, "fill_s": round(fill_s, 1), "medians": medians}


async def filled_in(dsn: str, entries: int) -> float:
    """Fills the books; answers the seconds it took."""
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    started = time.perf_counter()
    await fill(connection, entries)
    await connection.close()
    return time.perf_counter() - started


def show(rates: Rates, figures: Mapping[str, float | None], entries: int, fill_s: float) -> None:
    """Prints the table."""
    print(f"full books: {entries:,} entries, filled in {fill_s:.0f} s")
    for name, values in sorted(rates.items()):
        low, high = min(values), max(values)
        print(f"{name:45} {median(values):9,.0f}/s   ({low:,.0f} to {high:,.0f})")
    for name, figure in figures.items():
        print(f"{name:45} {'not measured' if figure is None else format(figure, ',')}")


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--pgledger", type=Path, default=os.environ.get("PGLEDGER_SQL"))
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement, about")
    options = parser.parse_args()
    pgledger = Path(options.pgledger).read_text("utf-8") if options.pgledger else None
    with server() as dsn:
        report = asyncio.run(measure(dsn, options.entries, pgledger, options.seconds))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
