"""The rules of M-Pesa without I/O."""

import base64
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from cift_shared.errors import SettingsInvalid
from cift_shared.ids import AttemptId
from cift_shared.money.amount import Money
from cift_shared.security.field_encryption import Vault
from mpesa_method.purposes import Purpose
from mpesa_worker import domain
from tests.support import mpesa
from tests.support.commands import DATA_KEYS


class TestAccountReference:
    def test_twelve_letters_and_digits_always_the_same(self) -> None:
        one = domain.account_reference(UUID(int=1))
        assert re.fullmatch(r"[A-Z0-9]{12}", one)
        assert one == domain.account_reference(UUID(int=1))

    def test_neighbours_differ(self) -> None:
        assert len({domain.account_reference(UUID(int=n)) for n in range(5_000)}) == 5_000


ATTEMPT = AttemptId(UUID("01890000-0000-7000-8000-00000000000a"))


class TestKeyedReference:
    def test_the_same_in_every_release(self) -> None:
        """Pushes under way are found by these texts; a change here loses them."""
        golden = [domain.keyed_account_reference(mpesa.VAULT, ATTEMPT, n) for n in range(2)]
        assert golden == ["IIR5MQD3XI3G", "5W3NVAIFO5TI"]
        assert domain.account_reference(UUID(int=1)) == "H3MDOQQ3RGSF"

    def test_another_key_gives_another(self) -> None:
        other = Vault.from_text(DATA_KEYS, base64.b64encode(b"j" * 32).decode())
        ours = domain.keyed_account_reference(mpesa.VAULT, ATTEMPT)
        assert domain.keyed_account_reference(other, ATTEMPT) != ours
        assert ours == domain.keyed_account_reference(mpesa.VAULT, ATTEMPT, 0)

    def test_neighbours_and_variants_differ_and_have_our_shape(self) -> None:
        found = {
            domain.keyed_account_reference(mpesa.VAULT, AttemptId(UUID(int=n)), variant)
            for n in range(2_000)
            for variant in range(2)
        }
        assert len(found) == 4_000
        assert all(domain.is_our_reference(reference) for reference in found)

    @pytest.mark.parametrize(
        "text", ["", "0708374149", "ABCDEFGHIJK", "ABCDEFGHIJKLM", "abcdefghijkl", "ABCDEFGHIJK1"]
    )
    def test_other_texts_are_not_ours(self, text: str) -> None:
        assert not domain.is_our_reference(text)


class TestPassword:
    def test_short_code_passkey_and_nairobi_time(self) -> None:
        stamp = domain.timestamp(datetime(2026, 11, 2, 22, 30, tzinfo=UTC))
        assert stamp == "20261103013000"
        plain = base64.b64decode(domain.stk_password("174379", "key", stamp))
        assert plain == b"174379key20261103013000"


class TestSecurityCredential:
    def test_only_safaricom_reads_it(self) -> None:
        sealed = domain.security_credential("Initiator#1", mpesa.key_pair()[1])
        assert mpesa.open_credential(base64.b64decode(sealed)) == b"Initiator#1"

    def test_another_file_is_refused(self) -> None:
        with pytest.raises(SettingsInvalid, match="certificate in PEM"):
            domain.security_credential("x", b"-----BEGIN NOTHING-----")


class TestMsisdn:
    @pytest.mark.parametrize("number", ["254708374149", "254110000000"])
    def test_kenyan(self, number: str) -> None:
        assert domain.is_msisdn(number)

    @pytest.mark.parametrize(
        "number", ["0708374149", "+254708374149", "254608374149", "25470837414", "254708374149\n"]
    )
    def test_anything_else(self, number: str) -> None:
        assert not domain.is_msisdn(number)


class TestReceipt:
    @pytest.mark.parametrize(
        ("reference", "is_one"),
        [
            ("TKF7RT61SV", True),
            ("TKF0000000", False),
            (mpesa.MERCHANT_REQUEST, False),
            ("tkf7rt61sv", False),
            (None, False),
        ],
    )
    def test_shape(self, reference: str | None, is_one: bool) -> None:
        assert domain.is_receipt(reference) is is_one


class TestWholeShillings:
    def test_cents_are_refused(self) -> None:
        assert domain.whole_shillings(Money(250_00, "KES")) == 250
        with pytest.raises(ValueError, match="whole"):
            domain.whole_shillings(Money(250_01, "KES"))


class TestCallbackAddress:
    def test_no_word_that_daraja_refuses(self) -> None:
        token = mpesa.TOKENS.make(AttemptId(UUID(int=7)), Purpose.STATUS)
        address = domain.callback_address("https://pay.example.com", token)
        assert not re.search("mpesa|m-pesa|safaricom|exe|cmd|sql|query", address, re.IGNORECASE)
        assert address == address.lower()


class TestRefundRoad:
    @pytest.mark.parametrize(
        ("minor", "receipt", "road"),
        [
            (100_00, mpesa.RECEIPT, "reversal"),
            (99_00, mpesa.RECEIPT, "payout"),
            (100_00, None, "payout"),
            (100_00, mpesa.MERCHANT_REQUEST, "payout"),
        ],
    )
    def test_whole_with_a_receipt_is_reversed(
        self, minor: int, receipt: str | None, road: str
    ) -> None:
        assert domain.refund_route(mpesa.refund(minor, receipt=receipt)) == road


class TestCheckDelay:
    ONE = Decimal(1)

    def test_dense_at_first_then_each_quarter_of_an_hour(self) -> None:
        moments, at = [], 0
        for gap in domain.CHECK_GAPS_S:
            at += gap
            moments.append(at)
        assert moments[:10] == [12, 20, 30, 45, 60, 90, 120, 240, 480, 960]
        assert set(domain.CHECK_GAPS_S[10:]) == {900}
        assert moments[-2] < 86_400 <= moments[-1]

    def test_speed_divides(self) -> None:
        assert domain.check_delay(0, None, speed=Decimal(24)) == timedelta(seconds=0.5)

    def test_people_look_after_a_day_and_not_before(self) -> None:
        many = len(domain.CHECK_GAPS_S)
        hour, day = timedelta(hours=1), timedelta(days=1)
        assert domain.check_delay(many, None, speed=self.ONE) is None
        assert domain.check_delay(many, day, speed=self.ONE) is None
        assert domain.check_delay(many, hour, speed=self.ONE) == timedelta(minutes=15)

    def test_a_day_of_standstill_does_not_end_the_asking(self) -> None:
        assert domain.check_delay(1, timedelta(days=3), speed=self.ONE) == timedelta(seconds=8)
