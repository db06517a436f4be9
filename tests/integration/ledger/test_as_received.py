"""Deposits that take the amount that arrives: what is credited, what it costs, what stays exact."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.money.amount import EXPONENTS, Money
from cift_shared.money.fees import FeeRule, FeeSchedule
from cift_shared.money.rates import RateSheet, RateTable
from gateway.quotes.pricing import explained
from tests.integration.ledger.books import NOON, Books, Paid
from tests.integration.ledger.test_reversals_and_disputes import came_back

pytestmark = pytest.mark.integration

PROVIDER, SUSPENSE, FEES = "provider:mpesa:KES", "suspense:mpesa:KES", "fees:mpesa:KES"
PRICING = {
    "rule": "r", "bearer": "customer", "percent": "2.5", "minimum": "1.00 KES",
    "network_fee": "0.00", "rate": None,
}  # fmt: skip
AS_RECEIVED = {"amount_policy": "as_received", "pricing": PRICING}
BORNE_BY_MERCHANT = {**AS_RECEIVED, "fee_bearer": "merchant", "net_minor": "10000"}


def arrived(paid: Paid, minor: int, seq: int = 9, currency: str = "KES") -> Any:
    return paid.result("settled", seq=seq, amount=Money(minor, currency))


async def terms(books: Books, paid: Paid) -> tuple[str, int, int, int, int | None]:
    row = await books.payment(paid)
    requested = row["requested_minor"]
    return (
        row["status"], int(row["minor"]), int(row["fee_minor"]), int(row["net_minor"]),
        None if requested is None else int(requested),
    )  # fmt: skip


class TestWhatArrives:
    @pytest.mark.parametrize(("minor", "fee"), [(6_000, 150), (20_000, 500), (3_001, 100)])
    async def test_is_credited_less_the_fee_for_it(
        self, books: Books, minor: int, fee: int
    ) -> None:
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        assert await books.apply(arrived(paid, minor)) == ["applied"]
        assert await terms(books, paid) == ("completed", minor, fee, minor - fee, 10_000)
        assert await books.customer() == (minor - fee, 0)
        assert await books.balance(PROVIDER) == (minor, 0)
        assert await books.balance(FEES) == (-fee, 0)
        assert (await books.history(paid))[-1]["reason"] == "amount_as_received"
        event = json.loads((await books.outbox())[-1]["body"])["payment"]
        shown = f"{minor // 100}.{minor % 100:02}"
        assert (event["amount"], event["requested_amount"]) == (shown, "100.00")

    async def test_as_requested_it_is_as_any_other(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        assert await books.apply(arrived(paid, 10_000)) == ["applied"]
        assert await terms(books, paid) == ("completed", 10_000, 250, 9_750, None)
        assert (await books.history(paid))[-1]["reason"] is None

    async def test_the_merchant_pays_the_fee_of_what_arrived(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250, **BORNE_BY_MERCHANT)
        await books.apply(arrived(paid, 6_000))
        assert await terms(books, paid) == ("completed", 6_000, 150, 6_000, 10_000)
        assert await books.balance("merchant:KES") == (150, 0)

    async def test_with_others_in_one_batch(self, books: Books) -> None:
        exact = await books.deposit(10_000, 250)
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        results = [paid.result("submitted"), arrived(exact, 10_000), arrived(paid, 6_000)]
        assert await books.apply(*results) == ["applied"] * 3
        assert await books.customer() == (9_750 + 5_850, 0)

    async def test_a_second_amount_contradicts_the_first(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        again = [arrived(paid, 6_000, 10), arrived(paid, 7_000, 11), arrived(paid, 10_000, 12)]
        assert await books.apply(arrived(paid, 6_000), *again) == [
            "applied", "duplicate", "conflict", "conflict",
        ]  # fmt: skip
        assert await books.customer() == (5_850, 0)

    async def test_shares_of_refunds_are_of_what_arrived(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        await books.apply(arrived(paid, 6_000))
        with pytest.raises(asyncpg.PostgresError, match="refund_exceeds_captured"):
            await books.refund(paid, 6_001)
        refund, share = await books.refund(paid, 6_000)
        assert share == {"fee_minor": "150", "net_minor": "5850"}
        await books.apply(refund.result("settled"))
        assert await books.customer() == (0, 0)

    async def test_reversed_is_what_arrived(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        await books.apply(arrived(paid, 6_000))
        whole = came_back(paid, amount=Money(6_000, "KES"))
        assert await books.apply(came_back(paid, seq=19), whole) == ["conflict", "applied"]
        assert await books.balance(PROVIDER) == (0, 0)


class TestSuspense:
    @pytest.mark.parametrize("minor", [1, 99, 100])
    @pytest.mark.parametrize("fields", [AS_RECEIVED, BORNE_BY_MERCHANT])
    async def test_an_amount_within_the_fee_is_for_people(
        self, books: Books, minor: int, fields: dict[str, Any]
    ) -> None:
        paid = await books.deposit(10_000, 250, **fields)
        assert await books.apply(arrived(paid, minor)) == ["conflict"]
        assert (await terms(books, paid))[:2] == ("in_review", 10_000)
        assert (await books.history(paid))[-1]["reason"] == "amount_within_fee"
        assert await books.balance(SUSPENSE) == (-minor, 0)

    @pytest.mark.parametrize(
        ("fields", "currency", "reason"),
        [
            (AS_RECEIVED, "USD", "amount_mismatch"),
            ({"amount_policy": "as_received"}, "KES", "fee_unknown"),
            ({"pricing": PRICING}, "KES", "amount_mismatch"),
            ({**AS_RECEIVED, "amount_policy": None}, "KES", "amount_mismatch"),
        ],
    )
    async def test_what_can_not_be_priced_is_for_people(
        self, books: Books, fields: dict[str, Any], currency: str, reason: str
    ) -> None:
        paid = await books.deposit(10_000, 250, **fields)
        assert await books.apply(arrived(paid, 6_000, currency=currency)) == ["conflict"]
        assert (await books.history(paid))[-1]["reason"] == reason
        assert (await books.balance(f"suspense:mpesa:{currency}"))[0] == -6_000

    async def test_a_deposit_that_had_ended_stays_with_people(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        await books.apply(paid.result("expired"))
        assert await books.apply(arrived(paid, 6_000)) == ["conflict"]
        assert await books.balance(SUSPENSE) == (-6_000, 0)

    async def test_an_operator_completes_it_with_what_arrived(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250, **AS_RECEIVED)
        await books.apply(arrived(paid, 60))
        order = {
            "payment_id": str(paid.payment_id), "as": "completed", "fee": "0",
            "operator": "amina", "reason": "dust", "at": NOON.isoformat(),
        }  # fmt: skip
        await books.admin.execute("select ledger.resolve($1)", order)
        assert await terms(books, paid) == ("completed", 60, 0, 60, 10_000)
        assert await books.balance(SUSPENSE) == (0, 0)


class TestOnlyDeposits:
    async def test_a_withdrawal_is_exact(self, books: Books) -> None:
        await books.settled_deposit(50_000, 0)
        paid = await books.withdrawal(4_000, 100, **AS_RECEIVED)
        assert (await books.payment(paid))["amount_policy"] == "exact"
        assert await books.apply(arrived(paid, 3_000)) == ["conflict"]
        assert await books.status(paid) == "in_review"

    async def test_a_refund_is_exact(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 250, **AS_RECEIVED)
        refund, _ = await books.refund(parent, 4_000, **AS_RECEIVED)
        assert await books.apply(arrived(refund, 3_000)) == ["conflict"]
        assert await books.status(refund) == "in_review"


@pytest.mark.parametrize(
    "change",
    [
        "minor = 5000, net_minor = 4750",
        "minor = 5000, net_minor = 4750, requested_minor = 4000",
        "fee_minor = 0, net_minor = 10000",
    ],
)
async def test_no_other_change_of_amounts_passes(books: Books, change: str) -> None:
    paid = await books.deposit(10_000, 250, **AS_RECEIVED)
    done = await books.deposit(10_000, 250, **AS_RECEIVED)
    await books.apply(arrived(done, 6_000))
    for payment in (paid, done):
        with pytest.raises(asyncpg.RestrictViolationError):
            await books.admin.execute(
                f"update ledger.payment set {change} where payment_id = $1",
                payment.payment_id,
            )


# The same price in SQL and in Python ------------------------------------------------------------

AT = datetime(2026, 1, 2, tzinfo=UTC)
CURRENCIES = ("KES", "USD", "JPY", "KWD", "BTC", "ETH", "USDC")
percents = st.one_of(
    st.sampled_from(["0", "2.5", "0.1", "33.3333333333333333333333333", "99.99999999"]).map(
        Decimal
    ),
    st.decimals(0, 99, allow_nan=False, allow_infinity=False, places=6),
)
prices = st.one_of(
    st.decimals("0.000001", 200_000, allow_nan=False, allow_infinity=False, places=6).filter(bool),
    st.sampled_from(["0.0077", "129.3", "64123.456789"]).map(Decimal),
)


@st.composite
def rules(draw: st.DrawFn) -> FeeRule:
    """Any price: parts in any one currency, in any combination."""
    currency = draw(st.sampled_from(CURRENCIES))
    parts: dict[str, Any] = {}
    for name in ("fixed", "minimum", "maximum"):
        minor = draw(st.none() | st.integers(1, 10**6))
        if minor is not None:
            parts[name] = {"amount": Money(minor, currency).text, "currency": currency}
    return FeeRule.model_validate(
        {
            "method": "m", "direction": "deposit", "percent": draw(percents), **parts,
            "network_fee": draw(st.booleans()), "valid_from": AT,
            "bearer": draw(st.sampled_from(["customer", "merchant"])),
        }
    )  # fmt: skip


@st.composite
def charges(draw: st.DrawFn) -> tuple[FeeSchedule, str, Money, int]:
    """A price list, a currency, the network's fee in any currency, and the digits of amounts."""
    sheet = RateSheet(as_of=AT, one_in_usd={c: draw(prices) for c in CURRENCIES if c != "USD"})
    schedule = FeeSchedule((draw(rules()),), RateTable("test", (sheet,)))
    currency = draw(st.sampled_from(CURRENCIES))
    digits = draw(st.integers(1, EXPONENTS[currency] + 8))
    network = Money(draw(st.integers(0, 10**6)), draw(st.sampled_from(CURRENCIES)))
    return schedule, currency, network, digits


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(charge=charges(), data=st.data())
async def test_the_fee_is_that_of_the_price_list(
    books: Books, charge: tuple[FeeSchedule, str, Money, int], data: st.DataObject
) -> None:
    schedule, currency, network, digits = charge
    amounts = st.integers(1, 10**digits - 1)

    def price(minor: int) -> Any:
        return schedule.charge(
            Money(minor, currency), method="m", direction="deposit", at=AT,
            network_fee=network,
        )  # fmt: skip

    pricing = explained(price(data.draw(amounts, label="requested")))
    for minor in data.draw(st.lists(amounts, min_size=1, max_size=5), label="arrived"):
        fee = await books.admin.fetchval(
            "select ledger.fee_by_pricing($1, $2, $3)", pricing, Decimal(minor), currency
        )
        assert fee == price(minor).fee.minor
