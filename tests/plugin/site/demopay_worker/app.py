"""Build the worker of DemoPay: the attempt engine around its processor."""

from functools import partial

import uvloop

from cift_shared.attempts import compose_worker
from cift_shared.runtime.service import Base, Composition, run_service
from cift_shared.settings import load_settings
from demopay_worker.processor import DemoPayProcessor
from demopay_worker.settings import DemoPayConfig, WorkerSettings, load_config

SCHEMA, ROLE = "demopay", "cift_demopay"


def compose(base: Base, settings: WorkerSettings, config: DemoPayConfig) -> Composition:
    """Build the worker from its settings."""
    processor = DemoPayProcessor(config, settings.vault())
    return compose_worker(base, processor, schema=SCHEMA, concurrency=settings.concurrency)


def main() -> None:
    """Read the settings and run the worker."""
    settings, config = load_settings(WorkerSettings), load_config()
    composition = partial(compose, settings=settings, config=config)
    uvloop.run(run_service("demopay-worker", settings, composition, schema=SCHEMA, role=ROLE))
