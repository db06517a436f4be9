"""Ethereum in the local stack: a node over a real EVM, and the demo's payments."""

import secrets
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal

from cift_shared.rails.local import LocalRail, Merchant, StackContext, Step, Twin, TwinBook
from ethereum_method import demo

XPUB = (
    "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5GFZaM"
    "6si3yZdUsT8ddYM3PwnATt"
)
"""The account m/44h/60h/0h of BIP 39's test mnemonic (abandon ... about), which is public."""
CHAIN_ID = "31337"
TOKENS = (
    "USDC=0x9bCe64C9d7e33De5Ec030c8a1814069dfD4669A1,"
    "USDT=0x929FC9f8eFE9b3F15388165c8BaaC84D45169979"
)
"""The contracts that the node deploys in its first block."""
FEE = "10"
"""The only fee in the local stack, in gwei, so that the demo's fees are always the same."""

NODE = Twin("ethereum-node", "provider_sandbox.ethereum", 8545)
_PAYER = demo.Payer()


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway and the node."""
    key = place.secrets["CIFT_SANDBOX_ETHEREUM_RPC_KEY"]
    _PAYER.node = place.twin
    return {
        "ETHEREUM_RPC_URL": f"{place.twin.rstrip('/')}/v3/{key}",
        "CRYPTO_ETH_CHAIN_ID": CHAIN_ID,
        "CRYPTO_ETH_XPUB": XPUB,
        "CRYPTO_ETH_TOKENS": TOKENS,
        "CRYPTO_ETH_FEE_FLOOR": FEE,
        "CRYPTO_ETH_FEE_CEILING": FEE,
        "CIFT_ETHEREUM_POLL_S": "0.3",
    }


def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """The demo's payments, paid by the node of the stack that was made last."""
    return demo.play(_PAYER, merchant, customer)


LOCAL = LocalRail(
    worker="crypto-watcher",
    module="crypto_watcher",
    port=8085,
    secrets={"CIFT_SANDBOX_ETHEREUM_RPC_KEY": lambda: secrets.token_urlsafe(24)},
    environment=environment,
    # Amounts in wei, and in millionths of a token.
    book=TwinBook(
        "ethereum",
        places=18,
        other_places={"USDC": 6, "USDT": 6},
        incoming=frozenset({"payment"}),
        operations={"payment": frozenset({"deposit"})},
    ),
    play=play,
    # 0.05 and 0.02, each less 0.50 USD at 3,150 and 21,000 gas at 10 gwei; 25, less 0.50 and what
    # 86,000 gas cost at 3,150.
    final_balance={"ETH": Decimal("0.069262539682539682"), "USDC": Decimal("21.791000")},
    twin=NODE,
)
"""The entry point `cift.local`."""
