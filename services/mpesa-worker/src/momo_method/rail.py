"""MTN MoMo as two rails, one for each country: operations, limits and typical durations."""

from datetime import timedelta

from cift_shared.money.amount import Money
from cift_shared.rails.rail import Example, Limits, Rail
from momo_method import countries
from momo_method.calls import Call, purpose, purposes
from momo_method.countries import PROVIDER, SHOWN, Country


def rail_of(country: Country) -> Rail:
    """The rail of a country; a customer asks for it by method, currency and phone."""
    limits = Limits(country.smallest, country.largest)
    shown = f"{country.calling_code}7****678"
    return Rail(
        name=country.rail,
        method="mpesa",
        provider=PROVIDER,
        shown=SHOWN,
        limits={
            country.currency: {
                "deposit": limits,
                "withdrawal": limits,
                "refund": Limits(1, country.largest),
            }
        },
        typical_duration={
            "deposit": timedelta(seconds=30),
            "withdrawal": timedelta(seconds=30),
            "refund": timedelta(minutes=1),
        },
        cancel_after_submit=False,
        countries=frozenset({country.code}),
        calls=purposes(country),
        example=Example(
            amount=Money(country.smallest * 20, country.currency),
            reference="1503480762",
            instrument={
                "kind": "phone",
                "display": shown,
                "country": country.code,
                "public": {"phone": shown, "country": country.code},
            },
            evidence=(f"{country.rail}.status.read", {"status": "SUCCESSFUL"}),
            callback=purpose(country, Call.COLLECTION),
        ),
    )


UGANDA = rail_of(countries.UGANDA)
"""The entry point `cift.rails` of Uganda."""
RWANDA = rail_of(countries.RWANDA)
"""The entry point `cift.rails` of Rwanda."""
