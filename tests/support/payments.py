"""Payments over the API: the bodies of requests, and sending them."""

import json
from typing import Any
from uuid import uuid4

import httpx

from tests.support.payment_methods import CARD_TOKEN

PHONE = "254712345149"


def order(**fields: Any) -> dict[str, Any]:
    """The body of a deposit."""
    return {
        "type": "deposit",
        "method": "mpesa",
        "amount": "100.00",
        "currency": "KES",
        "customer_id": "c_1",
        "payment_method": {"phone": PHONE, "country": "KE"},
        **fields,
    }


def card_order(**fields: Any) -> dict[str, Any]:
    """The body of a deposit by card."""
    return order(
        **{
            "method": "card",
            "amount": "20.00",
            "currency": "USD",
            "payment_method": {"token": CARD_TOKEN},
            **fields,
        }
    )


async def pay(
    client: httpx.AsyncClient, body: dict[str, Any], *, key: str | None = None, **headers: str
) -> httpx.Response:
    """POST a payment with a fresh idempotency key, or the given one."""
    headers = {"Idempotency-Key": key or uuid4().hex, **headers}
    return await client.post("/payments", json=body, headers=headers)


async def refund(
    client: httpx.AsyncClient, payment_id: str, amount: str | None = None, *, key: str | None = None
) -> httpx.Response:
    """POST a refund of a payment."""
    headers = {"Idempotency-Key": key or uuid4().hex, "Content-Type": "application/json"}
    content = json.dumps({} if amount is None else {"amount": amount})
    return await client.post(f"/payments/{payment_id}/refunds", content=content, headers=headers)
