"""Random lives of random payments: the set-wise SQL agrees with a plain model, and with itself."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.attempts.results import CANCELED_AT_PROVIDER
from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from ledger.posting.domain import Status
from tests.integration.ledger.books import MERCHANT, NOON, Books, Paid
from tests.integration.ledger.model import Model, ModelPayment
from tests.support.reused_database import EMPTY

pytestmark = pytest.mark.integration

CUSTOMERS = ("c1", "c2")
KINDS = (
    "submitted", "action_required", "settled", "settled", "settled", "declined", "expired",
    "canceled", "unknown", "noted", "conflicting", "reversed", "disputed", "disputed",
)  # fmt: skip

minor = st.sampled_from([100, 101, 250])
acceptances = st.tuples(
    st.just("accept"), st.sampled_from(["deposit", "deposit", "withdrawal"]),
    st.sampled_from(CUSTOMERS), minor, st.sampled_from([0, 3]),
)  # fmt: skip
refunds = st.tuples(st.just("refund"), st.integers(0, 7), st.sampled_from([40, 100]))
told = st.fixed_dictionaries(
    {
        "payment": st.integers(0, 7),
        "kind": st.sampled_from(KINDS),
        "seq": st.integers(2, 12),
        "amount": st.sampled_from([None, None, None, 99]),
        "reference": st.sampled_from([None, "own", "own", "shared"]),
        "provider_fee": st.sampled_from([None, None, 0, 7]),
        "by_provider": st.booleans(),
    }
)
batches = st.tuples(st.just("apply"), st.lists(told, min_size=1, max_size=12))
holds = st.tuples(
    st.just("hold"), st.sampled_from("abc"), st.sampled_from(CUSTOMERS), st.sampled_from([30, 90])
)
hold_ends = st.tuples(
    st.just("end_hold"), st.sampled_from("abc"), st.sampled_from([None, "expired", 1, 30])
)
lives = st.lists(
    acceptances | refunds | holds | hold_ends | batches | batches, min_size=8, max_size=24
)


HOUSE = ("provider", "fees", "provider-costs", "suspense", "disputes", "losses", "adjustments")
LATER = NOON + timedelta(days=36_500)
"""When holds of operators end; the verifier reads the clock, so it must be far away."""
SIGNED = {"operator": "ops", "reason": "a test", "at": NOON.isoformat()}


def dispute_news(paid: Paid, closed: str | None) -> dict[str, Any]:
    """A dispute of all of the payment; nothing of it is known but how it stands."""
    all_of_it = {"minor": str(paid.minor), "currency": "KES"}
    return {
        "reference": f"dp_{paid.payment_id}",
        "status": "told",
        "reason": "fraudulent",
        "amount": all_of_it,
        "withdrawn": all_of_it,
        "reinstated": all_of_it if closed == "won" else None,
        "closed": closed,
    }


class Twins:
    """The books and their model, told the same."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.model = Model()
        self.payments: list[Paid] = []
        self.ended: set[str] = set()

    async def begin(self) -> None:
        """Two customers with money to spend, so that the interesting lives are common."""
        for number, customer in enumerate(CUSTOMERS):
            await self.accept("deposit", customer, 250, 3)
            receipt = {"provider_fee": None, "reference": "own", "amount": None}
            await self.apply([{"payment": number, "kind": "settled", "seq": 1, **receipt}])

    async def accept(self, kind: str, customer: str, amount: int, fee: int) -> None:
        """Both take the payment, or both refuse it."""
        payment = ModelPayment(kind, customer, amount, fee)
        order = self.books.deposit if kind == "deposit" else self.books.withdrawal
        paid = await self._try(order(amount, fee, customer_id=customer))
        assert (paid is not None) == (
            kind == "deposit" or self.model.available(customer) >= payment.net
        )
        if paid is not None:
            self.payments.append(paid)
            assert self.model.accept(str(paid.payment_id), payment)

    async def refund(self, number: int, amount: int) -> None:
        """Both give back, or both refuse."""
        if not self.payments:
            return
        parent = self.payments[number % len(self.payments)]
        twin = self.model.payments[str(parent.payment_id)]
        possible = (
            twin.type == "deposit"
            and twin.status is Status.COMPLETED
            and not twin.reversed
            and twin.refunded + twin.pending + self._disputed(twin) + amount <= twin.minor
        )
        answer = await self._try(self.books.refund(parent, amount))
        if answer is None:
            assert not possible or self.model.available(twin.customer) < amount
            return
        assert possible
        paid, terms = answer
        payment = ModelPayment("refund", twin.customer, amount, int(terms["fee_minor"]), twin)
        self.payments.append(paid)
        assert self.model.accept(str(paid.payment_id), payment)

    @staticmethod
    def _disputed(twin: ModelPayment) -> int:
        return twin.minor if twin.dispute is not None and twin.dispute.closed != "won" else 0

    async def hold(self, key: str, customer: str, amount: int) -> None:
        """An operator holds money for a time, in both or in neither."""
        if key in self.model.holds or key in self.ended:
            return  # a key has one hold
        order = {
            "key": key, "merchant_id": MERCHANT, "livemode": False, "customer_id": customer,
            "currency": "KES", "amount": str(amount), **SIGNED,
            "until": LATER.isoformat(),
        }  # fmt: skip
        placed = await self._try(
            self.books.admin.fetchval("select ledger.place_operator_hold($1)", order)
        )
        assert (placed is not None) == self.model.hold(key, customer, amount)

    async def end_hold(self, key: str, end: int | str | None) -> None:
        """Take some of it, give it back, or let its time (and that of all others) pass."""
        if end == "expired":
            ended = await self.books.ledger.fetchval("select ledger.expire_holds($1, 10)", LATER)
            assert ended == len(self.model.holds)
            for open_key in list(self.model.holds):
                self._ended(open_key, 0)
        elif key in self.model.holds:
            function = "release_hold" if end is None else "capture_hold"
            await self.books.admin.execute(
                f"select ledger.{function}($1)",
                {"key": key, "amount": None if end is None else str(end), **SIGNED},
            )
            self._ended(key, int(end or 0))

    def _ended(self, key: str, taken: int) -> None:
        self.model.capture(key, taken)
        self.ended.add(key)

    async def apply(self, tellings: list[dict[str, Any]]) -> None:
        """Both apply the batch and say the same of each result."""
        if self.payments:
            batch = [self._result(telling) for telling in tellings]
            assert await self.books.apply(*batch) == self.model.apply(batch)

    def _result(self, telling: dict[str, Any]) -> PaymentResult:
        paid = self.payments[telling["payment"] % len(self.payments)]
        kind, seq = telling["kind"], telling["seq"]
        if kind == "disputed":
            ends = "won" if paid.payment_id.int % 2 else "lost"
            news = dispute_news(paid, ends if telling["amount"] else None)
            return paid.result(kind, seq=seq, dispute=news)
        if kind == "canceled" and telling["by_provider"]:
            return paid.result(kind, seq=seq, failure=CANCELED_AT_PROVIDER)
        if kind not in ("settled", "reversed"):
            return paid.result(kind, seq=seq)
        fee = telling["provider_fee"] if kind == "settled" else None
        reference = telling["reference"]
        return paid.result(
            kind,
            seq=seq,
            amount=Money(telling["amount"] or paid.minor, "KES"),
            provider_reference=f"R{paid.payment_id.hex}" if reference == "own" else reference,
            provider_fee=None if fee is None else Money(fee, "KES"),
        )

    async def _try(self, order: Any) -> Any:
        try:
            return await order
        except asyncpg.PostgresError as refusal:
            if not str(refusal.sqlstate).startswith("CF0"):
                raise
            return None

    async def compare(self) -> None:
        """Every payment and every balance is the same on both sides."""
        for paid in self.payments:
            row, twin = await self.books.payment(paid), self.model.payments[str(paid.payment_id)]
            assert (
                row["status"], row["provider_reference"], row["provider_fee_minor"],
                row["version"], row["refunded_minor"], row["refund_pending_minor"],
                row["reversed_minor"] > 0, row["disputed_minor"],
            ) == (
                twin.status, twin.reference, twin.provider_fee,
                twin.version, twin.refunded, twin.pending,
                twin.reversed, self._disputed(twin),
            )  # fmt: skip
            assert (await self.books.hold(paid) == "held") == twin.held
        for customer in CUSTOMERS:
            assert await self.books.balance(f"customer:{customer}:KES") == (
                self.model.posted[customer], self.model.held[customer],
            )  # fmt: skip
        for kind in HOUSE:
            rail = "" if kind == "adjustments" else ":mpesa"
            posted, _ = await self.books.balance(f"{kind}{rail}:KES")
            assert posted == self.model.posted[kind]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=lives)
async def test_the_ledger_follows_the_model_in_any_history(
    books: Books, life: list[tuple[Any, ...]]
) -> None:
    await books.admin.execute(EMPTY)
    twins = Twins(books)
    await twins.begin()
    for step, *arguments in life:
        await getattr(twins, step)(*arguments)
    await twins.compare()
    assert await books.broken() == set()
