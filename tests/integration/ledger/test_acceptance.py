"""Accepting payments: what the gateway may ask of the books, and what they refuse."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from cift_shared.messaging.messages import ResultKind
from tests.integration.ledger.books import MERCHANT, NOON, Books, command_row

pytestmark = pytest.mark.integration


def refused(code: str) -> Any:
    """Expects one of the ledger's own refusals."""
    return pytest.raises(asyncpg.PostgresError, check=lambda error: error.sqlstate == code)


class TestDeposit:
    async def test_is_pending_and_moves_nothing(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        row = await books.payment(paid)
        assert (row["status"], row["version"], row["minor"]) == ("pending", 1, 10_000)
        assert (row["created_at"], row["metadata"]) == (NOON, {"order": "4711"})
        assert await books.customer() == (0, 0)
        assert [event["kind"] for event in await books.history(paid)] == ["accepted"]

    async def test_takes_only_what_a_caller_may_say(self, books: Books) -> None:
        paid = await books.deposit(status="completed", version=7, refunded_minor="1")
        row = await books.payment(paid)
        assert (row["status"], row["version"], row["refunded_minor"]) == ("pending", 1, 0)

    async def test_fee_and_net_must_fit(self, books: Books) -> None:
        with pytest.raises(asyncpg.CheckViolationError):
            await books.deposit(10_000, 250, net_minor="9999")

    async def test_the_same_payment_twice_is_refused(self, books: Books) -> None:
        paid = await books.deposit()
        with pytest.raises(asyncpg.UniqueViolationError):
            await books.deposit(payment_id=str(paid.payment_id))

    async def test_a_refund_does_not_pass_as_a_payment(self, books: Books) -> None:
        row = command_row("refund", 100, 0, 100)
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await books.gateway.execute("select ledger.accept_payment($1)", row)

    async def test_customers_of_two_merchants_and_modes_are_apart(self, books: Books) -> None:
        await books.settled_deposit(1_000, 0)
        await books.settled_deposit(2_000, 0, merchant_id="other")
        await books.settled_deposit(4_000, 0, livemode=True)
        tenants = await books.admin.fetch(
            """select tenant, -posted as posted from ledger.balance
               join ledger.account using (account_id) where kind = 'customer' order by posted"""
        )
        assert [tuple(row) for row in tenants] == [
            ("acme:test", 1_000),
            ("other:test", 2_000),
            ("acme:live", 4_000),
        ]

    async def test_first_payments_at_once_share_their_accounts(self, books: Books) -> None:
        await asyncio.gather(*(books.deposit() for _ in range(12)))
        assert await books.admin.fetchval("select count(*) from ledger.account") == 3


class TestWithdrawal:
    async def test_holds_amount_and_fee(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 100)
        assert await books.customer() == (10_000, 4_100)
        assert await books.hold(paid) == "held"

    async def test_all_that_is_available_may_go(self, books: Books) -> None:
        await books.settled_deposit(4_100, 0)
        await books.withdrawal(4_000, 100)
        assert await books.customer() == (4_100, 4_100)

    async def test_one_unit_too_much_is_refused_and_leaves_nothing(self, books: Books) -> None:
        await books.settled_deposit(4_099, 0)
        with refused("CF001"):
            await books.withdrawal(4_000, 100)
        assert await books.customer() == (4_099, 0)
        assert await books.admin.fetchval("select count(*) from ledger.payment") == 1

    async def test_twenty_at_once_never_overdraw(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        answers = await asyncio.gather(
            *(books.withdrawal(1_400, 100) for _ in range(20)), return_exceptions=True
        )
        refusals = [answer for answer in answers if isinstance(answer, asyncpg.PostgresError)]
        assert len(refusals) == 14
        assert {error.sqlstate for error in refusals} == {"CF001"}
        assert await books.customer() == (10_000, 9_000)


class TestRefund:
    async def test_gives_its_share_of_the_fee_back(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 250)
        paid, terms = await books.refund(parent, 4_000)
        assert terms == {"fee_minor": "100", "net_minor": "3900"}
        assert await books.customer() == (9_750, 3_900)
        assert await books.hold(paid) == "held"
        assert (await books.payment(parent))["refund_pending_minor"] == 4_000

    @pytest.mark.parametrize("parts", [[10_000], [3_333, 3_333, 3_334], [1, 9_998, 1]])
    async def test_shares_of_a_full_refund_are_the_whole_fee(
        self, books: Books, parts: list[int]
    ) -> None:
        parent = await books.settled_deposit(10_000, 251)
        shares = [int((await books.refund(parent, part))[1]["fee_minor"]) for part in parts]
        assert sum(shares) == 251
        assert min(shares) >= 0

    async def test_shares_stay_exact_after_a_refund_failed(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 333)
        failed, _ = await books.refund(parent, 3_333)
        _, first = await books.refund(parent, 3_333)
        await books.apply(failed.result("declined"))
        _, rest = await books.refund(parent, 6_667)
        assert int(first["fee_minor"]) + int(rest["fee_minor"]) == 333

    async def test_never_more_than_captured_counting_what_is_under_way(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 0)
        done, _ = await books.refund(parent, 6_000)
        await books.apply(done.result("settled"))
        await books.refund(parent, 3_000)
        with refused("CF003"):
            await books.refund(parent, 1_001)
        await books.refund(parent, 1_000)

    async def test_ten_at_once_stop_at_the_captured_amount(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 100)
        await books.settled_deposit(50_000, 0)
        answers = await asyncio.gather(
            *(books.refund(parent, 3_000) for _ in range(10)), return_exceptions=True
        )
        codes = [a.sqlstate for a in answers if isinstance(a, asyncpg.PostgresError)]
        assert codes == ["CF003"] * 7

    async def test_money_that_is_gone_cannot_be_given_back(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 0)
        await books.withdrawal(9_000, 0)
        with refused("CF001"):
            await books.refund(parent, 1_001)
        assert (await books.payment(parent))["refund_pending_minor"] == 0

    async def test_only_a_completed_deposit_of_the_merchant(self, books: Books) -> None:
        settled = await books.settled_deposit()
        pending = await books.deposit()
        for parent, fields in (
            (pending, {}),
            (settled, {"merchant_id": "other"}),
            (settled, {"livemode": True}),
        ):
            with refused("CF002"):
                await books.refund(parent, 1, **fields)

    async def test_a_refund_is_not_refundable(self, books: Books) -> None:
        parent = await books.settled_deposit()
        paid, _ = await books.refund(parent, 100)
        await books.apply(paid.result("settled"))
        with refused("CF002"):
            await books.refund(paid, 50)


class TestCancel:
    async def _ask(self, books: Books, payment_id: Any, merchant: str = MERCHANT) -> str:
        status: str = await books.gateway.fetchval(
            "select ledger.request_cancel($1, $2, false)", payment_id, merchant
        )
        return status

    async def test_is_noted_once_and_changes_nothing(self, books: Books) -> None:
        paid = await books.deposit()
        assert await self._ask(books, paid.payment_id) == "pending"
        assert await self._ask(books, paid.payment_id) == "pending"
        kinds = [event["kind"] for event in await books.history(paid)]
        assert kinds == ["accepted", "cancel_requested"]

    @pytest.mark.parametrize("sent", ["submitted", "unknown", "action_required"])
    async def test_is_asked_of_a_provider_that_can_cancel_what_it_has(
        self, books: Books, sent: ResultKind
    ) -> None:
        paid = await books.deposit()
        await books.apply(paid.result(sent))
        asked = "select ledger.request_cancel_2($1, $2, false, $3)"
        with refused("CF004"):
            await books.gateway.fetchval(asked, paid.payment_id, MERCHANT, False)
        with refused("CF005"):
            await books.gateway.fetchval(asked, paid.payment_id, "someone", True)
        status = await books.gateway.fetchval(asked, paid.payment_id, MERCHANT, True)
        assert status in ("processing", "requires_action")
        assert [event["kind"] for event in await books.history(paid)][-1] == "cancel_requested"

    @pytest.mark.parametrize("end", ["settled", "declined", "expired", "conflicting"])
    async def test_is_refused_once_it_is_over_whatever_the_provider_can(
        self, books: Books, end: ResultKind
    ) -> None:
        paid = await books.deposit()
        await books.apply(paid.result(end))
        with refused("CF004"):
            await books.gateway.fetchval(
                "select ledger.request_cancel_2($1, $2, false, true)", paid.payment_id, MERCHANT
            )

    async def test_is_refused_once_the_provider_may_have_it(self, books: Books) -> None:
        paid = await books.deposit()
        await books.apply(paid.result("submitted"))
        with refused("CF004"):
            await self._ask(books, paid.payment_id)

    async def test_another_merchants_payment_is_not_there(self, books: Books) -> None:
        paid = await books.deposit()
        with refused("CF005"):
            await self._ask(books, paid.payment_id, "other")


async def test_wei_size_amounts_fit(books: Books) -> None:
    wei = 10**26
    paid = await books.deposit(wei, 1, currency="ETH", method="ethereum")
    assert await books.apply(paid.result("settled")) == ["applied"]
    assert await books.balance("provider:ethereum:ETH") == (wei, 0)
    event = json.loads((await books.outbox())[0]["body"])["payment"]
    assert event["amount"] == "100000000.000000000000000000"
    assert event["net"] == "99999999.999999999999999999"


async def test_an_amount_beyond_38_digits_is_refused(books: Books) -> None:
    with pytest.raises(asyncpg.NumericValueOutOfRangeError):
        await books.deposit(2**200, 0, currency="ETH", method="ethereum")
