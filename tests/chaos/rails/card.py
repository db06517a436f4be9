"""Cards: test tokens that choose what the bank says, and the faults of Stripe."""

import random

from tests.chaos.rails.traffic import CALLBACK_FAULTS, REQUEST_FAULTS, Drawn, RailTraffic, weighted

_CARDS = {
    "pm_card_visa": 8,
    "pm_card_mastercard": 2,
    "pm_card_visa_chargeDeclined": 1,
    "pm_card_visa_chargeDeclinedInsufficientFunds": 1,
    "pm_card_authenticationRequired": 3,
    "pm_card_threeDSecureRequiredChargeDeclined": 1,
    "pm_card_pendingRefund": 1,
}


def _card(draw: random.Random, block: int, number: int) -> Drawn:
    return {"token": weighted(_CARDS, draw)}, {"return_url": "https://shop.example/paid"}


TRAFFIC = RailTraffic(
    method="card",
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
    settings={
        "STRIPE_READ_TIMEOUT_S": "3",
        "STRIPE_CONNECT_TIMEOUT_S": "2",
        "CIFT_SANDBOX_STRIPE_3DS": "approve",
        "CIFT_SANDBOX_STRIPE_WEBHOOK_RETRIES_S": "[20, 60, 120, 240]",
    },
)
