"""What wraps the keys: a passphrase or a key of Vault, and never neither or both."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.vault import KEY, TOKEN
from wallet_keys.envelope import Passphrase
from wallet_keys.settings import LockSettings
from wallet_keys.vault_transit import VaultTransit

VAULT = {"vault_key": KEY, "vault_address": "https://vault.example:8200", "vault_token": TOKEN}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRYPTO_WALLET_PASSPHRASE", "VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)


def test_a_passphrase() -> None:
    assert LockSettings(passphrase="correct horse battery").lock() == Passphrase(
        "correct horse battery"
    )


def test_a_key_of_vault(tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_text("")
    made = LockSettings(
        **VAULT, vault_namespace="a/b", vault_mount="kms/transit", vault_ca_file=trusted
    ).lock()
    assert made == VaultTransit(
        address=VAULT["vault_address"],
        key=KEY,
        token=TOKEN,
        mount="kms/transit",
        namespace="a/b",
        ca_file=trusted,
    )


@pytest.mark.parametrize("address", ["http://127.0.0.1:8200", "http://[::1]:8200/", "https://v"])
def test_addresses_of_vault(address: str) -> None:
    assert LockSettings(**{**VAULT, "vault_address": address}).lock()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "and not both"),
        ({**VAULT, "passphrase": "correct horse battery"}, "and not both"),
        ({"vault_key": KEY}, "needs VAULT_ADDR and VAULT_TOKEN"),
        ({**VAULT, "vault_token": None}, "needs VAULT_ADDR and VAULT_TOKEN"),
        ({**VAULT, "vault_address": None}, "needs VAULT_ADDR and VAULT_TOKEN"),
        ({**VAULT, "vault_address": "http://vault.example:8200"}, "must be https"),
        ({**VAULT, "vault_address": "http://10.0.0.1:8200"}, "must be https"),
        ({**VAULT, "vault_address": "ftp://127.0.0.1"}, "without a user"),
        ({**VAULT, "vault_address": "https://secret@v"}, "without a user"),
        ({**VAULT, "vault_address": "https://v/v1"}, "without a path"),
        ({**VAULT, "vault_address": "https://v/?secret"}, "without a path"),
        ({**VAULT, "vault_token": "secret\nX-Other: 1"}, "not a token"),
        ({**VAULT, "vault_token": "secr\u00e9t"}, "not a token"),
        ({**VAULT, "vault_key": "../sys/seal"}, "pattern"),
        ({**VAULT, "vault_mount": "transit/../sys?"}, "pattern"),
        ({**VAULT, "vault_namespace": "a b"}, "pattern"),
        ({**VAULT, "vault_ca_file": "/nowhere/ca.pem"}, "no such file"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LockSettings(**fields)
    problems = str(refused.value.errors(include_input=False, include_url=False))
    assert told in problems
    assert "secret" not in problems
    assert TOKEN not in problems
