"""Keys of the other mode, or secret ones in a public place, stop the start."""

import base64
import secrets

import pytest

from cift_shared.errors import SettingsInvalid
from tests.support.gateway import settings_for

DSN = "postgresql://nowhere/none"


@pytest.mark.parametrize(
    ("mode", "key"),
    [("test", "pk_live_1"), ("live", "pk_test_1"), ("test", "sk_test_1"), ("live", "sk_live_1"),
     ("test", "rk_test_1"), ("test", "1")],
)  # fmt: skip
def test_publishable_key_fits_the_mode(mode: str, key: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        settings_for(DSN, mode=mode, stripe_publishable_key=key).checked()
    assert key not in str(refused.value).replace(f"pk_{mode}_", "")


def test_keys_that_fit() -> None:
    keys = [base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3)]
    live = {"data_keys": f"k1:{keys[0]}", "index_key": keys[1], "callback_key": keys[2]}
    assert settings_for(DSN, mode="live", stripe_publishable_key="pk_live_1", **live).checked()
    without = settings_for(DSN, stripe_publishable_key=None).checked()
    assert not without.cards_offered


@pytest.mark.parametrize(
    ("text", "secrets"),
    [(None, ()), ("", ()), (" , ", ()), ("whsec_a", ("whsec_a",)),
     ("whsec_a, whsec_b", ("whsec_a", "whsec_b")), ("whsec_a,", ("whsec_a",))],
)  # fmt: skip
def test_webhook_secrets(text: str | None, secrets: tuple[str, ...]) -> None:
    assert settings_for(DSN, stripe_webhook_secret=text).stripe_webhook_secrets == secrets
