"""Settings that contradict each other, or mix play money with real money, are refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cift_shared.errors import SettingsInvalid
from momo_method.countries import RWANDA, UGANDA
from momo_method.settings import RwandaSettings, UgandaSettings
from momo_worker.settings import MomoConfig, config_of, load_uganda_config
from tests.support import momo

FORMER = {f"former_{name}": value for name, value in momo.credentials(UGANDA, "old").items()}
LIVE = {
    "mode": "live",
    "api_base": None,
    "callback_url": "https://pay.example.com",
    "check_speed": 1,
}


def config(**over: Any) -> MomoConfig:
    return momo.config(UGANDA, **over)


@pytest.mark.parametrize(
    ("over", "base"),
    [
        ({"target_environment": "sandbox", "api_base": None},
         "https://sandbox.momodeveloper.mtn.com"),
        ({"api_base": "http://127.0.0.1:9/"}, "http://127.0.0.1:9"),
        ({"api_base": None, "general_api_base": "http://localhost:8/"}, "http://localhost:8"),
        (LIVE, "https://proxy.momoapi.mtn.com"),
        ({**LIVE, "platform": "new"}, "https://momoapi.momo.africa"),
    ],
)  # fmt: skip
def test_where_new_payments_go(over: dict[str, Any], base: str) -> None:
    assert config(**over).base == base


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"target_environment": "mtnrwanda"}, "sandbox or mtnuganda"),
        ({"api_base": None}, "real money"),
        ({"api_base": "https://proxy.momoapi.mtn.com"}, "real money"),
        ({"target_environment": "sandbox", "api_base": "https://momoapi.momo.africa"}, "MTN's own"),
        ({**LIVE, "target_environment": "sandbox"}, "MOMO_UG"),
        ({**LIVE, "api_base": "http://127.0.0.1:9"}, "CIFT_MODE=live"),
        ({**LIVE, "callback_url": "http://127.0.0.1"}, "MOMO_CALLBACK_URL"),
        ({**LIVE, "check_speed": 2}, "MOMO_CHECK_SPEED"),
        ({"api_base": "ftp://127.0.0.1"}, "http"),
        ({"api_base": "http://mtn.example"}, "https"),
        ({"api_base": "http://user@127.0.0.1"}, "user name"),
        ({"float_minimum": "RWF:1"}, "pays out UGX"),
        ({"float_minimum": "many"}, "UGX:500000"),
        ({"former_api_base": "http://127.0.0.1:8"}, "belong together"),
        ({**FORMER, "former_collection_api_key": None, "former_api_base": "http://127.0.0.1:8"},
         "belong together"),
        ({**FORMER, "former_api_base": "http://127.0.0.1:9/"}, "address of new payments"),
        ({"requests_per_second": 1}, "greater than 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(over: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**over)
    text = "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in refused.value.errors()
    )
    assert words in text


def test_the_platforms_have_their_own_credentials() -> None:
    moved = config(**FORMER, former_api_base="http://127.0.0.1:8/")
    current, former = moved.platforms
    assert (current.base, former.base) == ("http://127.0.0.1:9", "http://127.0.0.1:8")
    for product, one in former.credentials.items():
        assert one.api_user == FORMER[f"former_{product}_api_user"]
        assert one.api_user != current.credentials[product].api_user
    assert config().platforms == (config().current,)


def test_euro_is_for_the_sandbox_only() -> None:
    assert config().wire_currency == "UGX"
    assert momo.config(RWANDA).wire_currency == "RWF"
    assert config(target_environment="sandbox").wire_currency == "EUR"


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in momo.credentials(UGANDA):
        monkeypatch.delenv(f"MOMO_UG_{name.upper()}", raising=False)
    monkeypatch.setenv("MOMO_UG_COLLECTION_API_USER", "user")
    with pytest.raises(SettingsInvalid) as refused:
        load_uganda_config()
    assert "MOMO_UG_COLLECTION_API_KEY" in str(refused.value)
    assert "MOMO_CALLBACK_URL" in str(refused.value)
    assert "COLLECTION_API_USER" not in str(refused.value)


def test_secrets_are_not_shown() -> None:
    shown = repr(config(**FORMER, former_api_base="http://127.0.0.1:8"))
    for name, value in {**momo.credentials(UGANDA), **FORMER}.items():
        assert (value in shown) is name.endswith("api_user")


@pytest.mark.parametrize("kind", [UgandaSettings, RwandaSettings])
def test_the_gateway_offers_a_country_that_is_set_up(kind: Any) -> None:
    assert not kind().is_offered
    kind().checked("live")
    offered = kind(collection_api_user="user")
    assert offered.is_offered
    assert offered.checked("test") is offered
    with pytest.raises(SettingsInvalid, match=f"{kind.country.prefix}_TARGET_ENVIRONMENT"):
        offered.checked("live")
    kind(collection_api_user="user", target_environment=kind.country.target_environment).checked(
        "live"
    )


def test_a_secret_that_comes_from_a_file_sets_up_its_country(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MOMO_CALLBACK_URL", "https://pay.example")
    assert config_of(UGANDA) is None
    secret = tmp_path / "secret"
    secret.write_text("from a file")
    secret.chmod(0o600)
    monkeypatch.setenv("MOMO_UG_COLLECTION_API_KEY_FILE", str(secret))
    with pytest.raises(SettingsInvalid, match="MOMO_UG_COLLECTION_API_USER"):
        config_of(UGANDA)
    for name, value in momo.credentials(UGANDA).items():
        if name != "collection_api_key":
            monkeypatch.setenv(f"MOMO_UG_{name.upper()}", value)
    found = config_of(UGANDA)
    assert found is not None
    assert found.collection_api_key.get_secret_value() == "from a file"
