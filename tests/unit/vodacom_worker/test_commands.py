"""The operator's command that prints the listener's path."""

import pytest

from cift_shared.errors import SettingsInvalid
from tests.support.commands import CALLBACK_KEY, TOKENS
from vodacom_method import cli
from vodacom_method.webhooks import listener_path


def test_the_path_is_the_gateways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFT_CALLBACK_KEY", CALLBACK_KEY)
    assert cli.path_of() == listener_path(TOKENS)


def test_a_key_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFT_CALLBACK_KEY", "no base64!")
    with pytest.raises(SettingsInvalid, match="CIFT_CALLBACK_KEY"):
        cli.path_of()
