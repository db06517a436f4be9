"""MTN MoMo in the gateway (entry points `cift.gateway`), one part for each country."""

from collections.abc import Mapping
from typing import Any

from cift_shared.rails.gateway import GatewayRail
from momo_method import countries
from momo_method.countries import Country
from momo_method.instruments import phones_of
from momo_method.settings import MomoSettings, RwandaSettings, UgandaSettings
from momo_method.webhooks import callbacks_of


def _example(country: Country, kind: str) -> tuple[str, Mapping[str, Any]]:
    phone = "0772345678" if country is countries.UGANDA else "0788345678"
    body = {
        "type": kind,
        "method": "mpesa",
        "amount": str(country.smallest * 20),
        "currency": country.currency,
        "customer_id": "c_42",
        "payment_method": {"phone": phone, "country": country.code},
    }
    where = "from" if kind == "deposit" else "to"
    return f"{kind.capitalize()} {where} a phone in {country.name}", body


def part_of(country: Country, settings: type[MomoSettings]) -> GatewayRail:
    """The gateway's part of a country."""
    phones = phones_of(country)
    return GatewayRail(
        settings=settings,
        instruments={"deposit": phones, "withdrawal": phones},
        webhooks=(callbacks_of(country),),
        payments={
            f"phone{country.code}{kind.capitalize()}": _example(country, kind)
            for kind in ("deposit", "withdrawal")
        },
    )


UGANDA = part_of(countries.UGANDA, UgandaSettings)
RWANDA = part_of(countries.RWANDA, RwandaSettings)
