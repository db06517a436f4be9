"""Build the units of MTN MoMo: for each country the attempt engine around a processor of its own.

payments.commands.<rail> -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> MTN
payments.webhooks.mtn_momo -> notices ─────────┴─ poll ─────> processor ─> client ─> MTN
                                                     └─> outbox -> payments.results

The countries share the topic of notices, and each takes those of its own callback paths. They share
nothing else: each has its schema, role, connections, pace, circuit and float.
"""

from collections.abc import Sequence

from cift_shared.attempts import compose_worker
from cift_shared.runtime.service import Base, Composition, Unit
from cift_shared.settings import load_settings
from momo_method.countries import COUNTRIES
from momo_worker.client import MomoClient
from momo_worker.processor import MomoProcessor
from momo_worker.sent_requests import SharedSentRequests
from momo_worker.settings import CONFIGS, MomoConfig, WorkerSettings, is_set_up
from momo_worker.token_store import SharedTokens


def compose(base: Base, settings: WorkerSettings, config: MomoConfig) -> Composition:
    """Build the worker of one country from its settings."""
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
    return compose_worker(base, processor, schema=schema, concurrency=settings.concurrency)


def unit_of(config: MomoConfig, settings: WorkerSettings) -> Unit:
    """The unit of one country."""
    rail = config.country.rail

    def composed(base: Base) -> Composition:
        return compose(base, settings, config)

    return Unit(name=f"{rail}-worker", schema=rail, role=f"cift_{rail}", compose=composed)


def units() -> Sequence[Unit]:
    """A unit for each country that is set up in the environment.

    Raises:
        SettingsInvalid: a setting of such a country is missing or wrong.
    """
    settings = load_settings(WorkerSettings)
    found = [one for one in COUNTRIES if is_set_up(one)]
    return [unit_of(load_settings(CONFIGS[country.rail]), settings) for country in found]
