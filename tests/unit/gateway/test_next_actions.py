"""Secrets of a next action: opened with the vault, left out without, never a failure."""

import base64

from structlog.testing import capture_logs

from cift_shared.security.field_encryption import Vault
from gateway.payment_methods.next_actions import opened, waits_for_caller

KEY = base64.b64encode(b"k" * 32).decode()
VAULT = Vault.from_text(f"k1:{KEY}", KEY)
ACTION = {"type": "use_stripe_sdk", "client_secret_sealed": VAULT.seal(b"s", context="next_action")}


def test_opened_for_the_owner() -> None:
    assert opened(ACTION, VAULT) == {"type": "use_stripe_sdk", "client_secret": "s"}


def test_an_action_waits_for_the_caller_unless_the_payer_has_it_already() -> None:
    assert waits_for_caller(ACTION)
    assert waits_for_caller({"type": "redirect_to_url", "url_sealed": "x"})
    assert waits_for_caller({"type": "send_to_address", "address": "bc1q..."})
    prompt = {"type": "confirm_on_phone", "message": "Enter your PIN.", "delivered_by": "provider"}
    assert not waits_for_caller(prompt)
    assert not waits_for_caller(None)
    assert not waits_for_caller({})


def test_left_out_without_the_vault() -> None:
    assert opened(ACTION, None) == {"type": "use_stripe_sdk"}
    assert opened({"client_secret_sealed": "x"}, None) is None
    assert opened(None, VAULT) is None


def test_plain_actions_stay_as_they_are() -> None:
    action = {"type": "phone_prompt", "message": "Enter your PIN."}
    assert opened(action, VAULT) == action


def test_seal_that_cannot_be_opened_is_left_out_and_told() -> None:
    for sealed in ("", "k1.x", "k9.AAAA", VAULT.seal(b"s", context="phone")):
        with capture_logs() as lines:
            shown = opened({"type": "t", "client_secret_sealed": sealed}, VAULT)
        assert shown == {"type": "t"}
        assert [line["event"] for line in lines] == ["gateway.next_action.seal_broken"]
