"""Customers at work: each plays its steps, asks until it is answered, and notes all it hears."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from cift_shared.rails.local import FINAL
from tests.chaos.clients.history import History, Said
from tests.chaos.rails.installed import TRAFFIC
from tests.chaos.schedules.plan import Customer, Plan, Step

ANSWERED_WITHIN_S = 40.0
"""A client gives up after this; what it asked for may have happened or not."""
SHOWN_WITHIN_S = 120.0
"""A payer waits so long for what is to be paid: a broker that was killed takes a minute to start on
a busy machine, and a deposit that nobody pays never ends."""
ENDED_WITHIN_S = 8.0
"""How long a customer waits for a payment to end before the next step."""
READ_GAP_S = 0.4
AGAIN_S = 0.3
REQUEST_TIMEOUT_S = 5.0
BUSY = frozenset({429, 502, 503, 504})
TOO_SOON = "verification_too_soon"
AT_ONCE = ("cancel", "verify")
"""Steps that do not wait for the end of the payment before."""


@dataclass(frozen=True, slots=True)
class Merchant:
    """Whose API key a request carries."""

    name: str
    api_key: str


class Api:
    """The API as a merchant's program uses it; every answer goes into the history."""

    def __init__(self, http: httpx.AsyncClient, merchant: Merchant, history: History) -> None:
        self._http = http
        self._merchant = merchant
        self._history = history

    async def until_answered(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None
    ) -> Said | None:
        """The same request again until an answer that is no trouble of the moment; else None."""
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while True:
                    said = await self.once(method, path, body, key)
                    if said is not None and not _is_trouble(said):
                        return said
                    await asyncio.sleep(AGAIN_S)
        except TimeoutError:
            return None

    async def once(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None
    ) -> Said | None:
        """One request; None when no answer came."""
        headers = {"Authorization": f"Bearer {self._merchant.api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        asked = self._history.begin(f"{method} {path}", key, body, self._merchant.name)
        try:
            reply = await self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None
        return self._history.answered(asked, reply.status_code, _json(reply))


def _is_trouble(said: Said) -> bool:
    if said.answer.get("code") == TOO_SOON:
        return False
    return said.status in BUSY or said.answer.get("code") == "idempotency_key_in_flight"


def _json(reply: httpx.Response) -> dict[str, Any]:
    try:
        body = reply.json()
    except ValueError:
        return {"unreadable": reply.text[:500]}
    return body if isinstance(body, dict) else {"answer": body}


async def play(
    plan: Plan,
    base: str,
    twins: Mapping[str, str],
    merchants: Sequence[Merchant],
    history: History,
) -> list[str]:
    """Plays every customer of a plan; answers the ids of the payments that were accepted.

    `twins` are the addresses of the providers' twins by rail.
    """
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=20)
    async with httpx.AsyncClient(
        base_url=f"{base}/api/v1", timeout=REQUEST_TIMEOUT_S, limits=limits
    ) as http:
        apis = [Api(http, merchant, history) for merchant in merchants]
        runs = [
            _CustomerRun(customer, apis[n % len(apis)], f"{plan.seed}-{n}", twins[customer.rail])
            for n, customer in enumerate(plan.customers)
        ]
        await asyncio.gather(*(run.run() for run in runs))
    return [payment_id for run in runs for payment_id in run.accepted if payment_id]


def order_of(customer: Customer, step: Step) -> dict[str, Any]:
    """The body that asks for a deposit or a withdrawal."""
    instrument = dict(customer.payment_method)
    return {
        "type": step.kind,
        "method": customer.method,
        "amount": step.amount,
        "currency": customer.currency,
        "customer_id": customer.name,
        # an instrument without a field is refused where the payer may choose it at the provider
        **({"payment_method": instrument} if instrument else {}),
        **(customer.more if step.kind == "deposit" else {}),
    }


