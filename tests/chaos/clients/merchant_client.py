"""A merchant whose requests survive what dies under them: repeated with one key until answered."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from cift_local.stack import open_api
from cift_shared.rails.local import FINAL
from tests.chaos.clients.history import History, new_key
from tests.chaos.cluster.cluster import Cluster

PATIENCE_S = 60
LOOK_S = 0.1
_AGAIN = frozenset({429, 503})
_IN_FLIGHT = "idempotency_key_in_flight"


class WrongEnd(Exception):
    """A payment, or something like it, did not end as it must."""


@dataclass
class MerchantClient:
    """Asks, repeats what was not answered, and keeps every answer in the history."""

    http: httpx.AsyncClient
    history: History
    name: str
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @classmethod
    async def of(cls, cluster: Cluster, history: History, merchant: str) -> "MerchantClient":
        """A merchant with an API key of its own; close `http` afterwards."""
        headers = {"Authorization": f"Bearer {await open_api(cluster.stack, merchant)}"}
        # no connection outlives an answer: the next request may meet another process
        limits = httpx.Limits(max_keepalive_connections=0)
        base = f"{cluster.gateway}/api/v1"
        http = httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=15)
        return cls(http, history, merchant)

    def phone(self) -> str:
        """A number nobody used yet, whose last digits mean nothing to the twin."""
        return f"2547{10_000_000 + next(self._numbers) * 1_000 + 777}"

    def customer(self) -> str:
        """A customer nobody has heard of yet."""
        return f"cus_{next(self._numbers)}"

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, keyed: bool = False
    ) -> httpx.Response:
        """The first answer that is no trouble of the moment.

        Raises:
            TimeoutError: there was none within a minute.
        """
        key = new_key() if keyed else None
        headers = {"Idempotency-Key": key} if key else {}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                asked = self.history.begin(f"{method} {path}", key, body, self.name)
                try:
                    answer = await self.http.request(method, path, json=body, headers=headers)
                except httpx.TransportError:
                    await asyncio.sleep(LOOK_S)
                    continue
                told = answer.json() if answer.content else {}
                self.history.answered(asked, answer.status_code, told)
                if answer.status_code not in _AGAIN and told.get("code") != _IN_FLIGHT:
                    return answer
                await asyncio.sleep(LOOK_S)

    async def make(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a POST made.

        Raises:
            WrongEnd: it was refused.
        """
        answer = await self.ask("POST", path, body, keyed=True)
        if answer.status_code not in (200, 201, 202):
            raise WrongEnd(f"POST {path}: {answer.status_code} {answer.json().get('code')}")
        made: dict[str, Any] = answer.json()
        return made

    async def pay(self, method: str, kind: str, **terms: Any) -> str:
        """An accepted deposit or withdrawal."""
        by_phone = method == "mpesa"
        instrument = {"phone": self.phone()} if by_phone else {"token": "pm_card_visa"}
        order = {
            "type": kind,
            "method": method,
            "amount": "500.00" if by_phone else "20.00",
            "currency": "KES" if by_phone else "USD",
            "customer_id": self.customer(),
            "payment_method": instrument,
            **terms,
        }
        return str((await self.make("/payments", order))["id"])

    async def refund(self, payment_id: str, amount: str | None = None) -> str:
        """An accepted refund."""
        body = {"amount": amount} if amount else {}
        return str((await self.make(f"/payments/{payment_id}/refunds", body))["id"])

    async def show(self, path: str) -> dict[str, Any]:
        """A resource as it is now; empty when it is not there (any more)."""
        answer = await self.ask("GET", path)
        shown: dict[str, Any] = answer.json()
        return shown if answer.status_code == 200 else {}

    async def ends(self, payment_id: str, wanted: Collection[str] = ("completed",)) -> None:
        """Wait for a payment's end.

        Raises:
            WrongEnd: it ended otherwise, or has not within a minute.
        """
        payment = await self.reach(f"/payments/{payment_id}", FINAL | set(wanted))
        if payment["status"] not in wanted:
            failure = (payment["failure"] or {}).get("code")
            raise WrongEnd(f"payment {payment_id}: {payment['status']} {failure or ''}")

    async def reach(self, path: str, statuses: Collection[str]) -> dict[str, Any]:
        """A resource once it is in one of these states.

        Raises:
            WrongEnd: it is not within a minute.
        """
        shown: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (shown := await self.show(path)).get("status") not in statuses:
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise WrongEnd(f"{path}: still {shown.get('status', 'not there')}") from None
        return shown
