"""M-Pesa: phones whose last digits choose what the payer does, and the faults of Daraja."""

import random

from tests.chaos.rails.traffic import CALLBACK_FAULTS, REQUEST_FAULTS, Drawn, RailTraffic, weighted

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

_RECORDS_WILL_TELL = """
select attempt.payment_id::text
  from mpesa.attempt
  join mpesa.push using (attempt_id)
  join mpesa.pull on pull.name like '% recent'
 where attempt.state = 'unknown'
   and (pull.covered_until is null
        or pull.covered_until < push.last_at + interval '20 seconds'
        or exists (select from mpesa.pulled where pulled.reference = push.reference)
        or pull.registered_at <= push.first_at
           and pull.covered_from <= push.first_at - interval '2 seconds'
           and exists (select from mpesa.pulled where pulled.sent_at >= push.first_at))
"""
"""Pushes that the provider's records will still show as paid, or prove unpaid."""


def _phone(draw: random.Random, block: int, number: int) -> Drawn:
    number_of_its_own = 10_000 + block * 100 + number
    ending = weighted(_PHONES, draw)
    return {"phone": f"2547{number_of_its_own:05d}{ending}", "country": "KE"}, {}


TRAFFIC = RailTraffic(
    method="mpesa",
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
    settings={
        "MPESA_READ_TIMEOUT_S": "3",
        "MPESA_CONNECT_TIMEOUT_S": "2",
        "MPESA_PULL_INTERVAL_S": "60",
        "CIFT_SANDBOX_B2C_FLOAT_KES": "1000000000",
    },
    counters={
        "pushes": ("daraja.stk", "accepted_by_callback_url"),
        "payouts": ("daraja.b2c", "accepted_by_reference"),
    },
    resolvable=_RECORDS_WILL_TELL,
)
