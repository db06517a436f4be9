"""PayPal: payers who approve by themselves, some amounts that end otherwise, PayPal's faults."""

import random

from tests.chaos.rails.traffic import CALLBACK_FAULTS, REQUEST_FAULTS, Drawn, RailTraffic, weighted

_AMOUNTS = (
    '{"43.00": "declined", "47.00": "echeck", "53.00": "review-denied", "59.00": "refund-pending",'
    ' "61.00": "capture-declined", "67.00": "refund-fails", "71.00": "locked"}'
)
"""Deposits that don't simply pay, by amount."""


_CREATED_AGAIN = "select payment_id::text from paypal.attempt where state = 'unknown'"
"""Every lost answer is settled: an order is created again under its key."""


_ACCOUNTS = {
    "pays": 10,
    "declined-once": 1,  # nobody approves again, so the order expires
    "unclaimed": 1,  # pays; payouts to it return
    "claims": 1,  # ... are claimed a while later
    "onhold": 1,  # ... are held, and paid then
    "onhold-fails": 1,  # ... are held, and not paid then
    "fails": 1,  # ... fail
}
"""What the owners of accounts do, and how often: the twin reads it in the address."""


def _payer(draw: random.Random, block: int, number: int) -> Drawn:
    more = {"return_url": "https://shop.example/paid"}
    owner = weighted(_ACCOUNTS, draw)
    return {"paypal_account": f"{owner}+{block}-{number}@example.com"}, more


TRAFFIC = RailTraffic(
    method="paypal",
    currency="USD",
    units=(40, 120),
    instrument=_payer,
    afterwards=("withdrawal", "withdrawal", "refund"),
    operations=(
        "paypal.*",
        "paypal.oauth",
        "paypal.orders.*",
        "paypal.orders.create",
        "paypal.orders.get",
        "paypal.orders.capture",
        "paypal.captures.refund",
        "paypal.refunds.get",
        "paypal.payouts.post",
        "paypal.payouts.get",
    ),
    answer_faults=(*REQUEST_FAULTS, "internal_error", "saved_500_after_effect", "slow_inside"),
    callbacks=(
        "paypal.event.*",
        "paypal.event.CHECKOUT.*",
        "paypal.event.PAYMENT.CAPTURE.*",
        "paypal.event.PAYMENT.PAYOUTS*",
    ),
    callback_faults=CALLBACK_FAULTS,
    settings={
        "PAYPAL_READ_TIMEOUT_S": "3",
        "PAYPAL_CONNECT_TIMEOUT_S": "2",
        "PAYPAL_PAYOUT_BATCH_MAX": "20",
        "CIFT_PAYPAL_ACTION_TIMEOUT_S": "600",
        "CIFT_SANDBOX_PAYPAL_PAYER": "approve",
        "CIFT_SANDBOX_PAYPAL_ORDER_S": "800",
        "CIFT_SANDBOX_PAYPAL_UNCLAIMED_S": "400",
        "CIFT_SANDBOX_PAYPAL_WEBHOOK_RETRIES_S": "[20, 60, 120, 240]",
        "CIFT_SANDBOX_PAYPAL_AMOUNTS": _AMOUNTS,
    },
    resolvable=_CREATED_AGAIN,
)
