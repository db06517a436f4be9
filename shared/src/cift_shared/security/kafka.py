"""Where the brokers of Kafka are, and how clients encrypt their connections and log in."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cift_shared.addresses import check_bootstrap_servers
from cift_shared.errors import SettingsInvalid

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Brokers:
    """The brokers, as every client of one process connects to them.

    Without more than the servers: without encryption and login, as for brokers of this machine.
    """

    servers: str
    """host:port, comma separated."""
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """Certificates of the authorities that sign the brokers' certificates; None: the system's."""
    certificate_file: Path | None = None
    """Our certificate for brokers that ask for one, with its chain, in PEM."""
    key_file: Path | None = None
    """The private key of `certificate_file`."""

    @property
    def is_encrypted(self) -> bool:
        """True when connections use TLS."""
        return self.protocol in {"SSL", "SASL_SSL"}

    @property
    def logs_in(self) -> bool:
        """True when clients log in with a user name and a password."""
        return self.protocol.startswith("SASL")

    def checked(self) -> "Brokers":
        """These settings, if they fit each other and their files can be used.

        Raises:
            SettingsInvalid: names the variable.
        """
        check_bootstrap_servers(self.servers)
        if self.logs_in and not (self.username and self.password):
            raise SettingsInvalid(
                f"KAFKA_SECURITY_PROTOCOL={self.protocol} needs KAFKA_SASL_USERNAME and "
                "KAFKA_SASL_PASSWORD"
            )
        if self.username and not self.logs_in:
            raise SettingsInvalid(
                f"KAFKA_SASL_USERNAME is not used with KAFKA_SECURITY_PROTOCOL={self.protocol}"
            )
        if self.ca_file and not self.is_encrypted:
            raise SettingsInvalid(
                f"KAFKA_SSL_CA_FILE is not used with KAFKA_SECURITY_PROTOCOL={self.protocol}"
            )
        self.client_options()
        return self

    def client_options(self) -> dict[str, Any]:
        """The arguments of every client of aiokafka.

        Raises:
            SettingsInvalid: a certificate or a key can't be read.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.protocol,
        }
        if self.is_encrypted:
            options["ssl_context"] = self._context()
        if self.logs_in:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsInvalid(f"KAFKA_SSL_CA_FILE: can't be used: {error}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file:
            try:
                context.load_cert_chain(self.certificate_file, self.key_file)
            except (OSError, ssl.SSLError) as error:
                raise SettingsInvalid(
                    f"KAFKA_SSL_CERTIFICATE_FILE, KAFKA_SSL_KEY_FILE: can't be used: {error}"
                ) from None
        return context
