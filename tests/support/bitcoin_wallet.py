"""The wallet, the withdrawals and the coins of tests."""

from typing import Any

from bitcoin_method.instruments import ADDRESS_KIND
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import RequestWithdrawal
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from tests.support.commands import CLOCK, IDS, VAULT
from wallet_keys.account import BitcoinAccount
from wallet_keys.seed_file import Seed

ENTROPY = bytes(range(32))
SEED = Seed("regtest", "00" * 8, bytearray(ENTROPY))
ACCOUNT = BitcoinAccount(SEED)
"""A wallet that only tests use."""


def withdrawal(
    satoshi: int, address: str, *, clock: FakeClock = CLOCK, **over: Any
) -> RequestWithdrawal:
    """A withdrawal by Bitcoin."""
    fields: dict[str, Any] = {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "bitcoin",
        "amount": Money(satoshi, "BTC"),
        "instrument": Instrument(
            kind=ADDRESS_KIND,
            display="bcrt1…",
            sealed=VAULT.seal(address.encode(), context=ADDRESS_KIND),
            public={"address": "bcrt1…"},
        ),
        "accepted_at": clock.now(),
        **over,
    }
    return RequestWithdrawal(**fields)
