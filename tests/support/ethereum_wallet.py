"""The wallet and the withdrawals of tests."""

from typing import Any

from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import RequestWithdrawal
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from ethereum_method.recipient import ADDRESS_KIND
from tests.support import bitcoin_wallet
from tests.support.commands import CLOCK, IDS, VAULT
from wallet_keys.ethereum_account import EthereumAccount

ACCOUNT = EthereumAccount(bitcoin_wallet.SEED)
"""The account of a wallet that only tests use."""


def withdrawal(
    wei: int, address: str, *, clock: FakeClock = CLOCK, currency: str = "ETH", **over: Any
) -> RequestWithdrawal:
    """A withdrawal by Ethereum, of an amount in the smallest unit of its currency."""
    fields: dict[str, Any] = {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "ethereum",
        "amount": Money(wei, currency),
        "instrument": Instrument(
            kind=ADDRESS_KIND,
            display="0x…",
            sealed=VAULT.seal(address.encode(), context=ADDRESS_KIND),
            public={"address": "0x…"},
        ),
        "accepted_at": clock.now(),
        **over,
    }
    return RequestWithdrawal(**fields)
