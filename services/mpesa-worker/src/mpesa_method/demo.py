"""M-Pesa in the demo: a deposit, a repeat, two declines, a withdrawal, an overdraft, a refund."""

from collections.abc import AsyncIterator
from typing import Any

from cift_shared.rails.local import Merchant, Step

PAYS, CANCELS, NO_MONEY, REFUNDED = "254708374149", "254700000032", "254711000001", "254722000000"
"""Phones of the twin: the last three digits choose what the phone does."""

DEPOSIT, WITHDRAWAL = "1000.00", "400.00"


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Make every M-Pesa payment of the demo in turn."""
    first = _order("deposit", DEPOSIT, PAYS, customer)
    accepted = (await merchant.pay(first, key=f"{customer}-1")).json()
    paid = await merchant.final(accepted["id"])
    yield Step(
        "deposit", "A deposit by STK Push",
        "The phone shows a prompt, the payer enters the PIN, the callback is confirmed by a query.",
        paid["status"], "completed", paid, ("stk 1000 KES",),
    )  # fmt: skip
    again = await merchant.pay(first, key=f"{customer}-1")
    replayed = again.headers.get("Idempotency-Replayed") == "true"
    same = again.json().get("id") == accepted["id"] and replayed
    yield Step(
        "duplicate", "The same request again",
        "Same Idempotency-Key, same body: the stored reply comes back and no money moves.",
        "replayed" if same else "charged twice", "replayed", again.json(),
    )  # fmt: skip
    canceled = await merchant.paid(_order("deposit", "250.00", CANCELS, customer))
    yield Step(
        "declined", "A deposit the payer cancels",
        "Result code 1032: a decline is an answer, not an error.",
        canceled["status"], "failed", canceled,
    )  # fmt: skip
    uncovered = await merchant.paid(_order("deposit", "250.00", NO_MONEY, customer))
    yield Step(
        "no_money", "A deposit that the payer cannot cover",
        "Result code 1: the payer's M-Pesa balance is too small.",
        uncovered["status"], "failed", uncovered,
    )  # fmt: skip
    yield await _withdrawal(merchant, customer)
    yield await _overdraft(merchant, customer)
    yield await _refund(merchant, customer)


def _order(kind: str, amount: str, phone: str, customer: str) -> dict[str, Any]:
    return {
        "type": kind,
        "method": "mpesa",
        "amount": amount,
        "currency": "KES",
        "customer_id": customer,
        "payment_method": {"phone": phone, "country": "KE"},
    }


async def _withdrawal(merchant: Merchant, customer: str) -> Step:
    ended = await merchant.paid(_order("withdrawal", WITHDRAWAL, PAYS, customer))
    return Step(
        "withdrawal", "A withdrawal by B2C",
        "Amount and fee are held at acceptance and captured when the payout is confirmed.",
        ended["status"], "completed", ended, ("b2c 400 KES",),
    )  # fmt: skip


async def _overdraft(merchant: Merchant, customer: str) -> Step:
    refused = await merchant.pay(_order("withdrawal", "50000.00", PAYS, customer))
    problem = refused.json()
    return Step(
        "without_funds", "A withdrawal without funds",
        "Refused before anything is sent: the balance can't go below zero.",
        str(problem.get("code")), "insufficient_funds", problem,
    )  # fmt: skip


async def _refund(merchant: Merchant, customer: str) -> Step:
    deposit = await merchant.paid(_order("deposit", "150.00", REFUNDED, customer))
    # A reversal needs the receipt. The callback gives it, perhaps later than the query's answer.
    await merchant.receipt(deposit["id"])
    accepted = (await merchant.refund(deposit["id"])).json()
    ended = await merchant.final(accepted["id"])
    return Step(
        "refund", "A deposit given back in full",
        "M-Pesa's Reversal returns the money, our fee included.",
        ended["status"], "completed", ended, ("stk 150 KES", "reversal 150 KES"),
    )  # fmt: skip
