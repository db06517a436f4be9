"""PayPal in the demo: deposits, one of them abandoned, a partial refund, payouts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx

from cift_shared.rails.local import FINAL, Merchant, Step

DEPOSIT, REFUND, ABANDONED, PAYOUT, RETURNED = "80.00", "20.00", "30.00", "25.00", "10.00"
PAYER, RECIPIENT, NOBODY = "pays@example.com", "receives@example.com", "unclaimed@example.com"
RETURN_URL = "https://shop.example/paid"
PAGE_S = 1.0
"""Seconds that the demo's payer stays on PayPal's page."""


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Make every PayPal payment of the demo in turn."""
    accepted = (await merchant.pay(_order(customer, DEPOSIT))).json()
    waiting = await merchant.reach(accepted["id"], FINAL | {"requires_action"})
    page = (waiting["next_action"] or {}).get("url", "")
    yield Step(
        "paypal_deposit_asked", "A deposit by PayPal: the payer must approve it",
        f"The payer's browser opens {page}; the demo approves there after a second.",
        waiting["status"], "requires_action", waiting,
    )  # fmt: skip
    await _approve(page)
    paid = await merchant.final(accepted["id"])
    yield Step(
        "paypal_deposit", "The same payment, approved",
        "The gateway takes the returning browser; the worker captures the order, and only the "
        "capture's status credits the payment.",
        paid["status"], "completed", paid, (f"capture {DEPOSIT} USD",),
    )  # fmt: skip
    asked = (await merchant.refund(paid["id"], REFUND)).json()
    refund = await merchant.final(asked["id"])
    yield Step(
        "paypal_refund", "The deposit refunded in part",
        "20.00 of 80.00 is refunded, with the same share of our fee.",
        refund["status"], "completed", refund, (f"refund {REFUND} USD",),
    )  # fmt: skip
    out = await merchant.paid(_withdrawal(customer, PAYOUT, RECIPIENT))
    yield Step(
        "paypal_payout", "A withdrawal to a PayPal account",
        "PayPal pays a batch with one item; the item's status completes the payment.",
        out["status"], "completed", out, (f"payout {PAYOUT} USD",),
    )  # fmt: skip
    sent = (await merchant.pay(_withdrawal(customer, RETURNED, NOBODY))).json()
    await merchant.reach(sent["id"], FINAL | {"processing"})
    await merchant.cancel(sent["id"])
    returned = await merchant.final(sent["id"])
    yield Step(
        "paypal_payout_returned", "A withdrawal that nobody claims, canceled by the merchant",
        "PayPal returns an unclaimed payout, and the customer has the money again.",
        returned["status"], "canceled", returned,
        (f"payout {RETURNED} USD", f"payout_returned {RETURNED} USD"),
    )  # fmt: skip
    left = (await merchant.pay(_order(customer, ABANDONED))).json()
    waiting = await merchant.reach(left["id"], FINAL | {"requires_action"})
    await _let_time_pass((waiting["next_action"] or {}).get("url", ""))
    expired = await merchant.final(left["id"])
    yield Step(
        "paypal_abandoned", "A payer who never returns from PayPal's page",
        "Here the twin ends the order's time. It was never captured, so no money can move.",
        expired["status"], "expired", expired,
    )  # fmt: skip


def _order(customer: str, amount: str) -> dict[str, Any]:
    return {
        "type": "deposit",
        "method": "paypal",
        "amount": amount,
        "currency": "USD",
        "customer_id": customer,
        "return_url": RETURN_URL,
    }


def _withdrawal(customer: str, amount: str, account: str) -> dict[str, Any]:
    return {
        "type": "withdrawal",
        "method": "paypal",
        "amount": amount,
        "currency": "USD",
        "customer_id": customer,
        "payment_method": {"paypal_account": account},
    }


async def _approve(page: str) -> None:
    """Act as the payer: open PayPal's page, approve, and follow the address back to the gateway."""
    async with httpx.AsyncClient() as browser:
        (await browser.get(page)).raise_for_status()
        await asyncio.sleep(PAGE_S)
        leaving = await browser.post(page, data={"outcome": "approve", "email": PAYER})
        await browser.get(leaving.headers["location"])


async def _let_time_pass(page: str) -> None:
    """End the order's time at the twin, as PayPal does after three hours."""
    address = httpx.URL(page)
    path = f"/control/paypal/orders/{address.params['token']}/expire"
    async with httpx.AsyncClient() as clock:
        (await clock.post(address.copy_with(path=path, query=None))).raise_for_status()
