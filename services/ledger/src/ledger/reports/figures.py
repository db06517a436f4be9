"""Figures of the business for `/metrics`, read from the ledger at a fixed interval.

Every process of the ledger exports the same figures, so a sum over processes counts them twice:
take the maximum.
"""

import asyncio
from importlib.resources import files

import asyncpg
from prometheus_client import Gauge

from cift_shared.database.pool import Pool

EVERY_S = 15.0

HOUSE = Gauge(
    "cift_house_account_minor_units",
    "Balance of our own accounts, on their normal side: fees, suspense, what providers hold.",
    ["mode", "kind", "method", "currency"],
)
DISCREPANCIES = Gauge(
    "cift_discrepancies_open",
    "Differences between statements and ledger that nobody has explained.",
    ["mode", "method"],
)
DISCREPANCY_SINCE = Gauge(
    "cift_discrepancy_oldest_timestamp_seconds",
    "When the oldest unexplained difference was found.",
    ["mode", "method"],
)
DRIFT = Gauge(
    "cift_discrepancy_minor_units",
    "Sum of the unexplained differences, each without its sign.",
    ["mode", "method", "currency"],
)
RECONCILED = Gauge(
    "cift_reconciled_until_timestamp_seconds",
    "Until when statements of a method have been compared with the ledger.",
    ["mode", "method", "currency"],
)


def _statement(name: str) -> str:
    return files("ledger.reports").joinpath("sql", f"{name}.sql").read_text("utf-8")


_HOUSE = _statement("house_balances")
_DISCREPANCIES = _statement("open_discrepancies")
_RECONCILED = _statement("reconciled_until")


class Figures:
    """Reads the figures and sets the metrics."""

    name = "figures"

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(EVERY_S)

    async def read(self) -> None:
        """Read all figures once."""
        async with self._pool.acquire() as connection:
            accounts = await connection.fetch(_HOUSE)
            discrepancies = await connection.fetch(_DISCREPANCIES)
            reconciled = await connection.fetch(_RECONCILED)
        for gauge in (HOUSE, DISCREPANCIES, DISCREPANCY_SINCE, DRIFT, RECONCILED):
            gauge.clear()
        for row in accounts:
            labels = (row["mode"], row["kind"], row["method"], row["currency"])
            HOUSE.labels(*labels).set(float(row["minor"]))
        _show_discrepancies(discrepancies)
        for row in reconciled:
            place = (row["mode"], row["method"], row["currency"])
            RECONCILED.labels(*place).set(row["until"].timestamp())


def _show_discrepancies(rows: list[asyncpg.Record]) -> None:
    """Show each group of differences; one method has a group for each currency."""
    since: dict[tuple[str, str], float] = {}
    for row in rows:
        place = (row["mode"], row["method"])
        since[place] = min(row["since"].timestamp(), since.get(place, row["since"].timestamp()))
        DISCREPANCIES.labels(*place).inc(row["discrepancies"])
        DRIFT.labels(*place, row["currency"]).set(float(row["minor"]))
    for place, at in since.items():
        DISCREPANCY_SINCE.labels(*place).set(at)
