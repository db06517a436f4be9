"""Settings that do not fit together stop the start."""

from typing import Any

import pytest
from pydantic import ValidationError

from exchange_rates import app
from exchange_rates.settings import RateConfig

USUAL = {"sources_text": "coinbase,kraken", "rate_currencies": "BTC,ETH"}


def test_the_usual_settings() -> None:
    config = RateConfig(**USUAL)
    assert config.sources == ("coinbase", "kraken")
    assert config.bases == {
        "coinbase": "https://api.coinbase.com",
        "kraken": "https://api.kraken.com",
    }


@pytest.mark.parametrize(
    "over",
    [
        {"sources_text": "coinbase,nowhere"},
        {"sources_text": "coinbase,coinbase"},
        {"sources_text": ","},
        {"rate_currencies": ""},
        {"least": 3},
        {"every_s": 31},
        {"coinbase_base": "http://api.coinbase.com"},
        {"kraken_base": "https://user@api.kraken.com"},
        {"kraken_base": "api.kraken.com"},
        {"mode": "live", "sources_text": "kraken"},
        {"mode": "live", "kraken_base": "http://127.0.0.1:8091"},
    ],
)
def test_settings_that_are_refused(over: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RateConfig(**{**USUAL, **over})


def test_without_sources_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIFT_RATE_SOURCES", raising=False)
    assert app.unit(concurrency=1) is None
