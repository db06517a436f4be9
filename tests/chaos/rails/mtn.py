"""MTN MoMo in either country: phones whose last digits choose what they do, and MTN's faults."""

import random

from momo_method.countries import Country
from tests.chaos.rails.traffic import CALLBACK_FAULTS, REQUEST_FAULTS, Drawn, RailTraffic, weighted

_PHONES = {
    "777": 12,  # pays
    "451": 1,  # rejects
    "001": 1,  # has no money
    "453": 1,  # approves nothing in time
    "204": 1,  # pays, and its payouts fail
    "205": 1,  # pays, and its payouts are above a limit
    "206": 1,  # fails with a reason of tomorrow
    "457": 1,  # has no wallet
    "501": 1,  # takes long
    "301": 1,  # pays; the callback is lost
    "302": 1,  # ... comes twice
    "303": 1,  # ... comes late
    "304": 1,  # ... comes before the answer
    "305": 1,  # ... is forged first
    "306": 1,  # ... is forged and the payer rejects
    "307": 1,  # ... comes out of order
    "401": 1,  # the answer is lost
    "402": 1,  # the answer is an error page, without effect
    "403": 1,  # the answer is a proxy's error page, after the effect
    "404": 1,  # the request is dropped
}
"""Endings of phone numbers, which choose what the phone does, and how often."""

_WILL_BE_SENT_AGAIN = "select payment_id::text from {rail}.attempt where state = 'unknown'"
"""Every lost answer is settled: the request is sent again under its id."""


def traffic_of(country: Country, units: tuple[int, int]) -> RailTraffic:
    """The traffic of one country."""

    def phone(draw: random.Random, block: int, number: int) -> Drawn:
        of_its_own = 1_000 + (block * 100 + number) % 9_000
        ending = weighted(_PHONES, draw)
        prefix = "2567" if country.code == "UG" else "25078"
        digits = 12 - len(prefix) - len(ending)
        return {
            "phone": f"{prefix}{of_its_own:0{digits}d}{ending}",
            "country": country.code,
        }, {}

    return RailTraffic(
        method="mpesa",
        currency=country.currency,
        units=units,
        instrument=phone,
        afterwards=("withdrawal", "withdrawal", "refund"),
        operations=(
            "momo.*",
            "momo.collection",
            "momo.collection.status",
            "momo.transfer",
            "momo.transfer.status",
            "momo.refund",
            "momo.*.token",
            "momo.holder",
        ),
        answer_faults=(*REQUEST_FAULTS, "internal_error", "system_busy"),
        callbacks=("momo.collection", "momo.transfer", "momo.refund"),
        callback_faults=(*CALLBACK_FAULTS, "callback_before_answer"),
        settings={
            "MOMO_READ_TIMEOUT_S": "3",
            "MOMO_CONNECT_TIMEOUT_S": "2",
            "CIFT_SANDBOX_MOMO_FLOAT_UG": "1000000000",
            "CIFT_SANDBOX_MOMO_FLOAT_RW": "1000000000",
        },
        resolvable=_WILL_BE_SENT_AGAIN.format(rail=country.rail),
    )
