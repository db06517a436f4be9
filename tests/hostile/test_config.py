"""Settings that would open a door stop the start, by name and without their value.

Keys of the wrong mode and secret keys in public places: `unit/gateway/test_settings.py`,
`unit/card_worker/test_settings.py`, `unit/mpesa_worker/test_settings.py`.
"""

import base64
import secrets
from ipaddress import ip_network

import pytest

from cift_shared.errors import SettingsInvalid
from cift_shared.rails.gateway import load_rail_settings
from cift_shared.settings import load_settings
from gateway.settings import GatewaySettings
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY
from tests.support.gateway import settings_for

DSN = "postgresql://nowhere/none"
LIVE = {"mode": "live"}


def random_keys() -> dict[str, str]:
    one, two, three = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3))
    return {"data_keys": f"k1:{one}", "index_key": two, "callback_key": three}


def load_everything() -> None:
    """Read the settings of the gateway and of its rails, as its start does."""
    load_settings(GatewaySettings)
    load_rail_settings()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    values = {
        "DATABASE_URL": DSN,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "CIFT_HTTP_PORT": "8080",
        "CIFT_OPS_PORT": "8070",
        "CIFT_DATA_KEYS": DATA_KEYS,
        "CIFT_INDEX_KEY": INDEX_KEY,
        "CIFT_CALLBACK_KEY": CALLBACK_KEY,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_live_mode_takes_random_keys_only() -> None:
    assert settings_for(DSN, **LIVE, **random_keys()).checked()
    with pytest.raises(SettingsInvalid, match="CIFT_DATA_KEYS: made by hand"):
        settings_for(DSN, **LIVE).checked()
    keys = random_keys()
    keys["callback_key"] = keys["index_key"]
    with pytest.raises(SettingsInvalid, match="CIFT_CALLBACK_KEY") as refused:
        settings_for(DSN, **LIVE, **keys).checked()
    assert keys["index_key"] not in str(refused.value)


@pytest.mark.parametrize("name", ["CIFT_CLOCK_OFFSET_S", "CIFT_FAILPOINT_FILE"])
def test_live_mode_takes_no_switch_of_tests(environment, name: str) -> None:
    live, test = settings_for(DSN, **LIVE, **random_keys()), settings_for(DSN)
    environment.setenv(name, "")
    assert live.checked()
    environment.setenv(name, "60")
    with pytest.raises(SettingsInvalid, match=f"{name}: for tests only"):
        live.checked()
    assert test.checked()


@pytest.mark.parametrize("short", ["", "AAAA", "k1:AAAA", "not base64!", "k1:" + "A" * 43])
def test_short_and_broken_keys_stop_any_start(short: str) -> None:
    for name in ("data_keys", "index_key", "callback_key"):
        with pytest.raises(SettingsInvalid) as refused:
            settings_for(DSN, **{name: short}).checked()
        assert not short or short not in str(refused.value)


def test_everybody_is_no_proxy_of_ours() -> None:
    for everybody in ("0.0.0.0/0", "::/0"):
        trusted = {"trusted_proxies": (ip_network(everybody),)}
        with pytest.raises(SettingsInvalid, match="CIFT_GATEWAY_TRUSTED_PROXIES"):
            settings_for(DSN, **LIVE, **random_keys(), **trusted).checked()
        assert settings_for(DSN, **trusted).checked()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CIFT_GATEWAY_TRUSTED_PROXYS", "CIFT_GATEWAY_TRUSTED_PROXIES"),
        ("CIFT_GATEWAY_MPESA_ENFORCE_SOURCE", "CIFT_GATEWAY_MPESA_ENFORCE_SOURCES"),
        ("CIFT_MOD", "CIFT_MODE"),
        ("cift_gateway_notices_per_seconds", "CIFT_GATEWAY_NOTICES_PER_SECOND"),
    ],
)
def test_misspelt_variable_stops_the_start(environment, name: str, meant: str) -> None:
    environment.setenv(name, "secret-value")
    with pytest.raises(SettingsInvalid, match=meant) as refused:
        load_everything()
    assert "secret-value" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "CIFT_GATEWAY_SERVICE_HOST",  # Kubernetes, for a service of that name
        "CIFT_GATEWAY_PORT_8080_TCP",
        "CIFT_MPESA_WORKER_CONCURRENCY",  # another service's
        "CIFT_CARD_WORKER_CONCURRENCY",
        "CIFT_LEDGER_SEAL_INTERVAL_S",
        "CIFT_SANDBOX_HTTP_PORT",
        "CIFT_FAILPOINT_FILE",
        "CIFT_CLOCK_OFFSET_S",
        "STRIPE_WEBHOOK_OLD_SECRET",
    ],
)
def test_variables_of_others_are_left_alone(environment, name: str) -> None:
    environment.setenv(name, "1")
    load_everything()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CIFT_HTTP_PORT", "99999"),
        ("CIFT_OPS_PORT", "0"),
        ("CIFT_MODE", "prod"),
        ("CIFT_INSTANCE", "a b"),
        ("CIFT_LOG_LEVEL", "trace"),
        ("CIFT_GATEWAY_TRUSTED_PROXIES", "*"),
        ("CIFT_GATEWAY_MPESA_SOURCES", "300.1.1.1"),
        ("CIFT_GATEWAY_REQUESTS_PER_SECOND", "0"),
        ("CIFT_GATEWAY_STREAMS_PER_KEY", "1e9"),
    ],
)
def test_values_of_no_sense_are_named(environment, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=name):
        load_everything()