class _CustomerRun:
    """One customer's way through its steps."""

    def __init__(self, customer: Customer, api: Api, name: str, twin: str) -> None:
        self._customer = customer
        self._api = api
        self._name = name
        self.accepted: list[str | None] = []
        """The payment of each step, None where there is none."""
        self._twin = twin
        self._reversals: dict[int, str] = {}
        """The name of the reversal of each step that is one."""

    async def run(self) -> None:
        await asyncio.sleep(self._customer.starts_s)
        for number, step in enumerate(self._customer.steps):
            if step.kind in ("reverse", "reinstate"):
                self.accepted.append(None)
                await self._move_back(step, number)
                continue
            self.accepted.append(await self._take(step, f"{self._name}-{number}"))
            follows = self._customer.steps[number + 1 : number + 2]
            if self.accepted[-1] and follows and follows[0].kind not in AT_ONCE:
                await self._ended(self.accepted[-1])

    async def _take(self, step: Step, key: str) -> str | None:
        path, body = self._request(step)
        if path is None:
            return None
        if step.kind == "withdrawal":
            body |= await self._recipient()
        said = await self._ask(step, path, body, None if step.kind in AT_ONCE else key)
        if step.kind in AT_ONCE or said is None or said.status != 202:
            return None
        if step.kind == "deposit":
            await self._pay(str(said.answer["id"]))
        return str(said.answer["id"])

    async def _pay(self, payment_id: str) -> None:
        """Pays what the deposit shows, once, if the rail's customers have to."""
        pays = TRAFFIC[self._customer.rail].pay
        if pays is None:
            return
        try:
            async with asyncio.timeout(SHOWN_WITHIN_S):
                while not (action := await self._action(payment_id)):
                    await asyncio.sleep(READ_GAP_S)
        except TimeoutError:
            return  # nobody pays what is not shown
        async with httpx.AsyncClient(base_url=self._twin, timeout=REQUEST_TIMEOUT_S) as twin:
            await pays(twin, action)

    async def _recipient(self) -> dict[str, Any]:
        """The field that names who is paid, where it is another one than of a deposit."""
        recipient = TRAFFIC[self._customer.rail].recipient
        if recipient is None:
            return {}
        async with httpx.AsyncClient(base_url=self._twin, timeout=REQUEST_TIMEOUT_S) as twin:
            return {"payment_method": await recipient(twin)}

    async def _action(self, payment_id: str) -> dict[str, Any] | None:
        said = await self._api.once("GET", f"/payments/{payment_id}")
        return said.answer.get("next_action") if said is not None else None

    def _request(self, step: Step) -> tuple[str | None, dict[str, Any]]:
        """Path and body; no path where the step's earlier payment never came to be."""
        customer = self._customer
        if step.kind in ("deposit", "withdrawal"):
            return "/payments", order_of(customer, step)
        first = self.accepted[step.of or 0]
        if first is None:
            return None, {}
        if step.kind == "cancel":
            return f"/payments/{first}/cancel", {}
        if step.kind == "verify":
            reference = {"provider_reference": step.reference} if step.reference else {}
            return f"/payments/{first}/verify", reference
        return f"/payments/{first}/refunds", {} if step.amount is None else {"amount": step.amount}

    async def _ask(
        self, step: Step, path: str, body: dict[str, Any], key: str | None
    ) -> Said | None:
        """Sends the request with its repeats, beside each other or one after the other."""
        times = 1 + step.repeats
        if step.together:
            asks = (self._api.until_answered("POST", path, body, key) for _ in range(times))
            answers = await asyncio.gather(*asks)
        else:
            answers = [
                await self._api.until_answered("POST", path, body, key) for _ in range(times)
            ]
        if step.other_body and key:
            await self._api.until_answered("POST", path, {**body, "amount": "7.00"}, key)
        return next((said for said in answers if said is not None), None)

    async def _move_back(self, step: Step, number: int) -> None:
        """Has the provider take money back, or return what it took; nothing if it never moved."""
        moves = TRAFFIC[self._customer.rail].reversals
        if moves is None:
            return
        async with httpx.AsyncClient(base_url=self._twin, timeout=REQUEST_TIMEOUT_S) as twin:
            if step.kind == "reinstate":
                if name := self._reversals.get(step.of or 0):
                    await moves.reinstate(twin, name)
            elif reference := await self._reference(self.accepted[step.of or 0]):
                self._reversals[number] = await moves.reverse(twin, reference, str(step.amount))

    async def _reference(self, payment_id: str | None) -> str | None:
        """The provider's reference of a completed payment, once it is there."""
        if payment_id is None:
            return None
        said = await self._api.until_answered("GET", f"/payments/{payment_id}")
        is_completed = said is not None and said.answer.get("status") == "completed"
        return said.answer.get("provider_reference") if said and is_completed else None

    async def _ended(self, payment_id: str) -> None:
        """Reads a payment until it is final, or for a while."""
        try:
            async with asyncio.timeout(ENDED_WITHIN_S):
                while True:
                    said = await self._api.once("GET", f"/payments/{payment_id}")
                    if said is not None and said.answer.get("status") in FINAL:
                        return
                    await asyncio.sleep(READ_GAP_S)
        except TimeoutError:
            return
