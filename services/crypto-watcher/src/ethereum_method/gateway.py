"""Ethereum in the gateway (entry point `cift.gateway`)."""

from cift_shared.rails.gateway import GatewayRail
from ethereum_method.instruments import PAYER
from ethereum_method.recipient import RECIPIENT
from ethereum_method.settings import EthereumSettings

GATEWAY = GatewayRail(
    settings=EthereumSettings,
    instruments={"deposit": PAYER, "withdrawal": RECIPIENT},
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
        ),
        "ethereumWithdrawal": (
            "Withdrawal to an Ethereum address",
            {
                "type": "withdrawal",
                "method": "ethereum",
                "amount": "0.02",
                "currency": "ETH",
                "customer_id": "c_42",
                "payment_method": {
                    "ethereum_address": "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
                },
            },
        ),
    },
)
