"""`python -m ledger`: keep the books until SIGTERM."""

import sys
from functools import partial

import uvloop

from cift_shared.errors import SettingsInvalid
from cift_shared.service import run_service
from cift_shared.settings import load_settings
from ledger.app import ROLE, SCHEMA, compose
from ledger.settings import LedgerSettings


def main() -> None:
    """Read the settings and serve."""
    try:
        settings = load_settings(LedgerSettings).checked()
    except SettingsInvalid as error:
        sys.exit(f"ledger: {error}")
    composition = partial(compose, settings=settings)
    uvloop.run(run_service("ledger", settings, composition, schema=SCHEMA, role=ROLE))


if __name__ == "__main__":
    main()
