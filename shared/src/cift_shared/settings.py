"""Settings that every service has; a service adds its own fields in its `settings.py`.

They are built once in `__main__`; no module below `app.py` reads the environment.
"""

import base64
import difflib
import hashlib
import os
import re
import socket
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cift_shared import clock
from cift_shared.addresses import check_database_url
from cift_shared.errors import SettingsInvalid
from cift_shared.money.amount import EXPONENTS
from cift_shared.money.live_rates import LiveRates
from cift_shared.money.rates import PIVOT, RateTable, load_rates
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.field_encryption import Vault
from cift_shared.security.kafka import Brokers, Mechanism, Protocol
from cift_shared.security.published_keys import refuse_published
from cift_shared.security.return_token import ReturnTokens
from cift_shared.security.secret_files import SUFFIX, SecretFiles, is_secret, variables_of

FAILPOINT_FILE = "CIFT_FAILPOINT_FILE"
"""Turns fail points on (`cift_shared.failpoints`)."""

INSTANCE_CHARS_MAX = 64
_CALLBACK_KEY_BYTES_MIN = 32
_KEY_DISTINCT_BYTES_MIN = 12
"""Minimum number of different bytes in a key: 32 random bytes have about 30."""
_PREFIX = "CIFT_"
_SIMILARITY_MIN = 0.92
"""From this similarity on, a name counts as a misspelt setting; no two settings are so similar."""

SettingsType = TypeVar("SettingsType", bound=BaseSettings)


class EnvironmentSettings(BaseSettings):
    """Settings from environment variables: others are ignored, an empty one counts as not set.

    A secret can also come from a file (`cift_shared.security.secret_files`).
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where values come from; the first source that has one wins."""
        return init_settings, env_settings, SecretFiles(settings_cls)


