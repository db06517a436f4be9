"""The process of the card-worker: read the settings, then run until SIGTERM."""

from functools import partial

import uvloop

from card_worker.app import ROLE, SCHEMA, compose
from card_worker.settings import WorkerSettings, load_card_config
from cift_shared.addresses import check_listens
from cift_shared.runtime.service import run_service
from cift_shared.settings import load_settings


def main() -> None:
    """Read the settings and run the worker.

    Raises:
        SettingsInvalid: a setting is missing or wrong, or the port is taken.
    """
    settings = load_settings(WorkerSettings).checked()
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    config = load_card_config()
    composition = partial(compose, settings=settings, config=config)
    uvloop.run(run_service("card-worker", settings, composition, schema=SCHEMA, role=ROLE))
