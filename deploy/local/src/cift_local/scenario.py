"""The payments of the demo and the smoke test: every road M-Pesa has, good and bad.

Each step answers what happened; the demo tells it, the smoke test checks it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from cift_local.customer import Merchant

PAYS, CANCELS, NO_MONEY = "254708374149", "254700000032", "254711000001"
"""Phones of the twin: the last three digits choose what the phone does."""

DEPOSIT, WITHDRAWAL = "1000.00", "400.00"


@dataclass(frozen=True, slots=True)
class Step:
    """One payment, told."""

    name: str
    title: str
    story: str
    """What to expect, for the reader."""
    status: str
    """How it ended: a payment status, or the problem's code."""
    expected: str
    payment: dict[str, Any]
    """The payment, or the problem document."""
    moved: tuple[tuple[str, str], ...] = ()
    """What the provider's own book must show of it: kinds and whole shillings."""

    @property
    def good(self) -> bool:
        """True when it ended as it should."""
        return self.status == self.expected


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Plays every payment in turn."""
    first = (await merchant.pay("deposit", DEPOSIT, PAYS, customer=customer, key="demo-1")).json()
    paid = await merchant.final(first["id"])
    yield Step(
        "deposit", "A deposit by STK Push",
        "The phone shows a prompt, the payer enters the PIN, the callback is confirmed by a query.",
        paid["status"], "completed", paid, (("stk", "1000"),),
    )  # fmt: skip
    again = await merchant.pay("deposit", DEPOSIT, PAYS, customer=customer, key="demo-1")
    replayed = again.headers.get("Idempotency-Replayed") == "true"
    same = again.json().get("id") == first["id"] and replayed
    yield Step(
        "duplicate", "The same request again",
        "Same Idempotency-Key, same body: the stored reply comes back and no money moves.",
        "replayed" if same else "charged twice", "replayed", again.json(),
    )  # fmt: skip
    yield await _deposit(
        merchant, customer, "declined", CANCELS, "A deposit the payer cancels",
        "Result code 1032: a decline is an answer, not an error.",
    )  # fmt: skip
    yield await _deposit(
        merchant, customer, "no_money", NO_MONEY, "A deposit without money",
        "Result code 1: the payer's M-Pesa balance is too small.",
    )  # fmt: skip
    yield await _withdrawal(merchant, customer)
    yield await _overdraft(merchant, customer)
    yield await _refund(merchant, customer)


async def _deposit(
    merchant: Merchant, customer: str, name: str, phone: str, title: str, story: str
) -> Step:
    asked = (await merchant.pay("deposit", "250.00", phone, customer=customer)).json()
    ended = await merchant.final(asked["id"])
    return Step(name, title, story, ended["status"], "failed", ended)


async def _withdrawal(merchant: Merchant, customer: str) -> Step:
    asked = (await merchant.pay("withdrawal", WITHDRAWAL, PAYS, customer=customer)).json()
    ended = await merchant.final(asked["id"])
    return Step(
        "withdrawal", "A withdrawal by B2C",
        "Amount and fee are held at once, captured when the payout is confirmed.",
        ended["status"], "completed", ended, (("b2c", "400"),),
    )  # fmt: skip


async def _overdraft(merchant: Merchant, customer: str) -> Step:
    refused = await merchant.pay("withdrawal", "50000.00", PAYS, customer=customer)
    problem = refused.json()
    return Step(
        "without_funds", "A withdrawal without funds",
        "Refused before anything is sent: the balance can't go below zero.",
        str(problem.get("code")), "insufficient_funds", problem,
    )  # fmt: skip


async def _refund(merchant: Merchant, customer: str) -> Step:
    paid = await merchant.pay("deposit", "150.00", "254722000000", customer=customer)
    deposit = await merchant.final(paid.json()["id"])
    asked = (await merchant.refund(deposit["id"])).json()
    ended = await merchant.final(asked["id"])
    return Step(
        "refund", "A deposit given back in full",
        "M-Pesa's Reversal returns the money, our fee included.",
        ended["status"], "completed", ended, (("stk", "150"), ("reversal", "150")),
    )  # fmt: skip
