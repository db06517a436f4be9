"""Phones: the numbers of the wallets that M-Pesa Tanzania takes money from and pays money to."""

from cift_shared.rails.phones import phone_kind
from vodacom_method.phones import TANZANIA

PHONES = phone_kind(
    TANZANIA.normalised,
    home=TANZANIA.country,
    example=(
        "phone",
        "A phone",
        {
            "method": "mpesa",
            "customer_id": "c_42",
            "phone": "0754123456",
            "country": TANZANIA.country,
        },
    ),
)
