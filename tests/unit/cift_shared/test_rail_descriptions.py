"""What the API and its documents say of the rails of phones and of Bitcoin, written down once more.

Sources of the limits: docs/mtn-momo.md, docs/mpesa-tanzania.md, docs/bitcoin.md.
"""

from dataclasses import dataclass

import pytest

from bitcoin_method.instruments import PAYER
from bitcoin_method.rail import DUST_SATOSHI
from cift_shared.errors import InvalidCommand
from cift_shared.rails.instruments import Given, InstrumentKind
from cift_shared.rails.phones import PhoneIn
from cift_shared.rails.rail import Limits, Operation
from cift_shared.rails.registry import rails
from momo_method import countries
from momo_method.instruments import phones_of
from vodacom_method.instruments import PHONES

KINDS: tuple[Operation, ...] = ("deposit", "withdrawal", "refund")
BTC_MAX = 2_100_000_000_000_000
TRANSACTION = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told of a rail."""

    method: str = "mpesa"
    provider: str
    shown: str
    countries: str
    amounts: dict[Operation, tuple[int, int]]
    """Smallest and largest by operation, in minor units."""
    step: int = 1
    takes_s: tuple[int, int, int] = (30, 30, 60)
    """Typical seconds of a deposit, a withdrawal and a refund."""
    example: str
    receipt: str
    evidence: tuple[str, dict[str, str]]
    calls: set[int] | None = None
    callback: int | None = None


RAILS = {
    "momo_ug": Told(
        provider="mtn_momo",
        shown="MTN MoMo",
        countries="UG",
        amounts={
            "deposit": (500, 5_000_000),
            "withdrawal": (500, 5_000_000),
            "refund": (1, 5_000_000),
        },
        example="10000 UGX",
        receipt="1503480762",
        evidence=("momo_ug.status.read", {"status": "SUCCESSFUL"}),
        calls={33, 34, 35},
        callback=33,
    ),
    "momo_rw": Told(
        provider="mtn_momo",
        shown="MTN MoMo",
        countries="RW",
        amounts={
            "deposit": (100, 2_000_000),
            "withdrawal": (100, 2_000_000),
            "refund": (1, 2_000_000),
        },
        example="2000 RWF",
        receipt="1503480762",
        evidence=("momo_rw.status.read", {"status": "SUCCESSFUL"}),
        calls={49, 50, 51},
        callback=49,
    ),
    "mpesa_tz": Told(
        provider="vodacom",
        shown="M-Pesa (Vodacom)",
        countries="TZ",
        amounts=dict.fromkeys(KINDS, (1_00, 10_000_000_00)),
        step=1_00,
        example="20000.00 TZS",
        receipt="9KE71HX0QTR",
        evidence=("mpesa_tz.query.answered", {"status": "Completed"}),
        callback=20,
    ),
    "bitcoin": Told(
        method="bitcoin",
        provider="bitcoin",
        shown="bitcoin",
        countries="",
        amounts=dict.fromkeys(KINDS[:2], (10_000, BTC_MAX)),
        takes_s=(1800, 1800, 0),
        example="0.01000000 BTC",
        receipt=f"{TRANSACTION}:0",
        evidence=("bitcoin.arrival.confirmed", {"confirmations": "3"}),
    ),
}


@pytest.mark.parametrize("name", RAILS)
def test_what_is_told_of_a_rail(name: str) -> None:
    rail, told = rails()[name], RAILS[name]
    provider = (rail.method, rail.provider, rail.provider_name)
    assert provider == (told.method, told.provider, told.shown)
    assert rail.countries == set(told.countries.split())
    assert tuple(rail.typical_duration[kind].total_seconds() for kind in KINDS) == told.takes_s
    currency = rail.example.amount.currency
    assert rail.steps.get(currency, 1) == told.step
    assert {
        kind: (limits.min_minor, limits.max_minor) for kind, limits in rail.limits[currency].items()
    } == told.amounts
    assert (rail.calls, rail.cancel_after_submit) == (told.calls, False)


@pytest.mark.parametrize("name", RAILS)
def test_the_example_is_a_deposit_that_the_rail_takes(name: str) -> None:
    rail, told = rails()[name], RAILS[name]
    example = rail.example
    rail.check_amount(example.amount, "deposit")
    assert f"{example.amount.text} {example.amount.currency}" == told.example
    assert (example.reference, example.callback) == (told.receipt, told.callback)
    assert example.evidence == told.evidence
    assert example.keeps_at_provider is False


@pytest.mark.parametrize(
    ("name", "kind", "given", "country"),
    [
        ("momo_ug", phones_of(countries.UGANDA), PhoneIn(phone="0772345678"), "UG"),
        ("momo_rw", phones_of(countries.RWANDA), PhoneIn(phone="0782345678"), "RW"),
        ("mpesa_tz", PHONES, PhoneIn(phone="0754345678"), "TZ"),
        ("bitcoin", PAYER, Given(), None),
    ],
    ids=list(RAILS),
)
def test_the_example_shows_an_instrument_as_the_api_does(
    name: str, kind: InstrumentKind, given: Given, country: str | None
) -> None:
    public = kind.read(given, "").public
    shown = {"kind": kind.kind, "display": kind.display(public), "public": public}
    if country:
        shown["country"] = country
    assert rails()[name].example.instrument == shown


def test_bitcoin_credits_what_arrived_and_refunds_nothing() -> None:
    rail = rails()["bitcoin"]
    assert (rail.amount_policy, rail.has_notices, rail.estimates_network_fee) == (
        "as_received",
        False,
        True,
    )
    with pytest.raises(InvalidCommand) as refused:
        rail.check_operation("refund")
    assert refused.value.code == "bitcoin_refund_unsupported"
    assert DUST_SATOSHI == 1_000
    assert rail.exchanged == {"USD": "BTC"}
    assert rail.limits["USD"] == {"deposit": Limits(10_00, 10_000_000_00)}
