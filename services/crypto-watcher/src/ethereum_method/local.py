"""Ethereum in the local stack: a node over a real EVM, and the demo's payments."""

import secrets
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal

from bitcoin_method.local import RESERVES, wallet
from cift_shared.rails.local import LocalRail, Merchant, StackContext, Step, Twin, TwinBook
from ethereum_method import demo

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
    """The variables of the worker, the gateway, the node and the signer.

    Raises:
        SettingsInvalid: the wallet can't be created.
    """
    keys = wallet(place)
    key = place.secrets["CIFT_SANDBOX_ETHEREUM_RPC_KEY"]
    _PAYER.node = place.twin
    return {
        "ETHEREUM_RPC_URL": f"{place.twin.rstrip('/')}/v3/{key}",
        "ETHERSCAN_API_BASE": f"{place.twin.rstrip('/')}/v2/api",
        "CRYPTO_ETH_CHAIN_ID": CHAIN_ID,
        "CRYPTO_ETH_XPUB": keys["ethereum_xpub"],
        "CIFT_SANDBOX_ETHEREUM_RICH": keys["ethereum_hot_address"],
        "CRYPTO_ETH_TOKENS": TOKENS,
        "CRYPTO_ETH_FEE_FLOOR": FEE,
        "CRYPTO_ETH_FEE_CEILING": FEE,
        "CIFT_ETHEREUM_POLL_S": "0.3",
        "CRYPTO_ETH_BUMP_AFTER_BLOCKS": str(demo.STUCK_BLOCKS),
        "CRYPTO_SIGNER_MAX_WEI": str(10**21),
        "CRYPTO_SIGNER_DAY_MAX_WEI": str(10**24),
        "CRYPTO_SIGNER_MAX_TOKEN": str(10**6),
        "CRYPTO_SIGNER_DAY_MAX_TOKEN": str(10**9),
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
        operations={
            "payment": frozenset({"deposit"}),
            "withdrawal": frozenset({"withdrawal"}),
        },
    ),
    play=play,
    # 0.05 and 0.02, each less 0.50 USD at 3,150 and 21,000 gas at 10 gwei; 25, less 0.50 and what
    # 86,000 gas cost at 3,150. Then out: 0.03, with 5 USD and 21,000 gas; 10, with 5 and what
    # 65,000 gas cost.
    final_balance={"ETH": Decimal("0.037465238095238095"), "USDC": Decimal("4.743500")},
    twin=NODE,
    checks=((*RESERVES, "--own", "ETH=1000", "--own", "USDC=1000000", "--own", "USDT=1000000"),),
)
"""The entry point `cift.local`."""
