"""Check addresses in settings before anything connects or listens."""

import errno
import os
import socket
from urllib.parse import parse_qsl, urlsplit

from cift_shared.errors import SettingsInvalid

DATABASE_EXAMPLE = "postgresql://user:password@host:5432/database"
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
"""Parameters of a database's address that name files."""
_SHOWN_CHARS_MAX = 80


def check_database_url(dsn: str) -> None:
    """Refuse a text that can't be an address of PostgreSQL, or names a file that can't be read.

    Raises:
        SettingsInvalid: names the setting and shows the form, never the value: it has a password.
    """
    try:
        address = urlsplit(dsn)
        one_host = "," not in address.netloc  # libpq's form allows several; the library parses them
        usable = address.scheme in {"postgresql", "postgres"} and not (
            one_host and address.port == 0
        )
    except ValueError:  # the port is not a number
        usable = False
    if not usable:
        raise SettingsInvalid(f"DATABASE_URL: not an address of PostgreSQL like {DATABASE_EXAMPLE}")
    for name, value in parse_qsl(address.query):
        if name in _FILES and not os.access(value, os.R_OK):
            raise SettingsInvalid(
                f"DATABASE_URL: {name} names {value[:_SHOWN_CHARS_MAX]}, which can't be read"
            )


def check_bootstrap_servers(servers: str) -> None:
    """Refuse a text that can't be addresses of Kafka brokers.

    Raises:
        SettingsInvalid: names the setting and the part that is wrong.
    """
    for part in servers.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65_536:
            shown = part.strip()[:_SHOWN_CHARS_MAX]
            raise SettingsInvalid(f"KAFKA_BOOTSTRAP_SERVERS: {shown!r} is not host:port")


def check_listens(prefix: str, host: str, port: int) -> None:
    """Refuse an address that this process can't listen on; its settings begin with the prefix.

    Raises:
        SettingsInvalid: names the setting and says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"{host}:{port} is in use by another process: stop it, or choose another port"
        else:
            why = f"can't listen on {host}:{port}: {error.strerror or error}"
        raise SettingsInvalid(f"{prefix}_PORT, {prefix}_HOST: {why}") from error
