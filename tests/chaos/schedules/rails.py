"""What customers of each method do, and what its provider can do to them, as data.

A new method joins by one `MethodTraffic` here; nothing else of the harness names a method.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Drawn = tuple[dict[str, Any], dict[str, Any]]
Instrument = Callable[[random.Random, int, int], Drawn]
"""From a draw, the block of numbers of its schedule, and the customer's number in it, to the field
`payment_method` and to more fields of each order."""

REQUEST_FAULTS = (
    "delay",
    "delay_before",
    "drop_before",
    "drop_after_effect",
    "reset_mid_body",
    "html_500",
    "html_502",
    "html_503",
    "html_502_after_effect",
    "plain_upstream_error",
    "http_429",
)
CALLBACK_FAULTS = (
    "callback_lost",
    "callback_twice",
    "callback_late",
    "callback_out_of_order",
    "callback_forged",
    "callback_forged_id",
)


@dataclass(frozen=True, slots=True)
class MethodTraffic:
    """One method, as customers and its twin play it."""

    name: str
    currency: str
    units: tuple[int, int]
    """Smallest and largest deposit, in whole units."""
    instrument: Instrument
    afterwards: tuple[Literal["withdrawal", "refund"], ...]
    """What may follow a deposit."""
    operations: tuple[str, ...]
    """The twin's operations whose answers can go wrong."""
    answer_faults: tuple[str, ...]
    callbacks: tuple[str, ...]
    """The operations or events whose webhooks can go wrong."""
    callback_faults: tuple[str, ...]

    def deposit(self, draw: random.Random) -> str:
        """An amount to pay in."""
        return f"{draw.randint(*self.units)}.00"

    def part(self, draw: random.Random) -> str:
        """An amount that most deposits can bear once."""
        low = self.units[0]
        return f"{draw.randint(max(low // 4, 1), low // 2)}.00"


def _weighted(weights: Mapping[str, int], draw: random.Random) -> str:
    return draw.choices(list(weights), list(weights.values()))[0]


_PHONES = {
    "777": 14,  # pays
    "032": 1,  # cancels
    "001": 1,  # has no money
    "037": 1,  # times out
    "204": 1,  # pays, and its payouts are refused
    "301": 1,  # pays; the callback is lost
    "302": 1,  # ... comes twice
    "303": 1,  # ... comes late
    "304": 1,  # ... comes before the answer
    "305": 1,  # ... is forged first
    "306": 1,  # ... is forged and the payer cancels
    "307": 1,  # ... comes out of order
    "401": 1,  # the answer is lost
    "403": 1,  # the answer is a proxy's error page, after the effect
    "502": 1,  # is reported as timed out, and pays
    "604": 1,  # payouts are reported as timed out, and pay
    "605": 1,  # payouts are reported as timed out, and fail
}
"""Endings of phone numbers, which choose what the phone does, and how often."""

_CARDS = {
    "pm_card_visa": 8,
    "pm_card_mastercard": 2,
    "pm_card_visa_chargeDeclined": 1,
    "pm_card_visa_chargeDeclinedInsufficientFunds": 1,
    "pm_card_authenticationRequired": 3,
    "pm_card_threeDSecureRequiredChargeDeclined": 1,
    "pm_card_pendingRefund": 1,
}


def _phone(draw: random.Random, block: int, number: int) -> Drawn:
    number_of_its_own = 10_000 + block * 100 + number
    ending = _weighted(_PHONES, draw)
    return {"phone": f"2547{number_of_its_own:05d}{ending}", "country": "KE"}, {}


def _card(draw: random.Random, block: int, number: int) -> Drawn:
    return {"token": _weighted(_CARDS, draw)}, {"return_url": "https://shop.example/paid"}


METHODS: tuple[MethodTraffic, ...] = (
    MethodTraffic(
        name="mpesa",
        currency="KES",
        units=(400, 5_000),
        instrument=_phone,
        afterwards=("withdrawal", "withdrawal", "refund"),
        operations=(
            "daraja.*",
            "daraja.stk",
            "daraja.stk_query",
            "daraja.b2c",
            "daraja.status",
            "daraja.reversal",
            "daraja.oauth",
        ),
        answer_faults=(*REQUEST_FAULTS, "spike_arrest", "system_busy", "internal_error"),
        callbacks=("daraja.stk", "daraja.b2c", "daraja.reversal"),
        callback_faults=(*CALLBACK_FAULTS, "callback_before_answer"),
    ),
    MethodTraffic(
        name="card",
        currency="USD",
        units=(40, 500),
        instrument=_card,
        afterwards=("refund", "refund"),
        operations=(
            "stripe.*",
            "stripe.payment_intents.*",
            "stripe.payment_intents.create",
            "stripe.payment_intents.confirm",
            "stripe.payment_intents.retrieve",
            "stripe.refunds.create",
            "stripe.customers.create",
        ),
        answer_faults=(
            *REQUEST_FAULTS,
            "rate_limit_retry",
            "saved_500",
            "saved_500_after_effect",
            "slow_inside",
        ),
        callbacks=("stripe.event.*", "stripe.event.payment_intent.*", "stripe.event.refund.*"),
        callback_faults=CALLBACK_FAULTS,
    ),
)
