"""The floor: a bare FastAPI endpoint that does one INSERT, served as our gateway is.

`python -m tests.bench.bare` with DATABASE_URL and BARE_PORT; the bench starts it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel

from cift_local.ports import LOOPBACK, free_port
from cift_local.waiting import answers_ok, wait_until
from cift_shared.observability.log import start_logging
from cift_shared.runtime.http_server import serve
from cift_shared.runtime.service import POOL_SIZE_MAX
from tests.bench.new_database import new_database
from tests.bench.orders import ACCEPTED

DATABASE, PATH = "bench_bare", "/payments"
_TABLE = """
create table payment (
    id uuid primary key, type text not null, method text not null, customer_id text not null,
    amount numeric not null, currency text not null, created_at timestamptz default now()
)
"""
_INSERT = """
insert into payment (id, type, method, customer_id, amount, currency)
values ($1, $2, $3, $4, $5, $6)
"""


class Order(BaseModel):
    """What a client sends."""

    type: str
    method: str
    customer_id: str
    amount: Decimal
    currency: str
    payment_method: dict[str, str]


class Taken(BaseModel):
    """What it gets."""

    id: UUID


def create_app(dsn: str) -> FastAPI:
    """The endpoint over a pool as large as the gateway's."""
    app = FastAPI(lifespan=lambda app: _pool(app, dsn))

    @app.post(PATH, status_code=ACCEPTED)
    async def take(order: Order) -> Taken:
        taken = Taken(id=uuid4())
        pool: asyncpg.Pool[Any] = app.state.pool
        await pool.execute(
            _INSERT, taken.id, order.type, order.method, order.customer_id, order.amount,
            order.currency,
        )  # fmt: skip
        return taken

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


@asynccontextmanager
async def _pool(app: FastAPI, dsn: str) -> AsyncIterator[None]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=POOL_SIZE_MAX) as app.state.pool:
        yield


@asynccontextmanager
async def running_bare(dsn: str) -> AsyncIterator[tuple[int, int]]:
    """Runs it over a database of its own on the same server; answers its port and process id."""
    address = await new_database(dsn, DATABASE, _TABLE)
    port = free_port()
    env = {**os.environ, "DATABASE_URL": address, "BARE_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.bare", env=env
    )
    try:
        if not await wait_until(lambda: answers_ok(f"http://{LOOPBACK}:{port}/readyz"), 30):
            raise RuntimeError("the bare endpoint did not start")
        yield port, process.pid
    finally:
        process.terminate()
        await process.wait()


def main() -> None:
    """Serves until SIGTERM."""
    start_logging("bare", level="warning", style="console")
    app = create_app(os.environ["DATABASE_URL"])
    uvloop.run(serve(app, LOOPBACK, int(os.environ["BARE_PORT"])))


if __name__ == "__main__":
    main()
