"""Settings of the gateway that stop the start."""

import base64
import secrets

import pytest

from cift_shared.errors import SettingsInvalid
from gateway.settings import GatewaySettings
from tests.support.gateway import settings_for

DSN = "postgresql://nowhere/none"


def live_settings(dsn: str = DSN, **fields: str) -> GatewaySettings:
    keys = [base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3)]
    live = {"data_keys": f"k1:{keys[0]}", "index_key": keys[1], "callback_key": keys[2]}
    return settings_for(dsn, mode="live", **live, **fields)


def test_the_two_ports_differ() -> None:
    with pytest.raises(SettingsInvalid, match="CIFT_OPS_PORT: the same as CIFT_HTTP_PORT"):
        settings_for(DSN, http_port=8080, ops_port=8080).checked()


def test_the_password_of_the_example_is_for_tests_only() -> None:
    example = "postgresql://cift:change-me@127.0.0.1:5432/cift"
    with pytest.raises(SettingsInvalid, match="DATABASE_URL: a published value"):
        live_settings(example).checked()
    assert settings_for(example).checked()
