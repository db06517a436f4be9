"""Bitcoin in the gateway (entry point `cift.gateway`)."""

from bitcoin_method.instruments import PAYER
from bitcoin_method.settings import BitcoinSettings
from cift_shared.rails.gateway import GatewayRail

GATEWAY = GatewayRail(
    settings=BitcoinSettings,
    instruments={"deposit": PAYER},
    payments={
        "bitcoinDeposit": (
            "Deposit by Bitcoin",
            {
                "type": "deposit",
                "method": "bitcoin",
                "amount": "0.01",
                "currency": "BTC",
                "customer_id": "c_42",
            },
        )
    },
)