class KafkaSettings(EnvironmentSettings):
    """How clients connect to the brokers."""

    kafka_bootstrap_servers: str = Field(validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    """host:port, comma separated."""
    kafka_protocol: Protocol = Field(
        default="PLAINTEXT", validation_alias="KAFKA_SECURITY_PROTOCOL"
    )
    """SASL_SSL encrypts, and logs in with a user name and a password."""
    kafka_mechanism: Mechanism = Field(
        default="SCRAM-SHA-512", validation_alias="KAFKA_SASL_MECHANISM"
    )
    kafka_username: str | None = Field(default=None, validation_alias="KAFKA_SASL_USERNAME")
    kafka_password: SecretStr | None = Field(default=None, validation_alias="KAFKA_SASL_PASSWORD")
    kafka_ca_file: Path | None = Field(default=None, validation_alias="KAFKA_SSL_CA_FILE")
    """PEM certificates of the authorities that sign the brokers' certificates."""
    kafka_certificate_file: Path | None = Field(
        default=None, validation_alias="KAFKA_SSL_CERTIFICATE_FILE"
    )
    """Our own certificate, in PEM, for brokers that ask for one."""
    kafka_key_file: Path | None = Field(default=None, validation_alias="KAFKA_SSL_KEY_FILE")

    @property
    def brokers(self) -> Brokers:
        """The brokers, as every client of this process connects to them."""
        return Brokers(
            self.kafka_bootstrap_servers,
            protocol=self.kafka_protocol,
            mechanism=self.kafka_mechanism,
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value() if self.kafka_password else None,
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
        )


class VaultSettings(EnvironmentSettings):
    """The keys of sealed personal data."""

    data_keys: SecretStr = Field(validation_alias="CIFT_DATA_KEYS")
    """Data keys for sealing, `k2:<base64 of 32 bytes>,k1:...`, newest first."""
    index_key: SecretStr = Field(validation_alias="CIFT_INDEX_KEY")
    """Key of the search hashes, base64 of 32 bytes."""

    def vault(self) -> Vault:
        """The `Vault` that encrypts personal data."""
        return Vault.from_text(self.data_keys.get_secret_value(), self.index_key.get_secret_value())


class KeySettings(VaultSettings):
    """The keys that gateway and workers share."""

    callback_key: SecretStr = Field(validation_alias="CIFT_CALLBACK_KEY")
    """Key of the callback paths, base64 of at least 32 bytes."""

    def callback_tokens(self) -> CallbackTokens:
        """The object that makes and checks the tokens in callback paths.

        Raises:
            SettingsInvalid: the key is not base64 or shorter than 32 bytes.
        """
        return CallbackTokens(self._callback_key())

    def return_tokens(self) -> ReturnTokens:
        """The object that makes and checks the tokens in the addresses of returning payers.

        Raises:
            SettingsInvalid: as `callback_tokens`.
        """
        return ReturnTokens(self._callback_key())

    def _callback_key(self) -> bytes:
        try:
            key = base64.b64decode(self.callback_key.get_secret_value(), validate=True)
        except ValueError as error:
            raise SettingsInvalid("CIFT_CALLBACK_KEY: not base64") from error
        if len(key) < _CALLBACK_KEY_BYTES_MIN:
            raise SettingsInvalid("CIFT_CALLBACK_KEY: at least 32 bytes")
        return key

    def refuse_weak_keys(self) -> None:
        """Refuse keys that are clearly not random, or one key in two places.

        Raises:
            SettingsInvalid: names the variable.
        """
        data_keys = self.data_keys.get_secret_value().split(",")
        found = [("CIFT_DATA_KEYS", part.partition(":")[2]) for part in data_keys]
        found.append(("CIFT_INDEX_KEY", self.index_key.get_secret_value()))
        found.append(("CIFT_CALLBACK_KEY", self.callback_key.get_secret_value()))
        seen: set[bytes] = set()
        for name, text in found:
            key = base64.b64decode(text)
            if len(set(key)) < _KEY_DISTINCT_BYTES_MIN or key in seen:
                raise SettingsInvalid(f"{name}: made by hand, or used twice; use a random key")
            seen.add(key)


class LiveRateSettings(EnvironmentSettings):
    """Which exchange rates are live, and how old one may be; the same for every process."""

    rate_currencies: str = Field(default="", validation_alias="CIFT_RATE_CURRENCIES")
    """Comma separated currencies whose prices are read from markets; empty: none is live."""
    rate_max_age_s: int = Field(default=60, ge=1, le=3600, validation_alias="CIFT_RATE_MAX_AGE_S")
    """From this age on a live rate is not used."""
    rate_table: str | None = Field(default=None, validation_alias="CIFT_RATES")
    """Path of a table of the other exchange rates; None: the shipped one, in live mode for fees
    only."""

    @field_validator("rate_currencies")
    @classmethod
    def _are_currencies(cls, value: str) -> str:
        for code in filter(None, (part.strip() for part in value.split(","))):
            if code not in EXPONENTS or code == PIVOT:
                raise ValueError("must be currencies that we know, without USD, comma separated")
        return value

    @property
    def live_currencies(self) -> frozenset[str]:
        """The currencies with live rates."""
        return frozenset(filter(None, (part.strip() for part in self.rate_currencies.split(","))))

    @property
    def rate_max_age(self) -> timedelta:
        """How old a live rate may be."""
        return timedelta(seconds=self.rate_max_age_s)

    def exchange_rates(self, *, livemode: bool) -> LiveRates:
        """The rates at which money is exchanged.

        Raises:
            SettingsInvalid: the table can't be read.
        """
        if livemode and self.rate_table is None:
            # the shipped rates are as old as the release: no real money is exchanged at them
            return self.live(RateTable("none", ()))
        return self.live(load_rates(self.rate_table))

    def live(self, table: RateTable) -> LiveRates:
        """The rates of a table, with live ones before it."""
        return LiveRates(table, self.live_currencies, self.rate_max_age)


class ProcessSettings(EnvironmentSettings):
    """What every process on our database needs: the database, a name, a port, logs and traces."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    """postgresql:// address; may carry a password."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")
    """Sandbox money or real money; one deployment serves only one of them."""
    instance: str = Field(
        default_factory=lambda: instance_of(socket.gethostname()),
        validation_alias="CIFT_INSTANCE",
        pattern=r"^[a-z0-9-]+$",
        max_length=INSTANCE_CHARS_MAX,
    )
    """Stable name of this replica, by default its host's; see `cift_shared.runtime.instance`."""
    ops_host: str = Field(default="127.0.0.1", validation_alias="CIFT_OPS_HOST")
    ops_port: int = Field(validation_alias="CIFT_OPS_PORT", ge=1, le=65535)
    """The operations port: health, readiness and metrics. Payers and merchants have no access."""
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "CIFT_OTLP_ENDPOINT"),
    )
    trace_file: Path | None = Field(default=None, validation_alias="CIFT_TRACE_FILE")
    trace_sample_ratio: float = Field(
        default=1.0, ge=0, le=1, validation_alias="CIFT_TRACE_SAMPLE_RATIO"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="CIFT_LOG_LEVEL"
    )
    log_format: Literal["json", "console"] = Field(
        default="json", validation_alias="CIFT_LOG_FORMAT"
    )

    @property
    def instance_is_derived(self) -> bool:
        """True when `CIFT_INSTANCE` is not set, so that the name is made from the host's name."""
        return "instance" not in self.model_fields_set

    @property
    def livemode(self) -> bool:
        """True when real money moves."""
        return self.mode == "live"

    def group_instance(self, service: str) -> str:
        """The static Kafka member name of this replica: after a restart it gets its partitions
        back at once.
        """
        return f"{service}-{self.instance}"

    def check_database(self) -> None:
        """Check the database's address, in live mode also for passwords and switches of tests.

        Raises:
            SettingsInvalid: names the variable.
        """
        check_database_url(self.database_url.get_secret_value())
        if self.livemode:
            password = urlsplit(self.database_url.get_secret_value()).password
            refuse_published("DATABASE_URL", [password])
            _refuse_test_switches()


