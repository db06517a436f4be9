"""Settings of the markets: environment variables."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MarketSettings(BaseSettings):
    """The settings."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    http_port: int = Field(default=8091, ge=0, le=65535, validation_alias="CIFT_HTTP_PORT")
    """Port on 127.0.0.1."""
