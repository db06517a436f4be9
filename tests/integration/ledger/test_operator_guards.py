"""The bounds of what people may decide, each from both sides."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from cift_shared.money.amount import Money
from ledger.operator import store
from ledger.operator.store import Refused
from tests.integration.ledger.books import NOON, Books
from tests.integration.ledger.test_conversion import convert, wish
from tests.integration.ledger.test_operator import (
    LATER,
    SIGNED,
    hold_order,
    in_review,
    operator,
    resolve,
)
from tests.integration.ledger.test_reversals_and_disputes import disputed

__all__ = ["operator"]

pytestmark = pytest.mark.integration

SUSPENSE, FEES = "suspense:mpesa:KES", "fees:mpesa:KES"
MERCHANT_PAYS = {"fee_bearer": "merchant", "net_minor": "10000"}


class TestADeposit:
    @pytest.mark.parametrize(("amount", "fits"), [("-1", False), ("0", False), ("1", True)])
    async def test_of_nothing_is_none(
        self, books: Books, operator: Any, amount: str, fits: bool
    ) -> None:
        paid = await books.deposit(10_000, 250)
        await in_review(books, paid, None)
        known = {"amount": amount, "fee": "0", "provider_reference": "UKN4"}
        if fits:
            await resolve(operator, paid, "completed", **known)
            assert await books.customer() == (1, 0)
            return
        with pytest.raises(Refused, match="above zero"):
            await resolve(operator, paid, "completed", **known)

    @pytest.mark.parametrize(
        ("fee", "fits"), [("-1", False), ("8999", True), ("9000", True), ("9001", False)]
    )
    async def test_pays_no_fee_below_zero_or_above_itself(
        self, books: Books, operator: Any, fee: str, fits: bool
    ) -> None:
        paid = await books.deposit(10_000, 250)
        await in_review(books, paid, 9_000)
        if fits:
            await resolve(operator, paid, "completed", fee=fee)
            assert await books.customer() == (9_000 - int(fee), 0)
            assert await books.balance(FEES) == (-int(fee), 0)
            return
        with pytest.raises(Refused, match="between zero and the amount"):
            await resolve(operator, paid, "completed", fee=fee)

    async def test_whose_fee_the_merchant_pays_is_the_customers_whole(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit(10_000, 250, **MERCHANT_PAYS)
        await in_review(books, paid, 9_000)
        await resolve(operator, paid, "completed", fee="225")
        assert await books.customer() == (9_000, 0)
        assert await books.balance(FEES) == (-225, 0)
        assert await books.balance("merchant:KES") == (225, 0)
        assert await books.balance(SUSPENSE) == (0, 0)

    async def test_may_have_a_receipt_that_another_method_has_too(
        self, books: Books, operator: Any
    ) -> None:
        other = await books.deposit(method="card")
        settled = other.result("settled", seq=9, provider_reference="UKN4")
        assert await books.apply(settled) == ["applied"]
        paid = await books.deposit()
        await in_review(books, paid, None)
        await resolve(operator, paid, "completed", amount="10000", provider_reference="UKN4")
        again = await books.deposit()
        await in_review(books, again, None)
        with pytest.raises(Refused, match=f"receipt of payment {paid.payment_id}"):
            await resolve(operator, again, "completed", amount="10000", provider_reference="UKN4")

    async def test_that_ended_is_no_longer_waited_for_and_has_a_new_version(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        await in_review(books, paid, None)
        before = await books.payment(paid)
        known = {"amount": "10000", "provider_reference": "UKN4"}
        await resolve(operator, paid, "completed", **known)
        after = await books.payment(paid)
        assert after["version"] == before["version"] + 1
        assert after["provider_reference"] == "UKN4"
        assert await books.admin.fetchval("select count(*) from ledger.unfinished") == 0

    async def test_keeps_its_amounts_but_when_people_complete_it(
        self, books: Books, operator: Any
    ) -> None:
        pending, done = await books.deposit(), await books.settled_deposit()
        waiting = await books.deposit()
        await in_review(books, waiting, None)
        for paid in (pending, done, waiting):
            for column in ("minor", "fee_minor", "net_minor"):
                with pytest.raises(asyncpg.RestrictViolationError, match="are fixed"):
                    await books.admin.execute(
                        f"update ledger.payment set {column} = 1 where payment_id = $1",
                        paid.payment_id,
                    )


class TestAWithdrawal:
    async def test_may_take_the_last_unit(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000, 250)
        paid = await books.withdrawal(4_000, 100)
        await in_review(books, paid, 9_650)
        with pytest.raises(Refused, match=r"0\.01 KES is missing"):
            await resolve(operator, paid, "completed", fee="101")
        await resolve(operator, paid, "completed", fee="100")
        assert await books.customer() == (0, 0)

    async def test_may_cost_more_than_it_moved(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000, 250)
        paid = await books.withdrawal(100, 150)
        await in_review(books, paid, None)
        await resolve(operator, paid, "completed", amount="100", provider_reference="UKN4")
        assert await books.customer() == (9_500, 0)
        assert await books.balance(FEES) == (-400, 0)

    async def test_that_left_after_its_hold_was_free_frees_nothing_twice(
        self, books: Books, operator: Any
    ) -> None:
        await books.settled_deposit(10_000, 250)
        paid = await books.withdrawal(9_000, 0)
        assert await books.apply(paid.result("declined", seq=1)) == ["applied"]
        await in_review(books, paid, 9_000)
        await books.withdrawal(751, 0)
        with pytest.raises(Refused, match=r"0\.01 KES is missing"):
            await resolve(operator, paid, "completed")

    async def test_that_failed_frees_its_hold_as_released(
        self, books: Books, operator: Any
    ) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal(4_000, 100)
        await in_review(books, paid, None)
        await resolve(operator, paid, "failed")
        assert await books.hold(paid) == "released"
        assert await books.admin.fetchval("select captured from ledger.hold") is None


class TestARefund:
    async def test_has_no_fee_of_its_own(self, books: Books, operator: Any) -> None:
        deposit = await books.settled_deposit(10_000, 250)
        refund, _ = await books.refund(deposit, 4_000)
        await in_review(books, refund, 3_000)
        with pytest.raises(Refused, match="follows from its amount"):
            await resolve(operator, refund, "completed", fee="75")

    @pytest.mark.parametrize(("minor", "fits"), [(6_000, True), (6_001, False)])
    @pytest.mark.parametrize("other", ["refunded", "pending", "disputed"])
    async def test_is_of_what_the_deposit_has_left(
        self, books: Books, operator: Any, other: str, minor: int, fits: bool
    ) -> None:
        deposit = await books.settled_deposit(10_000, 0)
        await books.settled_deposit(20_000, 0)
        refund, _ = await books.refund(deposit, 5_000)
        if other == "disputed":
            assert await books.apply(disputed(deposit, 20, withdrawn=4_000)) == ["applied"]
        else:
            first, _ = await books.refund(deposit, 4_000)
            if other == "refunded":
                assert await books.apply(first.result("settled", seq=9)) == ["applied"]
        await in_review(books, refund, minor)
        if fits:
            await resolve(operator, refund, "completed")
            assert (await books.payment(deposit))["refunded_minor"] >= 6_000
            return
        with pytest.raises(Refused, match="less than that left"):
            await resolve(operator, refund, "completed")

    async def test_of_a_deposit_whose_fee_the_merchant_paid_gives_the_merchant_its_share(
        self, books: Books, operator: Any
    ) -> None:
        deposit = await books.settled_deposit(10_000, 250, **MERCHANT_PAYS)
        refund, _ = await books.refund(deposit, 4_000)
        await in_review(books, refund, 2_000)
        await resolve(operator, refund, "completed")
        assert await books.customer() == (8_000, 0)
        assert await books.balance("merchant:KES") == (200, 0)
        assert await books.balance(FEES) == (-200, 0)

    async def test_that_ended_once_counts_once_for_its_deposit(
        self, books: Books, operator: Any
    ) -> None:
        deposit = await books.settled_deposit(10_000, 0)
        late, _ = await books.refund(deposit, 4_000)
        assert await books.apply(late.result("declined", seq=1)) == ["applied"]
        await in_review(books, late, 4_000)
        waiting, _ = await books.refund(deposit, 5_000)
        await resolve(operator, late, "failed")
        parent = await books.payment(deposit)
        assert (parent["refunded_minor"], parent["refund_pending_minor"]) == (0, 5_000)
        assert await books.apply(waiting.result("settled", seq=9)) == ["applied"]


class TestAHold:
    @pytest.mark.parametrize(
        "strange",
        [
            {"amount": "0"},
            {"amount": "-1"},
            {"until": LATER.isoformat()},
            {"until": (LATER - timedelta(seconds=1)).isoformat()},
        ],
    )
    async def test_takes_something_for_some_time(
        self, books: Books, operator: Any, strange: dict[str, str]
    ) -> None:
        await books.settled_deposit()
        with pytest.raises(Refused, match="above zero and ends after it began"):
            await store.place_hold(operator, hold_order(**strange))

    @pytest.mark.parametrize(
        "other",
        [
            {"amount": "3001"},
            {"until": (LATER + timedelta(hours=1)).isoformat()},
            {"customer_id": "c2"},
        ],
    )
    async def test_of_one_key_has_one_set_of_terms(
        self, books: Books, operator: Any, other: dict[str, str]
    ) -> None:
        for customer in ("c1", "c2"):
            await books.settled_deposit(customer_id=customer)
        await store.place_hold(operator, hold_order())
        with pytest.raises(Refused, match="other terms"):
            await store.place_hold(operator, hold_order(**other))

    async def test_may_take_the_last_unit(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000, 250)
        with pytest.raises(Refused, match=r"97\.50 KES available, 0\.01 KES is missing"):
            await store.place_hold(operator, hold_order(amount="9751"))
        await store.place_hold(operator, hold_order(amount="9750"))
        assert await books.customer() == (9_750, 9_750)

    @pytest.mark.parametrize("amount", ["3000", None])
    async def test_may_be_captured_whole(
        self, books: Books, operator: Any, amount: str | None
    ) -> None:
        await books.settled_deposit()
        await store.place_hold(operator, hold_order())
        await store.capture_hold(operator, {"key": "h1", "amount": amount, **SIGNED})
        assert await books.customer() == (6_750, 0)
        for end in (store.capture_hold, store.release_hold):
            with pytest.raises(Refused, match="it was captured"):
                await end(operator, {"key": "h1", "amount": None, **SIGNED})

    async def test_that_is_given_back_was_released(self, books: Books, operator: Any) -> None:
        await books.settled_deposit()
        await store.place_hold(operator, hold_order())
        await store.release_hold(operator, {"key": "h1", **SIGNED})
        with pytest.raises(Refused, match="it was released"):
            await store.release_hold(operator, {"key": "h1", **SIGNED})
        assert await books.customer() == (9_750, 0)

    async def test_of_a_dispute_is_not_the_operators(self, books: Books, operator: Any) -> None:
        deposit = await books.settled_deposit()
        assert await books.apply(disputed(deposit, 20, withdrawn=4_000)) == ["applied"]
        name = await books.admin.fetchval("select hold_key from ledger.hold")
        for key in (name, name.rpartition(":")[2]):
            with pytest.raises(Refused, match="placed by people"):
                await store.release_hold(operator, {"key": key, **SIGNED})


class TestACorrection:
    async def correct(self, books: Books, operator: Any, kind: str) -> None:
        wrong = await books.admin.fetchval(
            "select max(tx_id) from ledger.ledger_tx where kind = $1", kind
        )
        await store.correct(operator, {"tx_id": str(wrong), **SIGNED})

    async def test_of_a_conversion_turns_it_back(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000, 250)
        await convert(books, wish(9_700, "KES", "USD", "0.0077"))
        await self.correct(books, operator, "conversion")
        assert await books.customer() == (9_750, 0)
        assert await books.balance("customer:c1:USD") == (0, 0)
        with pytest.raises(Refused, match="do again what it undid"):
            await self.correct(books, operator, "correction")

    async def test_of_money_that_is_gone_is_refused(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000, 250)
        await convert(books, wish(9_700, "KES", "USD", "0.0077"))
        there = wish(70, "USD", "KES", "100", conversion_id=str(uuid4()))
        await convert(books, there)
        wrong = await books.admin.fetchval(
            "select min(tx_id) from ledger.ledger_tx where kind = 'conversion'"
        )
        with pytest.raises(Refused, match=r"0\.04 USD available, 0\.70 USD is missing"):
            await store.correct(operator, {"tx_id": str(wrong), **SIGNED})

    async def test_never_undoes_what_belongs_to_a_payment(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit(10_000, 250)
        await in_review(books, paid, 9_000)
        with pytest.raises(Refused, match="resolved by"):
            await self.correct(books, operator, "suspense")
        await resolve(operator, paid, "completed", fee="225")
        with pytest.raises(Refused, match="with a refund"):
            await self.correct(books, operator, "resolution")
        settled = await books.deposit()
        told = settled.result("settled", seq=9, provider_fee=Money(10, "KES"), occurred_at=NOON)
        assert await books.apply(told) == ["applied"]
        with pytest.raises(Refused, match="with a refund"):
            await self.correct(books, operator, "settlement")
