"""M-Pesa Tanzania in the gateway (entry point `cift.gateway`)."""

from cift_shared.rails.gateway import GatewayRail
from vodacom_method.instruments import PHONES
from vodacom_method.settings import VodacomSettings
from vodacom_method.webhooks import LISTENER

_PHONE = {"phone": "0754123456", "country": "TZ"}
_PAYMENT = {"method": "mpesa", "currency": "TZS", "customer_id": "c_42", "payment_method": _PHONE}

GATEWAY = GatewayRail(
    settings=VodacomSettings,
    instruments={"deposit": PHONES, "withdrawal": PHONES},
    webhooks=(LISTENER,),
    payments={
        "phoneDepositTanzania": (
            "Deposit from a phone in Tanzania",
            {"type": "deposit", "amount": "20000.00", **_PAYMENT},
        ),
        "phoneWithdrawalTanzania": (
            "Withdrawal to a phone in Tanzania",
            {"type": "withdrawal", "amount": "10000.00", **_PAYMENT},
        ),
    },
)
