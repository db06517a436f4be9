"""Settings of the lock: what wraps the data keys of the wallet's files."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from cift_shared.settings import EnvironmentSettings
from wallet_keys.envelope import KmsKey, Lock, Passphrase
from wallet_keys.vault_transit import VaultTransit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class LockSettings(EnvironmentSettings):
    """A passphrase, or a key of Vault."""

    passphrase: SecretStr | None = Field(default=None, validation_alias="CRYPTO_WALLET_PASSPHRASE")
    vault_key: KmsKey | None = Field(default=None, validation_alias="CRYPTO_WALLET_VAULT_KEY")
    """The name of the key in Vault's transit engine; the passphrase is not set then."""
    vault_mount: str = Field(
        default="transit",
        pattern=r"^[A-Za-z0-9_.-]{1,100}(/[A-Za-z0-9_.-]{1,100})*$",
        validation_alias="CRYPTO_WALLET_VAULT_MOUNT",
    )
    vault_address: str | None = Field(default=None, validation_alias="VAULT_ADDR")
    vault_token: SecretStr | None = Field(default=None, validation_alias="VAULT_TOKEN")
    vault_namespace: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_./-]{1,200}$", validation_alias="VAULT_NAMESPACE"
    )
    vault_ca_file: Path | None = Field(default=None, validation_alias="VAULT_CACERT")

    @model_validator(mode="after")
    def _is_one_lock(self) -> Self:
        if (self.passphrase is None) == (self.vault_key is None):
            raise ValueError(
                "CRYPTO_WALLET_PASSPHRASE or CRYPTO_WALLET_VAULT_KEY is needed, and not both"
            )
        if self.vault_key is not None:
            if self.vault_address is None or self.vault_token is None:
                raise ValueError("CRYPTO_WALLET_VAULT_KEY needs VAULT_ADDR and VAULT_TOKEN")
            _check_address(self.vault_address)
            token = self.vault_token.get_secret_value()
            if not (token.isascii() and token.isprintable()) or " " in token:
                raise ValueError("VAULT_TOKEN: not a token")
        if self.vault_ca_file is not None and not self.vault_ca_file.is_file():
            raise ValueError("VAULT_CACERT: no such file")
        return self

    def lock(self) -> Lock:
        """What wraps the data keys."""
        if self.passphrase is not None:
            return Passphrase(self.passphrase.get_secret_value())
        if self.vault_key is None or self.vault_address is None or self.vault_token is None:
            raise AssertionError("checked when the settings were loaded")
        return VaultTransit(
            address=self.vault_address,
            key=self.vault_key,
            token=self.vault_token.get_secret_value(),
            mount=self.vault_mount,
            namespace=self.vault_namespace,
            ca_file=self.vault_ca_file,
        )


def _check_address(text: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("VAULT_ADDR: must be an address without a user")
    if parts.query or parts.fragment or parts.path.strip("/"):
        raise ValueError("VAULT_ADDR: must be an address without a path")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("VAULT_ADDR: must be https but for this machine itself")
