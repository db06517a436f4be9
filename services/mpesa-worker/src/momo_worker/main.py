"""The process of MTN MoMo: read the settings, then run each country until SIGTERM."""

import uvloop

from cift_shared.addresses import check_listens
from cift_shared.errors import SettingsInvalid
from cift_shared.runtime.service import run_units
from cift_shared.settings import load_settings
from momo_worker.app import units
from momo_worker.settings import WorkerSettings


def main() -> None:
    """Read the settings and run the worker.

    Raises:
        SettingsInvalid: a setting is missing or wrong, no country is set up, or the port is taken.
    """
    settings = load_settings(WorkerSettings).checked()
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    found = units()
    if not found:
        raise SettingsInvalid("MOMO_UG_COLLECTION_API_USER or MOMO_RW_...: no country is set up")
    uvloop.run(run_units("mpesa-worker", settings, found))
