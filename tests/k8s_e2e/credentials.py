"""Every secret of the run, and the settings that follow from them."""

import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from cift_local.secret_keys import local_secrets
from cift_shared.rails.local import StackContext, local_rails
from tests.k8s.rendered import MOUNT, all_workloads, files_of, named, settings_of
from tests.k8s.workloads import JOBS, workloads
from tests.k8s_e2e.kube import AROUND
from tests.support.certificates import Authority

OVERLAY = "e2e"
SPEED = 20
GATEWAY, TWINS = "http://127.0.0.1:8080", "http://127.0.0.1:8090"
PROCESSES = {"markets": "http://127.0.0.1:8091"}
"""As seen in the pods of twins, workers and payer: there a relay passes connections on."""
NODES = {
    "bitcoin-node": f"http://bitcoin-node.{AROUND}.svc:8332",
    "ethereum-node": f"http://ethereum-node.{AROUND}.svc:8545",
}
APPROVER = "ann"
"""The login of a person who approves large withdrawals of coins."""
KEYS = ("CIFT_DATA_KEYS", "CIFT_INDEX_KEY", "CIFT_CALLBACK_KEY")
AUTHORITIES = frozenset({"kafka.crt", "postgres.crt"})
FROM_TWINS = {
    "MPESA_CERTIFICATE": "daraja-certificate.pem",
    "MPESA_TZ_PUBLIC_KEY": "vodacom-public-key.txt",
    "PAYPAL_WEBHOOK_ROOTS": "paypal-root.pem",
}
"""Files that the twins write when they start."""


class Credentials:
    """Passwords, keys and certificates, made anew for each run."""

    def __init__(self, folder: Path) -> None:
        """Files, such as the wallet's, are written to `folder`."""
        self._folder = folder
        self._authority = Authority(folder)
        names = {*JOBS, *(each.name for each in workloads())}
        self._passwords = {name: secrets.token_urlsafe(24) for name in sorted(names)}
        self._people = {APPROVER: secrets.token_urlsafe(24)}

    @cached_property
    def stack(self) -> Mapping[str, str]:
        """The variables of a local stack: all settings and secrets of rails and twins."""
        made = dict(local_secrets(self._folder))
        for rail in local_rails().values():
            twin = NODES.get(rail.twin.name, TWINS)
            place = StackContext(self._folder, GATEWAY, twin, SPEED, made, PROCESSES)
            made |= rail.environment(place)
        return made

    @property
    def wallet_public(self) -> str:
        """The public part of the wallet for Bitcoin, in JSON."""
        assert self.stack
        return (self._folder / "wallet-public.json").read_text()

    @property
    def authority(self) -> str:
        """The certificate of the authority of PostgreSQL and Kafka."""
        return self._authority.file.read_text()

    def server(self, name: str) -> tuple[str, str]:
        """A certificate of a server, and its key."""
        host = f"{name}.{AROUND}.svc"
        certificate, key = self._authority.issue(name, hosts=(host,))
        return certificate.read_text(), key.read_text()

    def password(self, name: str) -> str:
        """The password of a login or Kafka user."""
        return (self._passwords | self._people)[name]

    def kafka_users(self) -> str:
        """The users in the form that Kafka's storage tool takes, one a line."""
        return "".join(f"name={user},password={word}\n" for user, word in self._passwords.items())

    def database_url(self, login: str) -> str:
        """The address of the database for a login, as pods use it."""
        host, file = f"postgres.{AROUND}.svc:5432", MOUNT + "postgres.crt"
        tls = f"sslmode=verify-full&sslrootcert={file}"
        return f"postgresql://{login}:{self.password(login)}@{host}/cift?{tls}"

    def twins(self) -> dict[str, str]:
        """The twins' variables."""
        found = {
            name: value for name, value in self.stack.items() if name.startswith("CIFT_SANDBOX_")
        }
        return found | {"CIFT_SANDBOX_SPEED": str(SPEED)}

    def settings(self) -> dict[str, str]:
        """The values in place of `change-me` in the overlay."""
        found: dict[str, str] = {}
        for each in all_workloads(OVERLAY):
            found |= settings_of(OVERLAY, each)
        return {name: self.stack[name] for name, value in found.items() if "change-me" in value}

    def of_workload(self, name: str, from_twins: Mapping[str, str]) -> dict[str, str]:
        """A workload's Secret: a value for each file that its settings name."""
        [workload] = [each for each in all_workloads(OVERLAY) if named(each) == name]
        files = files_of(OVERLAY, workload)
        values = {
            **self.stack,
            **from_twins,
            "DATABASE_URL": self.database_url(name),
            "KAFKA_SASL_PASSWORD": self.password(name),
            "CRYPTO_WALLET": (self._folder / "bitcoin-wallet.json").read_text(),
        }
        return {file: values[file] for file in sorted(files - AUTHORITIES - set(KEYS))}

    def keys(self) -> dict[str, str]:
        """The keys that services share."""
        return {name: self.stack[name] for name in KEYS}
