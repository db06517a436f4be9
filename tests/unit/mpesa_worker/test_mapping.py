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
from cift_shared.messaging.outcomes import Declined, Expired, Pending
from cift_shared.money.amount import Money
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
        assert (found.meaning, found.code) == (Meaning.UNKNOWN, f"http_{status}")
        assert found.retry_after_s == 0

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
        "value",
        [None, True, "", "abc", "1.005", -1, "1e99", "NaN", "Infinity", [], {}, "1" * 60, 100.0],
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


# Daraja's synchronous error codes; the texts that tell 500.001.1001 apart are above.
CODES = """
    400.002.02 request_refused   400.002.05 request_refused   400.003.02 request_refused
    400.008.01 setup             400.008.02 setup             400.003.01 token_refused
    401.002.01 token_refused     401.003.01 token_refused     404.001.03 token_refused
    404.001.01 setup             404.002.01 setup             404.003.01 setup
    404.001.04 setup             405.001 setup                500.001.1001 unknown
    500.002.1001 duplicate       500.003.02 throttled         500.003.03 throttled
    00.002.1001 throttled        500.003.1001 unknown         401.001 setup
"""
EACH = dict(zip(CODES.split()[::2], CODES.split()[1::2], strict=True))


class TestEveryCode:
    def test_the_table_is_as_written_here(self) -> None:
        assert {code: str(meaning) for code, meaning in mapping._MEANINGS.items()} == EACH

    @pytest.mark.parametrize(("code", "meaning"), EACH.items())
    def test_is_read_by_its_code(self, code: str, meaning: str) -> None:
        found = read(500, code)
        assert (str(found.meaning), found.code, found.listed) == (meaning, code, True)

    @pytest.mark.parametrize(
        ("code", "seconds"),
        [("500.003.02", 10), ("500.003.03", 300), ("00.002.1001", 60), ("500.003.1001", 0)],
    )
    def test_how_long_to_wait(self, code: str, seconds: int) -> None:
        assert read(503, code).retry_after_s == seconds

    @pytest.mark.parametrize(
        ("status", "code", "name", "own"),
        [
            (400, "400.002.02", ProviderRejectedRequest, "provider_request_refused"),
            (400, "400.008.01", ProviderRejectedRequest, "provider_setup_wrong"),
            (404, "404.001.03", ProviderUnavailable, "provider_token_refused"),
            (500, "500.003.02", ProviderThrottled, "provider_throttled"),
            (500, "500.003.1001", OutcomeUnknown, "provider_answer_unreadable"),
        ],
    )
    def test_what_it_is_called(self, status: int, code: str, name: type, own: str) -> None:
        told = mapping.exception_of(read(status, code))
        assert isinstance(told, name)
        assert told.code == own

    def test_refused_credentials_are_called_so(self) -> None:
        told = mapping.exception_of(read(500, "500.001.1001", "Wrong credentials"))
        assert (type(told), told.code) == (ProviderRejectedRequest, "provider_credentials_refused")


class TestAnAnswerWithoutACode:
    @pytest.mark.parametrize(
        "body", [{}, {"ResponseCode": "0"}, {"errorCode": ""}, {"errorCode": None}]
    )
    @pytest.mark.parametrize("status", [201, 302, 400, 403, 500, 502])
    def test_says_nothing_under_a_status_other_than_200(self, status: int, body: Any) -> None:
        found = mapping.error_in(status, body)
        assert found is not None
        assert (found.meaning, found.code, found.listed) == (
            Meaning.UNKNOWN, f"http_{status}", False,
        )  # fmt: skip
        assert isinstance(mapping.exception_of(found), OutcomeUnknown)

    @pytest.mark.parametrize("body", [{}, {"ResponseCode": 0}, {"ResponseCode": " 0 "}])
    def test_is_an_answer_under_200(self, body: Any) -> None:
        assert mapping.error_in(200, body) is None

    def test_names_what_was_refused(self) -> None:
        found = mapping.error_in(200, {"ResponseCode": 17, "ResponseDescription": "No."})
        assert found is not None
        assert (found.code, found.text, found.listed) == ("response_17", "No.", True)

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"ResponseMessage": "Not found"}, "Not found"),
            ({"ResponseMessage": ""}, "no error code"),
            ({}, "no error code"),
        ],
    )
    def test_shows_the_words_that_come_with_it(self, body: dict[str, str], text: str) -> None:
        found = mapping.error_in(404, body)
        assert found is not None
        assert found.text == text

    @pytest.mark.parametrize(
        ("body", "code", "text"),
        [
            ({"errorCode": "9" * 8 + "x" * 32, "errorMessage": "m" * 200}, 40, 200),
            ({"errorCode": "9" * 8 + "x" * 33, "errorMessage": "m" * 201}, 40, 200),
            ({"ResponseCode": "x" * 31, "ResponseDescription": "m" * 200}, 40, 200),
            ({"ResponseCode": "x" * 32, "ResponseDescription": "m" * 201}, 40, 200),
        ],
    )
    def test_long_words_are_cut(self, body: dict[str, str], code: int, text: int) -> None:
        found = mapping.error_in(200, body)
        assert found is not None
        assert (len(found.code), len(found.text)) == (code, text)

    @pytest.mark.parametrize("code", [400002, " 500.003.02 "])
    def test_a_code_may_be_a_number_or_have_blanks(self, code: object) -> None:
        found = mapping.error_in(200, {"errorCode": code})
        assert found is not None
        assert found.code == str(code).strip()

    def test_429_waits_for_ten_seconds(self) -> None:
        found = mapping.error_in(429, {"errorCode": "500.003.03"})
        assert found is not None
        assert (found.retry_after_s, found.code) == (10, "http_429")


