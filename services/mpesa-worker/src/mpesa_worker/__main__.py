"""`python -m mpesa_worker`: carry out M-Pesa payments until SIGTERM."""

import sys
from functools import partial

import uvloop

from cift_shared.errors import SettingsInvalid
from cift_shared.service import run_service
from cift_shared.settings import load_settings
from mpesa_worker.app import ROLE, SCHEMA, compose
from mpesa_worker.settings import WorkerSettings, load_mpesa_config


def main() -> None:
    """Read the settings and work."""
    try:
        settings = load_settings(WorkerSettings).checked()
        config = load_mpesa_config()
    except SettingsInvalid as error:
        sys.exit(f"mpesa-worker: {error}")
    composition = partial(compose, settings=settings, config=config)
    uvloop.run(run_service("mpesa-worker", settings, composition, schema=SCHEMA, role=ROLE))


if __name__ == "__main__":
    main()
