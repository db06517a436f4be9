"""Cards in the gateway (entry point `cift.gateway`)."""

from card_method.instruments import CARDS
from card_method.settings import CardSettings
from card_method.webhooks import EVENTS
from cift_shared.rails.gateway import GatewayRail

GATEWAY = GatewayRail(
    settings=CardSettings,
    instruments={"deposit": CARDS},
    webhooks=(EVENTS,),
    payments={
        "cardDeposit": (
            "Deposit by card",
            {
                "type": "deposit",
                "method": "card",
                "amount": "20.00",
                "currency": "USD",
                "customer_id": "c_42",
                "payment_method": {"token": "pm_1QaBcDeFgHiJkLmN"},
                "return_url": "https://shop.example/paid",
            },
        )
    },
)