class TestWhoActs:
    def test_a_refusal_the_customer_can_mend(self) -> None:
        busy = read(500, "500.001.1001", "unable to lock subscriber")
        phone = read(400, "400.002.02", "Bad Request - Invalid PartyA")
        assert mapping.refusal_of(busy) == codes.PAYER_BUSY
        assert mapping.refusal_of(phone) == codes.PHONE_INVALID
        assert mapping.refusal_of(read(400, "400.002.02")) is None

    def test_the_ambiguous_code(self) -> None:
        assert mapping.is_state_unknown(read(500, "500.001.1001"))
        assert not mapping.is_state_unknown(read(500, "500.003.1001"))

    @pytest.mark.parametrize(
        ("status", "body", "kind", "code"),
        [
            (400, None, ProviderRejectedRequest, "provider_credentials_refused"),
            (401, {}, ProviderRejectedRequest, "provider_credentials_refused"),
            (403, None, ProviderRejectedRequest, "provider_credentials_refused"),
            (404, {"errorCode": "404.001.01"}, ProviderRejectedRequest, "provider_setup_wrong"),
            (429, None, ProviderThrottled, "provider_throttled"),
            (400, {"errorCode": "500.003.02"}, ProviderThrottled, "provider_throttled"),
            (500, None, ProviderUnavailable, "provider_token_unavailable"),
            (404, None, ProviderUnavailable, "provider_token_unavailable"),
        ],
    )
    def test_no_access_token(self, status: int, body: Any, kind: type, code: str) -> None:
        told = mapping.token_error_of(status, body)
        assert (type(told), told.code) == (kind, code)


class TestListedCodes:
    @pytest.mark.parametrize(
        ("code", "push", "result"),
        [
            ("0", True, True),
            ("R000001", False, True),
            ("1037", True, False),
            ("2040", False, True),
            ("15", True, True),
            ("29", False, True),
            ("4999", True, False),
            ("31337", False, False),
        ],
    )
    def test_by_table(self, code: str, push: bool, result: bool) -> None:
        assert mapping.stk_code_is_listed(code) is push
        assert mapping.result_code_is_listed(code) is result


@pytest.mark.parametrize(
    ("value", "minor"),
    [("1,000.50", 1_000_50), (" 7 ", 7_00), ("1E2", 100_00), ("1E+2", 100_00), ("0.010", 1)],
)
def test_shillings_in_other_dress(value: str, minor: int) -> None:
    assert mapping.money_of(value) == Money(minor, "KES")


@pytest.mark.parametrize(
    "value", ["Fee|KES", "Fee|KES|1.00|x", "Fee|KES|1.00&", "a|KES|1|b|KES|2", " "]
)
def test_a_fee_with_other_parts_is_no_fee(value: str) -> None:
    assert mapping.fee_of(value) is None


def test_blanks_around_the_parts_of_a_fee_do_no_harm() -> None:
    assert mapping.fee_of(" Fee | KES | 1.00 & Levy|KES|2.00 ") == Money(3_00, "KES")


def test_meanings_keep_their_words() -> None:
    """They are values of a metric's label: alerts name them."""
    assert {str(meaning) for meaning in Meaning} == {
        "token_refused", "phone_invalid", "payer_busy", "request_refused", "credentials", "setup",
        "throttled", "duplicate", "unknown",
    }  # fmt: skip
    assert all(meaning.value == meaning.name.lower() for meaning in Meaning)
