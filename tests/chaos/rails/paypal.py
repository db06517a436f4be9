"""PayPal: payers who approve by themselves, some amounts that end otherwise, PayPal's faults."""

import random

from tests.chaos.rails.traffic import CALLBACK_FAULTS, REQUEST_FAULTS, Drawn, RailTraffic

_AMOUNTS = (
    '{"43.00": "declined", "47.00": "echeck", "53.00": "review-denied", "59.00": "refund-pending",'
    ' "61.00": "capture-declined", "67.00": "refund-fails", "71.00": "locked"}'
)
"""Deposits that don't simply pay, by amount."""


_CREATED_AGAIN = "select payment_id::text from paypal.attempt where state = 'unknown'"
"""Every lost answer is settled: an order is created again under its key."""


def _payer(_draw: random.Random, _block: int, _number: int) -> Drawn:
    return {}, {"return_url": "https://shop.example/paid"}


TRAFFIC = RailTraffic(
    method="paypal",
    currency="USD",
    units=(40, 120),
    instrument=_payer,
    afterwards=("refund", "refund"),
    operations=(
        "paypal.*",
        "paypal.oauth",
        "paypal.orders.*",
        "paypal.orders.create",
        "paypal.orders.get",
        "paypal.orders.capture",
        "paypal.captures.refund",
        "paypal.refunds.get",
    ),
    answer_faults=(*REQUEST_FAULTS, "internal_error", "saved_500_after_effect", "slow_inside"),
    callbacks=("paypal.event.*", "paypal.event.CHECKOUT.*", "paypal.event.PAYMENT.CAPTURE.*"),
    callback_faults=CALLBACK_FAULTS,
    settings={
        "PAYPAL_READ_TIMEOUT_S": "3",
        "PAYPAL_CONNECT_TIMEOUT_S": "2",
        "CIFT_PAYPAL_ACTION_TIMEOUT_S": "600",
        "CIFT_SANDBOX_PAYPAL_PAYER": "approve",
        "CIFT_SANDBOX_PAYPAL_ORDER_S": "1200",
        "CIFT_SANDBOX_PAYPAL_WEBHOOK_RETRIES_S": "[20, 60, 120, 240]",
        "CIFT_SANDBOX_PAYPAL_AMOUNTS": _AMOUNTS,
    },
    resolvable=_CREATED_AGAIN,
)
