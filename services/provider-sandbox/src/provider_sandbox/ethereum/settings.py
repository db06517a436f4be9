"""Settings of the node: environment variables with the prefix `CIFT_SANDBOX_`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class EthereumSettings(BaseSettings):
    """The settings."""

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    http_port: int = Field(default=8545, ge=0, le=65535)
    """Port on 127.0.0.1."""
    ethereum_chain_id: int = Field(default=31337, ge=2)
    """The chain's id."""
    ethereum_rpc_key: SecretStr = SecretStr("")
    """A key in the path, as providers of nodes give: the RPC is at `/v3/KEY`; empty: at `/`."""
    etherscan_api_key: SecretStr = SecretStr("")
    """The key of the explorer at `/v2/api`; empty: it takes each that is not empty."""
    ethereum_rich: str = ""
    """Comma separated addresses of the platform that have 1,000 ether from the beginning; it is in
    no payment, hence not in the record of what moved."""
    ethereum_block_s: float = Field(default=0, ge=0)
    """Seconds between blocks that come by themselves; 0: only on command."""
