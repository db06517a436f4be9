"""Guards of the posting functions, each against the smallest case that passes it by."""

from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from tests.integration.ledger.books import Books, Paid
from tests.integration.ledger.test_conversion import convert, wish

pytestmark = pytest.mark.integration

INSERT_LINES = """
insert into ledger.entry
    (tx_id, seq, account_id, amount, currency, balance_after, account_version, created_at)
select 800, line.seq, b.account_id, line.amount, b.currency, 0, 1000 + line.seq, now()
from unnest($1::text[], $2::numeric[]) with ordinality line (code, amount, seq)
join ledger.account a on a.code = line.code
join ledger.balance b using (account_id)
"""


async def code_of(books: Books, currency: str) -> tuple[str, str]:
    """Two accounts in one currency."""
    await books.settled_deposit(10_000, 250, currency=currency)
    return f"provider:mpesa:{currency}", f"fees:mpesa:{currency}"


class TestTheSumOfATransaction:
    """Entries written by hand: the trigger refuses what does not sum to zero in each currency."""

    @pytest.mark.parametrize("amounts", [(7, -6), (7, -8), (-7, 6), (7, 7), (-7, -7)])
    async def test_is_zero_and_neither_above_nor_below(self, books: Books, amounts: Any) -> None:
        codes = await code_of(books, "KES")
        with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
            await books.admin.execute(INSERT_LINES, list(codes), list(amounts))

    async def test_is_zero_in_each_currency(self, books: Books) -> None:
        kes, _ = await code_of(books, "KES")
        usd, _ = await code_of(books, "USD")
        with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
            await books.admin.execute(INSERT_LINES, [kes, usd], [7, -7])


