"""The bounds of reconciliations: what is apart, what is empty, and what people may close."""

import json
from typing import Any

import pytest

from cift_shared.money.amount import Money
from ledger.operator import store as operators
from ledger.operator.store import Refused
from ledger.reconciliation import store
from ledger.reconciliation.store import Report
from tests.integration.ledger.books import Books, Paid
from tests.integration.ledger.test_reconciliation import (
    FORMAT,
    PROVIDER,
    SIGNED,
    SUSPENSE,
    change,
    line,
    operator,
    order,
    receipt,
    reconcile,
)

__all__ = ["operator"]

pytestmark = pytest.mark.integration

ACCOUNTS = ["adjustments", "provider-costs", "losses"]


async def run(session: Any, *lines: dict[str, Any], **asked: Any) -> Report:
    content = json.dumps(lines).encode()
    return await store.reconcile_statement(session, order(**asked), content, FORMAT, dry_run=False)


async def of_house(books: Books, mode: str, code: str) -> int:
    posted = await books.admin.fetchval(
        "select posted from ledger.balance join ledger.account using (account_id)"
        " where tenant = $1 and code = $2",
        f"house:{mode}", code,
    )  # fmt: skip
    return int(posted or 0)


async def kept(books: Books) -> list[tuple[str, int, int, int]]:
    """State, difference, booked and in suspense of each discrepancy, the oldest first."""
    rows = await books.admin.fetch(
        "select state, difference, booked, in_suspense from ledger.discrepancy"
        " order by discrepancy_id"
    )
    return [(row[0], int(row[1]), int(row[2]), int(row[3])) for row in rows]


async def failed_with_money(books: Books, operator: Any, minor: int) -> Paid:
    """A deposit that people ended as failed, whose money stands in suspense."""
    paid = await books.deposit()
    assert await books.apply(paid.result("settled", amount=Money(minor, "KES"))) == ["conflict"]
    decision = {"payment_id": str(paid.payment_id), "as": "failed", **SIGNED}
    await operators.resolve(operator, decision)
    return paid


class TestOneName:
    """UKN4 may be a name of two methods, in two currencies, and in test and live."""

    async def test_in_test_and_live_is_two(self, books: Books, operator: Any) -> None:
        for _ in range(2):
            for livemode, gross in ((False, 7_700), (True, 5_500)):
                await run(operator, line("UKN4", gross), livemode=livemode)
        assert await of_house(books, "test", PROVIDER) == 7_700
        assert await of_house(books, "live", PROVIDER) == 5_500
        assert await of_house(books, "live", SUSPENSE) == -5_500
        assert await kept(books) == [
            ("open", 7_700, 7_700, -7_700),
            ("open", 5_500, 5_500, -5_500),
        ]

    async def test_of_two_methods_is_two(self, books: Books, operator: Any) -> None:
        for _ in range(2):
            for method, gross in (("mpesa", 7_700), ("card", 5_500)):
                await run(operator, line("UKN4", gross), method=method)
        assert await of_house(books, "test", PROVIDER) == 7_700
        assert await of_house(books, "test", "provider:card:KES") == 5_500
        assert len(await kept(books)) == 2

    async def test_in_two_currencies_is_two(self, books: Books, operator: Any) -> None:
        for _ in range(2):
            for currency, gross in (("KES", 7_700), ("USD", 5_500)):
                one = line(f"L-{currency}", gross, currency=currency, references=["UKN4"])
                await run(operator, one, currency=currency)
        assert await of_house(books, "test", PROVIDER) == 7_700
        assert await of_house(books, "test", "provider:mpesa:USD") == 5_500
        assert await of_house(books, "test", "suspense:mpesa:USD") == -5_500
        assert [row[1:] for row in await kept(books)] == [
            (7_700, 7_700, -7_700),
            (5_500, 5_500, -5_500),
        ]


class TestALine:
    @pytest.mark.parametrize("other", [{"gross": 7_701}, {"fee": 1}, {"gross": 7_699}])
    async def test_never_changes(self, books: Books, operator: Any, other: Any) -> None:
        del books
        await reconcile(operator, line("UKN4", 7_700))
        with pytest.raises(Refused, match="line UKN4 had another amount"):
            await reconcile(operator, {**line("UKN4", 7_700), **other})

    async def test_never_changes_its_currency(self, books: Books, operator: Any) -> None:
        del books
        await reconcile(operator, line("UKN4", 7_700))
        with pytest.raises(Refused, match="line UKN4 had another amount"):
            await run(operator, line("UKN4", 7_700, currency="USD"), currency="USD")


