"""Run the signer: a pool on the database, one job, health and metrics; no broker, no API.

bitcoin.spend (written by the watcher) -> policy -> keys -> bitcoin_signer.signature
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from faststream.asgi import AsgiResponse

from cift_shared.clock import SystemClock
from cift_shared.database.pool import close_pool, open_pool
from cift_shared.observability.log import get_logger
from cift_shared.runtime.http_server import serve
from cift_shared.runtime.instance import instance_held
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.operations import Operations
from cift_shared.runtime.readiness import Readiness
from cift_shared.runtime.service import running, start_observing
from crypto_signer.settings import SignerSettings
from crypto_signer.signer import Signer
from crypto_signer.store import ROLE, SCHEMA, SignerStore
from wallet_keys.account import BitcoinAccount

NAME = "bitcoin-signer"
READS = "bitcoin"
"""The watcher's schema, which has to be migrated, too."""

log = get_logger()


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


async def run(settings: SignerSettings, account: BitcoinAccount) -> None:
    """Sign until SIGTERM."""
    start_observing("crypto-signer", settings)
    log.info("service.starting", mode=settings.mode, fingerprint=account.fingerprint)
    url, clock = settings.database_url.get_secret_value(), SystemClock()
    async with instance_held(NAME, settings, schema=SCHEMA, role=ROLE) as name:
        pool = await open_pool(url, role=ROLE, size_max=2)
        readiness = Readiness(pool, [SCHEMA, READS], is_named=lambda: name.is_held)
        signer = Signer(
            SignerStore(pool),
            account,
            settings.limits(),
            settings.vault(),
            network=settings.network,
        )
        job = JobLoop(signer.job(timedelta(seconds=settings.poll_s)), pool, SCHEMA, clock)
        operations = Operations()
        operations.watch([readiness], [])
        app = health_app(dict(operations.routes()))
        try:
            async with running([job], after=readiness.wait):
                await serve(
                    app,
                    settings.ops_host,
                    settings.ops_port,
                    when_stopping=operations.stop,
                )
        finally:
            await close_pool(pool)
    log.info("service.stopped")
