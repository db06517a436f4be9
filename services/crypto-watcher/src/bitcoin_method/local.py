"""Bitcoin in the local stack: a regtest node, and the demo's payments."""

import secrets
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from urllib.parse import urlsplit

from bitcoin_method import demo
from cift_shared.rails.local import LocalRail, Merchant, StackContext, Step, Twin, TwinBook

XPUB = (
    "tpubDC8msFGeGuwnKG9Upg7DM2b4DaRqg3CUZa5g8v2SRQ6K4NSkxUgd7HsL2XVWbVm39yBA4LAxysQAm397zwQSQ"
    "oQgewGiYZqrA9DsP4zbQ1M"
)
"""The account m/84h/1h/0h of BIP 39's test mnemonic (abandon ... about), which is public."""
FEE_RATE = "10"
"""The only fee rate in the local stack, so that the demo's fees are always the same."""

NODE = Twin("bitcoin-node", "provider_sandbox.bitcoin", 18443)
_PAYER = demo.Payer()


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway and the node."""
    password = place.secrets["CIFT_SANDBOX_BITCOIN_RPC_PASSWORD"]
    node = urlsplit(place.twin)
    _PAYER.node = place.twin
    return {
        "BITCOIN_RPC_URL": f"{node.scheme}://cift:{password}@{node.netloc}/",
        "CRYPTO_BTC_NETWORK": "regtest",
        "CRYPTO_BTC_XPUB": XPUB,
        "CRYPTO_CONFIRMATIONS_REQUIRED": str(demo.BLOCKS),
        "CRYPTO_BTC_FEE_FLOOR": FEE_RATE,
        "CRYPTO_BTC_FEE_CEILING": FEE_RATE,
        "CRYPTO_BTC_FEE_FALLBACK": FEE_RATE,
        "CIFT_BITCOIN_POLL_S": "0.3",
    }


def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """The demo's payments, paid by the node of the stack that was made last."""
    return demo.play(_PAYER, merchant, customer)


LOCAL = LocalRail(
    worker="crypto-watcher",
    module="crypto_watcher",
    port=8085,
    secrets={"CIFT_SANDBOX_BITCOIN_RPC_PASSWORD": lambda: secrets.token_urlsafe(24)},
    environment=environment,
    # Amounts in satoshi. The rewards of its blocks go to the faucet.
    book=TwinBook(
        "bitcoin",
        places=8,
        incoming=frozenset({"payment", "reward"}),
        operations={"payment": frozenset({"deposit"})},
    ),
    play=play,
    # 0.01 and 0.005, each less 0.50 USD at 95,000 (526 satoshi) and 68 vbytes at 10 satoshi.
    final_balance={"BTC": Decimal("0.01497588")},
    twin=NODE,
)
"""The entry point `cift.local`."""
