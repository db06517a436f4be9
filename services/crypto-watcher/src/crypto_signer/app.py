"""Run the signer: for each chain a pool on the database and one job; health and metrics.

bitcoin.spend (written by the watcher) -> policy -> keys -> bitcoin_signer.signature
ethereum.spend ........................ -> policy -> keys -> ethereum_signer.signature

There is no broker and no API.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
from faststream.asgi import AsgiResponse

from chain_watch.funds_store import LedgerFunds
from cift_shared.clock import SystemClock
from cift_shared.database.pool import Pool, close_pool, open_pool
from cift_shared.observability.log import get_logger
from cift_shared.runtime.http_server import serve
from cift_shared.runtime.instance import instance_held
from cift_shared.runtime.job import Job
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.operations import Operations
from cift_shared.runtime.readiness import Readiness
from cift_shared.runtime.service import running, start_observing
from crypto_signer import store as bitcoin
from crypto_signer.settings import SignerSettings
from crypto_signer.signer import Signer
from ethereum_signer import store as ethereum
from ethereum_signer.settings import EthereumSignerSettings
from ethereum_signer.signer import EthereumSigner
from wallet_keys.account import BitcoinAccount
from wallet_keys.ethereum_account import EthereumAccount

log = get_logger()


@dataclass(frozen=True, slots=True)
class Chain:
    """What the process does for one chain."""

    name: str
    schema: str
    """The signer's own."""
    role: str
    reads: str
    """The watcher's schema, which has to be migrated, too."""
    job: Callable[["Pool[asyncpg.Record]"], Job]


def bitcoin_chain(settings: SignerSettings, account: BitcoinAccount) -> Chain:
    """Bitcoin.

    Raises:
        SettingsInvalid: the list of denied addresses can't be read.
    """
    limits = settings.limits()

    def job(pool: "Pool[asyncpg.Record]") -> Job:
        store = bitcoin.SignerStore(pool, LedgerFunds("bitcoin"))
        signer = Signer(store, account, limits, settings.vault(), network=settings.network)
        return signer.job(timedelta(seconds=settings.poll_s))

    return Chain("bitcoin-signer", bitcoin.SCHEMA, bitcoin.ROLE, "bitcoin", job)


def ethereum_chain(
    settings: SignerSettings, config: EthereumSignerSettings, account: EthereumAccount
) -> Chain:
    """Ethereum; raises as `bitcoin_chain`."""
    limits = config.limits()

    def job(pool: "Pool[asyncpg.Record]") -> Job:
        store = ethereum.SignerStore(pool, account.hot, LedgerFunds("ethereum"))
        signer = EthereumSigner(store, account, limits, settings.vault())
        return signer.job(timedelta(seconds=settings.poll_s))

    return Chain("ethereum-signer", ethereum.SCHEMA, ethereum.ROLE, "ethereum", job)


def health_app(routes: Mapping[str, Any]) -> Any:
    """An ASGI app of routes that only read; FastStream's own needs a broker."""
    nothing = AsgiResponse(b"", 404)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await routes.get(scope["path"], nothing)(scope, receive, send)
        while scope["type"] == "lifespan":
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    return app


async def run(settings: SignerSettings, chains: Sequence[Chain]) -> None:
    """Sign for each of the chains until SIGTERM."""
    start_observing("crypto-signer", settings)
    log.info("service.starting", mode=settings.mode, chains=[one.reads for one in chains])
    operations = Operations()
    async with AsyncExitStack() as stack:
        signing = [await stack.enter_async_context(_opened(settings, one)) for one in chains]
        operations.watch([readiness for readiness, _ in signing], [])
        for readiness, loop in signing:
            await stack.enter_async_context(running([loop], after=readiness.wait))
        await serve(
            health_app(dict(operations.routes())),
            settings.ops_host,
            settings.ops_port,
            when_stopping=operations.stop,
        )
    log.info("service.stopped")


@asynccontextmanager
async def _opened(
    settings: SignerSettings, chain: Chain
) -> AsyncIterator[tuple[Readiness, JobLoop]]:
    """A chain's pool and loop; the loop is not running yet."""
    url = settings.database_url.get_secret_value()
    held = instance_held(chain.name, settings, schema=chain.schema, role=chain.role)
    async with held as name:
        pool = await open_pool(url, role=chain.role, size_max=2)
        schemas = [chain.schema, chain.reads]
        readiness = Readiness(pool, schemas, is_named=lambda: name.is_held)
        try:
            yield readiness, JobLoop(chain.job(pool), pool, chain.schema, SystemClock())
        finally:
            await close_pool(pool)
