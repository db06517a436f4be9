"""Settings, commands and attempts for tests of the Bitcoin watcher."""

from typing import Any

from bitcoin_method.instruments import DISPLAY, KIND, PUBLIC
from bitcoin_watcher.settings import BitcoinConfig
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import RequestDeposit
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from tests.support.cards import attempt, learned
from tests.support.commands import CLOCK, IDS

__all__ = ["attempt", "learned"]

TPUB = (
    "tpubDC8msFGeGuwnKG9Upg7DM2b4DaRqg3CUZa5g8v2SRQ6K4NSkxUgd7HsL2XVWbVm39yBA4LAxysQAm397zwQSQ"
    "oQgewGiYZqrA9DsP4zbQ1M"
)
"""The account m/84h/1h/0h of the test mnemonic of BIP 39 (abandon ... about)."""
XPUB = (
    "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4"
    "ZeZXYVUhLv1VMrjPC7PW6V"
)
"""The account m/84h/0h/0h of the same."""
FIRST = "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk"
"""The first address of `TPUB`."""
SHARED = "bcrt1q9u62588spffmq4dzjxsr5l297znf3z6jkgnhsw"
NODE_URL = "http://user:secret@127.0.0.1:18443"


def config(**over: Any) -> BitcoinConfig:
    """Settings as the local stack has them; each deposit has its own address."""
    fields: dict[str, Any] = {"rpc_url": NODE_URL, "network": "regtest", "xpub": TPUB}
    return BitcoinConfig(**{**fields, **over})


def deposit(satoshi: int = 1_000_000, *, clock: FakeClock = CLOCK, **over: Any) -> RequestDeposit:
    """A deposit by Bitcoin."""
    fields: dict[str, Any] = {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "bitcoin",
        "amount": Money(satoshi, "BTC"),
        "instrument": Instrument(kind=KIND, display=DISPLAY, sealed="", public=dict(PUBLIC)),
        "accepted_at": clock.now(),
        **over,
    }
    return RequestDeposit(**fields)
