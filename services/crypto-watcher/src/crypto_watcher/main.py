"""The process of the crypto watcher: a unit for each chain that is set up, and one for live rates.

Each unit has its own schema, role, connections, loops and nodes, so an outage of one chain's nodes
delays no payment of another.
"""

from collections.abc import Mapping, Sequence

import uvloop

from bitcoin_watcher import app as bitcoin
from bitcoin_watcher.settings import BitcoinConfig
from cift_shared.addresses import check_listens
from cift_shared.observability.log import start_logging
from cift_shared.runtime.served_units import MakeUnit, served_units
from cift_shared.runtime.service import Unit, run_units
from cift_shared.settings import load_settings, required_variables
from crypto_watcher.settings import WorkerSettings
from ethereum_watcher import app as ethereum
from ethereum_watcher.settings import EthereumConfig
from exchange_rates import app as rates
from exchange_rates.settings import RateConfig

UNITS: Mapping[str, tuple[MakeUnit, Sequence[str]]] = {
    "bitcoin": (bitcoin.unit, required_variables(BitcoinConfig)),
    "ethereum": (ethereum.unit, required_variables(EthereumConfig)),
    "rates": (rates.unit, required_variables(RateConfig)),
}
"""What makes each unit, by rail, and the variables without which it is not served."""


def main() -> None:
    """Read the settings and run the watcher.

    Raises:
        SettingsInvalid: a setting is missing or wrong, no chain is set up, or the port is taken.
    """
    settings = load_settings(WorkerSettings).checked()
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    start_logging("crypto-watcher", level=settings.log_level, style=settings.log_format)
    uvloop.run(run_units("crypto-watcher", settings, served(settings)))


def served(settings: WorkerSettings) -> list[Unit]:
    """The units of the chains that are set up; logs each one that is not.

    Raises:
        SettingsInvalid: no chain is set up, or one only in part.
    """
    return served_units(UNITS, concurrency=settings.concurrency)