class TestPosting:
    async def test_money_that_went_out_unknown_comes_out_of_suspense(
        self, books: Books, operator: Any
    ) -> None:
        for _ in range(2):
            await reconcile(operator, line("UKN4", -7_700))
            assert await books.balance(PROVIDER) == (-7_700, 0)
            assert await books.balance(SUSPENSE) == (7_700, 0)
        assert await kept(books) == [("open", -7_700, -7_700, 7_700)]

    async def test_a_fee_that_we_booked_too_high_is_a_difference(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        settled = paid.result("settled", seq=9, provider_fee=Money(40, "KES"))
        assert await books.apply(settled) == ["applied"]
        await reconcile(operator, line(await receipt(books, paid), 10_000, fee=30))
        assert await kept(books) == [("open", 10, 10, -10)]
        assert await books.balance(PROVIDER) == (9_970, 0)

    async def test_a_payment_that_was_turned_back_is_two_items(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.settled_deposit(10_000, 0)
        back = paid.result(
            "reversed", seq=12, amount=Money(10_000, "KES"), provider_reference="B1", reason="lost"
        )
        assert await books.apply(back) == ["applied"]
        await reconcile(operator, line("UKN4", 7_700))
        items = await books.admin.fetch(
            "select item_id, gross, fee, is_first from ledger.provider_item order by item_id"
        )
        assert [tuple(item) for item in items] == [
            (str(paid.payment_id), 10_000, None, True),
            (f"{paid.payment_id}:reversal", -10_000, None, False),
        ]

    async def test_agreeing_again_closes_and_a_new_difference_opens_anew(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        await reconcile(operator, line("UKN4", 10_000))
        settled = paid.result("settled", provider_reference="UKN4")
        assert await books.apply(settled) == ["applied"]
        await reconcile(operator, line("UKN4", 10_000))
        assert await kept(books) == [("closed", 0, 0, 0)]
        charge = line("UKN4:charge", 0, kind="charge", fee=40, references=["UKN4"])
        for _ in range(2):
            await reconcile(operator, line("UKN4", 10_000), charge)
        assert await kept(books) == [("closed", 0, 0, 0), ("open", -40, -40, 40)]
        assert await books.balance(PROVIDER) == (9_960, 0)


class TestSuspense:
    async def test_has_one_owner_however_often_people_look(
        self, books: Books, operator: Any
    ) -> None:
        paid = await failed_with_money(books, operator, 9_000)
        assert await books.apply(paid.result("settled", seq=20)) == ["conflict"]
        if await books.status(paid) == "in_review":
            decision = {"payment_id": str(paid.payment_id), "as": "failed", **SIGNED}
            await operators.resolve(operator, decision)
        assert await kept(books) == [("open", 0, 0, -9_000)]

    async def test_that_nobody_claimed_is_not_of_the_line_that_came(
        self, books: Books, operator: Any
    ) -> None:
        paid = await failed_with_money(books, operator, 9_000)
        name = await receipt(books, paid)
        await reconcile(operator, line(name, 8_000))
        assert await kept(books) == [("open", 0, 0, -9_000), ("open", -1_000, -1_000, 1_000)]

    @pytest.mark.parametrize(("back", "fits"), [(-9_000, True), (-8_999, False), (-9_001, False)])
    async def test_two_are_closed_together_when_they_empty_it(
        self, books: Books, operator: Any, back: int, fits: bool
    ) -> None:
        paid = await failed_with_money(books, operator, 9_000)
        await reconcile(operator, line(await receipt(books, paid), 9_000), line("UKN9", back))
        if fits:
            await change(operator, 2, "close", **{"with": "1"})
            assert [row[0] for row in await kept(books)] == ["closed", "closed"]
            return
        with pytest.raises(Refused, match="do not empty suspense together"):
            await change(operator, 2, "close", **{"with": "1"})

    @pytest.mark.parametrize(
        "asked", [{"livemode": True}, {"method": "card"}, {"currency": "USD"}], ids=str
    )
    async def test_of_two_rails_is_not_emptied_together(
        self, books: Books, operator: Any, asked: Any
    ) -> None:
        await reconcile(operator, line("UKN4", 9_000))
        there = line("UKN9", -9_000, currency=asked.get("currency", "KES"))
        await run(operator, there, **asked)
        with pytest.raises(Refused, match="do not empty suspense together"):
            await change(operator, 2, "close", **{"with": "1"})
        assert [row[0] for row in await kept(books)] == ["open", "open"]

    async def test_is_not_emptied_with_what_is_closed(self, books: Books, operator: Any) -> None:
        paid = await books.settled_deposit(10_000, 0)
        name = await receipt(books, paid)
        await reconcile(operator, line(name, 10_000), line("UKN4", 9_000), line("UKN9", -9_000))
        await change(operator, 1, "close", write_off="losses")
        await reconcile(operator)  # nothing of it is in suspense: it only waits for people
        with pytest.raises(Refused):
            await change(operator, 2, "close", **{"with": "1"})
        with pytest.raises(Refused):
            await change(operator, 2, "close", **{"with": "99"})


class TestAWriteOff:
    @pytest.mark.parametrize("against", ACCOUNTS)
    @pytest.mark.parametrize("gross", [7_700, -7_700])
    async def test_goes_to_one_of_three_accounts(
        self, books: Books, operator: Any, against: str, gross: int
    ) -> None:
        await reconcile(operator, line("UKN4", gross))
        await change(operator, 1, "close", write_off=against)
        assert await books.balance(SUSPENSE) == (0, 0)
        assert await books.balance(f"{against}:mpesa:KES") == (-gross, 0)
        assert await kept(books) == [("closed", gross, gross, 0)]

    @pytest.mark.parametrize("against", ["suspense", "fees", "provider", "customer", ""])
    async def test_goes_to_no_other(self, books: Books, operator: Any, against: str) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        with pytest.raises(Refused, match="adjustments, provider-costs or losses"):
            await change(operator, 1, "close", write_off=against)
        assert await books.balance(SUSPENSE) == (-7_700, 0)

    @pytest.mark.parametrize("kind", ["deposit", "withdrawal"])
    async def test_of_what_the_provider_does_not_know_brings_its_account_down(
        self, books: Books, operator: Any, kind: str
    ) -> None:
        first = await books.settled_deposit(10_000, 0)
        known = [line(await receipt(books, first), 10_000)]
        if kind == "withdrawal":
            out = await books.withdrawal(4_000, 0)
            assert await books.apply(out.result("settled", seq=9)) == ["applied"]
        else:
            await books.settled_deposit(4_000, 0)
        await reconcile(operator, *known)
        wrong = 4_000 if kind == "deposit" else -4_000
        with pytest.raises(Refused, match=r"our books differ by 40\.00 KES still"):
            await change(operator, 1, "close")
        await change(operator, 1, "close", write_off="losses")
        assert await books.balance(PROVIDER) == (10_000, 0)
        assert await books.balance("losses:mpesa:KES") == (wrong, 0)
        assert await kept(books) == [("closed", -wrong, -wrong, 0)]
        assert not (await reconcile(operator, *known)).has_drift
        assert await books.balance(PROVIDER) == (10_000, 0)

    async def test_that_is_corrected_is_open_again_with_what_it_took(
        self, books: Books, operator: Any
    ) -> None:
        for gross in (7_700, -3_300):
            lines = [line("UKN7700", 7_700), line("UKN3300", -3_300)]
            await reconcile(operator, *lines[: 1 + (gross < 0)])
            number = await books.admin.fetchval(
                "select max(discrepancy_id) from ledger.discrepancy"
            )
            await change(operator, number, "close", write_off="adjustments")
            written_off = await books.admin.fetchval(
                "select max(tx_id) from ledger.ledger_tx where kind = 'resolution'"
            )
            await operators.correct(operator, {"tx_id": str(written_off), **SIGNED})
        assert await kept(books) == [
            ("open", 7_700, 7_700, -7_700),
            ("open", -3_300, -3_300, 3_300),
        ]
        await reconcile(operator, line("UKN7700", 7_700), line("UKN3300", -3_300))
        assert await books.balance(SUSPENSE) == (-4_400, 0)