class TestASettlement:
    @pytest.mark.parametrize(
        "told",
        [
            {"amount": Money(0, "KES")},
            {"amount": Money(-10_000, "KES")},
            {"provider_fee": Money(-1, "KES")},
        ],
    )
    async def test_that_moves_nothing_or_charges_less_than_nothing_is_for_people(
        self, books: Books, told: dict[str, Money]
    ) -> None:
        paid = await books.deposit(10_000, 250)
        assert await books.apply(paid.result("settled", **told)) == ["conflict"]
        assert await books.status(paid) == "in_review"
        assert (await books.history(paid))[-1]["reason"] == "settlement_unreadable"
        assert await books.journal(paid) == {}

    @pytest.mark.parametrize("told", [{"amount": Money(1, "KES")}, {"provider_fee": None}])
    async def test_of_the_smallest_amount_is_posted(self, books: Books, told: Any) -> None:
        paid = await books.deposit(1, 0)
        assert await books.apply(paid.result("settled", **told)) == ["applied"]

    async def test_whose_fee_has_no_currency_is_for_people(self, books: Books) -> None:
        """As no worker of ours writes it: the model has both or none."""
        paid = await books.deposit(10_000, 250)
        told = paid.result("settled", provider_fee=Money(30, "KES")).model_dump(mode="json")
        del told["provider_fee"]["currency"]
        [row] = await books.ledger.fetch("select * from ledger.apply_results($1, null)", [told])
        assert row["outcome"] == "conflict"
        assert (await books.history(paid))[-1]["reason"] == "settlement_unreadable"
        assert await books.journal(paid) == {}

    async def test_that_brings_only_its_reference_later_costs_its_fee_once(
        self, books: Books
    ) -> None:
        paid = await books.deposit(10_000, 250)
        fee = {"provider_fee": Money(40, "KES")}
        first = paid.result("settled", provider_reference=None, **fee)
        assert await books.apply(first) == ["applied"]
        assert await books.apply(paid.result("settled", seq=2, **fee)) == ["applied"]
        assert await books.balance("provider:mpesa:KES") == (10_000 - 40, 0)
        assert await books.balance("provider-costs:mpesa:KES") == (40, 0)

    @pytest.mark.parametrize("progress", ["submitted", "action_required", "unknown"])
    @pytest.mark.parametrize("end", ["settled", "declined", "expired"])
    async def test_stays_the_end_whatever_progress_is_told_after_it(
        self, books: Books, end: Any, progress: Any
    ) -> None:
        paid = await books.deposit(10_000, 250)
        assert await books.apply(paid.result(end)) == ["applied"]
        before = await books.status(paid)
        assert await books.apply(paid.result(progress, seq=20)) == ["stale"]
        assert await books.status(paid) == before

    async def test_of_a_refund_gives_the_merchant_its_part_of_the_fee_back(
        self, books: Books
    ) -> None:
        borne = {"fee_bearer": "merchant", "net_minor": "10000"}
        paid = await books.settled_deposit(10_000, 250, **borne)
        refund, _ = await books.refund(paid, 4_000)
        assert await books.apply(refund.result("settled")) == ["applied"]
        assert await books.journal(refund) == {
            "settlement": {
                "provider:mpesa:KES": -4_000,
                "customer:c1:KES": 4_000,
                "fees:mpesa:KES": 100,
                "merchant:KES": -100,
            }
        }

    async def test_without_a_provider_fee_of_its_own_posts_none(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        free = paid.result("settled", provider_fee=Money(0, "KES"))
        assert await books.apply(free) == ["applied"]
        assert set(await books.journal(paid)) == {"settlement"}

    async def test_may_carry_a_receipt_that_another_method_uses(self, books: Books) -> None:
        """Receipts are unique within a method; two providers may number alike."""
        first = await books.deposit()
        second = await books.deposit(method="card")
        for paid in (first, second):
            told = paid.result("settled", provider_reference="SAME1")
            assert await books.apply(told) == ["applied"]

    async def test_with_a_receipt_its_own_method_used_is_for_people(self, books: Books) -> None:
        for outcome in ("applied", "conflict"):
            paid = await books.deposit()
            told = paid.result("settled", provider_reference="SAME1")
            assert await books.apply(told) == [outcome]


async def test_an_older_note_does_not_bring_older_progress_back(books: Books) -> None:
    """A note with a lower number than what is known leaves that number as it was."""
    paid = await books.deposit()
    await books.apply(paid.result("action_required", seq=5, next_action={"type": "x"}))
    assert await books.apply(paid.result("noted", seq=2)) == ["noted"]
    assert (await books.payment(paid))["attempt_seq"] == 5
    assert await books.apply(paid.result("submitted", seq=4)) == ["stale"]
    assert await books.status(paid) == "requires_action"


@pytest.mark.parametrize(
    ("seen", "end"),
    [
        ([], "declined"),
        ([], "expired"),
        ([], "canceled"),
        (["submitted"], "declined"),
        (["submitted"], "expired"),
    ],
)
async def test_a_refund_that_ended_without_money_frees_its_deposit(
    books: Books, seen: list[Any], end: Any
) -> None:
    paid = await books.settled_deposit(10_000, 250)
    refund, _ = await books.refund(paid, 10_000)
    told: list[PaymentResult] = [refund.result(kind, seq=1) for kind in seen]
    await books.apply(*told, refund.result(end, seq=2))
    assert (await books.payment(paid))["refund_pending_minor"] == 0
    again, _ = await books.refund(paid, 10_000)
    await books.apply(again.result("settled"))
    parent = await books.payment(paid)
    assert (parent["refund_pending_minor"], parent["refunded_minor"]) == (0, 10_000)


@pytest.mark.parametrize("other", [{"currency": "USD"}, {"method": "card"}])
async def test_a_refund_in_another_currency_or_method_is_refused(books: Books, other: Any) -> None:
    paid = await books.settled_deposit(10_000, 250)
    with pytest.raises(asyncpg.PostgresError, match="not_refundable"):
        await books.refund(paid, 100, **other)
    assert (await books.payment(paid))["refund_pending_minor"] == 0


async def test_a_reversal_in_another_currency_is_for_people(books: Books) -> None:
    paid = await books.settled_deposit(10_000, 250)
    told = paid.result("reversed", seq=20, amount=Money(10_000, "USD"), provider_reference="B1")
    assert await books.apply(told) == ["conflict"]
    assert (await books.history(paid))[-1]["reason"] == "reversal_amount_mismatch"
    assert await books.balance("provider:mpesa:KES") == (10_000, 0)


@pytest.mark.parametrize("end", ["declined", "expired", "canceled"])
async def test_a_refund_that_did_not_happen_lowers_no_reversal(books: Books, end: Any) -> None:
    """The deposit goes back whole: the customer gives all of it, and our fee goes with it."""
    paid = await books.settled_deposit(10_000, 250)
    refund, _ = await books.refund(paid, 4_000)
    assert await books.apply(refund.result(end)) == ["applied"]
    back = paid.result("reversed", seq=20, amount=Money(10_000, "KES"), provider_reference="B1")
    assert await books.apply(back) == ["applied"]
    assert (await books.journal(paid))["reversal"] == {
        "provider:mpesa:KES": -10_000,
        "customer:c1:KES": 9_750,
        "fees:mpesa:KES": 250,
    }


class TestAConversion:
    """10,000 minor units at 0.01 are worth exactly 100."""

    @pytest.mark.parametrize(("minor", "fits"), [(99, False), (100, True), (101, False)])
    async def test_cuts_off_less_than_one_unit_and_never_adds(
        self, books: Books, minor: int, fits: bool
    ) -> None:
        await books.settled_deposit(10_000, 0)
        order = wish(10_000, "KES", "USD", "0.01", to_minor=str(minor))
        if fits:
            await convert(books, order)
        else:
            with pytest.raises(asyncpg.CheckViolationError, match="does not bring"):
                await convert(books, order)
        assert await books.balance("customer:c1:USD") == (-100 if fits else 0, 0)

    @pytest.mark.parametrize(
        ("given", "minor", "fits"),
        [("10099", 100, True), ("10001", 100, True), ("9999", 100, False), ("10100", 100, False)],
    )
    async def test_is_judged_to_the_fraction(
        self, books: Books, given: str, minor: int, fits: bool
    ) -> None:
        await books.settled_deposit(20_000, 0)
        order = wish(int(given), "KES", "USD", "0.01", to_minor=str(minor))
        if fits:
            await convert(books, order)
        else:
            with pytest.raises(asyncpg.CheckViolationError):
                await convert(books, order)

    async def test_in_test_mode_leaves_what_live_cut_off_alone(self, books: Books) -> None:
        """Each mode and each currency carries its own fractions."""
        for livemode in (True, False):
            await books.settled_deposit(10_000, 0, livemode=livemode)
        for livemode in (True, False):
            await convert(books, wish(160, "KES", "USD", "0.01", livemode=livemode))
        await convert(books, wish(160, "KES", "EUR", "0.01"))
        rows = await books.admin.fetch("select carry from ledger.conversion")
        assert [row["carry"] for row in rows] == [Decimal("0.6")] * 3
        assert (
            await books.admin.fetchval(
                "select count(*) from ledger.balance join ledger.account using (account_id) "
                "where kind = 'rounding' and posted <> 0"
            )
            == 0
        )


async def test_what_a_withdrawal_may_take_ends_at_what_is_free(books: Books) -> None:
    await books.settled_deposit(10_000, 0)
    await books.withdrawal(4_000, 0)
    with pytest.raises(asyncpg.PostgresError, match="insufficient_funds"):
        await books.withdrawal(6_001, 0)
    last: Paid = await books.withdrawal(6_000, 0)
    assert await books.status(last) == "pending"
    assert await books.customer() == (10_000, 10_000)
