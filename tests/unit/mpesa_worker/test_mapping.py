"""Daraja's words become ours by their codes; what is unknown settles nothing."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.money import Money
from cift_shared.outcomes import Declined, Expired, Pending
from mpesa_worker import codes, mapping
from mpesa_worker.domain import NAIROBI
from mpesa_worker.mapping import DarajaError, Meaning

DOCUMENT = Path(__file__).parents[3] / "docs" / "mpesa.md"


def read(status: int, code: str, message: str = "") -> DarajaError:
    found = mapping.error_in(status, {"errorCode": code, "errorMessage": message})
    assert found is not None
    return found


class TestErrorIn:
    @pytest.mark.parametrize(
        ("status", "code", "message", "meaning"),
        [
            (400, "400.002.02", "Bad Request - Invalid Amount", Meaning.REQUEST_REFUSED),
            (400, "400.002.02", "Bad Request - Invalid PhoneNumber", Meaning.PHONE_INVALID),
            (400, "400.002.05", "Invalid Request Payload", Meaning.REQUEST_REFUSED),
            (400, "400.008.01", "", Meaning.SETUP),
            (404, "404.001.03", "Invalid Access Token", Meaning.TOKEN_REFUSED),
            (400, "400.003.01", "Invalid Access Token", Meaning.TOKEN_REFUSED),
            (401, "401.002.01", "Error Occurred", Meaning.TOKEN_REFUSED),
            (401, "401.003.01", "Invalid Access Token", Meaning.TOKEN_REFUSED),
            (401, "401.003.01", "Invalid API call as no apiproduct match found", Meaning.SETUP),
            (404, "404.001.01", "", Meaning.SETUP),
            (500, "500.001.1001", "Wrong credentials", Meaning.CREDENTIALS),
            (500, "500.001.1001", "Merchant does not exist", Meaning.CREDENTIALS),
            (
                500,
                "500.001.1001",
                "[MpesaCB - ]Unable to lock subscriber, a transaction is already in process",
                Meaning.PAYER_BUSY,
            ),
            (500, "500.001.1001", "Internal Server Error", Meaning.UNKNOWN),
            (200, "500.001.1001", "", Meaning.UNKNOWN),
            (500, "500.002.1001", "Duplicate OriginatorConversationID.", Meaning.DUPLICATE),
            (500, "500.003.02", "Spike Arrest Violation", Meaning.THROTTLED),
            (500, "500.003.03", "Quota Violation", Meaning.THROTTLED),
            (503, "00.002.1001", "maintenance", Meaning.THROTTLED),
            (500, "500.003.1001", "Internal Server Error", Meaning.UNKNOWN),
            (400, "499.999.99", "never heard of", Meaning.UNKNOWN),
        ],
    )
    def test_table(self, status: int, code: str, message: str, meaning: Meaning) -> None:
        assert read(status, code, message).meaning is meaning

    @pytest.mark.parametrize("status", [200, 302, 400, 403, 500, 502, 504])
    def test_a_body_that_is_no_json_object_says_nothing(self, status: int) -> None:
        found = mapping.error_in(status, None)
        assert found is not None
        assert found.meaning is Meaning.UNKNOWN

    def test_too_many_requests_whatever_the_body(self) -> None:
        found = mapping.error_in(429, None)
        assert found is not None
        assert found.meaning is Meaning.THROTTLED

    def test_an_ordinary_answer_is_no_error(self) -> None:
        assert mapping.error_in(200, {"ResponseCode": "0"}) is None

    def test_another_response_code_is_a_refusal(self) -> None:
        found = mapping.error_in(200, {"ResponseCode": "1", "ResponseDescription": "No."})
        assert found is not None
        assert found.meaning is Meaning.REQUEST_REFUSED

    def test_unlisted_codes_are_told_apart(self) -> None:
        assert not read(400, "499.999.99").listed
        assert read(500, "500.003.1001").listed

    def test_messages_are_masked(self) -> None:
        text = read(500, "500.001.1001", f"ws_CO_0511202612000017 busy for {254708374149}").text
        assert "708374149" not in text
        assert "0511202612" not in text


class TestExceptionOf:
    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (400, "400.002.02", ProviderRejectedRequest),
            (404, "404.001.03", ProviderUnavailable),
            (500, "500.003.02", ProviderThrottled),
            (500, "500.003.1001", OutcomeUnknown),
            (500, "500.002.1001", OutcomeUnknown),
        ],
    )
    def test_kinds(self, status: int, code: str, kind: type[PaymentProcessorError]) -> None:
        assert isinstance(mapping.exception_of(read(status, code)), kind)

    def test_quota_waits_longer_than_a_spike(self) -> None:
        spike = mapping.exception_of(read(500, "500.003.02"))
        quota = mapping.exception_of(read(500, "500.003.03"))
        assert isinstance(spike, ProviderThrottled)
        assert isinstance(quota, ProviderThrottled)
        assert spike.retry_after_s < quota.retry_after_s


class TestTokenErrorOf:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, ProviderRejectedRequest),
            (401, ProviderRejectedRequest),
            (502, ProviderUnavailable),
        ],
    )
    def test_never_an_unknown_outcome(self, status: int, kind: type[PaymentProcessorError]) -> None:
        assert isinstance(mapping.token_error_of(status, None), kind)


class TestStkOutcome:
    @pytest.mark.parametrize("code", ["1037", "1019", "1036", "2026"])
    def test_nobody_answered(self, code: str) -> None:
        outcome = mapping.stk_outcome(code)
        assert isinstance(outcome, Expired)
        assert outcome.failure.retryable

    @pytest.mark.parametrize(
        ("code", "failure", "retryable"),
        [
            ("1", "payer_balance_insufficient", True),
            ("1032", "canceled_by_payer", True),
            ("2001", "pin_wrong", True),
            ("8006", "pin_locked", False),
            ("2028", "provider_setup_wrong", False),
            ("SFC_IC0003", "provider_setup_wrong", False),
        ],
    )
    def test_somebody_said_no(self, code: str, failure: str, retryable: bool) -> None:
        outcome = mapping.stk_outcome(code)
        assert isinstance(outcome, Declined)
        assert (outcome.failure.code, outcome.failure.retryable) == (failure, retryable)

    @pytest.mark.parametrize("code", ["4999", "15", "2029", "0", "777", "", "NEW_WORD"])
    def test_anything_else_is_still_open(self, code: str) -> None:
        assert mapping.stk_outcome(code) == Pending()

    def test_every_failure_has_words_for_the_customer(self) -> None:
        failures = [end.failure for end in codes.STK_ENDS.values()] + [*codes.RESULT_ENDS.values()]
        assert all(failure.message.endswith(".") and failure.code for failure in failures)

    @pytest.mark.parametrize("code", [*codes.STK_ENDS, *codes.RESULT_ENDS])
    def test_the_documentation_lists_code_and_failure(self, code: str) -> None:
        rows = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| ")]
        ends = [codes.STK_ENDS[code].failure] if code in codes.STK_ENDS else []
        ends += [codes.RESULT_ENDS[code]] if code in codes.RESULT_ENDS else []
        for failure in ends:
            assert any(
                code in line.split("|")[1].replace(",", " ").split() and f"`{failure.code}`" in line
                for line in rows
            )

    def test_open_codes_are_in_no_table_of_ends(self) -> None:
        assert not codes.STK_OPEN & codes.STK_ENDS.keys()
        assert not codes.RESULT_OPEN & codes.RESULT_ENDS.keys()


class TestMoneyOf:
    @pytest.mark.parametrize(
        ("value", "minor"),
        [(100, 100_00), ("100", 100_00), (Decimal("100.00"), 100_00), ("22.40", 22_40), (0, 0)],
    )
    def test_shillings(self, value: object, minor: int) -> None:
        assert mapping.money_of(value) == Money(minor, "KES")

    @pytest.mark.parametrize(
        "value", [None, True, "", "abc", "1.005", -1, "1e99", "NaN", "Infinity", [], {}, "1" * 60]
    )
    def test_what_is_no_amount(self, value: Any) -> None:
        assert mapping.money_of(value) is None


class TestFeeOf:
    @pytest.mark.parametrize(
        ("value", "minor"),
        [
            ("Fee For B2C Payment|KES|22.40", 22_40),
            ("Fee For B2C Payment|KES|22.40&Levy|KES|1.00", 23_40),
        ],
    )
    def test_parts_add_up(self, value: str, minor: int) -> None:
        assert mapping.fee_of(value) == Money(minor, "KES")

    @pytest.mark.parametrize("value", [None, "", "free", "Fee|USD|1.00", "Fee|KES|x", 22])
    def test_unreadable_is_no_fee(self, value: object) -> None:
        assert mapping.fee_of(value) is None


class TestTimeOf:
    @pytest.mark.parametrize("value", [20261102153000, "20261102153000", "02.11.2026 15:30:00"])
    def test_both_forms_are_nairobis(self, value: object) -> None:
        assert mapping.time_of(value) == datetime(2026, 11, 2, 15, 30, tzinfo=NAIROBI)

    @pytest.mark.parametrize("value", [None, "", "yesterday", 20261399000000])
    def test_unreadable(self, value: object) -> None:
        assert mapping.time_of(value) is None
