"""Cards in the gateway: keys of the other mode, or in a public place, stop the start."""

import pytest

from card_method.settings import CardSettings
from cift_shared.errors import SettingsInvalid


@pytest.mark.parametrize(
    ("mode", "key"),
    [("test", "pk_live_1"), ("live", "pk_test_1"), ("test", "sk_test_1"), ("live", "sk_live_1"),
     ("test", "rk_test_1"), ("test", "1")],
)  # fmt: skip
def test_publishable_key_fits_the_mode(mode: str, key: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        CardSettings(publishable_key=key).checked(mode)
    assert key not in str(refused.value).replace(f"pk_{mode}_", "")


def test_cards_are_offered_with_a_key_that_fits() -> None:
    usual = CardSettings(publishable_key="pk_live_1").checked("live")
    assert (usual.is_offered, usual.client_key) == (True, "pk_live_1")
    without = CardSettings(publishable_key=None).checked("test")
    assert (without.is_offered, without.client_key) == (False, None)


@pytest.mark.parametrize("text", ["whsec_sandbox", "whsec_former", "whsec_mine,whsec_sandbox"])
def test_a_published_webhook_secret_is_for_tests_only(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="STRIPE_WEBHOOK_SECRET: a published value"):
        CardSettings(webhook_secret=text).checked("live")
    assert CardSettings(webhook_secret=text).checked("test")


@pytest.mark.parametrize(
    ("text", "secrets"),
    [(None, ()), ("", ()), (" , ", ()), ("whsec_a", ("whsec_a",)),
     ("whsec_a, whsec_b", ("whsec_a", "whsec_b")), ("whsec_a,", ("whsec_a",))],
)  # fmt: skip
def test_webhook_secrets_are_separated_by_commas(
    text: str | None, secrets: tuple[str, ...]
) -> None:
    assert CardSettings(webhook_secret=text).webhook_secrets == secrets
