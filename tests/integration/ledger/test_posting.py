"""Results become states and postings, once, whatever the order and however often they come."""

import asyncio
import json
import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from cift_shared.attempts.results import CANCELED_AT_PROVIDER
from cift_shared.database.pool import open_pool
from cift_shared.messaging.messages import PaymentEvent, PaymentResult, ResultKind
from cift_shared.money.amount import Money
from ledger.posting.store import LedgerStore
from tests.integration.ledger.books import NOON, Books

pytestmark = pytest.mark.integration


class TestSettlement:
    async def test_deposit(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        assert await books.apply(paid.result("settled")) == ["applied"]
        assert await books.status(paid) == "completed"
        assert await books.journal(paid) == {
            "settlement": {
                "provider:mpesa:KES": 10_000,
                "customer:c1:KES": -9_750,
                "fees:mpesa:KES": -250,
            }
        }
        assert await books.customer() == (9_750, 0)

    async def test_withdrawal_captures_its_hold(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 100)
        await books.apply(paid.result("settled"))
        assert await books.journal(paid) == {
            "settlement": {
                "customer:c1:KES": 4_100,
                "provider:mpesa:KES": -4_000,
                "fees:mpesa:KES": -100,
            }
        }
        assert await books.customer() == (5_900, 0)
        assert await books.hold(paid) == "captured"

    async def test_refund_gives_the_fee_share_back(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 250)
        paid, _ = await books.refund(parent, 10_000)
        await books.apply(paid.result("settled"))
        assert await books.journal(paid) == {
            "settlement": {
                "customer:c1:KES": 9_750,
                "fees:mpesa:KES": 250,
                "provider:mpesa:KES": -10_000,
            }
        }
        row = await books.payment(parent)
        assert (row["refunded_minor"], row["refund_pending_minor"]) == (10_000, 0)
        assert await books.customer() == (0, 0)

    async def test_without_a_fee_two_entries_do(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 0)
        assert len((await books.journal(paid))["settlement"]) == 2

    async def test_the_providers_fee_is_its_own_transaction(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        await books.apply(paid.result("settled", provider_fee=Money(55, "KES")))
        assert (await books.journal(paid))["provider_fee"] == {
            "provider-costs:mpesa:KES": 55,
            "provider:mpesa:KES": -55,
        }
        assert (await books.payment(paid))["provider_fee_minor"] == 55
        assert await books.balance("provider:mpesa:KES") == (9_945, 0)

    async def test_a_decline_may_have_cost_the_providers_fee(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 100)
        told = paid.result("declined", provider_fee=Money(55, "KES"))
        assert await books.apply(told) == ["applied"]
        assert await books.status(paid) == "failed"
        assert await books.journal(paid) == {
            "provider_fee": {"provider-costs:mpesa:KES": 55, "provider:mpesa:KES": -55}
        }
        assert await books.customer() == (10_000, 0)
        again = paid.result("declined", seq=2, provider_fee=Money(55, "KES"))
        assert await books.apply(again) == ["duplicate"]
        assert await books.balance("provider:mpesa:KES") == (9_945, 0)

    @pytest.mark.parametrize("minor", [0, -1])
    async def test_a_decline_with_no_fee_posts_nothing(self, books: Books, minor: int) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 100)
        await books.apply(paid.result("declined", provider_fee=Money(minor, "KES")))
        assert await books.journal(paid) == {}
        assert await books.status(paid) == "failed"

    async def test_a_fee_in_another_currency_is_booked_in_its_own(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        answers = await books.apply(
            paid.result("settled", provider_fee=Money(30, "USD")),
            paid.result("settled", seq=2, provider_fee=Money(30, "USD")),
            paid.result("settled", seq=3, provider_fee=Money(30, "KES")),
        )
        assert answers == ["applied", "duplicate", "conflict"]
        assert (await books.journal(paid))["provider_fee"] == {
            "provider-costs:mpesa:USD": 30,
            "provider:mpesa:USD": -30,
        }
        row = await books.payment(paid)
        assert (row["provider_fee_minor"], row["provider_fee_currency"]) == (30, "USD")

    async def test_a_merchant_bears_the_fee(self, books: Books) -> None:
        fields = {"fee_bearer": "merchant", "net_minor": "10000"}
        paid = await books.settled_deposit(10_000, 250, **fields)
        assert (await books.journal(paid))["settlement"] == {
            "provider:mpesa:KES": 10_000,
            "customer:c1:KES": -10_000,
            "fees:mpesa:KES": -250,
            "merchant:KES": 250,
        }

    async def test_what_is_known_of_a_card_is_kept_and_shown(self, books: Books) -> None:
        instrument = {"kind": "card", "display": "card", "sealed": "k1:c2VhbGVk"}
        paid = await books.deposit(method="card", instrument=instrument)
        card = {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2030}
        prompt = {"type": "use_sdk", "client_secret_sealed": "k1:c2VhbGVk"}
        await books.apply(
            paid.result("action_required", next_action=prompt),
            paid.result("settled", seq=2, public=card),
        )
        assert (await books.payment(paid))["instrument"] == {**instrument, "public": card}
        asked, settled = [json.loads(row["body"])["payment"] for row in await books.outbox()]
        assert asked["next_action"] == {"type": "use_sdk"}
        assert asked["payment_method"]["last4"] is None
        assert settled["payment_method"] == {"kind": "card", **card}

    async def test_receipt_and_fee_may_come_later_once(self, books: Books) -> None:
        paid = await books.deposit()
        receipt = {"provider_reference": "SIF1", "provider_fee": Money(55, "KES")}
        assert await books.apply(
            paid.result("settled", provider_reference=None),
            paid.result("settled", seq=2, **receipt),
            paid.result("settled", seq=3, **receipt),
            paid.result("settled", seq=4, provider_reference="SIF2"),
            paid.result("settled", seq=5, provider_fee=Money(56, "KES")),
        ) == ["applied", "applied", "duplicate", "conflict", "conflict"]
        row = await books.payment(paid)
        assert (row["status"], row["provider_reference"], row["version"]) == (
            "completed",
            "SIF1",
            3,
        )
        assert set(await books.journal(paid)) == {"settlement", "provider_fee"}


async def apply_patiently(store: LedgerStore, results: Sequence[PaymentResult]) -> None:
    """A slow machine may let a writer wait for longer than it likes; a deadlock it must not."""
    while True:
        try:
            await store.apply_results(results, [])
        except asyncpg.LockNotAvailableError:
            continue
        return


class TestEnds:
    @pytest.mark.parametrize(
        ("kind", "status", "hold"),
        [
            ("declined", "failed", "released"),
            ("expired", "expired", "expired"),
            ("canceled", "canceled", "released"),
        ],
    )
    async def test_money_that_did_not_move_is_free_again(
        self, books: Books, kind: str, status: str, hold: str
    ) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 100)
        assert await books.apply(paid.result(kind)) == ["applied"]
        row = await books.payment(paid)
        assert (row["status"], row["failure"]["code"]) == (status, "payer_balance_insufficient")
        assert await books.customer() == (10_000, 0)
        assert await books.hold(paid) == hold
        assert await books.journal(paid) == {}

    async def test_a_failed_refund_may_be_tried_again(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 0)
        paid, _ = await books.refund(parent, 10_000)
        await books.apply(paid.result("declined"))
        assert (await books.payment(parent))["refund_pending_minor"] == 0
        await books.refund(parent, 10_000)

    async def test_cancel_comes_too_late_once_submitted(self, books: Books) -> None:
        paid = await books.deposit()
        await books.apply(paid.result("submitted"))
        assert await books.apply(paid.result("canceled", seq=2)) == ["conflict"]
        assert await books.status(paid) == "processing"

    @pytest.mark.parametrize("sent", ["submitted", "unknown", "action_required"])
    async def test_what_was_sent_is_canceled_when_the_provider_says_so(
        self, books: Books, sent: ResultKind
    ) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal()
        await books.apply(paid.result(sent))
        done = paid.result("canceled", seq=2, failure=CANCELED_AT_PROVIDER)
        assert await books.apply(done) == ["applied"]
        assert await books.status(paid) == "canceled"
        assert await books.hold(paid) == "released"
        assert await books.customer() == (10_000, 0)

    async def test_what_moved_although_it_was_canceled_waits_for_people(self, books: Books) -> None:
        paid = await books.deposit()
        done = paid.result("canceled", seq=2, failure=CANCELED_AT_PROVIDER)
        assert await books.apply(paid.result("submitted"), done, paid.result("settled", seq=3)) == [
            "applied",
            "applied",
            "conflict",
        ]
        assert await books.status(paid) == "in_review"

    async def test_the_same_end_told_twice_is_a_duplicate(self, books: Books) -> None:
        paid = await books.deposit()
        answers = await books.apply(paid.result("declined"), paid.result("declined", seq=2))
        assert answers == ["applied", "duplicate"]

    async def test_a_second_different_end_is_stale(self, books: Books) -> None:
        paid = await books.deposit()
        assert await books.apply(paid.result("expired"), paid.result("declined", seq=2)) == [
            "applied",
            "stale",
        ]
        assert await books.status(paid) == "expired"

    @pytest.mark.parametrize("kind", ["declined", "expired", "canceled", "conflicting"])
    async def test_completed_stays_completed(self, books: Books, kind: str) -> None:
        paid = await books.settled_deposit()
        before = await books.payment(paid)
        assert await books.apply(paid.result(kind, seq=10)) == ["conflict"]
        after = await books.payment(paid)
        assert (after["status"], after["version"], after["failure"]) == (
            "completed",
            before["version"],
            None,
        )


class TestProgress:
    async def test_unknown_is_processing_and_never_failed(self, books: Books) -> None:
        paid = await books.deposit()
        check = NOON + timedelta(minutes=1)
        told = paid.result("unknown", reason="read_timeout", next_check_at=check)
        assert await books.apply(told) == ["applied"]
        row = await books.payment(paid)
        assert (row["status"], row["next_check_at"], row["failure"]) == ("processing", check, None)

    async def test_unknown_leaves_a_prompt_standing(self, books: Books) -> None:
        paid = await books.deposit()
        action = {"type": "enter_pin"}
        answers = await books.apply(
            paid.result("action_required", next_action=action),
            paid.result("unknown", seq=2, reason="read_timeout"),
        )
        assert answers == ["applied", "noted"]
        row = await books.payment(paid)
        assert (row["status"], row["next_action"], row["version"]) == ("requires_action", action, 2)

    async def test_next_action_goes_when_it_is_done(self, books: Books) -> None:
        paid = await books.deposit()
        await books.apply(paid.result("action_required", next_action={"type": "enter_pin"}))
        await books.apply(paid.result("settled", seq=2))
        assert (await books.payment(paid))["next_action"] is None

    async def test_a_note_is_kept_and_changes_only_the_next_check(self, books: Books) -> None:
        paid = await books.deposit()
        check = NOON + timedelta(minutes=5)
        assert await books.apply(paid.result("noted", next_check_at=check)) == ["noted"]
        row = await books.payment(paid)
        assert (row["status"], row["version"], row["next_check_at"]) == ("pending", 1, check)
        event = (await books.history(paid))[-1]
        assert event["detail"]["evidence"][0]["name"] == "mpesa.told"
        assert await books.outbox() == []

    async def test_progress_that_comes_late_does_not_go_back(self, books: Books) -> None:
        paid = await books.deposit()
        await books.apply(paid.result("action_required", seq=2, next_action={"type": "enter_pin"}))
        assert await books.apply(paid.result("submitted", seq=1)) == ["stale"]
        assert await books.status(paid) == "requires_action"
        await books.apply(paid.result("settled", seq=4))
        assert await books.apply(paid.result("unknown", seq=3, reason="late")) == ["stale"]
        assert await books.status(paid) == "completed"

    async def test_a_new_attempt_starts_counting_afresh(self, books: Books) -> None:
        paid = await books.deposit()
        await books.apply(paid.result("action_required", seq=5, next_action={"type": "enter_pin"}))
        second = paid.result("submitted", attempt_id=uuid4())
        assert await books.apply(second) == ["applied"]
        assert await books.status(paid) == "processing"


class TestReview:
    async def test_another_amount_goes_to_suspense(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        assert await books.apply(paid.result("settled", amount=Money(9_000, "KES"))) == ["conflict"]
        assert await books.status(paid) == "in_review"
        assert await books.journal(paid) == {
            "suspense": {"provider:mpesa:KES": 9_000, "suspense:mpesa:KES": -9_000}
        }
        event = (await books.history(paid))[-1]
        assert (event["disposition"], event["reason"]) == ("applied", "amount_mismatch")
        assert await books.customer() == (0, 0)

    async def test_another_currency_goes_to_its_own_suspense(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        await books.apply(paid.result("settled", amount=Money(10_000, "TZS")))
        assert await books.journal(paid) == {
            "suspense": {"provider:mpesa:TZS": 10_000, "suspense:mpesa:TZS": -10_000}
        }

    async def test_a_withdrawal_under_review_keeps_its_hold(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        paid = await books.withdrawal(4_000, 100)
        await books.apply(paid.result("settled", amount=Money(4_001, "KES")))
        assert await books.journal(paid) == {
            "suspense": {"suspense:mpesa:KES": 4_001, "provider:mpesa:KES": -4_001}
        }
        assert await books.customer() == (10_000, 4_100)

    @pytest.mark.parametrize("kind", ["declined", "expired", "canceled"])
    async def test_money_that_arrives_after_all(self, books: Books, kind: str) -> None:
        paid = await books.deposit(10_000, 250)
        await books.apply(paid.result(kind))
        assert await books.apply(paid.result("settled", seq=2)) == ["conflict"]
        assert await books.status(paid) == "in_review"
        assert await books.journal(paid) == {
            "suspense": {"provider:mpesa:KES": 10_000, "suspense:mpesa:KES": -10_000}
        }

    async def test_a_refund_that_went_out_after_all(self, books: Books) -> None:
        parent = await books.settled_deposit(10_000, 0)
        paid, _ = await books.refund(parent, 4_000)
        await books.apply(paid.result("declined"), paid.result("settled", seq=2))
        assert await books.status(paid) == "in_review"
        assert await books.customer() == (10_000, 0)
        assert await books.balance("suspense:mpesa:KES") == (4_000, 0)

    async def test_suspense_is_posted_once(self, books: Books) -> None:
        paid = await books.deposit()
        wrong = Money(1, "KES")
        await books.apply(paid.result("settled", amount=wrong))
        again = paid.result("settled", seq=2, amount=wrong)
        assert await books.apply(again) == ["conflict"]
        assert await books.balance("suspense:mpesa:KES") == (-1, 0)

    async def test_money_for_a_payment_already_under_review_is_booked(self, books: Books) -> None:
        paid = await books.deposit(10_000, 250)
        answers = await books.apply(
            paid.result("conflicting", reason="two answers"), paid.result("settled", seq=2)
        )
        assert answers == ["conflict", "conflict"]
        assert await books.balance("suspense:mpesa:KES") == (-10_000, 0)

    async def test_a_settlement_without_an_amount_settles_nothing(self, books: Books) -> None:
        paid = await books.deposit()
        assert await books.apply(paid.result("settled", amount=None)) == ["conflict"]
        assert await books.status(paid) == "in_review"
        assert await books.journal(paid) == {}

    @pytest.mark.parametrize("batched", [True, False])
    async def test_one_receipt_never_counts_for_two_payments(
        self, books: Books, batched: bool
    ) -> None:
        first, second = await books.deposit(), await books.deposit()
        results = [paid.result("settled", provider_reference="SIF1") for paid in (first, second)]
        if batched:
            answers = await books.apply(*results)
        else:
            answers = [*await books.apply(results[0]), *await books.apply(results[1])]
        assert answers == ["applied", "conflict"]
        assert await books.status(second) == "in_review"
        assert await books.journal(second) == {}
        event = (await books.history(second))[-1]
        assert event["reason"] == "provider_reference_reused"
        assert await books.balance("provider:mpesa:KES") == (10_000, 0)


class TestRepeats:
    async def test_the_same_batch_twice(self, books: Books) -> None:
        batch = [(await books.deposit(customer_id=f"c{n % 3}")).result("settled") for n in range(9)]
        assert await books.apply(*batch) == ["applied"] * 9
        before = await books.outbox()
        assert await books.apply(*batch) == ["duplicate"] * 9
        assert await books.outbox() == before
        assert await books.balance("provider:mpesa:KES") == (90_000, 0)

    async def test_shuffled_and_cut_differently(self, books: Books) -> None:
        payments = [await books.deposit() for _ in range(6)]
        results = [
            paid.result(kind, seq=seq)
            for paid in payments
            for seq, kind in ((1, "submitted"), (2, "settled"))
        ]
        chance = random.Random(7)
        for _ in range(4):
            chance.shuffle(results)
            cut = chance.randrange(1, len(results))
            await books.apply(*results[:cut])
            await books.apply(*results[cut:])
        assert {await books.status(paid) for paid in payments} == {"completed"}
        assert await books.balance("provider:mpesa:KES") == (60_000, 0)

    async def test_duplicates_inside_a_batch(self, books: Books) -> None:
        paid = await books.deposit()
        told = paid.result("settled")
        assert await books.apply(told, told, told) == ["applied", "duplicate", "duplicate"]

    async def test_a_payments_whole_life_in_one_batch_in_any_order(self, books: Books) -> None:
        for order in permutations(range(3)):
            alone, together = await books.deposit(), await books.deposit()
            told = [
                [
                    paid.result("submitted"),
                    paid.result("action_required", seq=2, next_action={"type": "enter_pin"}),
                    paid.result("settled", seq=3),
                ]
                for paid in (alone, together)
            ]
            one_by_one = [(await books.apply(told[0][place]))[0] for place in order]
            assert await books.apply(*(told[1][place] for place in order)) == one_by_one
            lives = [
                [(event["kind"], event["to_status"]) for event in await books.history(paid)]
                for paid in (alone, together)
            ]
            assert lives[0] == lives[1]
            assert await books.status(together) == "completed"

    async def test_results_of_strangers_are_told_apart(self, books: Books) -> None:
        paid = await books.deposit()
        stranger = paid.result("settled", payment_id=uuid4(), seq=2)
        wrong_rail = paid.result("settled", method="card", seq=3)
        answers = await books.apply(stranger, paid.result("settled"), wrong_rail)
        assert answers == ["unknown_payment", "applied", "unknown_payment"]

    async def test_an_empty_batch(self, books: Books) -> None:
        assert await books.apply() == []


class TestEvents:
    async def test_each_change_is_told_once_in_order(self, books: Books) -> None:
        paid = await books.deposit()
        await books.apply(paid.result("submitted"), paid.result("noted", seq=2))
        await books.apply(paid.result("settled", seq=3))
        rows = await books.outbox()
        events = [PaymentEvent.model_validate_json(row["body"]) for row in rows]
        assert [event.event_id for event in events] == [
            f"{paid.payment_id}.2",
            f"{paid.payment_id}.3",
        ]
        assert [event.type for event in events] == ["payment.processing", "payment.completed"]
        assert {row["topic"] for row in rows} == {"payments.events"}
        assert {row["key"] for row in rows} == {str(paid.payment_id)}
        headers = rows[0]["headers"]
        assert headers == {
            "ce_specversion": "1.0",
            "ce_id": f"{paid.payment_id}.2",
            "ce_type": "cift.payment_event.v1",
            "ce_source": "/ledger",
            "ce_time": "2026-03-01T12:00:01+00:00",
            "ce_subject": str(paid.payment_id),
            "content-type": "application/json",
        }

    async def test_show_the_payment_without_what_is_sealed(self, books: Books) -> None:
        paid = await books.settled_deposit(10_000, 250)
        text = (await books.outbox())[0]["body"].decode()
        shown = json.loads(text)["payment"]
        assert (shown["id"], shown["status"]) == (str(paid.payment_id), "completed")
        assert (shown["amount"], shown["fee"], shown["net"]) == ("100.00", "2.50", "97.50")
        assert shown["payment_method"] == {
            "kind": "phone",
            "phone": "2547****149",
            "country": "KE",
        }
        assert "k1:" not in text

    async def test_carry_the_trace_of_their_result(self, books: Books) -> None:
        traced, plain = await books.deposit(), await books.deposit()
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        await books.store.apply_results(
            [traced.result("settled"), plain.result("settled")], [parent, None]
        )
        rows = {row["key"]: row["headers"] for row in await books.outbox()}
        assert rows[str(traced.payment_id)]["traceparent"] == parent
        assert "traceparent" not in rows[str(plain.payment_id)]

    async def test_listeners_hear_of_a_changed_payment(self, books: Books, database: str) -> None:
        paid = await books.deposit()
        heard: list[object] = []
        connection = await asyncpg.connect(database)
        try:
            await connection.add_listener("cift_payment", lambda *args: heard.append(args[-1]))
            await books.apply(paid.result("noted"), paid.result("settled", seq=2))
            await connection.fetchval("select 1")
        finally:
            await connection.close()
        assert heard == [str(paid.payment_id)]


class TestSizes:
    async def test_a_batch_of_wei(self, books: Books) -> None:
        wei = 10**26
        payments = [
            await books.deposit(wei + n, 1, currency="ETH", method="ethereum") for n in range(5)
        ]
        assert await books.apply(*(paid.result("settled") for paid in payments)) == ["applied"] * 5
        assert await books.balance("provider:ethereum:ETH") == (5 * wei + 10, 0)

    async def test_an_amount_beyond_38_digits_is_an_error_and_changes_nothing(
        self, books: Books
    ) -> None:
        paid = await books.deposit()
        told = paid.result("settled").model_dump(mode="json")
        told["amount"]["minor"] = str(10**38)
        with pytest.raises(asyncpg.NumericValueOutOfRangeError):
            await books.ledger.execute("select ledger.apply_results($1)", [told])
        assert await books.status(paid) == "pending"

    async def test_a_sum_beyond_38_digits_is_an_error_and_changes_nothing(
        self, books: Books
    ) -> None:
        most = 10**38 - 1
        await books.settled_deposit(most, 0)
        paid = await books.deposit(1, 0)
        with pytest.raises(asyncpg.NumericValueOutOfRangeError):
            await books.apply(paid.result("settled"))
        assert await books.balance("provider:mpesa:KES") == (most, 0)


class TestWritersAtOnce:
    async def test_thirty_two_of_them_on_one_hot_account(self, books: Books, database: str) -> None:
        payments = [await books.deposit(customer_id=f"c{n % 5}") for n in range(64)]
        results = [
            paid.result(kind, seq=seq)
            for paid in payments
            for seq, kind in ((1, "submitted"), (2, "settled"))
        ]
        pool = await open_pool(database, role="cift_ledger", size_max=32)

        async def one_writer(number: int) -> None:
            own = random.Random(number).sample(results, 40)
            for part in (own[:1], own[1:20], own[20:]):
                await apply_patiently(LedgerStore(pool), part)

        await asyncio.gather(*(one_writer(number) for number in range(32)))
        await pool.close()
        await books.apply(*results)
        assert {await books.status(paid) for paid in payments} == {"completed"}
        assert await books.balance("provider:mpesa:KES") == (640_000, 0)

    async def test_overlapping_batches_post_once_and_never_lock_each_other_out(
        self, books: Books
    ) -> None:
        chance = random.Random(11)
        customers = [f"c{number}" for number in range(5)]
        parents = [await books.settled_deposit(customer_id=customer) for customer in customers]
        refunds = [(await books.refund(parent, 1_000))[0] for parent in parents for _ in range(3)]
        deposits = [await books.deposit(customer_id=chance.choice(customers)) for _ in range(60)]
        results = [
            paid.result(kind, seq=seq)
            for paid in [*deposits, *refunds]
            for seq, kind in ((1, "submitted"), (2, "settled"))
        ]

        async def one_writer() -> None:
            own = chance.sample(results, len(results))
            for start in range(0, len(own), 30):
                await books.apply(*own[start : start + 30])

        await asyncio.gather(
            *(one_writer() for _ in range(4)),
            *(books.withdrawal(200, 10, customer_id=chance.choice(customers)) for _ in range(20)),
        )
        assert {await books.status(paid) for paid in [*deposits, *refunds]} == {"completed"}
        assert await books.balance("provider:mpesa:KES") == (50_000 + 600_000 - 15_000, 0)


@pytest.mark.parametrize(
    "amount", [Money(9_999, "KES"), Money(10_001, "KES"), Money(10_000, "TZS")]
)
async def test_what_is_settled_does_not_settle_again_with_another_amount(
    books: Books, amount: Money
) -> None:
    paid = await books.settled_deposit(10_000, 250)
    again = paid.result("settled", seq=20, amount=amount)
    assert await books.apply(again) == ["conflict"]
    assert await books.status(paid) == "completed"
    assert await books.customer() == (9_750, 0)
    assert list(await books.journal(paid)) == ["settlement"]
    same = paid.result("settled", seq=21)
    assert await books.apply(same) == ["duplicate"]


@pytest.mark.parametrize(
    "news",
    [
        {"provider_fee": Money(40, "KES")},
        {"card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}},
    ],
    ids=["fee", "card"],
)
async def test_what_comes_after_the_settlement_is_filled_in_once(
    books: Books, news: dict[str, Any]
) -> None:
    paid = await books.settled_deposit(10_000, 250)
    told = [paid.result("settled", seq=seq, **news) for seq in (20, 21)]
    assert [(await books.apply(one))[0] for one in told] == ["applied", "duplicate"]
    fee = 40 if "provider_fee" in news else 0
    assert await books.balance("provider:mpesa:KES") == (10_000 - fee, 0)
    assert await books.customer() == (9_750, 0)
    kept = (await books.payment(paid))["instrument"]
    assert ("card" in news) == ("4242" in str(kept))
