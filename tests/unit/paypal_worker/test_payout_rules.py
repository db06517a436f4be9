"""Waits, refusals, answers and the pause of payouts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cift_shared.errors import OutcomeUnknown, ProviderThrottled
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from paypal_method.accounts import Account
from paypal_method.rail import RAIL
from paypal_worker import payout_refusals, payout_waits, payout_wire, wire
from paypal_worker.payout_pause import PayoutPause
from paypal_worker.payout_wire import PayoutBatch

DAY, ONE = timedelta(days=1), Decimal(1)
USD = Money(50_00, "USD")


class TestWaits:
    def test_queries_go_on_past_paypals_own_return(self) -> None:
        assert payout_waits.check_delay(10_000, 44.9 * DAY, speed=ONE) == timedelta(hours=1)
        assert payout_waits.check_delay(3, 45 * DAY, speed=ONE) is None
        assert payout_waits.check_delay(0, 0 * DAY, speed=Decimal(10)) == timedelta(seconds=0.5)

    def test_a_resend_ends_long_before_paypal_forgets(self) -> None:
        assert payout_waits.may_resend(19.9 * DAY)
        assert not payout_waits.may_resend(20 * DAY)
        assert payout_waits.RESEND_FOR < 30 * DAY

    def test_an_unclaimed_payout_is_canceled_before_paypal_returns_it(self) -> None:
        assert not payout_waits.is_unclaimed_too_long(28.9 * DAY, speed=ONE)
        assert payout_waits.is_unclaimed_too_long(29 * DAY, speed=ONE)
        assert payout_waits.is_unclaimed_too_long(2.9 * DAY, speed=Decimal(10))

    def test_a_paid_payout_is_read_again_for_half_a_year(self) -> None:
        moments, age = [], timedelta(0)
        while (delay := payout_waits.watch_delay(age, speed=ONE)) is not None:
            age += delay
            moments.append(age / DAY)
        assert moments == [1 / 24, 1, 3, 7, 14, 30, 60, 180]

    def test_the_pause_grows_to_an_hour(self) -> None:
        assert [payout_waits.pause_s(number) for number in (0, 1, 5, 6, 10_000)] == [
            60, 120, 1920, 3600, 3600,
        ]  # fmt: skip


def error(name: str, field: str | None = None, **more: Any) -> wire.ApiError:
    details = [wire.ErrorDetail(issue="Some text.", field=field)] if field else []
    return wire.ApiError(name=name, details=details, **more)


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "code"),
        [
            ("items[0].receiver", "recipient_invalid"),
            ("/items/0/receiver", "recipient_invalid"),
            ("items[0].amount", "amount_out_of_limits"),
            ("/items/0/amount/value", "amount_out_of_limits"),
        ],
    )
    def test_the_field_says_what_is_wrong(self, field: str, code: str) -> None:
        found = payout_refusals.refusal_of(error("VALIDATION_ERROR", field))
        assert found is not None
        assert found.code == code

    def test_a_known_name(self) -> None:
        found = payout_refusals.refusal_of(error("RECEIVER_ACCOUNT_LOCKED"))
        assert found is not None
        assert found.code == "recipient_account_locked"
        assert payout_refusals.refusal_of(error("SOMETHING_NEW")) is None

    def test_our_balance_and_our_account(self) -> None:
        assert payout_refusals.lacks_funds(error("INSUFFICIENT_FUNDS"))
        assert not payout_refusals.lacks_funds(error("VALIDATION_ERROR"))
        assert payout_refusals.is_about_our_account(error("SENDER_ACCOUNT_LOCKED"), 422)
        assert payout_refusals.is_about_our_account(error("ANYTHING"), 403)
        assert not payout_refusals.is_about_our_account(error("VALIDATION_ERROR"), 400)

    def test_a_used_batch_id_and_its_batch(self) -> None:
        link = wire.Link(href="https://api.paypal.com/v1/payments/payouts/ABC123", rel="self")
        used = error("USER_BUSINESS_ERROR", "SENDER_BATCH_ID", links=[link])
        assert payout_refusals.is_duplicate(used)
        assert payout_wire.first_batch(used) == "ABC123"
        assert not payout_refusals.is_duplicate(error("USER_BUSINESS_ERROR", "items"))

    @pytest.mark.parametrize(
        "href",
        [
            "https://x/v1/payments/payouts/../orders", "https://x/v1/payments/payouts/",
            "https://x/v1/payments/payouts/A/B", "", "/v1/payments/payouts/A%2FB",
        ],
    )  # fmt: skip
    def test_another_link_is_no_batch(self, href: str) -> None:
        assert payout_wire.first_batch(error("X", links=[wire.Link(href=href, rel="self")])) is None


def batch(status: str = "SUCCESS", item: str = "SUCCESS", **over: Any) -> PayoutBatch:
    amount = {"currency": "USD", "value": "50.00"}
    shown = {
        "payout_item_id": "ITEM",
        "transaction_status": item,
        "payout_item": {"amount": amount, "sender_item_id": over.get("item_key", "w")},
    }
    header = {
        "payout_batch_id": "BATCH",
        "batch_status": status,
        "sender_batch_header": {"sender_batch_id": over.get("batch_key", "b")},
    }
    items = [shown] * over.get("count", 1)
    return PayoutBatch.model_validate({"batch_header": header, "items": items})


class TestBatches:
    @pytest.mark.parametrize("over", [{"item_key": "x"}, {"batch_key": "x"}, {"count": 2}], ids=str)
    def test_one_that_is_not_ours_has_no_item_of_ours(self, over: dict[str, Any]) -> None:
        assert batch(**over).item_of("b", "w") is None
        assert not batch("DENIED", "PENDING", **over).is_denied("b", "w")

    @pytest.mark.parametrize("status", ["SUCCESS", "UNCLAIMED", "ONHOLD", "RETURNED", "REVERSED"])
    def test_one_with_money_in_it_is_not_denied(self, status: str) -> None:
        assert not batch("DENIED", status).is_denied("b", "w")

    def test_a_denied_one(self) -> None:
        assert batch("DENIED", "PENDING").is_denied("b", "w")
        assert batch("DENIED", count=0).is_denied("b", "w")
        assert not batch("PROCESSING", "PENDING").is_denied("b", "w")

    @pytest.mark.parametrize("value", ["", "abc", "1e2", "NaN", "1.001"])
    def test_an_amount_that_cant_be_read_decides_nothing(self, value: str) -> None:
        with pytest.raises(OutcomeUnknown):
            payout_wire.readable(value, "USD")

    def test_the_request(self) -> None:
        item = payout_wire.payout_item(
            Account(email="a@example.com"), Money(500_00, "HUF"), item_key="w"
        )
        body = payout_wire.payout_request("b", [item])
        assert body == {
            "sender_batch_header": {"sender_batch_id": "b"},
            "items": [
                {
                    "recipient_type": "EMAIL",
                    "receiver": "a@example.com",
                    "amount": {"currency": "HUF", "value": "500"},
                    "sender_item_id": "w",
                }
            ],
        }


class TestPause:
    def test_is_for_one_currency_and_ends(self) -> None:
        clock = FakeClock()
        pause = PayoutPause(clock, ONE)
        assert pause.begin(USD) == timedelta(seconds=60)
        pause.check("EUR")
        with pytest.raises(ProviderThrottled):
            pause.check("USD")
        clock.advance(timedelta(seconds=61))
        pause.check("USD")

    def test_for_our_account_is_for_all(self) -> None:
        pause = PayoutPause(FakeClock(), ONE)
        pause.begin_all("SENDER_ACCOUNT_LOCKED")
        assert pause.left("EUR") == pause.left("USD") == timedelta(seconds=300)
        pause.end("EUR")
        assert pause.left("USD") is None

    def test_a_balance_for_the_smallest_payout_ends_it(self) -> None:
        pause = PayoutPause(FakeClock(), ONE)
        pause.begin(USD)
        pause.begin(Money(20_00, "USD"))
        pause.balances_read([Money(20_00, "USD"), Money(900_00, "EUR")])
        assert pause.left("USD") is not None
        pause.balances_read([Money(20_01, "USD")])
        assert pause.left("USD") is None


class TestLimits:
    def test_of_payouts(self) -> None:
        limits = RAIL.limits["USD"]["withdrawal"]
        assert (limits.min_minor, limits.max_minor) == (1, 20_000_00)
        assert RAIL.limits["JPY"]["withdrawal"].max_minor == 3_000_000
        assert RAIL.limits["HUF"]["withdrawal"].min_minor == 100
        assert RAIL.cancel_after_submit
