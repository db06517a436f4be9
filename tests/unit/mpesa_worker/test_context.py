"""What the M-Pesa flows share: what may be sent, what is remembered, when the operator rests."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cift_shared.errors import ProviderRejectedRequest, ProviderThrottled
from cift_shared.messaging.outcomes import FailureCategory, Settled
from cift_shared.money.amount import Money
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.testing import FakeClock
from mpesa_worker import codes
from mpesa_worker.context import (
    Context,
    Operator,
    OperatorGuard,
    moment_from,
    money_from,
    money_to,
    settled_from,
    settled_to,
)
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa

LEAST, MOST = 10_00, 250_000_00


@pytest.fixture
def context(processor: MpesaProcessor) -> Context:
    shared: Any = processor
    return shared._payouts._context


def refusal(
    context: Context, clock: FakeClock, amount: Money, *, phone: str = mpesa.PHONE, **over: Any
):
    request = mpesa.withdrawal(minor=500_00, phone=mpesa.PHONE)
    instrument = request.instrument.model_copy(update=over)
    request = request.model_copy(update={"amount": amount, "instrument": instrument})
    return context.refusal(mpesa.attempt(request, clock), phone, least_minor=LEAST)


class TestWhatMayBeSent:
    @pytest.mark.parametrize("minor", [LEAST, LEAST + 1_00, MOST - 1_00, MOST])
    def test_within_the_limits(self, context: Context, clock: FakeClock, minor: int) -> None:
        assert refusal(context, clock, Money(minor, "KES")) is None

    @pytest.mark.parametrize(
        ("amount", "code"),
        [
            (Money(LEAST - 1_00, "KES"), "amount_out_of_limits"),
            (Money(MOST + 1_00, "KES"), "amount_out_of_limits"),
            (Money(LEAST + 1, "KES"), "amount_not_whole"),
            (Money(LEAST + 99, "KES"), "amount_not_whole"),
            (Money(LEAST, "TZS"), "amount_not_whole"),
            (Money(LEAST, "USD"), "amount_not_whole"),
        ],
    )
    def test_not_another_amount_or_currency(
        self, context: Context, clock: FakeClock, amount: Money, code: str
    ) -> None:
        failure = refusal(context, clock, amount)
        assert failure is not None
        assert (failure.code, failure.category, failure.retryable) == (
            code, FailureCategory.LIMIT, False,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "over", [{"country": "TZ"}, {"phone": "255708374149"}, {"phone": "0708374149"}]
    )
    def test_not_to_a_phone_elsewhere(self, context: Context, clock: FakeClock, over: Any) -> None:
        assert refusal(context, clock, Money(LEAST, "KES"), **over) == codes.PHONE_INVALID


class TestAge:
    @pytest.mark.parametrize(
        ("age", "old"),
        [
            (timedelta(0), False),
            (timedelta(days=1) - timedelta(seconds=1), False),
            (timedelta(days=1), True),
            (timedelta(days=2), True),
        ],
    )
    def test_a_payment_is_old_after_a_day(
        self, context: Context, clock: FakeClock, age: timedelta, old: bool
    ) -> None:
        attempt = mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)
        clock.advance(age)
        assert context.is_old(attempt) is old

    def test_one_without_a_time_is_not(self, context: Context, clock: FakeClock) -> None:
        attempt = mpesa.attempt(mpesa.deposit(minor=100_00, phone=mpesa.PHONE), clock)
        assert context.is_old(replace(attempt, created_at=None)) is False


def test_the_hash_of_a_reference_is_the_gateways(context: Context) -> None:
    """Rows that another release has stored must be found."""
    expected = context.vault.fingerprint(b"ws_CO_1", context="provider-request")
    assert context.fingerprint("ws_CO_1") == expected


class TestTheOperator:
    OPERATOR = Operator("testapi", "sealed")

    def test_works_until_it_is_refused(self) -> None:
        guard = OperatorGuard(self.OPERATOR, FakeClock())
        for code in ("0", "1", "17", "2040"):
            guard.record_result(code)
        assert guard.operator() == self.OPERATOR

    @pytest.mark.parametrize("code", ["18", "20", "21", "22", "2001", "8006"])
    def test_rests_for_five_minutes_once_it_was(self, code: str) -> None:
        clock = FakeClock()
        guard = OperatorGuard(self.OPERATOR, clock)
        guard.record_result(code)
        clock.advance(timedelta(seconds=299))
        with pytest.raises(ProviderThrottled) as resting:
            guard.operator()
        assert resting.value.code == "provider_credentials_refused"
        assert resting.value.retry_after_s == 2
        clock.advance(timedelta(seconds=1))
        assert guard.operator() == self.OPERATOR

    def test_that_is_not_set_up_sends_nothing(self) -> None:
        with pytest.raises(ProviderRejectedRequest) as refused:
            OperatorGuard(None, FakeClock()).operator()
        assert refused.value.code == "payouts_not_set_up"


class TestMemory:
    @pytest.mark.parametrize("amount", [Money(1, "KES"), Money(0, "KES"), None])
    def test_an_amount_is_read_back(self, amount: Money | None) -> None:
        assert money_from(money_to("x", amount), "x") == amount
        assert money_from({}, "x") is None

    @pytest.mark.parametrize(
        "settled",
        [
            Settled(Money(500_00, "KES"), mpesa.RECEIPT, Money(22_40, "KES")),
            Settled(Money(500_00, "KES"), mpesa.RECEIPT),
            Settled(Money(500_00, "KES")),
        ],
    )
    def test_a_final_yes_is_read_back(self, settled: Settled) -> None:
        memory = settled_to(settled)
        assert settled_from(memory) == settled
        assert set(memory) == {"settled_minor", "settled_fee_minor", "settled_receipt"}
        assert settled_from({}) is None

    def test_a_moment_is_read_back(self, clock: FakeClock) -> None:
        assert moment_from({"at": clock.now().isoformat()}, "at") == clock.now()
        assert moment_from({"at": ""}, "at") is None
        assert moment_from({}, "at") is None


def test_a_code_nobody_knows_is_counted(context: Context) -> None:
    count = UNKNOWN_WORDS.labels("mpesa")._value
    before = count.get()
    context.count_unknown("777")
    assert count.get() == before + 1


def test_what_was_sealed_under_another_key_is_refused_before_anything_is_sent(
    context: Context,
) -> None:
    sealed = mpesa.VAULT.seal(b"x", context="phone")
    assert context.open(sealed, context="phone") == "x"
    with pytest.raises(ProviderRejectedRequest) as refused:
        context.open(sealed, context="checkout")
    assert refused.value.code == "sealed_data_unreadable"
