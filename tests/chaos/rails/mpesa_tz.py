"""M-Pesa Tanzania: phones whose last digits choose what the payer does, and Vodacom's faults."""

import random

from tests.chaos.rails.traffic import CALLBACK_FAULTS, REQUEST_FAULTS, Drawn, RailTraffic, weighted

_PHONES = {
    "777": 14,  # pays
    "001": 1,  # has no money
    "005": 1,  # cancels
    "009": 1,  # times out
    "051": 1,  # is no wallet
    "206": 1,  # pays, and its payouts are refused
    "301": 1,  # pays; the notice is lost
    "302": 1,  # ... comes twice
    "303": 1,  # ... comes late
    "304": 1,  # ... comes before the answer
    "305": 1,  # ... is forged first
    "306": 1,  # ... is forged and the payer cancels
    "307": 1,  # ... comes out of order
    "401": 1,  # the answer is lost
    "403": 1,  # the answer is a proxy's error page, after the effect
    "404": 1,  # every other request is lost before the effect
    "502": 1,  # is reported as timed out, and pays
    "503": 1,  # the answer is INS-1, after the effect
}
"""Endings of phone numbers, which choose what the phone does, and how often."""

_ASKED_AGAIN = """
select payment_id::text from mpesa_tz.attempt
 where state = 'unknown' and (operation <> 'deposit' or updated_at < created_at + interval '30 s')
"""
"""Lost answers are settled: the key of a request finds it, or it is sent again under it.

A deposit that never arrived is not sent again once its payer does not expect the prompt any more:
after ten minutes, which are 15 s here. An outage may last longer than that. When a query shows
nothing of it later, no other query will.
"""


def _phone(draw: random.Random, block: int, number: int) -> Drawn:
    number_of_its_own = 10_000 + block * 100 + number
    ending = weighted(_PHONES, draw)
    return {"phone": f"2557{number_of_its_own:05d}{ending}", "country": "TZ"}, {}


TRAFFIC = RailTraffic(
    method="mpesa",
    currency="TZS",
    units=(4_000, 50_000),
    instrument=_phone,
    afterwards=("withdrawal", "withdrawal", "refund"),
    operations=(
        "vodacom.*",
        "vodacom.c2b",
        "vodacom.b2c",
        "vodacom.reversal",
        "vodacom.query",
        "vodacom.session",
    ),
    answer_faults=(*REQUEST_FAULTS, "system_busy", "internal_error", "token_invalid"),
    callbacks=("vodacom.c2b", "vodacom.b2c", "vodacom.reversal"),
    callback_faults=(*CALLBACK_FAULTS, "callback_before_answer"),
    settings={
        "MPESA_TZ_READ_TIMEOUT_S": "3",
        "MPESA_TZ_CONNECT_TIMEOUT_S": "2",
        "CIFT_SANDBOX_VODACOM_BALANCE": "1000000000",
    },
    counters={
        "payments": ("vodacom.c2b", "accepted_by_reference"),
        "payouts": ("vodacom.b2c", "accepted_by_reference"),
        "reversals": ("vodacom.reversal", "accepted_by_reference"),
    },
    resolvable=_ASKED_AGAIN,
)
