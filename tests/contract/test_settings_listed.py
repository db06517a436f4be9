"""`.env.example.payments` lists every setting of every service, each with its explanation."""

import re
from pathlib import Path

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from bitcoin_watcher.settings import BitcoinConfig
from card_worker.settings import CardConfig
from card_worker.settings import WorkerSettings as CardWorkerSettings
from cift_shared.rails.gateway import gateway_rails
from crypto_signer.settings import SignerSettings
from crypto_watcher.settings import WorkerSettings as CryptoWatcherSettings
from ethereum_signer.settings import EthereumSignerSettings
from ethereum_watcher.settings import EthereumConfig
from exchange_rates.settings import RateConfig
from gateway.settings import GatewaySettings
from ledger.settings import LedgerSettings
from momo_worker.settings import RwandaConfig, UgandaConfig
from mpesa_worker.settings import MpesaConfig, WorkerSettings
from paypal_worker.settings import PayPalConfig
from paypal_worker.settings import WorkerSettings as PayPalWorkerSettings
from vodacom_worker.settings import VodacomConfig

EXAMPLE = Path(__file__).parents[2] / ".env.example.payments"


def variables(kind: type[BaseSettings]) -> set[str]:
    found = set()
    for name, field in kind.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            alias = alias.choices[0]
        found.add(str(alias or name))
    return found


def test_every_setting_is_listed_and_explained() -> None:
    lines = EXAMPLE.read_text().splitlines()
    listed = {}
    for before, line in zip(["", *lines], lines, strict=False):
        match = re.match(r"#? ?([A-Z][A-Z0-9_]+)=", line)
        if match:
            listed[match[1]] = before
    needed: set[str] = set()
    settings = (GatewaySettings, LedgerSettings, WorkerSettings, MpesaConfig)
    of_rails = (rail.settings for rail in gateway_rails().values())
    workers = (CardWorkerSettings, CardConfig, PayPalWorkerSettings, PayPalConfig, VodacomConfig)
    momo = (UgandaConfig, RwandaConfig)
    chains = (CryptoWatcherSettings, BitcoinConfig, EthereumConfig, RateConfig)
    signers = (SignerSettings, EthereumSignerSettings)
    for kind in (*settings, *workers, *momo, *chains, *signers, *of_rails):
        needed |= variables(kind)
    assert sorted(needed - set(listed)) == []
    for name in needed:
        assert listed[name].startswith("#") or "=" in listed[name], f"{name} has no explanation"
