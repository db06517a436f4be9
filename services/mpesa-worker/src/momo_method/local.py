"""MTN MoMo in the local stack: users at the twin of MTN, and the demo's payments by country."""

import secrets
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal

from cift_shared.rails.local import LocalRail, StackContext, TwinBook
from momo_method import countries
from momo_method.countries import Country
from momo_method.demo import PAYS, amounts, phone, play_in, remains

_PRODUCTS = ("COLLECTION", "DISBURSEMENT")


def _user() -> str:
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def _secrets(country: Country) -> dict[str, Callable[[], str]]:
    made: dict[str, Callable[[], str]] = {}
    for product in _PRODUCTS:
        name = f"{country.prefix}_{product}"
        made[f"{name}_SUBSCRIPTION_KEY"] = lambda: secrets.token_hex(16)
        made[f"{name}_API_USER"] = _user
        made[f"{name}_API_KEY"] = lambda: secrets.token_hex(16)
    return made


def _environment(country: Country) -> Callable[[StackContext], Mapping[str, str]]:
    """The variables of the worker, the gateway and the twin."""

    def environment(place: StackContext) -> Mapping[str, str]:
        keys = _secrets(country)
        return {
            "MOMO_API_BASE": place.twin,
            "MOMO_CALLBACK_URL": place.gateway,
            "MOMO_CHECK_SPEED": str(place.speed),
            f"{country.prefix}_TARGET_ENVIRONMENT": country.target_environment,
            **{name: place.secrets[name] for name in keys},
            **{f"CIFT_SANDBOX_{name}": place.secrets[name] for name in keys},
        }

    return environment


def local_of(country: Country) -> LocalRail:
    """A country in the local stack."""
    return LocalRail(
        worker="mpesa-worker",
        module="mpesa_worker",
        port=8082,
        secrets=_secrets(country),
        environment=_environment(country),
        # The currencies here have no decimals.
        book=TwinBook(
            country.rail,
            places=0,
            incoming=frozenset({"collection"}),
            operations={
                "collection": frozenset({"deposit"}),
                "transfer": frozenset({"withdrawal"}),
                "refund": frozenset({"refund"}),
            },
        ),
        play=play_in(country),
        final_balance={country.currency: Decimal(remains(country))},
        sample={
            "type": "deposit",
            "method": "mpesa",
            "amount": str(amounts(country)[2]),
            "currency": country.currency,
            "payment_method": {"phone": phone(country, PAYS), "country": country.code},
        },
    )


UGANDA = local_of(countries.UGANDA)
RWANDA = local_of(countries.RWANDA)
"""The entry points `cift.local`."""
