"""Settings of the engine: environment variables with the prefix `CIFT_SANDBOX_`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class VaultSettings(BaseSettings):
    """The settings."""

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    http_port: int = Field(default=8200, ge=0, le=65535)
    """Port on 127.0.0.1."""
    vault_token: SecretStr = Field(min_length=8)
    """The only token that is accepted."""
    vault_key: str = Field(default="cift-wallet", pattern="^[A-Za-z0-9_.-]{1,100}$")
    """The name of the key; it is random, and gone with the process."""
