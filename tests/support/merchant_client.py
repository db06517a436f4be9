"""Payments as a merchant's system sends them: with retries under one idempotency key."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from cift_local.stack import Stack, open_api
from cift_shared.rails.local import FINAL

PATIENCE_S = 60


def phones(count: int) -> list[str]:
    """Numbers that pay: their endings mean nothing to the twin."""
    return [f"2547{10_000_000 + n * 1_000 + 777}" for n in range(count)]


@dataclass
class MerchantClient:
    """Sends payments, and repeats a request when its connection breaks."""

    base: str
    api_key: str
    accepted: list[str] = field(default_factory=list)
    """Ids of payments the API said 202 to."""
    refused: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    async def of(cls, stack: Stack) -> "MerchantClient":
        return cls(stack.url("gateway"), await open_api(stack, "m_load"))

    async def pay(self, kind: str, amount: str, phone: str, customer: str) -> str | None:
        """Asks until an answer comes; the payment's id, None when it was refused."""
        instrument = {"phone": phone, "country": "KE"}
        return await self.pay_by("mpesa", "KES", amount, instrument, customer, kind=kind)

    async def pay_by(
        self,
        method: str,
        currency: str,
        amount: str,
        instrument: dict[str, str],
        customer: str,
        *,
        kind: str = "deposit",
    ) -> str | None:
        """As `pay`, by any method."""
        body = {
            "type": kind,
            "method": method,
            "amount": amount,
            "currency": currency,
            "customer_id": customer,
            "payment_method": instrument,
        }
        reply = await self._post("/payments", body)
        if reply.status_code != 202:
            self.refused.append(reply.json())
            return None
        self.accepted.append(reply.json()["id"])
        return self.accepted[-1]

    async def all_final(self, ids: Sequence[str], *, within_s: float = PATIENCE_S) -> list[Any]:
        """The payments, once all are final."""
        async with asyncio.timeout(within_s):
            return list(await asyncio.gather(*(self._final(payment_id) for payment_id in ids)))

    async def get(self, path: str) -> Any:
        reply = await self._until_answered("GET", path)
        reply.raise_for_status()
        return reply.json()

    async def _final(self, payment_id: str) -> Any:
        while True:
            payment = await self.get(f"/payments/{payment_id}")
            if payment["status"] in FINAL:
                return payment
            await asyncio.sleep(0.2)

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self.post(path, body, f"key-{random.getrandbits(96):x}")

    async def post(self, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        """The answer to a request under an idempotency key."""
        return await self._until_answered("POST", path, json=body, headers={"Idempotency-Key": key})

    async def _until_answered(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The same request again until something answers that is no trouble of the moment."""
        headers = {"Authorization": f"Bearer {self.api_key}", **options.pop("headers", {})}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    async with httpx.AsyncClient(base_url=f"{self.base}/api/v1") as http:
                        reply = await http.request(
                            method, path, headers=headers, timeout=10, **options
                        )
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
                    continue
                if reply.status_code not in (409, 429, 503):
                    return reply
                await asyncio.sleep(0.2)