class ServiceSettings(KafkaSettings, KeySettings, ProcessSettings):
    """What every service needs to start."""

    def checked(self) -> Self:
        """These settings after a check of addresses and keys, so that a bad one stops the start.

        Raises:
            SettingsInvalid: names the variable; in live mode also a variable that is for tests.
        """
        self.check_database()
        self.brokers.checked()
        self.vault()
        self.callback_tokens()
        if self.livemode:
            self.refuse_weak_keys()
        return self


def load_settings(kind: type[SettingsType]) -> SettingsType:
    """Read settings from the environment.

    Raises:
        SettingsInvalid: names every variable that is missing, wrong or misspelt, never its value.
    """
    try:
        settings = kind()
    except ValidationError as error:
        problems = {
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        }
        raise SettingsInvalid("; ".join(sorted(problems))) from None
    misspelt = "; ".join(_misspelt(_names(kind)))
    if misspelt:
        raise SettingsInvalid(misspelt)
    return settings


def load_if_set(
    kind: type[SettingsType], variables: Sequence[str] | None = None
) -> SettingsType | None:
    """Read settings; None if not one of these variables is set, or its file named.

    `variables`: by default those that the settings require.

    Raises:
        SettingsInvalid: some of them are set; as `load_settings`.
    """
    required = required_variables(kind) if variables is None else variables
    if not any(os.environ.get(name) or os.environ.get(name + SUFFIX) for name in required):
        return None
    return load_settings(kind)


def required_variables(kind: type[BaseSettings]) -> list[str]:
    """The environment variables without a default, in the order of the fields."""
    fields = kind.model_fields.items()
    return [str(field.validation_alias or name) for name, field in fields if field.is_required()]


def instance_of(host: str) -> str:
    """A host's name as the name of a replica: `[a-z0-9-]+`, at most `INSTANCE_CHARS_MAX` long.

    A longer name is cut and ends with a digest, so that two hosts get two names.
    """
    name = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-") or "0"
    if len(name) <= INSTANCE_CHARS_MAX:
        return name
    digest = hashlib.sha256(host.encode()).hexdigest()[:12]
    return f"{name[: INSTANCE_CHARS_MAX - 13]}-{digest}"


def misspelt_variables() -> list[str]:
    """Environment variables that are probably a misspelt setting of `ServiceSettings`."""
    return list(_misspelt(_names(ServiceSettings)))


def _refuse_test_switches() -> None:
    """Refuse a clock offset and fail points; called in live mode."""
    found = [name for name in (clock.OFFSET, FAILPOINT_FILE) if os.environ.get(name)]
    if found:
        raise SettingsInvalid(f"{', '.join(found)}: for tests only, never in live mode")


def _names(kind: type[BaseSettings]) -> set[str]:
    """The environment variables that settings are read from."""
    names: set[str] = set()
    for name, field in kind.model_fields.items():
        own = variables_of(name, field)
        names |= {*own, *(each + SUFFIX for each in own if is_secret(field))}
    return names


def _misspelt(names: set[str]) -> Iterator[str]:
    """Environment variables that are probably one of these, misspelt by a letter or two.

    Others are ignored: services share an environment, and Kubernetes adds its own variables.
    """
    for name in sorted(set(map(str.upper, os.environ)) - names):
        close = difflib.get_close_matches(name, names, n=1, cutoff=_SIMILARITY_MIN)
        if close and name.startswith(_PREFIX):
            yield f"{name}: there is no such setting; is it {close[0]}?"
