"""Build the units of MTN MoMo: for each country the attempt engine around a processor of its own.

payments.commands.<rail> -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> MTN
payments.webhooks.mtn_momo -> notices ─────────┴─ poll ─────> processor ─> client ─> MTN
                                                     └─> outbox -> payments.results

The countries share the topic of notices, and each takes those of its own callback paths. They share
nothing else: each has its schema, role, connections, pace, circuit and float.
"""

from collections.abc import Callable
from functools import partial

from cift_shared.attempts import compose_worker
from cift_shared.runtime.service import Base, Composition, Unit
from cift_shared.settings import ServiceSettings
from momo_method.countries import Country
from momo_worker.client import MomoClient
from momo_worker.processor import MomoProcessor
from momo_worker.sent_requests import SharedSentRequests
from momo_worker.settings import MomoConfig, config_of
from momo_worker.token_store import SharedTokens


def unit_of(country: Country) -> Callable[[ServiceSettings], Unit | None]:
    """Makes the unit of one country from the settings of the process; None if it is not set up.

    The call raises SettingsInvalid if a setting of the country is missing or wrong.
    """

    def unit(settings: ServiceSettings) -> Unit | None:
        config = config_of(country)
        if config is None:
            return None
        rail, composed = country.rail, partial(compose, settings=settings, config=config)
        return Unit(name=f"{rail}-worker", schema=rail, role=f"cift_{rail}", compose=composed)

    return unit


def compose(base: Base, settings: ServiceSettings, config: MomoConfig) -> Composition:
    """Build the unit of one country from its settings."""
    vault, schema = settings.vault(), config.country.rail
    tokens = SharedTokens(base.pool, vault, base.clock, schema=schema)
    processor = MomoProcessor(
        config,
        MomoClient(config, tokens, base.clock),
        vault=vault,
        callback_tokens=settings.callback_tokens(),
        clock=base.clock,
        sent=SharedSentRequests(base.pool, vault, base.clock, schema=schema),
    )
    return compose_worker(base, processor, schema=schema, concurrency=config.concurrency)
