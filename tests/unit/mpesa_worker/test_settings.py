"""Settings that contradict each other, or would mix test and real money, stop the start."""

from pathlib import Path

import pytest

from cift_shared.attempts.processor import PaymentConfig, get_payment_processor
from cift_shared.errors import SettingsInvalid
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.settings import MpesaConfig, load_mpesa_config
from tests.support import commands, mpesa

REQUIRED = {
    "MPESA_CONSUMER_KEY": "key",
    "MPESA_CONSUMER_SECRET": "hidden-secret",
    "MPESA_BUSINESS_SHORT_CODE": "174379",
    "MPESA_PASSKEY": "hidden-passkey",
    "MPESA_ENVIRONMENT": "sandbox",
    "MPESA_CALLBACK_URL": "https://YourDomain.com/api/v1/webhooks/mpesa",
}
LIVE = {
    "MPESA_ENVIRONMENT": "production",
    "CIFT_MODE": "live",
    "MPESA_BUSINESS_SHORT_CODE": "5550001",
}
SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
"""Safaricom's own, on its page for the sandbox."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


class TestLoad:
    def test_the_products_names_are_enough(self) -> None:
        config = load_mpesa_config()
        assert config.base == "https://sandbox.safaricom.co.ke"
        assert config.callback_base == "https://yourdomain.com"
        assert (config.receiver, config.payout_short_code) == ("174379", "174379")

    @pytest.mark.parametrize("name", REQUIRED)
    def test_a_missing_one_is_named(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(name)
        with pytest.raises(SettingsInvalid, match=name):
            load_mpesa_config()

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"MPESA_ENVIRONMENT": "production"}, "CIFT_MODE=test"),
            ({"CIFT_MODE": "live"}, "CIFT_MODE=live"),
            (
                {
                    "MPESA_ENVIRONMENT": "production",
                    "CIFT_MODE": "live",
                    "MPESA_CALLBACK_URL": "http://pay.example.com",
                },
                "https in production",
            ),
            (
                {
                    "MPESA_ENVIRONMENT": "production",
                    "CIFT_MODE": "live",
                    "MPESA_API_BASE": "https://sandbox.safaricom.co.ke",
                },
                "sandbox host",
            ),
            ({"MPESA_API_BASE": "https://api.safaricom.co.ke"}, "production host"),
            ({"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline"}, "MPESA_PARTY_B"),
            ({"MPESA_INITIATOR_NAME": "testapi"}, "belong together"),
            ({"MPESA_CALLBACK_URL": "yourdomain.com"}, "http"),
            ({"MPESA_BUSINESS_SHORT_CODE": "12"}, "MPESA_BUSINESS_SHORT_CODE"),
            ({"MPESA_CHECK_SPEED": "0"}, "MPESA_CHECK_SPEED"),
            (LIVE | {"MPESA_BUSINESS_SHORT_CODE": "174379"}, "SHORT_CODE.*a published value"),
            (LIVE | {"MPESA_PASSKEY": SANDBOX_PASSKEY}, "MPESA_PASSKEY: a published value"),
        ],
    )
    def test_contradictions_are_refused(
        self, changes: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SettingsInvalid, match=said) as refused:
            load_mpesa_config()
        assert "hidden" not in str(refused.value)

    def test_a_live_business_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in LIVE.items():
            monkeypatch.setenv(name, value)
        assert load_mpesa_config().base == "https://api.safaricom.co.ke"


class TestFactory:
    async def test_a_processor_stands_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CIFT_DATA_KEYS", commands.DATA_KEYS)
        monkeypatch.setenv("CIFT_INDEX_KEY", commands.INDEX_KEY)
        monkeypatch.setenv("CIFT_CALLBACK_KEY", commands.CALLBACK_KEY)
        processor = get_payment_processor("mpesa", PaymentConfig.get_mpesa_config())
        assert isinstance(processor, MpesaProcessor)
        assert processor.rail == "mpesa"
        await processor.close()

    def test_a_certificate_that_is_none_stops_the_start(
        self, tmp_path: Path, clock: mpesa.FakeClock
    ) -> None:
        (tmp_path / "certificate.pem").write_text("not a certificate")
        with pytest.raises(SettingsInvalid, match="MPESA_CERTIFICATE_FILE"):
            mpesa.processor(mpesa.config(tmp_path), mpesa.NO_NETWORK, clock)

    def test_secrets_do_not_show(self) -> None:
        assert "hidden" not in repr(MpesaConfig())
