"""Payments at a steady rate, as a merchant behind a load balancer sends them.

Each request goes to the gateways by turns; where a connection is refused or breaks, the same
request goes to the next one with the same idempotency key. Any answer but 202 is a failed request.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from cift_shared.rails.local import FINAL

GAP_S = 0.4
"""Between two payments: light for two processors that run everything else, too."""
AGAIN_AFTER_S = 0.1
ANSWERED_WITHIN_S = 30.0
FINAL_WITHIN_S = 240.0
READ_EVERY_S = 0.5

PAYS, DECLINES, CALLBACK_LOST, SLOW = "777", "001", "301", "501"
"""Endings of a phone: the twin of M-Pesa pays, declines, pays without a callback, pays late."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request to pay, and the status that it must end with."""

    key: str
    path: str
    body: Mapping[str, Any]
    status: str = "completed"


@dataclass
class Load:
    """The merchant: its orders, the payments that they became, and every failed request."""

    gateways: Sequence[str]
    api_key: str
    methods: frozenset[str]
    """What both releases can pay by."""
    orders: dict[str, Order] = field(default_factory=dict)
    """The order of each payment."""
    failed: list[str] = field(default_factory=list)
    repeated: int = 0
    """Requests that a second gateway got, because the first one did not take them."""
    slowest_s: float = 0.0
    """The longest that a request took, with its repeats, since somebody set this to 0."""
    refundable: str = ""
    """The deposit by card that is refunded in small parts."""

    def __post_init__(self) -> None:
        self._turns = itertools.cycle(self.gateways)
        self._numbers = itertools.count()
        self._requests: list[asyncio.Task[str | None]] = []
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self.api_key}"},
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=ANSWERED_WITHIN_S,
        )

    async def fund(self) -> None:
        """Make the deposits that withdrawals and refunds are paid from, and wait for them."""
        shillings = Order("fund-kes", "/payments", _mpesa("deposit", "50000.00", PAYS, 99_999))
        dollars = Order("fund-usd", "/payments", _dollars("deposit", "900.00", _CARD))
        ids = [paid for one in (shillings, dollars) if (paid := await self.send(one))]
        await self.all_final(ids)
        self.refundable = ids[-1]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send orders during the block; every request is answered when it ends."""
        sending = asyncio.create_task(self._send_steadily())
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        await asyncio.gather(*self._requests)

    async def send(self, order: Order) -> str | None:
        """The payment that an order becomes; None if it was refused, which is noted."""
        headers = {"Idempotency-Key": order.key}
        reply = await self._ask("POST", order.path, json=dict(order.body), headers=headers)
        if reply is None or reply.status_code != httpx.codes.ACCEPTED:
            said = "no answer" if reply is None else f"{reply.status_code}: {reply.text[:300]}"
            self.failed.append(f"{order.key} {said}")
            return None
        payment: str = reply.json()["id"]
        self.orders.setdefault(payment, order)
        return payment

    async def all_final(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The payments as last read, once all are final or the time is over."""
        found: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINAL_WITHIN_S):
                for payment in ids:
                    while True:
                        found[payment] = await self._read(payment)
                        if found[payment].get("status") in FINAL:
                            break
                        await asyncio.sleep(READ_EVERY_S)
        return found

    async def close(self) -> None:
        """End the client."""
        await self._http.aclose()

    async def _send_steadily(self) -> None:
        while True:
            self._requests.append(asyncio.create_task(self._pay()))
            await asyncio.sleep(GAP_S)

    async def _pay(self) -> str | None:
        """Send the next order, and read its payment once from whichever gateway is next."""
        payment = await self.send(self._next_order())
        if payment is not None:
            await self._read(payment)
        return payment

    async def _read(self, payment: str) -> dict[str, Any]:
        reply = await self._ask("GET", f"/payments/{payment}")
        if reply is None or reply.status_code != httpx.codes.OK:
            self.failed.append(f"GET {payment} {reply and reply.status_code}")
            return {}
        found: dict[str, Any] = reply.json()
        return found

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """The first answer of a gateway; None if none takes the request in time."""
        began = time.monotonic()
        try:
            return await self._answer(method, path, **options)
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    async def _answer(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while True:
                    url = f"{next(self._turns)}/api/v1{path}"
                    try:
                        return await self._http.request(method, url, **options)
                    except httpx.TransportError:
                        self.repeated += 1
                        await asyncio.sleep(AGAIN_AFTER_S)
        return None

    def _next_order(self) -> Order:
        number = next(self._numbers)
        kinds = [kind for method, kind in _KINDS if method in self.methods]
        return kinds[number % len(kinds)](number, self.refundable)


def _mpesa(kind: str, amount: str, ending: str, number: int) -> dict[str, Any]:
    # a phone takes one prompt at a time, so each payment has its own
    phone = {"phone": f"2547{number:05}{ending}", "country": "KE"}
    return _body(kind, "mpesa", amount, "KES", phone)


_CARD = {"token": "pm_card_visa"}


def _dollars(kind: str, amount: str, instrument: Mapping[str, str]) -> dict[str, Any]:
    return _body(kind, "card" if instrument is _CARD else "paypal", amount, "USD", instrument)


def _body(
    kind: str, method: str, amount: str, currency: str, instrument: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "type": kind,
        "method": method,
        "amount": amount,
        "currency": currency,
        "customer_id": "cus_upgrade",
        "payment_method": dict(instrument),
    }


def _deposit(ending: str, status: str = "completed") -> Callable[[int, str], Order]:
    def order(number: int, _: str) -> Order:
        body = _mpesa("deposit", "250.00", ending, number)
        return Order(f"deposit-{number}", "/payments", body, status)

    return order


def _withdrawal(number: int, _: str) -> Order:
    return Order(f"withdrawal-{number}", "/payments", _mpesa("withdrawal", "100.00", PAYS, number))


def _card_deposit(number: int, _: str) -> Order:
    return Order(f"card-{number}", "/payments", _dollars("deposit", "20.00", _CARD))


def _refund(number: int, refundable: str) -> Order:
    return Order(f"refund-{number}", f"/payments/{refundable}/refunds", {"amount": "1.00"})


def _payout(number: int, _: str) -> Order:
    account = {"paypal_account": "receives@example.com"}
    return Order(f"payout-{number}", "/payments", _dollars("withdrawal", "3.00", account))


_KINDS: tuple[tuple[str, Callable[[int, str], Order]], ...] = (
    ("mpesa", _deposit(PAYS)),
    ("mpesa", _withdrawal),
    ("card", _card_deposit),
    ("card", _refund),
    ("paypal", _payout),
    ("mpesa", _deposit(SLOW)),
    ("card", _card_deposit),
    ("mpesa", _withdrawal),
    ("mpesa", _deposit(DECLINES, "failed")),
    ("card", _refund),
    ("mpesa", _deposit(CALLBACK_LOST)),
)
"""The kinds of payments in turn, each with the method that it needs."""
