"""Settings that don't go together refuse the start, and never show a value."""

import pytest

from cift_shared.attempts.processor import PaymentConfig, get_payment_processor
from cift_shared.errors import SettingsInvalid
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from paypal_method.settings import PayPalSettings
from paypal_worker.client import PayPalClient
from paypal_worker.settings import load_paypal_config
from paypal_worker.token_store import MemoryTokens
from tests.support import paypal
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY

GOOD = {
    "PAYPAL_CLIENT_ID": "AclientId",
    "PAYPAL_CLIENT_SECRET": "secretpart",
    "PAYPAL_ENVIRONMENT": "sandbox",
    "PAYPAL_RETURN_BASE": "https://pay.example/some/path?q=1",
}
LIVE = {"PAYPAL_ENVIRONMENT": "live", "CIFT_MODE": "live"}
OTHERS = ("PAYPAL_API_BASE", "CIFT_MODE", "PAYPAL_CHECK_SPEED", "CIFT_PAYPAL_ACTION_TIMEOUT_S")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTHERS:
        monkeypatch.delenv(name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **over: str):
    for name, value in {**GOOD, **over}.items():
        monkeypatch.setenv(name, value)
    return load_paypal_config()


def test_the_products_names_are_read(monkeypatch) -> None:
    config = load(monkeypatch)
    assert config.base == "https://api-m.sandbox.paypal.com"
    assert config.gateway == "https://pay.example"
    assert config.app == "https://api-m.sandbox.paypal.com|AclientId"
    assert config.answer_deadline_s == 55
    assert config.action_timeout_s < 3 * 60 * 60


@pytest.mark.parametrize("word", ["live", "production"])
def test_real_money_is_at_paypals_own_host(monkeypatch, word: str) -> None:
    config = load(monkeypatch, **{**LIVE, "PAYPAL_ENVIRONMENT": word})
    assert (config.environment, config.base) == ("live", "https://api-m.paypal.com")


@pytest.mark.parametrize(
    ("over", "named"),
    [
        ({"CIFT_MODE": "live"}, "PAYPAL_ENVIRONMENT"),
        ({**LIVE, "CIFT_MODE": "test"}, "PAYPAL_ENVIRONMENT"),
        ({"PAYPAL_ENVIRONMENT": "staging"}, "PAYPAL_ENVIRONMENT"),
        ({"PAYPAL_API_BASE": "https://api-m.paypal.com"}, "PAYPAL_API_BASE"),
        ({"PAYPAL_API_BASE": "https://API.paypal.com/"}, "PAYPAL_API_BASE"),
        ({**LIVE, "PAYPAL_API_BASE": "https://api-m.sandbox.paypal.com"}, "PAYPAL_API_BASE"),
        ({**LIVE, "PAYPAL_API_BASE": "https://api.sandbox.paypal.com"}, "PAYPAL_API_BASE"),
        ({**LIVE, "PAYPAL_API_BASE": "http://127.0.0.1:9"}, "PAYPAL_API_BASE"),
        ({**LIVE, "PAYPAL_RETURN_BASE": "http://127.0.0.1:9"}, "PAYPAL_RETURN_BASE"),
        ({**LIVE, "PAYPAL_CHECK_SPEED": "2"}, "PAYPAL_CHECK_SPEED"),
        ({"PAYPAL_API_BASE": "http://paypal.example"}, "PAYPAL_API_BASE"),
        ({"PAYPAL_API_BASE": "https://user:secretpart@paypal.example"}, "PAYPAL_API_BASE"),
        ({"PAYPAL_RETURN_BASE": "ftp://127.0.0.1"}, "PAYPAL_RETURN_BASE"),
        ({"PAYPAL_RETURN_BASE": ""}, "PAYPAL_RETURN_BASE"),
        ({"PAYPAL_CLIENT_SECRET": ""}, "PAYPAL_CLIENT_SECRET"),
        ({"PAYPAL_CLIENT_ID": ""}, "PAYPAL_CLIENT_ID"),
        ({"CIFT_PAYPAL_ACTION_TIMEOUT_S": "59"}, "CIFT_PAYPAL_ACTION_TIMEOUT_S"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(monkeypatch, over, named) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(monkeypatch, **over)
    assert named in str(caught.value)
    assert "secretpart" not in str(caught.value)


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:12111/", "http://[::1]:1", "http://localhost:1"]
)
def test_this_machine_may_be_reached_without_tls(monkeypatch, base: str) -> None:
    assert load(monkeypatch, PAYPAL_API_BASE=base).base == base.rstrip("/")


def test_a_live_client_sends_no_mock_header(monkeypatch) -> None:
    clock = FakeClock()
    config = load(monkeypatch, **LIVE)
    PayPalClient(config, MemoryTokens(clock), clock)
    with pytest.raises(SettingsInvalid, match="PayPal-Mock-Response"):
        PayPalClient(
            config, MemoryTokens(clock), clock, mock_responses={"order_create": "INTERNAL_ERROR"}
        )


async def test_the_factory_finds_the_processor(monkeypatch) -> None:
    for name, value in (
        ("CIFT_DATA_KEYS", DATA_KEYS),
        ("CIFT_INDEX_KEY", INDEX_KEY),
        ("CIFT_CALLBACK_KEY", CALLBACK_KEY),
        *GOOD.items(),
    ):
        monkeypatch.setenv(name, value)
    processor = get_payment_processor("paypal", PaymentConfig.load("paypal"))
    assert processor.rail == "paypal"
    assert processor.calculate_fee(
        paypal.deposit(100_00).amount, "deposit", at=FakeClock().now()
    ) == Money(3_48, "USD")
    assert not processor.resend_is_safe("deposit")
    await processor.close()


class TestGateway:
    def test_paypal_is_offered_by_a_deployment_that_has_an_app(self, monkeypatch) -> None:
        monkeypatch.delenv("PAYPAL_CLIENT_ID", raising=False)
        assert not PayPalSettings().is_offered
        assert PayPalSettings(client_id="A").is_offered

    @pytest.mark.parametrize(
        ("environment", "mode"), [("sandbox", "live"), ("live", "test"), ("production", "test")]
    )
    def test_the_sandbox_and_real_money_dont_mix(self, environment: str, mode: str) -> None:
        settings = PayPalSettings(client_id="A", environment=environment)
        with pytest.raises(SettingsInvalid, match="PAYPAL_ENVIRONMENT"):
            settings.checked(mode)

    @pytest.mark.parametrize(
        ("environment", "mode"), [("sandbox", "test"), ("live", "live"), ("production", "live")]
    )
    def test_each_goes_with_its_mode(self, environment: str, mode: str) -> None:
        settings = PayPalSettings(client_id="A", environment=environment)
        assert settings.checked(mode) is settings

    def test_a_deployment_without_paypal_needs_no_setting(self, monkeypatch) -> None:
        monkeypatch.delenv("PAYPAL_CLIENT_ID", raising=False)
        settings = PayPalSettings()
        assert settings.checked("live") is settings
