"""The process of the crypto watcher: read the settings, then run until SIGTERM."""

import uvloop

from bitcoin_watcher.app import unit_of
from bitcoin_watcher.settings import load_bitcoin_config
from cift_shared.addresses import check_listens
from cift_shared.runtime.service import run_units
from cift_shared.settings import load_settings
from crypto_watcher.settings import WorkerSettings


def main() -> None:
    """Read the settings and run the watcher.

    Raises:
        SettingsInvalid: a setting is missing or wrong, or the port is taken.
    """
    settings = load_settings(WorkerSettings).checked()
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    units = [unit_of(load_bitcoin_config(), concurrency=settings.concurrency)]
    uvloop.run(run_units("crypto-watcher", settings, units))
