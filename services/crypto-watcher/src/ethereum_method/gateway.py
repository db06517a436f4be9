"""Ethereum in the gateway (entry point `cift.gateway`)."""

from cift_shared.rails.gateway import GatewayRail
from ethereum_method.instruments import PAYER
from ethereum_method.settings import EthereumSettings

GATEWAY = GatewayRail(
    settings=EthereumSettings,
    instruments={"deposit": PAYER},
    payments={
        "ethereumDeposit": (
            "Deposit by Ethereum",
            {
                "type": "deposit",
                "method": "ethereum",
                "amount": "0.05",
                "currency": "ETH",
                "customer_id": "c_42",
            },
        )
    },
)
