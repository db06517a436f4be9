"""With an overlay's settings, and Secrets as the guide lists them, every service would start.

`change-me` in an overlay stands for a value that only its operator knows.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import crypto_watcher.main
import mpesa_worker.main
from cift_shared.rails.gateway import load_rail_settings
from cift_shared.rails.local import local_rails
from cift_shared.runtime.service import Unit
from cift_shared.settings import ServiceSettings, load_settings
from gateway.settings import GatewaySettings
from tests.k8s.rendered import OVERLAYS, SERVICES, named, of_kind, settings_of
from tests.k8s.service_settings import SETTINGS
from tests.k8s.workloads import MORE_ROLES
from tests.support import bitcoin, ethereum
from tests.support.certificates import Authority

pytestmark = [pytest.mark.k8s, pytest.mark.parametrize("name", OVERLAYS)]
MOUNT = "/run/secrets/cift"
SERVED: Mapping[str, Callable[[Any], Sequence[Unit]]] = {
    "mpesa-worker": mpesa_worker.main.served,
    "crypto-watcher": crypto_watcher.main.served,
}
"""Makes the units of the rails that are set up, in a worker of several rails."""
AUTHORITIES = ("kafka.crt", "postgres.crt")


def random_text(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def secret(name: str, *, live: bool) -> str:
    """A value that the service accepts."""
    key = base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()
    return {
        "CIFT_DATA_KEYS": f"k1:{key}",
        "CIFT_INDEX_KEY": key,
        "CIFT_CALLBACK_KEY": key,
        "DATABASE_URL": f"postgresql://login:{random_text(name)}@cift-postgres-rw:5432/cift"
        f"?sslmode=verify-full&sslrootcert={MOUNT}/postgres.crt",
        "STRIPE_SECRET_KEY": f"sk_{'live' if live else 'test'}_{random_text(name)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{random_text(name)}",
        "BITCOIN_RPC_URL": f"http://cift:{random_text(name)}@node.bitcoin.svc:8332",
        "ETHEREUM_RPC_URL": f"http://cift:{random_text(name)}@node.ethereum.svc:8545",
    }.get(name, random_text(name))


def plain(name: str, *, live: bool) -> str:
    """A value in place of `change-me`."""
    if name == "CRYPTO_BTC_XPUB":
        return bitcoin.XPUB if live else bitcoin.TPUB
    if name == "CRYPTO_ETH_XPUB":
        return ethereum.XPUB
    if name == "MPESA_TZ_SERVICE_PROVIDER_CODE":
        return random_text(name)[:12]
    return random_text(name)[:32]


def environment(name: str, workload: dict[str, object], folder: Path) -> dict[str, str]:
    """A pod's variables, with the files of its Secrets in another folder."""
    given = settings_of(name, workload)
    live = given["CIFT_MODE"] == "live"
    found = {}
    for variable, value in given.items():
        if value.startswith(MOUNT):
            file = folder / Path(value).name
            if file.name not in AUTHORITIES:
                file.write_text(secret(file.name, live=live).replace(MOUNT, str(folder)) + "\n")
            found[variable] = str(file)
        elif value.endswith("change-me"):
            found[variable] = value.removesuffix("change-me") + plain(variable, live=live)
        else:
            found[variable] = value
    return found


def read(service: str) -> None:
    """Read every settings class of a service, as it does before it serves.

    Raises:
        SettingsInvalid: a setting is missing or wrong.
    """
    for kind in SETTINGS[service]:
        settings = load_settings(kind)
        if isinstance(settings, ServiceSettings):
            settings.checked()
        if service in SERVED and isinstance(settings, ServiceSettings):
            units = SERVED[service](settings)
            of_rails = sum(rail.worker == service for rail in local_rails().values())
            assert len(units) == of_rails + len(MORE_ROLES.get(service, ()))
        if isinstance(settings, GatewaySettings):
            rails = load_rail_settings().items()
            assert [
                name for name, rail in rails if not rail.checked(settings.mode).is_offered
            ] == []


def test_every_service_accepts_its_settings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path).file.read_text()
    for each in AUTHORITIES:
        (tmp_path / each).write_text(authority)
    for service in of_kind(name, *SERVICES):
        monkeypatch.setattr(os, "environ", environment(name, service, tmp_path))
        read(named(service))
