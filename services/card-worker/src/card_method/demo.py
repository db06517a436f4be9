"""Cards in the demo: a deposit, a decline, 3-D Secure, a saved card, a refund in part."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx

from cift_shared.rails.local import FINAL, Merchant, Step

PAYS, DECLINED, NEEDS_APPROVAL = (
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_authenticationRequired",
)
"""Test cards, by Stripe's own names."""

DEPOSIT, REFUND = "100.00", "25.00"
RETURN_URL = "https://shop.example/paid"
BANK_PAGE_S = 1.0
"""Seconds that the demo's payer stays on the bank's page."""


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Make every card payment of the demo in turn."""
    first = await merchant.paid(_order(customer, {"token": PAYS}, DEPOSIT))
    yield Step(
        "card_deposit", "A deposit by card",
        "The intent is stored before it is confirmed; Stripe's answer and its webhook agree.",
        first["status"], "completed", first, ("charge 10000 USD",),
    )  # fmt: skip
    declined = await merchant.paid(_order(customer, {"token": DECLINED}, "40.00"))
    yield Step(
        "card_declined", "A card that is declined",
        "The intent is canceled before the decline is final, so no late charge can follow.",
        declined["status"], "failed", declined,
    )  # fmt: skip
    async for step in _three_d_secure(merchant, customer):
        yield step
    async for step in _saved_card(merchant, customer):
        yield step
    accepted = (await merchant.refund(first["id"], REFUND)).json()
    refund = await merchant.final(accepted["id"])
    yield Step(
        "card_refund", "A card deposit refunded in part",
        "25.00 of 100.00 is refunded to the card, with the same share of our fee.",
        refund["status"], "completed", refund, ("refund 2500 USD",),
    )  # fmt: skip


def _order(customer: str, card: dict[str, Any], amount: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "deposit",
        "method": "card",
        "amount": amount,
        "currency": "USD",
        "customer_id": customer,
        "payment_method": card,
        **more,
    }


async def _three_d_secure(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    order = _order(customer, {"token": NEEDS_APPROVAL}, "60.00", return_url=RETURN_URL)
    accepted = (await merchant.pay(order)).json()
    waiting = await merchant.reach(accepted["id"], FINAL | {"requires_action"})
    page = (waiting["next_action"] or {}).get("url", "")
    yield Step(
        "card_3ds_asked", "A card whose bank requires the cardholder's approval (3-D Secure)",
        f"The payer's browser opens {page}; the demo approves there after a second.",
        waiting["status"], "requires_action", waiting,
    )  # fmt: skip
    await _approve(page)
    paid = await merchant.final(accepted["id"])
    yield Step(
        "card_3ds", "The same payment, approved",
        "After the webhook the worker queries Stripe: only that answer settles the payment.",
        paid["status"], "completed", paid, ("charge 6000 USD",),
    )  # fmt: skip


async def _approve(page: str) -> None:
    """Act as the payer: open the bank's page, wait, and press its button."""
    async with httpx.AsyncClient() as browser:
        (await browser.get(page)).raise_for_status()
        await asyncio.sleep(BANK_PAGE_S)
        await browser.post(page, data={"outcome": "approve"})


async def _saved_card(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    request = {"method": "card", "customer_id": customer, "token": PAYS}
    saved = await merchant.save_method(request)
    yield Step(
        "card_saved", "A card saved for later",
        "Stripe keeps the card; we keep brand, last four digits and expiry.",
        saved["status"], "active", saved, (),
        {"card": f"{saved['brand']} {saved['last4']}"},
    )  # fmt: skip
    again = await merchant.paid(_order(customer, {"id": saved["id"]}, "20.00", off_session=True))
    yield Step(
        "card_used_again", "The saved card used again",
        "The customer is not present (off session); the card is named by the saved method's id.",
        again["status"], "completed", again, ("charge 2000 USD",),
    )  # fmt: skip
