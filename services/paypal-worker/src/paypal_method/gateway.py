"""PayPal in the gateway (entry point `cift.gateway`)."""

from cift_shared.rails.gateway import GatewayRail
from paypal_method.instruments import PAYER
from paypal_method.settings import PayPalSettings
from paypal_method.webhooks import EVENTS

GATEWAY = GatewayRail(
    settings=PayPalSettings,
    instruments={"deposit": PAYER},
    webhooks=(EVENTS,),
    payments={
        "paypalDeposit": (
            "Deposit by PayPal",
            {
                "type": "deposit",
                "method": "paypal",
                "amount": "50.00",
                "currency": "USD",
                "customer_id": "c_42",
                "return_url": "https://shop.example/paid",
            },
        )
    },
)
