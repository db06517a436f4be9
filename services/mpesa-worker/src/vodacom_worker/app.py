"""Build M-Pesa Tanzania's unit of the worker: the attempt engine around the Vodacom processor.

payments.commands.mpesa_tz -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> Vodacom
payments.webhooks.vodacom -> notices ────────────┴─ poll ─────> processor ─> client ─> Vodacom
                                                     └─> outbox -> payments.results
"""

from functools import partial

from cift_shared.attempts import compose_worker
from cift_shared.observability.log import get_logger
from cift_shared.runtime.service import Base, Composition, Unit
from cift_shared.settings import ServiceSettings, load_if_set
from vodacom_method.rail import RAIL
from vodacom_worker.client import VodacomClient
from vodacom_worker.processor import VodacomProcessor
from vodacom_worker.session_store import SessionTimes, SharedSessions
from vodacom_worker.settings import VodacomConfig

SCHEMA = RAIL.name
ROLE = f"cift_{SCHEMA}"

log = get_logger()


def unit(settings: ServiceSettings) -> Unit | None:
    """The rail as a unit of the process; None if nothing of it is set up.

    Raises:
        SettingsInvalid: a setting is missing or wrong.
    """
    config = load_if_set(VodacomConfig)
    if config is None:
        return None
    composition = partial(compose, settings=settings, config=config)
    return Unit(name=f"{SCHEMA}-worker", schema=SCHEMA, role=ROLE, compose=composition)


def compose(base: Base, settings: ServiceSettings, config: VodacomConfig) -> Composition:
    """Build the unit from its settings."""
    vault = settings.vault()
    times = SessionTimes.at_speed(config.check_speed)
    sessions = SharedSessions(base.pool, vault, base.clock, app=config.app, times=times)
    client = VodacomClient(config, sessions, base.clock)
    processor = VodacomProcessor(config, client, vault=vault, clock=base.clock, sessions=sessions)
    log.info("mpesa_tz.served", environment=config.environment, flow=config.flow)
    return compose_worker(base, processor, schema=SCHEMA, concurrency=config.concurrency)
