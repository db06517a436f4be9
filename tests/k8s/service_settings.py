"""The settings classes that each workload reads."""

from collections.abc import Iterable

from pydantic_settings import BaseSettings

from bitcoin_watcher.settings import BitcoinConfig
from card_worker.settings import CardConfig
from card_worker.settings import WorkerSettings as CardWorkerSettings
from cift_shared.rails.gateway import gateway_rails
from cift_shared.security.secret_files import SUFFIX, is_secret, variables_of
from cift_shared.settings import KafkaSettings
from crypto_signer.settings import SignerSettings
from crypto_watcher.settings import WorkerSettings as CryptoWatcherSettings
from ethereum_signer.settings import EthereumSignerSettings
from ethereum_watcher.settings import EthereumConfig
from exchange_rates.settings import RateConfig
from gateway.settings import GatewaySettings
from ledger.settings import LedgerSettings
from momo_worker.settings import RwandaConfig, UgandaConfig
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.settings import WorkerSettings as MpesaWorkerSettings
from paypal_worker.settings import PayPalConfig
from paypal_worker.settings import WorkerSettings as PayPalWorkerSettings
from vodacom_worker.settings import VodacomConfig

SETTINGS: dict[str, tuple[type[BaseSettings], ...]] = {
    "gateway": (GatewaySettings, *(rail.settings for rail in gateway_rails().values())),
    "ledger": (LedgerSettings,),
    "card-worker": (CardWorkerSettings, CardConfig),
    "crypto-signer": (SignerSettings, EthereumSignerSettings),
    "crypto-watcher": (CryptoWatcherSettings, BitcoinConfig, EthereumConfig, RateConfig),
    "mpesa-worker": (MpesaWorkerSettings, MpesaConfig, VodacomConfig, UgandaConfig, RwandaConfig),
    "paypal-worker": (PayPalWorkerSettings, PayPalConfig),
    "topics": (KafkaSettings,),
}
EVERY = tuple(dict.fromkeys(kind for kinds in SETTINGS.values() for kind in kinds))


def known(kinds: Iterable[type[BaseSettings]]) -> set[str]:
    """The variables that are read, with `NAME_FILE` of each secret."""
    found: set[str] = set()
    for kind in kinds:
        for name, field in kind.model_fields.items():
            own = variables_of(name, field)
            found |= {*own, *(each + SUFFIX for each in own if is_secret(field))}
    return found


def missing(kinds: Iterable[type[BaseSettings]], given: Iterable[str]) -> list[str]:
    """The variables without a default that are given neither by value nor by file."""
    names = {each.removesuffix(SUFFIX) for each in given} | set(given)
    return sorted(
        variables_of(name, field)[0]
        for kind in kinds
        for name, field in kind.model_fields.items()
        if field.is_required() and not names & set(variables_of(name, field))
    )
