"""Settings of the reader of exchange rates."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from cift_shared.settings import LiveRateSettings
from exchange_rates.domain import Rules
from exchange_rates.sources import SOURCES

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class RateConfig(LiveRateSettings):
    """Where prices are read, how often, and when they count."""

    sources_text: str = Field(validation_alias="CIFT_RATE_SOURCES", min_length=1)
    """Comma separated names of sources."""
    coinbase_base: str = Field(
        default="https://api.coinbase.com", validation_alias="COINBASE_API_BASE"
    )
    kraken_base: str = Field(default="https://api.kraken.com", validation_alias="KRAKEN_API_BASE")
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")
    every_s: float = Field(default=10, ge=0.1, le=600, validation_alias="CIFT_RATE_EVERY_S")
    """Seconds between two reads."""
    timeout_s: float = Field(default=5, gt=0, le=60, validation_alias="CIFT_RATE_TIMEOUT_S")
    deviation_max_bps: int = Field(
        default=100, ge=1, le=5000, validation_alias="CIFT_RATE_DEVIATION_MAX_BPS"
    )
    """How far sources may be apart, in hundredths of a percent."""
    least: int = Field(default=1, ge=1, validation_alias="CIFT_RATE_SOURCES_LEAST")
    """How many sources must have a new price."""

    @field_validator("coinbase_base", "kraken_base")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an address without a user")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must be https but for this machine itself")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = self.sources
        if not names or set(names) - SOURCES.keys() or len(set(names)) < len(names):
            raise ValueError(f"CIFT_RATE_SOURCES must be of {', '.join(SOURCES)}, each once")
        if self.least > len(names):
            raise ValueError("CIFT_RATE_SOURCES_LEAST is more than there are sources")
        if not self.live_currencies:
            raise ValueError("CIFT_RATE_CURRENCIES is needed with CIFT_RATE_SOURCES")
        if self.every_s * 2 > self.rate_max_age_s:
            raise ValueError("CIFT_RATE_MAX_AGE_S must be at least twice CIFT_RATE_EVERY_S")
        if self.mode == "live":
            self._check_live()
        return self

    def _check_live(self) -> None:
        if len(self.sources) < 2:
            raise ValueError("CIFT_RATE_SOURCES: at least two with real money")
        if not all(base.startswith("https://") for base in self.bases.values()):
            raise ValueError("COINBASE_API_BASE, KRAKEN_API_BASE: https with real money")

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources."""
        return tuple(filter(None, (part.strip() for part in self.sources_text.split(","))))

    @property
    def bases(self) -> Mapping[str, str]:
        """The base address of each source that is known."""
        return {"coinbase": self.coinbase_base, "kraken": self.kraken_base}

    @property
    def rules(self) -> Rules:
        """When prices count."""
        return Rules(self.rate_max_age, self.deviation_max_bps, self.least)

    @property
    def every(self) -> timedelta:
        """The time between two reads."""
        return timedelta(seconds=self.every_s)
