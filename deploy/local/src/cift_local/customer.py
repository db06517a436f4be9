"""A merchant's program as users write it: plain HTTP against the gateway."""

import asyncio
import secrets
from types import TracebackType
from typing import Any, Self

import httpx

FINAL = {"completed", "failed", "expired", "canceled", "in_review"}
PATIENCE_S = 60


class Merchant:
    """Takes and makes payments over the API."""

    def __init__(self, base: str, api_key: str) -> None:
        """`base` is the gateway's address."""
        self._http = httpx.AsyncClient(
            base_url=f"{base}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=PATIENCE_S,
        )

    async def __aenter__(self) -> Self:
        """Opens nothing: connections are made as needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Lets connections go."""
        await self._http.aclose()

    async def pay(
        self, kind: str, amount: str, phone: str, *, customer: str, key: str | None = None
    ) -> httpx.Response:
        """Asks for a deposit or a withdrawal, answers the API's reply whatever it is."""
        body = {
            "type": kind,
            "method": "mpesa",
            "amount": amount,
            "currency": "KES",
            "customer_id": customer,
            "payment_method": {"phone": phone, "country": "KE"},
        }
        headers = {"Idempotency-Key": key or secrets.token_hex(12)}
        return await self._http.post("/payments", json=body, headers=headers)

    async def refund(self, payment_id: str, amount: str | None = None) -> httpx.Response:
        """Asks for a refund of all or a part."""
        body = {} if amount is None else {"amount": amount}
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        return await self._http.post(f"/payments/{payment_id}/refunds", json=body, headers=headers)

    async def final(self, payment_id: str) -> dict[str, Any]:
        """Waits for a payment's final state over its event stream, answers the payment.

        Raises:
            TimeoutError: not final within a minute.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                payment = await self.get(f"/payments/{payment_id}")
                if payment["status"] in FINAL:
                    return payment
                await self._next_event(payment_id)

    async def get(self, path: str) -> dict[str, Any]:
        """Reads a resource.

        Raises:
            httpx.HTTPStatusError: the API refused.
        """
        reply = await self._http.get(path)
        reply.raise_for_status()
        body: dict[str, Any] = reply.json()
        return body

    async def _next_event(self, payment_id: str) -> None:
        async with self._http.stream("GET", f"/payments/{payment_id}/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("data:") and any(f'"{state}"' in line for state in FINAL):
                    return
