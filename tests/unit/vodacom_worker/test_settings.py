"""Settings: what is missing or contradictory stops the start; a rail without any is not served."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cift_shared.errors import SettingsInvalid
from cift_shared.settings import load_if_set, required_variables
from mpesa_worker import main
from mpesa_worker.settings import MpesaConfig, WorkerSettings
from tests.support import vodacom
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY
from vodacom_method.settings import VodacomSettings
from vodacom_worker.settings import VodacomConfig, load_vodacom_config

TANZANIA = {
    "MPESA_TZ_API_KEY": "key",
    "MPESA_TZ_SERVICE_PROVIDER_CODE": "000000",
    "MPESA_TZ_ENVIRONMENT": "sandbox",
    "MPESA_TZ_PUBLIC_KEY": "key",
}
UGANDA = {
    "MOMO_CALLBACK_URL": "https://pay.example",
    "MOMO_UG_COLLECTION_SUBSCRIPTION_KEY": "key",
    "MOMO_UG_COLLECTION_API_USER": "user",
    "MOMO_UG_COLLECTION_API_KEY": "key",
    "MOMO_UG_DISBURSEMENT_SUBSCRIPTION_KEY": "key",
    "MOMO_UG_DISBURSEMENT_API_USER": "user",
    "MOMO_UG_DISBURSEMENT_API_KEY": "key",
}
KENYA = {
    "MPESA_CONSUMER_KEY": "key",
    "MPESA_CONSUMER_SECRET": "secret",
    "MPESA_BUSINESS_SHORT_CODE": "174379",
    "MPESA_PASSKEY": "passkey",
    "MPESA_ENVIRONMENT": "sandbox",
    "MPESA_CALLBACK_URL": "https://pay.example",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*TANZANIA, *KENYA, *UGANDA):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("CIFT_MODE", raising=False)
    return monkeypatch


def set_all(environment: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        environment.setenv(name, value)


def live(**over: Any) -> VodacomConfig:
    fields = {
        "mode": "live",
        "environment": "production",
        "service_provider_code": "171717",
        "api_base": "https://openapi.m-pesa.com:443",
    }
    return vodacom.config(**{**fields, **over})


class TestConfig:
    def test_the_environment_is_a_part_of_the_path(self) -> None:
        assert vodacom.config(api_base="https://a/").path == "https://a/sandbox/ipg/v2/vodacomTZN"
        assert live().path == "https://openapi.m-pesa.com:443/openapi/ipg/v2/vodacomTZN"

    @pytest.mark.parametrize(
        ("over", "words"),
        [
            ({"service_provider_code": "000000"}, "published"),
            ({"check_speed": 2}, "MPESA_TZ_CHECK_SPEED"),
            ({"api_base": "http://a"}, "https"),
            ({"environment": "sandbox"}, "does not go with"),
        ],
    )
    def test_live_mode_refuses(self, over: dict[str, Any], words: str) -> None:
        with pytest.raises((ValidationError, SettingsInvalid), match=words):
            live(**over)

    @pytest.mark.parametrize(
        "over",
        [
            {"public_key": None},
            {"public_key_file": Path("key"), "public_key": "text"},
            {"api_base": "ftp://a"},
            {"api_base": "https://user@a"},
            {"service_provider_code": "0-0-0"},
            {"flow": "either"},
            {"api_key": ""},
        ],
    )
    def test_contradictions(self, over: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            vodacom.config(**over)

    def test_the_key_may_be_in_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "key.txt"
        file.write_text(vodacom.public_text())
        assert vodacom.config(public_key_file=file).public_key_text() == vodacom.public_text()
        with pytest.raises(SettingsInvalid, match="MPESA_TZ_PUBLIC_KEY_FILE"):
            vodacom.config(public_key_file=tmp_path / "none").public_key_text()

    def test_a_claim_is_held_longer_than_its_calls_take(self) -> None:
        quick, slow = vodacom.config(), vodacom.config(flow="synchronous")
        assert slow.longest_work.total_seconds() > 120 + 30 + 30
        assert quick.longest_work < slow.longest_work


class TestServedRails:
    def settings(self) -> WorkerSettings:
        return WorkerSettings(
            database_url="postgresql://a@127.0.0.1/b",
            kafka_bootstrap_servers="127.0.0.1:9",
            ops_port=8082,
            data_keys=DATA_KEYS,
            index_key=INDEX_KEY,
            callback_key=CALLBACK_KEY,
        )

    def names(self) -> list[str]:
        return [unit.schema for unit in main.served(self.settings())]

    @pytest.mark.parametrize(
        ("given", "schemas"),
        [
            (KENYA, ["mpesa"]),
            (TANZANIA, ["mpesa_tz"]),
            (UGANDA, ["momo_ug"]),
            (KENYA | TANZANIA | UGANDA, ["mpesa", "mpesa_tz", "momo_ug"]),
            # what every country of MTN reads sets up none of them
            (KENYA | {"MOMO_CALLBACK_URL": "https://pay.example"}, ["mpesa"]),
        ],
    )
    def test_a_unit_for_each_rail_that_is_set_up(
        self, environment: pytest.MonkeyPatch, given: dict[str, str], schemas: list[str]
    ) -> None:
        set_all(environment, given)
        assert self.names() == schemas

    def test_none_is_refused_and_names_what_is_needed(self) -> None:
        with pytest.raises(SettingsInvalid) as refused:
            self.names()
        for name in ("MPESA_CONSUMER_KEY", "MPESA_TZ_API_KEY", "MOMO_UG_COLLECTION_API_USER"):
            assert name in str(refused.value)

    @pytest.mark.parametrize(
        "missing",
        [
            "MPESA_TZ_API_KEY",
            "MPESA_TZ_ENVIRONMENT",
            "MOMO_UG_COLLECTION_API_USER",
            "MOMO_CALLBACK_URL",
        ],
    )
    def test_half_a_rail_is_refused(self, environment: pytest.MonkeyPatch, missing: str) -> None:
        set_all(environment, KENYA | TANZANIA | UGANDA)
        environment.delenv(missing)
        with pytest.raises(SettingsInvalid, match=missing):
            self.names()

    def test_each_unit_has_a_name_a_schema_and_a_role_of_its_own(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        set_all(environment, KENYA | TANZANIA | UGANDA)
        units = main.served(self.settings())
        for field in ("name", "schema", "role"):
            assert len({getattr(unit, field) for unit in units}) == len(units)

    def test_an_empty_variable_counts_as_not_set(self, environment: pytest.MonkeyPatch) -> None:
        set_all(environment, dict.fromkeys(TANZANIA, ""))
        assert load_if_set(VodacomConfig) is None

    def test_what_has_a_default_is_not_needed(self) -> None:
        assert required_variables(VodacomConfig) == [
            "MPESA_TZ_API_KEY", "MPESA_TZ_SERVICE_PROVIDER_CODE", "MPESA_TZ_ENVIRONMENT"
        ]  # fmt: skip
        assert "MPESA_API_BASE" not in required_variables(MpesaConfig)

    def test_loading_names_what_is_missing(self) -> None:
        with pytest.raises(SettingsInvalid, match="MPESA_TZ_API_KEY"):
            load_vodacom_config()


class TestGatewaySettings:
    def test_offered_with_a_code(self) -> None:
        assert not VodacomSettings().is_offered
        assert VodacomSettings(service_provider_code="171717").is_offered

    @pytest.mark.parametrize(
        ("environment", "mode", "fits"),
        [
            ("sandbox", "test", True), ("production", "live", True),
            ("sandbox", "live", False), ("production", "test", False),
        ],
    )  # fmt: skip
    def test_sandbox_and_real_money_do_not_mix(
        self, environment: str, mode: str, fits: bool
    ) -> None:
        settings = VodacomSettings(service_provider_code="171717", environment=environment)
        if fits:
            assert settings.checked(mode) is settings
            return
        with pytest.raises(SettingsInvalid, match="MPESA_TZ_ENVIRONMENT"):
            settings.checked(mode)
