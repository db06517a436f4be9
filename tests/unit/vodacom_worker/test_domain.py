"""Pure rules: keys, references, bearers, amounts, the schedule of queries."""

import base64
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import SettingsInvalid
from cift_shared.ids import AttemptId
from cift_shared.money.amount import Money
from tests.support import vodacom
from tests.support.commands import IDS, VAULT
from vodacom_worker import domain

ATTEMPT = AttemptId(UUID("01890000-0000-7000-8000-00000000000a"))
ANY_ATTEMPT = st.uuids().map(AttemptId)


class TestKeys:
    @given(ANY_ATTEMPT, st.integers(0, domain.ROUND_MAX))
    def test_a_key_leads_back_to_its_attempt(self, attempt: AttemptId, number: int) -> None:
        key = domain.request_key(attempt, number)
        assert domain.attempt_of(key) == attempt
        assert key.isalnum()
        assert len(key) in (32, 35)

    def test_the_same_in_every_release(self) -> None:
        """Requests under way are found by these texts; a change here loses them."""
        assert domain.request_key(ATTEMPT) == "0189000000007000800000000000000a"
        assert domain.request_key(ATTEMPT, 7) == "0189000000007000800000000000000a007"
        assert domain.transaction_reference(VAULT, ATTEMPT) == "YX7I5NJCDWOM"

    def test_each_round_has_another_key(self) -> None:
        attempt = AttemptId(IDS.new_id())
        assert len({domain.request_key(attempt, number) for number in range(50)}) == 50

    @pytest.mark.parametrize(
        "text", ["", "x" * 32, "0" * 31, "0" * 33, "0" * 36, "0" * 32 + "abc", None, 7, ["0" * 32]]
    )
    def test_another_text_is_no_key(self, text: object) -> None:
        assert domain.attempt_of(text) is None


class TestReferences:
    @given(ANY_ATTEMPT)
    def test_twelve_letters_and_digits_always_the_same(self, attempt: AttemptId) -> None:
        reference = domain.transaction_reference(VAULT, attempt)
        assert reference == domain.transaction_reference(VAULT, attempt)
        assert len(reference) == 12
        assert reference.isalnum()
        assert reference.isupper() or reference.isdigit()

    @pytest.mark.parametrize("text", ["N/A", "", "abc", "a" * 21, "a b c d", None, 7, "x-y-z-1"])
    def test_no_receipt(self, text: object) -> None:
        assert domain.receipt_in(text) is None

    @pytest.mark.parametrize("text", ["9KE71HX0QTR", "hv9ahvtdmlrt", "123456"])
    def test_receipts(self, text: str) -> None:
        assert domain.receipt_in(text) == text


class TestBearer:
    def test_only_vodacom_can_read_it(self) -> None:
        key = domain.public_key(vodacom.public_text())
        first, second = (domain.bearer("secret", key) for _ in range(2))
        assert first != second  # the padding is random
        assert vodacom.opened(first) == vodacom.opened(second) == "secret"

    def test_the_portals_line_breaks_are_skipped(self) -> None:
        text = vodacom.public_text()
        broken = "\n".join([text[:64], text[64:], ""])
        assert (
            domain.public_key(broken).public_numbers() == domain.public_key(text).public_numbers()
        )

    @pytest.mark.parametrize("text", ["", "no base64!", "AAAA"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(SettingsInvalid, match="MPESA_TZ_PUBLIC_KEY: not a public key"):
            domain.public_key(text)

    def test_a_letter_that_is_no_base64_is_not_skipped(self) -> None:
        with pytest.raises(SettingsInvalid, match="not a public key in base64"):
            domain.public_key(vodacom.public_text() + "!")

    def test_a_key_of_another_kind_is_refused(self) -> None:
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        der = other.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        with pytest.raises(SettingsInvalid, match="MPESA_TZ_PUBLIC_KEY: not an RSA key"):
            domain.public_key(base64.b64encode(der).decode())


class TestAmounts:
    @given(st.integers(0, 10**12))
    def test_whole_shillings(self, shillings: int) -> None:
        assert domain.whole_shillings(Money(shillings * 100, "TZS")) == shillings

    @pytest.mark.parametrize("amount", [Money(101, "TZS"), Money(100, "KES")])
    def test_cents_and_other_currencies_are_refused(self, amount: Money) -> None:
        with pytest.raises(ValueError, match="whole shillings"):
            domain.whole_shillings(amount)


def test_vodacoms_days_are_those_of_dar_es_salaam() -> None:
    zone = domain.DAR_ES_SALAAM
    assert (zone.utcoffset(None), zone.tzname(None)) == (timedelta(hours=3), "EAT")


class TestNumbers:
    @pytest.mark.parametrize("number", ["255754123456", "255612345678"])
    def test_mobile_numbers(self, number: str) -> None:
        assert domain.is_msisdn(number)

    @pytest.mark.parametrize(
        "number", ["", "0754123456", "+255754123456", "254754123456", "255222123456", "25575412345"]
    )
    def test_others(self, number: str) -> None:
        assert not domain.is_msisdn(number)


class TestSchedule:
    def test_the_queries_of_a_day(self) -> None:
        moments = list(accumulate(domain.CHECK_GAPS_S))
        assert moments[:12] == [5, 12, 20, 30, 45, 60, 90, 120, 240, 480, 960, 1860]
        assert set(domain.CHECK_GAPS_S[11:]) == {900}
        assert moments[-2] < 86_400 <= moments[-1]
        after = domain.check_delay(len(moments), timedelta(0), speed=Decimal(1))
        assert after == timedelta(minutes=15)

    def test_a_deposit_is_sent_again_within_ten_minutes(self) -> None:
        assert domain.RESEND_DEPOSIT_S == 600

    def test_begins_fast_and_ends_after_a_day(self) -> None:
        day, one = timedelta(days=1), Decimal(1)
        assert domain.check_delay(0, timedelta(0), speed=one) == timedelta(seconds=5)
        assert domain.check_delay(1, timedelta(0), speed=one) == timedelta(seconds=7)
        assert domain.check_delay(10_000, day - timedelta(seconds=1), speed=one) == timedelta(
            minutes=15
        )
        assert domain.check_delay(10_000, day, speed=one) is None
        assert domain.check_delay(10_000, None, speed=one) is None
        assert domain.check_delay(0, day, speed=one) is not None

    def test_speed_divides_every_wait(self) -> None:
        assert domain.check_delay(0, None, speed=Decimal(5)) == timedelta(seconds=1)
        assert domain.check_delay(10_000, timedelta(hours=5), speed=Decimal(5)) is None
