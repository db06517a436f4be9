"""Build the unit of exchange rates: one job that reads, and stores what markets agree on.

sources -> reader -> rates.rate -> gateway (quotes, conversions), watchers (credits)
"""

from functools import partial

from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Unit
from cift_shared.settings import load_if_set
from exchange_rates.client import SourceClient
from exchange_rates.reader import Reader
from exchange_rates.settings import RateConfig
from exchange_rates.sources import SOURCES
from exchange_rates.store import ROLE, SCHEMA, RateStore

NAME = "rate-reader"


def compose(base: Base, config: RateConfig) -> Composition:
    """Build the unit from its settings."""
    clients = [
        SourceClient(SOURCES[name], config.bases[name], timeout_s=config.timeout_s)
        for name in config.sources
    ]
    reader = Reader(clients, RateStore(base.pool), config, base.clock)
    job = JobLoop(reader.job(), base.pool, SCHEMA, base.clock)
    return Composition(parts=[job], close=[client.close for client in clients])


def unit(*, concurrency: int) -> Unit | None:  # noqa: ARG001  as every unit of the process
    """The reader as a unit of the process; None if no source is set up.

    Raises:
        SettingsInvalid: a setting is missing or wrong.
    """
    config = load_if_set(RateConfig)
    if config is None:
        return None
    return Unit(name=NAME, schema=SCHEMA, role=ROLE, compose=partial(compose, config=config))
