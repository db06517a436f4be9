"""Requests as bytes: deposits by M-Pesa and card, some into one busy account."""

import json
import random
import secrets
from dataclasses import dataclass
from typing import Any

ACCEPTED = 202
HOT, CUSTOMERS = "cus_hot", 5_000
CARD = "pm_card_visa"
CARDS_PER_S = 2.0
"""Deposits by card. Stripe's limit in test mode, some six a second, is not what we measure."""
CARD_SHARE_MAX, CARD_SHARE_FLOOD = 0.1, 0.01
"""At low rates, and where there is no rate because requests leave as fast as they can."""
_ID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Mix:
    """Which payments are sent, and how."""

    key: str = ""
    """The API key."""
    path: str = "/api/v1/payments"
    card_share: float = CARD_SHARE_FLOOD
    hot_share: float = 0.2
    """Share of payments into one customer's account."""
    endings: tuple[str, ...] = ()
    """Last digits of the phones, each as often as it stands here; none: any digits."""
    seed: int = 1


def card_share(rate: float) -> float:
    """Which share of so many payments a second goes by card; 0: as many as can be."""
    return min(CARD_SHARE_MAX, CARDS_PER_S / rate) if rate else CARD_SHARE_FLOOD


def requests(mix: Mix, count: int) -> list[bytes]:
    """That many requests, each under its own idempotency key."""
    chance, run = random.Random(mix.seed), secrets.token_hex(6)
    return [_request(mix, order(mix, chance), f"{run}-{n}") for n in range(count)]


def order(mix: Mix, chance: random.Random) -> dict[str, Any]:
    """One deposit."""
    hot = chance.random() < mix.hot_share
    customer = HOT if hot else f"cus_{chance.randrange(CUSTOMERS)}"
    if chance.random() < mix.card_share:
        how = {"method": "card", "amount": "20.00", "currency": "USD"}
        return {
            "type": "deposit",
            "customer_id": customer,
            "payment_method": {"token": CARD},
            **how,
        }
    phone = f"2547{chance.randrange(10**8):08d}"
    if mix.endings:
        ending = chance.choice(mix.endings)
        phone = phone[: -len(ending)] + ending
    return {
        "type": "deposit",
        "method": "mpesa",
        "amount": "10.00",
        "currency": "KES",
        "customer_id": customer,
        "payment_method": {"phone": phone, "country": "KE"},
    }


def _request(mix: Mix, body: dict[str, Any], key: str) -> bytes:
    payload = json.dumps(body).encode()
    head = (
        f"POST {mix.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {mix.key}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def id_in(body: bytes) -> str:
    """The payment's id in an answer, without reading the rest of it; empty: there is none."""
    at = body.find(b'"id":"')
    return body[at + 6 : at + 6 + _ID_LENGTH].decode() if at >= 0 else ""
