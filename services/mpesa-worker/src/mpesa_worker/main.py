"""The process of the mpesa-worker: a unit for each rail that is set up, until SIGTERM.

Each unit has its own schema, role, connections, loops and provider client, so an outage of one
operator delays no payment of another.
"""

from collections.abc import Mapping, Sequence

import uvloop

from cift_shared.addresses import check_listens
from cift_shared.observability.log import start_logging
from cift_shared.runtime.served_units import MakeUnit, served_units
from cift_shared.runtime.service import Unit, run_units
from cift_shared.settings import load_settings, required_variables
from momo_method.countries import RWANDA, UGANDA
from momo_worker import app as momo
from momo_worker.settings import own_variables
from mpesa_worker import app as kenya
from mpesa_worker.settings import MpesaConfig, WorkerSettings
from vodacom_worker import app as tanzania
from vodacom_worker.settings import VodacomConfig

UNITS: Mapping[str, tuple[MakeUnit, Sequence[str]]] = {
    "mpesa": (kenya.unit, required_variables(MpesaConfig)),
    "mpesa_tz": (tanzania.unit, required_variables(VodacomConfig)),
    UGANDA.rail: (momo.unit_of(UGANDA), own_variables(UGANDA)),
    RWANDA.rail: (momo.unit_of(RWANDA), own_variables(RWANDA)),
}
"""By rail, what makes its unit, and the variables without which the rail is not served."""


def main() -> None:
    """Read the settings and run the worker.

    Raises:
        SettingsInvalid: a setting is missing or wrong, no rail is set up, or the port is taken.
    """
    settings = load_settings(WorkerSettings).checked()
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    start_logging("mpesa-worker", level=settings.log_level, style=settings.log_format)
    uvloop.run(run_units("mpesa-worker", settings, served(settings)))


def served(settings: WorkerSettings) -> list[Unit]:
    """The units of the rails that are set up; logs each rail that is not.

    Raises:
        SettingsInvalid: no rail is set up, or one only in part.
    """
    return served_units(UNITS, settings)
