"""The settings of the containers of `deploy/compose`, which share one machine's loopback."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from cift_local.ports import LOOPBACK
from cift_local.secret_keys import local_secrets
from cift_local.stack import DATABASE, PREFERRED_PORTS, Options, environment

KAFKA_PORT, POSTGRES_PORT = 9092, 5432


def write_settings(folder: Path) -> None:
    """Write the variables of our containers and of PostgreSQL's, to files with mode 0600.

    The folder's secrets are created once, as for the local stack, and used again.
    """
    (folder / "sandbox").mkdir(parents=True, exist_ok=True)
    key = local_secrets(folder)["CIFT_CALLBACK_KEY"]
    password = hashlib.sha256(f"postgres {key}".encode()).hexdigest()
    address = f"{LOOPBACK}:{POSTGRES_PORT}/{DATABASE}"
    database_url = f"postgresql://{DATABASE}:{password}@{address}"
    kafka = f"{LOOPBACK}:{KAFKA_PORT}"
    ours = environment(Options(folder), PREFERRED_PORTS, database_url, kafka)
    _write(folder / "stack.env", ours)
    database = {"POSTGRES_USER": DATABASE, "POSTGRES_DB": DATABASE, "POSTGRES_PASSWORD": password}
    _write(folder / "postgres.env", database)


def _write(file: Path, variables: Mapping[str, str]) -> None:
    text = "".join(f"{name}={value}\n" for name, value in variables.items())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
