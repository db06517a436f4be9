"""A merchant's client, as a user of the API would write it: plain HTTP requests."""

import asyncio
import secrets
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from cift_shared.rails.local import FINAL

TIMEOUT_S = 60
PENDING = "pending"
"""The status of a saved method until its provider has answered: its worker may be away."""
POLL_S = 0.2


class Merchant:
    """Makes deposits, withdrawals and refunds over the API."""

    def __init__(self, base: str, api_key: str, *, within_s: float = TIMEOUT_S) -> None:
        """A client of one merchant.

        Args:
            base: the gateway's address.
            api_key: the merchant's.
            within_s: how long a payment may take to a state that is waited for.
        """
        self._within_s = within_s
        self._http = httpx.AsyncClient(
            base_url=f"{base}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_S,
        )

    async def __aenter__(self) -> Self:
        """Return the client; connections are opened when needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def pay(self, order: Mapping[str, Any], *, key: str | None = None) -> httpx.Response:
        """Request a deposit or a withdrawal; return the API's reply, also an error."""
        headers = {"Idempotency-Key": key or secrets.token_hex(12)}
        return await self._http.post("/payments", json=dict(order), headers=headers)

    async def paid(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Request a deposit or a withdrawal and return the payment once it is final.

        The request is repeated with its key while the API refuses it only for the moment: a rail
        without an estimate of its network's fee, for example.

        Raises:
            TimeoutError: it was not accepted, or was not final, within `within_s` seconds.
            httpx.HTTPStatusError: the API refused the request.
        """
        key = secrets.token_hex(12)
        async with asyncio.timeout(self._within_s):
            while True:
                reply = await self.pay(order, key=key)
                if reply.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    break
                await asyncio.sleep(float(reply.headers["Retry-After"]))
        reply.raise_for_status()
        return await self.final(reply.json()["id"])

    async def quote(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Create a quote and return it.

        Raises:
            httpx.HTTPStatusError: the API refused the request.
        """
        reply = await self._http.post("/quotes", json=dict(request))
        reply.raise_for_status()
        quoted: dict[str, Any] = reply.json()
        return quoted

    async def save_method(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Save a payment method and return it once its provider has answered.

        Raises:
            httpx.HTTPStatusError: the API refused the request.
            TimeoutError: the provider did not answer within `within_s` seconds.
        """
        reply = await self._http.post("/payment-methods", json=dict(request))
        reply.raise_for_status()
        saved: dict[str, Any] = reply.json()
        async with asyncio.timeout(self._within_s):
            while saved["status"] == PENDING:
                await asyncio.sleep(POLL_S)
                saved = await self.get(f"/payment-methods/{saved['id']}")
        return saved

    async def refund(self, payment_id: str, amount: str | None = None) -> httpx.Response:
        """Request a refund of the whole payment, or of `amount`."""
        body = {} if amount is None else {"amount": amount}
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        return await self._http.post(f"/payments/{payment_id}/refunds", json=body, headers=headers)

    async def cancel(self, payment_id: str) -> httpx.Response:
        """Request that a payment is canceled; return the API's reply, also an error."""
        return await self._http.post(f"/payments/{payment_id}/cancel")

    async def final(self, payment_id: str) -> dict[str, Any]:
        """Wait until a payment is final and return it; raises like `reach`."""
        return await self.reach(payment_id, FINAL)

    async def reach(self, payment_id: str, states: AbstractSet[str]) -> dict[str, Any]:
        """Follow a payment's event stream until it is in one of these states; return the payment.

        Raises:
            TimeoutError: it reached none of them within `within_s` seconds.
        """
        async with asyncio.timeout(self._within_s):
            while True:
                payment = await self.get(f"/payments/{payment_id}")
                if payment["status"] in states:
                    return payment
                await self._next_event(payment_id, states)

    async def receipt(self, payment_id: str) -> str:
        """Wait for the provider's receipt of a payment and return it.

        Raises:
            TimeoutError: there is no receipt within `within_s` seconds.
        """
        async with asyncio.timeout(self._within_s):
            while True:
                payment = await self.get(f"/payments/{payment_id}")
                if payment["provider_reference"]:
                    return str(payment["provider_reference"])
                await asyncio.sleep(POLL_S)

    async def get(self, path: str) -> dict[str, Any]:
        """Read a resource.

        Raises:
            httpx.HTTPStatusError: the API refused the request.
        """
        reply = await self._http.get(path)
        reply.raise_for_status()
        body: dict[str, Any] = reply.json()
        return body

    async def _next_event(self, payment_id: str, states: AbstractSet[str]) -> None:
        async with self._http.stream("GET", f"/payments/{payment_id}/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("data:") and any(f'"{state}"' in line for state in states):
                    return
