"""Settings and commands for tests of the Ethereum watcher."""

from typing import Any

from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import RequestDeposit
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from ethereum_method.instruments import DISPLAY, KIND, PUBLIC
from ethereum_watcher.settings import EthereumConfig
from tests.support.commands import CLOCK, IDS

ETHER = 10**18
CHAIN_ID = 31337
XPUB = (
    "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5GFZaM"
    "6si3yZdUsT8ddYM3PwnATt"
)
"""The account m/44h/60h/0h of the test mnemonic of BIP 39 (abandon ... about)."""
FIRST = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
"""The first address of `XPUB`."""
FIRST_KEY = int("1ab42cc412b618bdea3a599e3c9bae199ebf030895b039e9db1e30dafb12b727", 16)
"""The private key of this address; the mnemonic is public."""
SHARED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
CONTRACTS = {
    "USDC": "0x9bCe64C9d7e33De5Ec030c8a1814069dfD4669A1",
    "USDT": "0x929FC9f8eFE9b3F15388165c8BaaC84D45169979",
}
"""The tokens of the test node."""
TOKENS = ",".join(f"{currency}={contract}" for currency, contract in CONTRACTS.items())
NODE_URL = "http://127.0.0.1:8545/v3/secret"


def config(**over: Any) -> EthereumConfig:
    """Settings as the local stack has them; each deposit has its own address."""
    fields: dict[str, Any] = {"rpc_url": NODE_URL, "chain_id": CHAIN_ID, "xpub": XPUB}
    return EthereumConfig(**{**fields, **over})


def deposit(
    wei: int = ETHER, *, clock: FakeClock = CLOCK, currency: str = "ETH", **over: Any
) -> RequestDeposit:
    """A deposit by Ethereum, of an amount in the smallest unit of its currency."""
    fields: dict[str, Any] = {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "ethereum",
        "amount": Money(wei, currency),
        "instrument": Instrument(kind=KIND, display=DISPLAY, sealed="", public=dict(PUBLIC)),
        "accepted_at": clock.now(),
        **over,
    }
    return RequestDeposit(**fields)
