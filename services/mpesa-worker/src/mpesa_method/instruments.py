"""Phones: the numbers of the wallets that M-Pesa takes money from and pays money to."""

from cift_shared.rails.phones import phone_kind
from mpesa_method.phones import KENYA

PHONES = phone_kind(
    KENYA.normalised,
    home=KENYA.country,
    example=(
        "phone",
        "A phone",
        {"method": "mpesa", "customer_id": "c_42", "phone": "+254712345678"},
    ),
)
