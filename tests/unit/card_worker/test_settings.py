"""Settings that don't go together refuse the start, and never show a value."""

import pytest

from card_worker.settings import load_card_config
from cift_shared.attempts.processor import PaymentConfig, get_payment_processor
from cift_shared.errors import SettingsInvalid
from tests.support import cards
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY

GOOD = {"STRIPE_SECRET_KEY": "sk_test_secretpart", "STRIPE_PUBLISHABLE_KEY": "pk_test_x"}
LIVE = {
    "STRIPE_SECRET_KEY": "sk_live_secretpart",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "CIFT_MODE": "live",
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIPE_API_BASE", "CIFT_MODE", "CIFT_CARD_REPLICAS", "STRIPE_CHECK_SPEED"):
        monkeypatch.delenv(name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **over: str):
    for name, value in {**GOOD, **over}.items():
        monkeypatch.setenv(name, value)
    return load_card_config()


def test_the_products_names_are_read(monkeypatch) -> None:
    config = load(monkeypatch, STRIPE_WEBHOOK_SECRET="whsec_x", CIFT_CARD_REPLICAS="2")
    assert config.api_base == "https://api.stripe.com"
    assert (config.global_share, config.endpoint_share) == (12.5, 12.5)
    assert load(monkeypatch, **LIVE).global_share == 50


@pytest.mark.parametrize(
    ("over", "named"),
    [
        ({"CIFT_MODE": "live"}, "CIFT_MODE"),
        ({**LIVE, "CIFT_MODE": "test"}, "CIFT_MODE"),
        ({"STRIPE_SECRET_KEY": "rk_live_secretpart"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_PUBLISHABLE_KEY": "pk_live_x"}, "STRIPE_PUBLISHABLE_KEY"),
        ({"STRIPE_SECRET_KEY": "pk_test_secretpart"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_SECRET_KEY": "secretpart"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_API_BASE": "http://stripe.example"}, "STRIPE_API_BASE"),
        ({"STRIPE_API_BASE": "http://10.0.0.1:80"}, "STRIPE_API_BASE"),
        ({"STRIPE_API_BASE": "https://user:secretpart@stripe.example"}, "STRIPE_API_BASE"),
        ({"STRIPE_API_BASE": "ftp://127.0.0.1"}, "STRIPE_API_BASE"),
        ({**LIVE, "STRIPE_API_BASE": "http://127.0.0.1:9"}, "STRIPE_API_BASE"),
        ({**LIVE, "STRIPE_CHECK_SPEED": "2"}, "STRIPE_CHECK_SPEED"),
        ({"CIFT_CARD_REPLICAS": "21"}, "CIFT_CARD_REPLICAS"),
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY"),
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
def test_this_machine_may_be_reached_without_tls(monkeypatch, base) -> None:
    assert load(monkeypatch, STRIPE_API_BASE=base).api_base == base.rstrip("/")


async def test_the_factory_builds_it(monkeypatch) -> None:
    keys = {"CIFT_DATA_KEYS": DATA_KEYS, "CIFT_INDEX_KEY": INDEX_KEY}
    for name, value in {**GOOD, **keys, "CIFT_CALLBACK_KEY": CALLBACK_KEY}.items():
        monkeypatch.setenv(name, value)
    processor = get_payment_processor("card", PaymentConfig.get_stripe_config())
    assert processor.rail == "card"
    await processor.close()


def test_secrets_do_not_print() -> None:
    assert cards.SECRET_KEY not in repr(cards.config())
