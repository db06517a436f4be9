"""The ledger process: read the settings, then serve until SIGTERM."""

from functools import partial

import uvloop

from cift_shared.addresses import check_listens
from cift_shared.runtime.service import run_service
from cift_shared.settings import load_settings
from ledger.app import ROLE, SCHEMA, compose
from ledger.settings import LedgerSettings


def main() -> None:
    """Read the settings and serve.

    Raises:
        SettingsInvalid: a setting is missing or wrong, or the port is taken.
    """
    settings = load_settings(LedgerSettings).checked()
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    composition = partial(compose, settings=settings)
    uvloop.run(run_service("ledger", settings, composition, schema=SCHEMA, role=ROLE))
