"""A random history of the ledger with every kind of input in it."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from cift_shared.attempts.charged import charged_result
from cift_shared.attempts.received import received_result
from cift_shared.attempts.results import CANCELED_AT_PROVIDER
from cift_shared.messaging.charged import ProviderCharge
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import PaymentResult
from cift_shared.messaging.received import ReceivedMoney
from cift_shared.money.amount import Money
from cift_shared.rails.registry import rails
from tests.integration.ledger.books import MERCHANT, NOON, Books, Paid

SIGNED = {"operator": "amina", "reason": "it is so"}
YEAR = timedelta(days=365)
CUSTOMERS = ("c1", "c2", "c3")
ENDS = ("settled", "settled", "settled", "settled", "declined", "expired", "canceled")
INSTRUMENT = Instrument(kind="phone", display="2547****149", sealed="k1:c2VhbGVk", country="KE")
AS_RECEIVED = {
    "amount_policy": "as_received",
    "pricing": {"percent": "2.5", "network_fee": "0.00", "rate": None},
}
PROGRESS = ("submitted", "action_required", "unknown", "noted", "conflicting")


class LedgerHistory:
    """Payments, results in batches of any size, and what people do, all from one seed."""

    def __init__(self, books: Books, seed: int) -> None:
        self.books = books
        self.random = Random(seed)
        self.payments: list[Paid] = []
        self.told: list[PaymentResult] = []
        self.steps = 0

    @property
    def at(self) -> str:
        """A time that moves on with every step."""
        return (NOON + timedelta(minutes=self.steps)).isoformat()

    async def play(self, steps: int) -> None:
        """Do so many things; what the books refuse is part of it."""
        for customer in CUSTOMERS:
            await self._accepted(self.books.deposit, 50_000, 500, customer_id=customer)
        await self.books.apply(*(p.result("settled", seq=9) for p in self.payments))
        await self._hold("c1", NOON + YEAR / 2)
        for ending in ("capture_hold", "release_hold"):
            self.steps += 1
            await self._hold("c2", None)
            await self._operate(ending, key=f"h{self.steps}")
        await self._accepted(self.books.deposit, 1_000, 25)
        await self._cancel(self.payments[-1])
        await self._assign(await self._receive("U0"))
        await self._charge("T0")
        await self.convert()
        doings = [self.accept, self.accept, self.refund, self.tell, self.tell, self.tell,
                  self.reverse, self.receive, self.dispute, self.cancel, self.convert, self.hold,
                  self.end_hold, self.resolve]  # fmt: skip
        for _ in range(steps):
            self.steps += 1
            try:
                await self.random.choice(doings)()
            except asyncpg.PostgresError as refusal:
                if not str(refusal.sqlstate).startswith("CF0"):
                    raise
        # today these are long over
        await self.books.admin.fetchval("select ledger.expire_holds($1, 1000)", NOON + YEAR)

    def _uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    async def accept(self) -> None:
        """A deposit or a withdrawal."""
        order = self.random.choice([self.books.deposit, self.books.withdrawal])
        minor = self.random.choice([1_000, 1_001, 7_777])
        terms = self.random.choice([{}, {}, AS_RECEIVED])
        customer = self.random.choice(CUSTOMERS)
        await self._accepted(order, minor, 25, customer_id=customer, **terms)

    async def _accepted(self, order: Any, minor: int, fee: int, **terms: Any) -> None:
        self.payments.append(
            await order(minor, fee, payment_id=self._uuid(), created_at=self.at, **terms)
        )

    async def refund(self) -> None:
        """Give back a part of something."""
        parent = self.random.choice(self.payments)
        minor = self.random.choice([100, 333])
        paid, _ = await self.books.refund(
            parent, minor, payment_id=self._uuid(), created_at=self.at
        )
        self.payments.append(paid)

    async def tell(self) -> None:
        """A batch of results: new, repeated, late and contradicting ones."""
        batch = []
        for _ in range(self.random.choice([1, 2, 5, 12])):
            if self.told and self.random.random() < 0.15:
                batch.append(self.random.choice(self.told))
                continue
            paid = self.random.choice(self.payments)
            kind = self.random.choice([*ENDS, *PROGRESS])
            batch.append(self._result(paid, kind, self.random.randint(2, 40)))
        self.told += batch
        await self.books.apply(*batch)

    def _result(self, paid: Paid, kind: Any, seq: int) -> PaymentResult:
        if kind == "canceled" and seq % 2:
            return paid.result(kind, seq=seq, failure=CANCELED_AT_PROVIDER)
        if kind != "settled":
            return paid.result(kind, seq=seq)
        return paid.result(
            kind,
            seq=seq,
            amount=Money(self.random.choice([paid.minor] * 9 + [99]), "KES"),
            provider_fee=self.random.choice([None, Money(7, "KES"), Money(3, "USD")]),
            provider_reference=self.random.choice([f"R{paid.payment_id.hex}"] * 9 + ["shared"]),
        )

    async def reverse(self) -> None:
        """A final payment is reversed or reinstated, among other results."""
        paid = self.random.choice(self.payments)
        name = self.random.choice([None, "a", "b"])
        told = paid.result(
            self.random.choice(["reversed", "reversed", "reinstated"]) if name else "reversed",
            seq=self.random.randint(50, 60),
            amount=Money(self.random.choice([paid.minor, 400]) if name else paid.minor, "KES"),
            provider_reference=f"B{paid.payment_id.hex}", reason="returned",
            reversal_reference=name,
        )  # fmt: skip
        other = self._result(self.random.choice(self.payments), "submitted", 41)
        await self.books.apply(other, told, other)

    async def receive(self) -> None:
        """Money that no command asked for, told twice; people may name its owner."""
        related = self.random.choice([None, self.random.choice(self.payments).payment_id])
        owner = self.random.choice([{}, {"merchant_id": MERCHANT, "customer_id": "c1"}])
        reference = f"U{self.random.randint(1, 6)}"
        told = await self._receive(reference, related_payment_id=related, **owner)
        if self.random.random() < 0.5:
            await self._assign(told)

    async def _charge(self, reference: str) -> None:
        """A cost that belongs to no payment."""
        told = charged_result(
            rails()["mpesa"], reference, Money(55, "KES"),
            ProviderCharge(livemode=False, cause="sweep"), occurred_at=NOON,
        )  # fmt: skip
        await self.books.apply(told, told)

    async def _receive(self, reference: str, **known: Any) -> PaymentResult:
        money = ReceivedMoney(livemode=False, instrument=INSTRUMENT, **known)
        told = received_result(
            rails()["mpesa"], reference, Money(700, "KES"), money,
            occurred_at=NOON + timedelta(minutes=self.steps), evidence=[],
        )  # fmt: skip
        await self.books.apply(told, told)
        return told

    async def _assign(self, told: PaymentResult) -> None:
        await self._operate(
            "assign_received", payment_id=str(told.payment_id), merchant_id=MERCHANT,
            customer_id="c2",
        )  # fmt: skip

    async def dispute(self) -> None:
        """A payer objects, or a dispute moves on."""
        paid = self.random.choice(self.payments[:4])
        taken = Money(min(paid.minor, self.random.choice([900, 700])), "KES")
        news = {
            "reference": f"D{self.random.randint(1, 2)}{paid.payment_id.hex[:6]}",
            "status": "needs_response", "reason": "fraudulent", "amount": taken,
            "withdrawn": self.random.choice([None, taken]),
            "fee": self.random.choice([None, Money(15, "USD")]),
            "reinstated": self.random.choice([None, None, taken]),
            "closed": self.random.choice([None, None, "won", "lost"]),
        }  # fmt: skip
        told = paid.result("disputed", seq=self.random.randint(61, 99), dispute=news)
        await self.books.apply(told)

    async def cancel(self) -> None:
        """Ask for a payment to be stopped."""
        await self._cancel(self.random.choice(self.payments))

    async def _cancel(self, paid: Paid) -> None:
        await self.books.gateway.execute(
            "select ledger.request_cancel_2($1, $2, false, true, $3)",
            paid.payment_id, MERCHANT, NOON + timedelta(minutes=self.steps),
        )  # fmt: skip

    async def convert(self) -> None:
        """Shillings to cents."""
        minor = self.random.choice([1_000, 1_300, 2_650])
        await self.books.gateway.execute(
            "select ledger.convert($1)",
            {
                "conversion_id": self._uuid(), "merchant_id": MERCHANT, "livemode": False,
                "customer_id": self.random.choice(CUSTOMERS), "from_minor": str(minor),
                "from_currency": "KES", "to_minor": str(minor * 77 // 10_000),
                "to_currency": "USD", "rate": "0.0077", "market_rate": "0.0078", "spread_bps": 10,
                "rate_source": "test", "rate_as_of": self.at, "requested_at": self.at,
            },
        )  # fmt: skip

    async def hold(self) -> None:
        """People put something aside, for a while or for good."""
        until = NOON + timedelta(minutes=self.steps + 20)
        await self._hold(self.random.choice(CUSTOMERS), self.random.choice([None, until]))

    async def _hold(self, customer: str, until: datetime | None) -> None:
        await self._operate(
            "place_operator_hold", key=f"h{self.steps}", merchant_id=MERCHANT, livemode=False,
            customer_id=customer, currency="KES", amount="450",
            until=until and until.isoformat(),
        )  # fmt: skip

    async def end_hold(self) -> None:
        """People take or give back what was put aside, or its time is over."""
        await self.books.admin.fetchval(
            "select ledger.expire_holds($1, 2)", NOON + timedelta(minutes=self.steps)
        )
        key = await self.books.admin.fetchval(
            """select max(split_part(hold_key, ':', -1)) from ledger.hold
               where state = 'held' and hold_key like 'operator:%'
                 and hold_key <> 'operator:h0'"""
        )
        if key and self.random.random() < 0.5:
            amount = self.random.choice([None, "440"])
            await self._operate("capture_hold", key=key, amount=amount)
        elif key:
            await self._operate("release_hold", key=key)

    async def resolve(self) -> None:
        """People decide about the oldest payment in review."""
        payment_id = await self.books.admin.fetchval(
            "select min(payment_id::text) from ledger.payment where status = 'in_review'"
        )
        outcome = self.random.choice(["completed", "failed"])
        terms: dict[str, str] = {}
        if outcome == "completed":
            terms = {"fee": "1", "amount": "99", "provider_reference": f"P{self.steps}"}
        if payment_id:
            await self._operate("resolve", payment_id=payment_id, **{"as": outcome}, **terms)

    async def _operate(self, function: str, **order: Any) -> None:
        body = json.dumps({**order, **SIGNED, "at": self.at})
        await self.books.admin.execute(f"select ledger.{function}($1::text::jsonb)", body)
