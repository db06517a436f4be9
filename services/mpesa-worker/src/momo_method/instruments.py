"""Phones: the numbers of the wallets that MTN MoMo takes money from and pays money to."""

from cift_shared.rails.instruments import InstrumentKind
from cift_shared.rails.phones import phone_kind
from momo_method.countries import UGANDA, Country
from momo_method.phones import PLANS


def phones_of(country: Country) -> InstrumentKind:
    """The phones of a country."""
    phone = "0772345678" if country is UGANDA else "0788345678"
    return phone_kind(
        PLANS[country.code].normalised,
        home=country.code,
        example=(
            f"phone{country.code}",
            f"A phone in {country.name}",
            {"method": "mpesa", "customer_id": "c_42", "phone": phone, "country": country.code},
        ),
    )
