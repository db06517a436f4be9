"""Build the worker of DemoPay and DemoPoll: one process, for each rail a unit of its own."""

import uvloop

from cift_shared.attempts import compose_worker
from cift_shared.attempts.processor import PaymentProcessor
from cift_shared.runtime.service import Base, Composition, Unit, run_units
from cift_shared.settings import load_settings
from demopay_worker.processor import DemoPayProcessor
from demopay_worker.settings import WorkerSettings, load_config
from demopoll_worker.processor import DemoPollProcessor


def unit(processor: PaymentProcessor, settings: WorkerSettings) -> Unit:
    """One rail of the process: schema, role and name follow from the rail's name."""
    rail = processor.rail

    def compose(base: Base) -> Composition:
        return compose_worker(base, processor, schema=rail, concurrency=settings.concurrency)

    return Unit(name=f"{rail}-worker", schema=rail, role=f"cift_{rail}", compose=compose)


def main() -> None:
    """Read the settings and run the worker."""
    settings, config = load_settings(WorkerSettings), load_config()
    vault = settings.vault()
    processors = [DemoPayProcessor(config, vault), DemoPollProcessor(config, vault)]
    units = [unit(processor, settings) for processor in processors]
    uvloop.run(run_units("demopay-worker", settings, units))
