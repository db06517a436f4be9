"""Services as processes of their own, beside a database and a broker that a test picks."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cift_local.ports import LOOPBACK, free_port
from cift_local.waiting import wait_until
from tests.support import bitcoin, cards, ethereum
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY

MODULES = (
    "gateway",
    "ledger",
    "mpesa_worker",
    "card_worker",
    "paypal_worker",
    "crypto_watcher",
)
MOMO = {
    "MOMO_API_BASE": f"http://{LOOPBACK}:1",
    "MOMO_CALLBACK_URL": "https://payments.example",
    **{
        f"MOMO_{country}_{product}_{name}": "unused"
        for country in ("UG", "RW")
        for product in ("COLLECTION", "DISBURSEMENT")
        for name in ("SUBSCRIPTION_KEY", "API_USER", "API_KEY")
    },
}
PATIENCE_S = 60.0
"""For what takes a second on a quiet machine."""


def environment(module: str, *, database: str, bootstrap: str, instance: str) -> dict[str, str]:
    """Every setting that a service needs to start."""
    return {
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "CIFT_INSTANCE": f"{instance}-{module.replace('_', '-')}",
        "CIFT_OPS_PORT": str(free_port()),
        **({"CIFT_HTTP_PORT": str(free_port())} if module == "gateway" else {}),
        "CIFT_DATA_KEYS": DATA_KEYS,
        "CIFT_INDEX_KEY": INDEX_KEY,
        "CIFT_CALLBACK_KEY": CALLBACK_KEY,
        "MPESA_CONSUMER_KEY": "unused",
        "MPESA_CONSUMER_SECRET": "unused",
        "MPESA_BUSINESS_SHORT_CODE": "174379",
        "MPESA_PASSKEY": "unused",
        "MPESA_ENVIRONMENT": "sandbox",
        "MPESA_CALLBACK_URL": "https://payments.example/api/v1/webhooks/mpesa",
        "MPESA_API_BASE": f"http://{LOOPBACK}:1",
        **MOMO,
        "STRIPE_SECRET_KEY": cards.SECRET_KEY,
        "STRIPE_PUBLISHABLE_KEY": cards.PUBLISHABLE_KEY,
        "STRIPE_API_BASE": f"http://{LOOPBACK}:1",
        "PAYPAL_CLIENT_ID": "unused",
        "PAYPAL_CLIENT_SECRET": "unused",
        "PAYPAL_ENVIRONMENT": "sandbox",
        "PAYPAL_API_BASE": f"http://{LOOPBACK}:1",
        "PAYPAL_RETURN_BASE": "https://payments.example",
        "BITCOIN_RPC_URL": f"http://{LOOPBACK}:1",
        "CRYPTO_BTC_NETWORK": "regtest",
        "CRYPTO_BTC_XPUB": bitcoin.TPUB,
        "ETHEREUM_RPC_URL": f"http://{LOOPBACK}:1",
        "CRYPTO_ETH_CHAIN_ID": str(ethereum.CHAIN_ID),
        "CRYPTO_ETH_XPUB": ethereum.XPUB,
    }


@dataclass(frozen=True)
class Service:
    """One running process of a service."""

    module: str
    process: Process
    http: httpx.AsyncClient
    """Asks its operations port; a twin has one port for everything."""
    log_file: Path

    @property
    def log(self) -> str:
        """What it has logged."""
        return self.log_file.read_text(errors="replace")

    async def get(self, path: str) -> httpx.Response | None:
        """An answer, None while nobody serves."""
        try:
            return await self.http.get(path)
        except httpx.TransportError:
            return None

    async def wait_for(self, path: str, status: int) -> Any:
        """The body of the first answer with that status."""
        found: list[Any] = []

        async def look() -> bool:
            answer = await self.get(path)
            if answer is not None and answer.status_code == status:
                found.append(answer.json())
            return bool(found) or self.process.returncode is not None

        await wait_until(look, PATIENCE_S)
        assert found, f"{self.module}: {path} never answered {status}\n{self.log}"
        return found[0]

    async def wait_for_handlers(self) -> None:
        """Return once the process has taken SIGTERM and SIGINT over from the system."""
        wanted = (1 << (signal.SIGTERM - 1)) | (1 << (signal.SIGINT - 1))
        status = Path(f"/proc/{self.process.pid}/status")

        async def taken() -> bool:
            return caught_signals(status) & wanted == wanted

        assert await wait_until(taken, PATIENCE_S, every_s=0.001)

    async def stop(self, number: signal.Signals, within_s: float) -> int:
        """Send a signal; the exit code.

        Raises:
            TimeoutError: it has not ended in time.
        """
        self.process.send_signal(number)
        async with asyncio.timeout(within_s):
            return await self.process.wait()


def caught_signals(status: Path) -> int:
    """The set of signals that a process handles itself, from its /proc/PID/status (proc(5))."""
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
    return int(lines["SigCgt"], 16)


@contextlib.asynccontextmanager
async def running(module: str, env: dict[str, str], folder: Path) -> AsyncIterator[Service]:
    """A service's process for the block; killed at its end if it still runs."""
    log_file = folder / f"{module}.log"
    with log_file.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env={**os.environ, **env}, stdout=out, stderr=out
        )
    port = env.get("CIFT_OPS_PORT") or env["CIFT_SANDBOX_HTTP_PORT"]
    base_url = f"http://{LOOPBACK}:{port}"
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=15, trust_env=False) as http:
            yield Service(module, process, http, log_file)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def running_all(
    folder: Path, *, database: str, bootstrap: str, instance: str = "t"
) -> AsyncIterator[list[Service]]:
    """Every service of ours, one process each."""
    async with contextlib.AsyncExitStack() as held:
        yield [
            await held.enter_async_context(
                running(
                    module,
                    environment(module, database=database, bootstrap=bootstrap, instance=instance),
                    folder,
                )
            )
            for module in MODULES
        ]
