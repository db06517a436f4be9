"""The settings of Kafka's encryption and login fit each other, or the start is refused."""

import ssl
from pathlib import Path

import pytest

from cift_shared.errors import SettingsInvalid
from cift_shared.security.kafka import Brokers
from cift_shared.settings import KafkaSettings, load_settings
from tests.support.certificates import Authority

SERVERS = "127.0.0.1:9092"
LOGIN = {"KAFKA_SASL_USERNAME": "worker", "KAFKA_SASL_PASSWORD": "pass"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def read(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> Brokers:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", SERVERS)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return load_settings(KafkaSettings).brokers.checked()


def test_without_settings_connections_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    brokers = read(monkeypatch, {})
    assert brokers == Brokers(SERVERS)
    assert brokers.client_options() == {
        "bootstrap_servers": SERVERS,
        "security_protocol": "PLAINTEXT",
    }


def test_encryption_and_login(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    settings = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SSL_CA_FILE": str(authority.file)}
    brokers = read(monkeypatch, {**settings, **LOGIN})
    options = brokers.client_options()
    context = options.pop("ssl_context")
    assert options == {
        "bootstrap_servers": SERVERS,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "worker",
        "sasl_plain_password": "pass",
    }
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1
    assert "pass" not in repr(brokers)


def test_the_authorities_of_the_system_are_trusted_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = read(monkeypatch, {"KAFKA_SECURITY_PROTOCOL": "SSL"}).client_options()
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert "sasl_mechanism" not in options


def test_a_client_can_have_a_certificate(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    certificate, key = authority.issue("worker")
    settings = {
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "KAFKA_SSL_CERTIFICATE_FILE": str(certificate),
        "KAFKA_SSL_KEY_FILE": str(key),
    }
    assert read(monkeypatch, settings).certificate_file == certificate


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_USERNAME"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "u"},
            "KAFKA_SASL_PASSWORD",
        ),
        (LOGIN, "KAFKA_SASL_USERNAME is not used"),
        ({"KAFKA_SSL_CA_FILE": "/ca.pem"}, "KAFKA_SSL_CA_FILE is not used"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_FILE": "/there/is/none.pem"},
            "KAFKA_SSL_CA_FILE",
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTIFICATE_FILE": "/there/is/none.pem"},
            "KAFKA_SSL_CERTIFICATE_FILE",
        ),
        (
            {"KAFKA_SASL_MECHANISM": "MD5", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", **LOGIN},
            "KAFKA_SASL_MECHANISM",
        ),
        ({"KAFKA_BOOTSTRAP_SERVERS": "nonsense"}, "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], names: str
) -> None:
    with pytest.raises(SettingsInvalid, match=names):
        read(monkeypatch, settings)
