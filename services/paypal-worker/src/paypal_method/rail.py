"""PayPal: its operations, limits and typical durations."""

from collections.abc import Mapping
from datetime import timedelta

from cift_shared.money.amount import EXPONENTS, Money
from cift_shared.rails.rail import Example, Limits, Operation, Rail
from paypal_method.currencies import CURRENCIES, step

_DEPOSIT_USD_MAX = 60_000
"""The largest single payment of a verified account. Source: paypal.com/help, "What's the maximum
amount I can send". PayPal decides for each account, and may refuse less."""
_PAYOUT_USD_MAX = 20_000
"""The largest single payout. Source: developer.paypal.com/payouts/fees, "transaction limits"."""
_UNITS_FOR_A_DOLLAR = {
    "BRL": 5, "CNY": 7, "CZK": 20, "DKK": 6, "HKD": 8, "HUF": 300, "ILS": 3, "JPY": 150,
    "MXN": 18, "MYR": 4, "NOK": 10, "PHP": 55, "PLN": 4, "SEK": 10, "THB": 30, "TWD": 30,
}  # fmt: skip
"""Rough values for the limits only; the other currencies count as dollars."""


def largest_minor(currency: str, dollars: int) -> int:
    """About so many dollars in another currency's minor units."""
    return dollars * _UNITS_FOR_A_DOLLAR.get(currency, 1) * int(10 ** EXPONENTS[currency])


def _limits(currency: str) -> Mapping[Operation, Limits]:
    most = largest_minor(currency, _DEPOSIT_USD_MAX)
    least = step(currency)
    return {
        "deposit": Limits(least, most),
        "withdrawal": Limits(least, largest_minor(currency, _PAYOUT_USD_MAX)),
        "refund": Limits(least, most),
    }


RAIL = Rail(
    name="paypal",
    method="paypal",
    provider="paypal",
    shown="PayPal",
    limits={code: _limits(code) for code in CURRENCIES},
    steps={code: step(code) for code in CURRENCIES if step(code) > 1},
    typical_duration={
        "deposit": timedelta(minutes=2),
        "withdrawal": timedelta(hours=1),
        "refund": timedelta(minutes=1),
    },
    # An order whose capture was not sent moves no money, and an unclaimed payout can be returned.
    cancel_after_submit=True,
    cost_steps=frozenset({"paypal.fee.known"}),
    example=Example(
        amount=Money(50_00, "USD"),
        reference="3C679366HH908993F",
        instrument={
            "kind": "paypal",
            "display": "PayPal",
            "public": {"account": None, "approved_at": None},
        },
        evidence=("paypal.capture.read", {"status": "COMPLETED"}),
    ),
)
"""The entry point `cift.rails`."""
