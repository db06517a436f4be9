"""`python -m card_worker`: carry out card payments until SIGTERM."""

import sys
from functools import partial

import uvloop

from card_worker.app import ROLE, SCHEMA, compose
from card_worker.settings import WorkerSettings, load_card_config
from cift_shared.errors import SettingsInvalid
from cift_shared.service import run_service
from cift_shared.settings import load_settings


def main() -> None:
    """Read the settings and work."""
    try:
        settings = load_settings(WorkerSettings).checked()
        config = load_card_config()
    except SettingsInvalid as error:
        sys.exit(f"card-worker: {error}")
    composition = partial(compose, settings=settings, config=config)
    uvloop.run(run_service("card-worker", settings, composition, schema=SCHEMA, role=ROLE))


if __name__ == "__main__":
    main()
