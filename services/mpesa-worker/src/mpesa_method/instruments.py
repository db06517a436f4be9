"""Phones: the numbers of the wallets that M-Pesa takes money from and pays money to."""

from cift_shared.rails.phones import phone_kind
from mpesa_method.phones import COUNTRY, normalised

PHONES = phone_kind(
    normalised,
    home=COUNTRY,
    example=(
        "phone",
        "A phone",
        {"method": "mpesa", "customer_id": "c_42", "phone": "0712345678"},
    ),
)
