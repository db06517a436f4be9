"""Bitcoin in the gateway (entry point `cift.gateway`)."""

from bitcoin_method.instruments import PAYER, RECIPIENT
from bitcoin_method.settings import BitcoinSettings
from cift_shared.rails.gateway import GatewayRail

GATEWAY = GatewayRail(
    settings=BitcoinSettings,
    instruments={"deposit": PAYER, "withdrawal": RECIPIENT},
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
        ),
        "bitcoinWithdrawal": (
            "Withdrawal to a Bitcoin address",
            {
                "type": "withdrawal",
                "method": "bitcoin",
                "amount": "0.005",
                "currency": "BTC",
                "customer_id": "c_42",
                "payment_method": {"bitcoin_address": "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"},
            },
        ),
    },
)
