"""Every credential that we publish is refused in live mode."""

import re
from pathlib import Path

import pytest

from cift_shared.errors import SettingsInvalid
from cift_shared.security.published_keys import PUBLISHED, refuse_published
from mpesa_worker.settings import PUBLISHED as SAFARICOM
from provider_sandbox.settings import Settings

ROOT = Path(__file__).parents[2]
TEXTS = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / ".env.example.payments"]
CREDENTIAL = re.compile(r"\b(?:whsec|sk_test|rk_test|pk_test)_[A-Za-z0-9]{3,}")
PASSWORD = re.compile(r"postgresql://[^\s:/@]+:([^\s@/$]+)@")
NAMED = re.compile(
    r"^(?:export )?(?:MPESA_(?:PASSKEY|CONSUMER_SECRET|INITIATOR_PASSWORD|\w*SHORT_CODE)|"
    r"STRIPE_\w*SECRET)=([^\s…#$]+)",
    re.MULTILINE,
)
CODES = ("short_code", "b2c_short_code", "stripe_webhook_secret", "stripe_publishable_key")
LOCAL = {"postgres"}
"""Passwords of a container on the reader's own machine, where no real money moves."""


def test_those_of_our_texts_are_listed() -> None:
    found: set[str] = set()
    for path in TEXTS:
        text = path.read_text()
        for pattern in (CREDENTIAL, PASSWORD, NAMED):
            found |= set(pattern.findall(text))
    assert found
    assert found - LOCAL <= PUBLISHED | SAFARICOM


def test_the_twins_defaults_are_listed() -> None:
    defaults = [Settings.model_fields[name].default for name in CODES]
    texts = {getattr(value, "get_secret_value", lambda value=value: value)() for value in defaults}
    assert texts <= PUBLISHED | SAFARICOM


def test_a_published_value_is_refused_and_not_shown() -> None:
    refuse_published("NAME", ["something else", None])
    with pytest.raises(SettingsInvalid, match="NAME: a published value") as refused:
        refuse_published("NAME", ["something else", "whsec_sandbox"])
    assert "whsec" not in str(refused.value)
