"""Settings of the node: environment variables with the prefix `CIFT_SANDBOX_`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class BitcoinSettings(BaseSettings):
    """The settings; the password has no default, so a missing one stops the start."""

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    http_port: int = Field(default=18443, ge=0, le=65535)
    """Port on 127.0.0.1."""
    bitcoin_rpc_user: str = Field(default="cift", min_length=1, pattern="^[^:]+$")
    """User of the RPC."""
    bitcoin_rpc_password: SecretStr = Field(min_length=1)
    """Password of the RPC."""
    bitcoin_block_s: float = Field(default=0, ge=0)
    """Seconds between blocks that come by themselves; 0: only on command."""
