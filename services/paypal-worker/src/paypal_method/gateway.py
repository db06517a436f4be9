"""PayPal in the gateway (entry point `cift.gateway`)."""

from cift_shared.rails.gateway import GatewayRail
from paypal_method.instruments import PAYER, RECIPIENT
from paypal_method.settings import PayPalSettings
from paypal_method.webhooks import EVENTS

GATEWAY = GatewayRail(
    settings=PayPalSettings,
    instruments={"deposit": PAYER, "withdrawal": RECIPIENT},
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
        ),
        "paypalWithdrawal": (
            "Withdrawal to a PayPal account",
            {
                "type": "withdrawal",
                "method": "paypal",
                "amount": "25.00",
                "currency": "USD",
                "customer_id": "c_42",
                "payment_method": {"paypal_account": "jane@example.com"},
            },
        ),
    },
)
