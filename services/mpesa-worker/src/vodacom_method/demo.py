"""M-Pesa Tanzania in the demo: a deposit, a decline, a withdrawal, a refund in part."""

from collections.abc import AsyncIterator
from typing import Any

from cift_shared.rails.local import Merchant, Step

PAYS, NO_MONEY = "255754123456", "255754000001"
"""Phones of the twin: the last three digits choose what the phone does."""

DEPOSIT, WITHDRAWAL, REFUNDED, REFUND = "20000.00", "5000.00", "8000.00", "3000.00"


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Make every payment of the demo in turn."""
    paid = await merchant.paid(_order("deposit", DEPOSIT, PAYS, customer))
    yield Step(
        "tanzania_deposit", "A deposit by M-Pesa in Tanzania",
        "Vodacom shows a prompt on the phone; its result is confirmed by a query.",
        paid["status"], "completed", paid, ("c2b 20000 TZS",),
        facts={"carried by": str(paid["provider_name"])},
    )  # fmt: skip
    uncovered = await merchant.paid(_order("deposit", "2500.00", NO_MONEY, customer))
    yield Step(
        "tanzania_no_money", "A deposit in Tanzania that the payer cannot cover",
        "Code INS-2006: the payer's M-Pesa balance is too small.",
        uncovered["status"], "failed", uncovered,
    )  # fmt: skip
    ended = await merchant.paid(_order("withdrawal", WITHDRAWAL, PAYS, customer))
    yield Step(
        "tanzania_withdrawal", "A withdrawal by B2C in Tanzania",
        "Vodacom acts once for our key; the result is confirmed by a query.",
        ended["status"], "completed", ended, ("b2c 5000 TZS",),
    )  # fmt: skip
    yield await _refund(merchant, customer)


async def _refund(merchant: Merchant, customer: str) -> Step:
    deposit = await merchant.paid(_order("deposit", REFUNDED, PAYS, customer))
    await merchant.receipt(deposit["id"])
    accepted = (await merchant.refund(deposit["id"], REFUND)).json()
    ended = await merchant.final(accepted["id"])
    return Step(
        "tanzania_refund", "A part of a deposit in Tanzania given back",
        "M-Pesa's reversal takes an amount: a part of our fee is given back, too.",
        ended["status"], "completed", ended, ("c2b 8000 TZS", "reversal 3000 TZS"),
    )  # fmt: skip


def _order(kind: str, amount: str, phone: str, customer: str) -> dict[str, Any]:
    return {
        "type": kind,
        "method": "mpesa",
        "amount": amount,
        "currency": "TZS",
        "customer_id": customer,
        "payment_method": {"phone": phone, "country": "TZ"},
    }
