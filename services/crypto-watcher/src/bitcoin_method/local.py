"""Bitcoin in the local stack: a regtest node, a wallet of its own, and the demo's payments."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from bitcoin_method import demo
from cift_shared.errors import SettingsInvalid
from cift_shared.rails.local import (
    LocalProcess,
    LocalRail,
    Merchant,
    StackContext,
    Step,
    Twin,
    TwinBook,
)

NETWORK = "regtest"
PASSPHRASE = "CRYPTO_WALLET_PASSPHRASE"  # noqa: S105  the name of a variable
FEE_RATE = "10"
"""The only fee rate in the local stack, so that the demo's fees are always the same."""

MARKETS = LocalProcess(
    name="markets",
    module="provider_sandbox.rates",
    port=8091,
    health="/control/health",
)
"""The markets that the prices of bitcoin and of ether are read from."""

RESERVES = ("wallet", "reserves")
"""The command that compares the chains with the ledger."""
NODE = Twin("bitcoin-node", "provider_sandbox.bitcoin", 18443)
_PAYER = demo.Payer()


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway, the node and the signer.

    Raises:
        SettingsInvalid: the wallet can't be created.
    """
    password = place.secrets["CIFT_SANDBOX_BITCOIN_RPC_PASSWORD"]
    node = urlsplit(place.twin)
    _PAYER.node, markets = place.twin, place.processes[MARKETS.name]
    return {
        "BITCOIN_RPC_URL": f"{node.scheme}://cift:{password}@{node.netloc}/",
        "CRYPTO_BTC_NETWORK": NETWORK,
        "CRYPTO_BTC_XPUB": wallet(place)["xpub"],
        "CRYPTO_WALLET_FILE": str(_file(place)),
        "CRYPTO_CONFIRMATIONS_REQUIRED": str(demo.BLOCKS),
        "CRYPTO_BTC_FEE_FLOOR": FEE_RATE,
        "CRYPTO_BTC_FEE_CEILING": FEE_RATE,
        "CRYPTO_BTC_FEE_FALLBACK": FEE_RATE,
        "CIFT_BITCOIN_POLL_S": "0.3",
        "CRYPTO_BTC_BUMP_AFTER_BLOCKS": str(demo.STUCK_BLOCKS),
        "CIFT_SIGNER_POLL_S": "0.2",
        "CRYPTO_SIGNER_MAX_SATOSHI": str(10**9),
        "CRYPTO_SIGNER_DAY_MAX_SATOSHI": str(10**12),
        "CIFT_RATE_SOURCES": "coinbase,kraken",
        "CIFT_RATE_CURRENCIES": "BTC,ETH",
        "CIFT_RATE_EVERY_S": "1",
        "COINBASE_API_BASE": markets,
        "KRAKEN_API_BASE": markets,
    }


def _file(place: StackContext) -> Path:
    return place.folder / "bitcoin-wallet.json"


def wallet(place: StackContext) -> Mapping[str, str]:
    """The public part of the stack's wallet, which is created at the first start.

    The command is another process: whoever only watches must not load the code with the keys.

    Raises:
        SettingsInvalid: the wallet can't be created.
    """
    public, file = place.folder / "wallet-public.json", _file(place)
    if not public.exists():
        verb = "show" if file.exists() else "create"
        words = ["wallet", verb, "--json", "--file", str(file), "--network", NETWORK]
        done = subprocess.run(  # noqa: S603  our own command, no shell
            [sys.executable, "-m", "cift_shared", *words],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, PASSPHRASE: place.secrets[PASSPHRASE]},
        )
        if done.returncode:
            raise SettingsInvalid(f"cift wallet {verb}: {done.stderr.strip()}")
        public.write_text(done.stdout)
    found: dict[str, str] = json.loads(public.read_text())
    return found


def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """The demo's payments, paid by the node of the stack that was made last."""
    return demo.play(_PAYER, merchant, customer)


LOCAL = LocalRail(
    worker="crypto-watcher",
    module="crypto_watcher",
    port=8085,
    secrets={
        "CIFT_SANDBOX_BITCOIN_RPC_PASSWORD": lambda: secrets.token_urlsafe(24),
        PASSPHRASE: lambda: secrets.token_urlsafe(24),
    },
    environment=environment,
    # Amounts in satoshi. The rewards of its blocks go to the faucet.
    book=TwinBook(
        "bitcoin",
        places=8,
        incoming=frozenset({"payment", "reward"}),
        operations={
            "payment": frozenset({"deposit"}),
            "withdrawal": frozenset({"withdrawal"}),
        },
    ),
    play=play,
    # 0.01 and 0.005, each less 0.50 USD at 95,000 (526 satoshi) and 68 vbytes at 10 satoshi;
    # then 0.006 out, with 5 USD (5,263 satoshi) and 209 vbytes at 10 satoshi.
    # 50 USD less 0.50 USD, and 68 vbytes at 10 satoshi at 95,000, rounded up.
    final_balance={"BTC": Decimal("0.00890235"), "USD": Decimal("48.85")},
    twin=NODE,
    checks=(RESERVES,),
    processes=(LocalProcess(name="crypto-signer", module="crypto_signer", port=8086), MARKETS),
)
"""The entry point `cift.local`."""
