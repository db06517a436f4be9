"""The rates at which a watcher credits deposits that are priced in other currencies."""

from cift_shared.money.live_rates import LiveRates
from cift_shared.runtime.rate_reader import RateReader
from cift_shared.runtime.service import Base
from cift_shared.settings import LiveRateSettings, load_settings


def rates_of(base: Base) -> tuple[LiveRates, RateReader]:
    """The rates, and the loop that keeps them new.

    Raises:
        SettingsInvalid: a setting is wrong, or the table can't be read.
    """
    settings = load_settings(LiveRateSettings)
    rates = settings.exchange_rates(livemode=base.settings.livemode)
    return rates, RateReader(base.pool, [rates])
