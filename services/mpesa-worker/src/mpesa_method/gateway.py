"""M-Pesa in the gateway (entry point `cift.gateway`)."""

from cift_shared.rails.gateway import GatewayRail
from mpesa_method.instruments import PHONES
from mpesa_method.settings import MpesaSettings
from mpesa_method.webhooks import CALLBACKS, GENERAL

_PHONE = {"phone": "0712345678", "country": "KE"}
_PAYMENT = {"method": "mpesa", "currency": "KES", "customer_id": "c_42", "payment_method": _PHONE}

GATEWAY = GatewayRail(
    settings=MpesaSettings,
    instruments={"deposit": PHONES, "withdrawal": PHONES},
    webhooks=(CALLBACKS, GENERAL),
    payments={
        "phoneDeposit": (
            "Deposit from a phone",
            {"type": "deposit", "amount": "1000.00", **_PAYMENT},
        ),
        "phoneWithdrawal": (
            "Withdrawal to a phone",
            {"type": "withdrawal", "amount": "500.00", **_PAYMENT},
        ),
    },
)
