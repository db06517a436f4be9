"""Deposits that are priced in one currency and paid in another: both sides in the books."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.attempts.received import received_result
from cift_shared.messaging.exchange import Exchanged, ExchangedPart, ExchangeRate
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import PaymentResult
from cift_shared.messaging.received import ReceivedMoney
from cift_shared.money.amount import Money
from cift_shared.money.exchange import Part, total_of
from cift_shared.money.rates import Rate
from cift_shared.rails.registry import rails
from tests.integration.ledger.books import NOON, Books, Paid
from tests.integration.ledger.test_reversals_and_disputes import came_back

pytestmark = pytest.mark.integration

RATE = Rate("BTC", "USD", Decimal(95_000), "coinbase,kraken", NOON)
PRICING = {
    "rule": "r", "bearer": "customer", "percent": "1", "network_fee": "0.00", "rate": None,
    "exchange": {"currency": "BTC", "amount": "0.00052632",
                 "rate": {"value": "95000", "source": "s", "as_of": NOON.isoformat()},
                 "expires_at": (NOON + timedelta(minutes=15)).isoformat()},
}  # fmt: skip
TERMS = {
    "method": "bitcoin", "rail": "bitcoin", "currency": "USD", "amount_policy": "as_received",
    "pricing": PRICING,
}  # fmt: skip
COIN, OURS, FIAT = "provider:bitcoin:BTC", "liquidity:BTC", "liquidity:USD"


def exchanged(*parts: Part) -> Exchanged:
    sats = sum(part.amount.minor for part in parts)
    return Exchanged(amount=Money(sats, "BTC"), parts=[ExchangedPart.of(part) for part in parts])


LOCKED = Part(Money(52_632, "BTC"), RATE, Money(50_00, "USD"))


async def priced(books: Books) -> Paid:
    return await books.deposit(50_00, 50, **TERMS)


def settled(paid: Paid, *parts: Part, **over: Any) -> PaymentResult:
    told = {"amount": total_of(parts, "USD"), "exchanged": exchanged(*parts), **over}
    return paid.result("settled", seq=9, **told)


async def sides(books: Books) -> dict[str, int]:
    codes = (COIN, OURS, FIAT, "customer:c1:USD", "fees:bitcoin:USD")
    return {code: (await books.balance(code))[0] for code in codes}


PAID = {
    COIN: 52_632,
    OURS: -52_632,
    FIAT: 50_00,
    "customer:c1:USD": -49_50,
    "fees:bitcoin:USD": -50,
}
NOTHING = dict.fromkeys(PAID, 0)


class TestSettled:
    async def test_both_sides_are_booked(self, books: Books) -> None:
        paid = await priced(books)
        assert await books.apply(settled(paid, LOCKED)) == ["applied"]
        assert await sides(books) == PAID
        assert await books.status(paid) == "completed"

    async def test_more_at_the_current_rate_with_its_fee(self, books: Books) -> None:
        paid = await priced(books)
        rest = Part(Money(100_000, "BTC"), Rate("BTC", "USD", Decimal(90_000), "s", NOON))
        assert await books.apply(settled(paid, LOCKED, rest)) == ["applied"]
        found = await sides(books)
        assert (found[COIN], found[FIAT], found["fees:bitcoin:USD"]) == (152_632, 140_00, -140)
        row = await books.payment(paid)
        assert (row["minor"], row["requested_minor"]) == (140_00, 50_00)

    async def test_with_others_in_one_batch(self, books: Books) -> None:
        one, other = await priced(books), await priced(books)
        plain = await books.deposit(10_000, 250)
        results = [settled(one, LOCKED), plain.result("settled"), settled(other, LOCKED)]
        assert await books.apply(*results) == ["applied"] * 3
        assert (await sides(books))[COIN] == 2 * 52_632

    @pytest.mark.parametrize(
        "over",
        [
            {"exchanged": None},
            {"amount": Money(50_01, "USD")},
            {"amount": Money(49_99, "USD")},
            {"exchanged": Exchanged(amount=Money(52_632, "BTC"))},
            {"exchanged": Exchanged(amount=Money(52_632, "ETH"),
                                    parts=[ExchangedPart.of(LOCKED)])},
            {"exchanged": Exchanged(amount=Money(52_631, "BTC"),
                                    parts=[ExchangedPart.of(LOCKED)])},
            {"amount": Money(52_632, "BTC"), "exchanged": None},
        ],
    )  # fmt: skip
    async def test_what_does_not_add_up_moves_no_money(
        self, books: Books, over: dict[str, Any]
    ) -> None:
        paid = await priced(books)
        assert await books.apply(settled(paid, LOCKED, **over)) == ["conflict"]
        assert await sides(books) == NOTHING
        assert await books.status(paid) == "in_review"

    async def test_one_of_the_smallest_unit_is_enough(self, books: Books) -> None:
        paid = await priced(books)
        dear = Part(Money(1, "BTC"), Rate("BTC", "USD", Decimal(1_000_000), "s", NOON))
        assert await books.apply(settled(paid, dear)) == ["applied"]
        assert (await sides(books))[COIN] == 1

    @pytest.mark.parametrize("sats", [-52_632, -52_633])
    async def test_parts_of_which_nothing_is_left_are_worth_nothing(
        self, books: Books, sats: int
    ) -> None:
        """The part that goes out is cheap, so the worth of both is above zero."""
        paid = await priced(books)
        cheap = Part(Money(sats, "BTC"), Rate("BTC", "USD", Decimal(1), "s", NOON))
        told = settled(paid, LOCKED, cheap)
        assert told.amount is not None
        assert told.amount.minor > 0
        assert await books.apply(told) == ["conflict"]
        assert await sides(books) == NOTHING

    async def test_a_payment_in_its_own_currency_takes_no_exchange(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        told = paid.result("settled", exchanged=exchanged(LOCKED))
        assert await books.apply(told) == ["conflict"]
        assert await books.status(paid) == "in_review"

    async def test_after_the_end_it_is_for_people_with_both_sides(self, books: Books) -> None:
        paid = await priced(books)
        await books.apply(paid.result("expired"))
        assert await books.apply(settled(paid, LOCKED)) == ["conflict"]
        found = await sides(books)
        assert (found[COIN], found[OURS], found[FIAT]) == (52_632, -52_632, 50_00)
        assert (await books.balance("suspense:bitcoin:USD"))[0] == -50_00
        order = {
            "payment_id": str(paid.payment_id), "as": "completed", "fee": "50",
            "operator": "amina", "reason": "late", "at": NOON.isoformat(),
        }  # fmt: skip
        await books.admin.execute("select ledger.resolve($1)", order)
        assert await sides(books) == PAID


def reversal(paid: Paid, number: int, kind: Any = "reversed", **over: Any) -> PaymentResult:
    told = {
        "seq": 0, "result_id": f"{paid.payment_id}.{kind}.tx:0#{number}",
        "reversal_reference": f"tx:0#{number}", "amount": Money(50_00, "USD"),
        "provider_reference": f"tx:0#{number}" if kind == "reversed" else None,
        "reason": "reorganised", "exchanged": Exchanged(amount=Money(52_632, "BTC")), **over,
    }  # fmt: skip
    seq = told.pop("seq")
    return paid.result(kind, seq=seq, **told)


class TestReversed:
    async def test_and_credited_again_any_number_of_times(self, books: Books) -> None:
        paid = await priced(books)
        await books.apply(settled(paid, LOCKED))
        for number in (1, 2, 3):
            assert await books.apply(reversal(paid, number)) == ["applied"]
            assert await sides(books) == NOTHING
            assert await books.apply(reversal(paid, number)) == ["duplicate"]
            assert await books.apply(reversal(paid, number, "reinstated")) == ["applied"]
            assert await sides(books) == PAID

    async def test_a_part_of_it(self, books: Books) -> None:
        paid = await priced(books)
        await books.apply(settled(paid, LOCKED))
        part = {"amount": Money(20_00, "USD"), "exchanged": Exchanged(amount=Money(21_053, "BTC"))}
        assert await books.apply(reversal(paid, 1, **part)) == ["applied"]
        found = await sides(books)
        assert (found[COIN], found[OURS], found[FIAT]) == (31_579, -31_579, 30_00)

    @pytest.mark.parametrize(
        "gone", [None, Money(52_633, "BTC"), Money(52_632, "ETH"), Money(0, "BTC")]
    )
    async def test_not_with_more_than_came(self, books: Books, gone: Money | None) -> None:
        paid = await priced(books)
        await books.apply(settled(paid, LOCKED))
        over = None if gone is None else Exchanged(amount=gone)
        assert await books.apply(reversal(paid, 1, exchanged=over)) == ["conflict"]
        assert await sides(books) == PAID

    async def test_a_payment_in_its_own_currency_takes_no_exchange(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        told = came_back(paid, exchanged=Exchanged(amount=Money(1, "BTC")))
        assert await books.apply(told) == ["conflict"]
        plain = came_back(paid, result_id="another")
        assert await books.apply(plain) == ["applied"]

    async def test_not_with_more_than_is_left_of_it(self, books: Books) -> None:
        paid, other = await priced(books), await priced(books)
        await books.apply(settled(paid, LOCKED), settled(other, LOCKED))
        part = {"amount": Money(20_00, "USD"), "exchanged": Exchanged(amount=Money(21_053, "BTC"))}
        assert await books.apply(reversal(paid, 1, **part)) == ["applied"]
        for number, (sats, outcome) in enumerate([(31_580, "conflict"), (31_579, "applied")], 2):
            rest = {
                "amount": Money(30_00, "USD"), "exchanged": Exchanged(amount=Money(sats, "BTC")),
            }  # fmt: skip
            assert await books.apply(reversal(paid, number, **rest)) == [outcome]
        assert (await sides(books))[COIN] == 52_632

    async def test_one_of_the_smallest_unit(self, books: Books) -> None:
        paid = await priced(books)
        await books.apply(settled(paid, LOCKED))
        part = {"amount": Money(1, "USD"), "exchanged": Exchanged(amount=Money(1, "BTC"))}
        assert await books.apply(reversal(paid, 1, **part)) == ["applied"]
        assert (await sides(books))[COIN] == 52_631


def late(related: Paid | None, *parts: Part, reference: str = "late:0") -> PaymentResult:
    money = ReceivedMoney(
        livemode=False,
        instrument=Instrument(kind="bitcoin", display="bitcoin", sealed="", public={}),
        related_payment_id=related.payment_id if related else None,
    )
    told = received_result(
        rails()["bitcoin"], reference, total_of(parts, "USD"), money, occurred_at=NOON, evidence=[]
    )
    return told.model_copy(update={"exchanged": exchanged(*parts)})


class TestReceived:
    async def test_is_credited_at_the_price_of_the_deposit(self, books: Books) -> None:
        paid = await priced(books)
        assert await books.apply(late(paid, Part(LOCKED.amount, RATE))) == ["applied"]
        assert await sides(books) == PAID
        again = Paid(late(paid, LOCKED).payment_id, "deposit", 50_00, "USD", "bitcoin", "bitcoin")
        assert await books.apply(reversal(again, 1)) == ["applied"]
        assert await sides(books) == NOTHING

    async def test_without_an_owner_it_is_for_people(self, books: Books) -> None:
        assert await books.apply(late(None, Part(LOCKED.amount, RATE))) == ["conflict"]
        found = await sides(books)
        assert (found[COIN], found[OURS], found[FIAT]) == (52_632, -52_632, 50_00)
        assert (await books.balance("suspense:bitcoin:USD"))[0] == -50_00

    async def test_what_does_not_add_up_is_for_people(self, books: Books) -> None:
        paid = await priced(books)
        told = late(paid, Part(LOCKED.amount, RATE)).model_copy(
            update={"amount": Money(60_00, "USD")}
        )
        assert await books.apply(told) == ["conflict"]
        assert (await sides(books))["customer:c1:USD"] == 0


parts = st.builds(
    Part,
    st.integers(1, 10**30).map(lambda minor: Money(minor, "ETH")),
    st.decimals("0.000000001", 10**9, places=12)
    .filter(bool)
    .map(lambda value: Rate("ETH", "USD", value, "s", NOON)),
    st.none() | st.integers(0, 10**20).map(lambda minor: Money(minor, "USD")),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(parts, min_size=1, max_size=4))
async def test_sql_and_python_credit_the_same(books: Books, found: list[Part]) -> None:
    told = [
        ExchangedPart(amount=part.amount, rate=ExchangeRate.of(part.rate), at_most=part.at_most)
        for part in found
    ]
    whole = Exchanged(amount=Money(1, "ETH"), parts=told)
    by_sql = await books.admin.fetchval(
        "select ledger.exchanged_worth($1, 'USD')", whole.model_dump(mode="json")
    )
    assert int(by_sql) == total_of(found, "USD").minor
