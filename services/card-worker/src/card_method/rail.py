"""Cards through Stripe: their operations, limits and typical durations."""

from collections.abc import Mapping
from datetime import timedelta

from cift_shared.money.amount import Money
from cift_shared.rails.rail import Example, Limits, Operation, Rail, Refusal

# Source: docs.stripe.com/currencies, "Supported presentment currencies".
_CURRENCIES = (
    "AED AUD BHD BIF BRL CAD CHF CLP CNY CZK DJF DKK EGP ETB EUR GBP GHS GNF HKD HUF ILS INR ISK "
    "JOD JPY KES KMF KRW KWD MAD MUR MXN MYR NGN NOK NZD OMR PHP PLN PYG QAR RON RWF SAR SEK SGD "
    "THB TND TRY TWD TZS UGX USD VND VUV XAF XOF XPF ZAR ZMW"
)
# Source: docs.stripe.com/currencies, "Minimum and maximum charge amounts", in minor units. For the
# other currencies Stripe's minimum is the value of half a US dollar on the day.
_CARD_MINIMA = {
    "USD": 50, "EUR": 50, "GBP": 30, "AED": 2_00, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50,
    "CZK": 15_00, "DKK": 2_50, "HKD": 4_00, "HUF": 175_00, "INR": 50, "JPY": 50, "MXN": 10_00,
    "MYR": 2_00, "NOK": 3_00, "NZD": 50, "PLN": 2_00, "RON": 2_00, "SEK": 3_00, "SGD": 50,
    "THB": 10_00,
}  # fmt: skip
_CARD_MAX = 99_999_999
"""Eight digits. Source: docs.stripe.com/currencies."""
_SENT_BY_HUNDREDS = {"UGX", "ISK"}
"""We have no minor unit for these, but Stripe sends two decimals, so the maximum of eight digits is
100 times lower."""
_THOUSANDTHS = ("BHD", "JOD", "KWD", "OMR", "TND")


def _card_limits(currency: str) -> Mapping[Operation, Limits]:
    most = _CARD_MAX // 100 if currency in _SENT_BY_HUNDREDS else _CARD_MAX
    step = 10 if currency in _THOUSANDTHS else 1
    return {
        "deposit": Limits(_CARD_MINIMA.get(currency, step), most // step * step),
        "refund": Limits(step, most // step * step),
    }


RAIL = Rail(
    name="card",
    method="card",
    provider="stripe",
    shown="Stripe",
    limits={code: _card_limits(code) for code in _CURRENCIES.split()},
    # Source: docs.stripe.com/currencies. Three-decimal amounts end in a zero.
    steps=dict.fromkeys(_THOUSANDTHS, 10),
    typical_duration={
        "deposit": timedelta(seconds=5),
        "withdrawal": timedelta(0),
        "refund": timedelta(days=7),
    },
    cancel_after_submit=False,
    cost_steps=frozenset({"stripe.fee.known"}),
    example=Example(
        amount=Money(30_00, "USD"),
        reference="pi_3Qb1",
        instrument={
            "kind": "card",
            "display": "visa ****4242",
            "public": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030},
        },
        evidence=("stripe.intent.succeeded", {"intent": "pi_3Qb1"}),
        keeps_at_provider=True,
    ),
    refusals={
        "withdrawal": Refusal(
            "Cards can't be paid out",
            "A card can't be paid out: refund an earlier card deposit, or withdraw by another "
            "method.",
        ),
    },
)
"""The entry point `cift.rails`."""
