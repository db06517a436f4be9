"""A wrong set-up gets one plain line that says what to do, a status that is not 0, no traceback.

Every case is a real process.
"""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from cift_local.ports import free_port
from tests.support import bitcoin, cards, ethereum
from tests.support.cift import KEPT, Said, cift, cift_now
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY
from tests.support.kafka import Broker
from tests.support.postgres import PgServer, throw_away_folder
from tests.support.services import MOMO

pytestmark = pytest.mark.integration

SERVICES = [
    "ledger",
    "gateway",
    "mpesa_worker",
    "card_worker",
    "paypal_worker",
    "crypto_watcher",
]
AWAY = "postgresql://cift:hidden@127.0.0.1:9/none"


def settings(**more: str) -> dict[str, str]:
    """Settings with which every service starts, where its servers answer."""
    return {
        "DATABASE_URL": AWAY,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "CIFT_DATA_KEYS": DATA_KEYS,
        "CIFT_INDEX_KEY": INDEX_KEY,
        "CIFT_CALLBACK_KEY": CALLBACK_KEY,
        "CIFT_HTTP_PORT": str(free_port()),
        "CIFT_OPS_PORT": str(free_port()),
        "STRIPE_SECRET_KEY": cards.SECRET_KEY,
        "STRIPE_PUBLISHABLE_KEY": "pk_test_unused",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "MPESA_CONSUMER_KEY": "key",
        "MPESA_CONSUMER_SECRET": "secret",
        "MPESA_BUSINESS_SHORT_CODE": "174379",
        "MPESA_PASSKEY": "passkey",
        "MPESA_ENVIRONMENT": "sandbox",
        "MPESA_CALLBACK_URL": "https://pay.example/api/v1/webhooks/mpesa",
        "PAYPAL_CLIENT_ID": "key",
        "PAYPAL_CLIENT_SECRET": "secret",
        "PAYPAL_ENVIRONMENT": "sandbox",
        "PAYPAL_RETURN_BASE": "https://pay.example",
        **MOMO,
        "BITCOIN_RPC_URL": "http://127.0.0.1:9",
        "CRYPTO_BTC_NETWORK": "regtest",
        "CRYPTO_BTC_XPUB": bitcoin.TPUB,
        "ETHEREUM_RPC_URL": "http://127.0.0.1:9",
        "CRYPTO_ETH_CHAIN_ID": str(ethereum.CHAIN_ID),
        "CRYPTO_ETH_XPUB": ethereum.XPUB,
        **more,
    }


def process(*words: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env={**kept, **env},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _interrupts_are_heard() -> None:
    """What a shell starts in the background ignores SIGINT, and so would everything below it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for_handlers(running: subprocess.Popen[str]) -> None:
    """Wait until the program's first line has run: Python itself never catches SIGTERM."""
    status, sigterm = Path(f"/proc/{running.pid}/status"), 1 << (signal.SIGTERM - 1)
    while running.poll() is None:
        caught = re.search(r"SigCgt:\s*([0-9a-f]+)", status.read_text())
        if caught and int(caught.group(1), 16) & sigterm:
            return
        time.sleep(0.005)


def ended(running: subprocess.Popen[str]) -> Said:
    try:
        out, err = running.communicate(timeout=100)
    finally:
        running.kill()
    return Said(running.returncode, out, err)


def start(service: str, **env: str) -> Said:
    return ended(process(service, **env))


@pytest.mark.parametrize("service", SERVICES)
class TestServices:
    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("DATABASE_URL", "nonsense"),
            ("DATABASE_URL", "postgresql://h:port/x"),
            ("KAFKA_BOOTSTRAP_SERVERS", "nonsense"),
            ("CIFT_OPS_PORT", "http"),
            ("CIFT_INDEX_KEY", "short"),
        ],
    )
    def test_a_wrong_setting(self, service: str, setting: str, value: str) -> None:
        said = start(service, **settings(**{setting: value}))
        said.is_one_line(1, setting)

    def test_missing_settings(self, service: str) -> None:
        given = settings()
        del given["CIFT_DATA_KEYS"], given["DATABASE_URL"]
        start(service, **given).is_one_line(1, "CIFT_DATA_KEYS", "DATABASE_URL")

    def test_a_port_in_use(self, service: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = start(service, **settings(CIFT_OPS_PORT=str(port)))
        said.is_one_line(1, "CIFT_OPS_PORT", f"127.0.0.1:{port} is in use", "another port")


def test_the_port_of_the_api_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = start("gateway", **settings(CIFT_HTTP_PORT=str(port)))
    said.is_one_line(1, "CIFT_HTTP_PORT", f"127.0.0.1:{port} is in use", "another port")


@pytest.mark.parametrize("file", ["missing.pem", "empty.pem"])
def test_an_unreadable_certificate(file: str, tmp_path: Path, database: str) -> None:
    (tmp_path / "empty.pem").touch()
    operator = {
        "MPESA_INITIATOR_NAME": "api",
        "MPESA_INITIATOR_PASSWORD": "password",
        "MPESA_CERTIFICATE_FILE": str(tmp_path / file),
    }
    said = start("mpesa_worker", **settings(DATABASE_URL=database, **operator))
    assert said.code == 1, said
    assert len(said.err.splitlines()) == 1, said.err
    assert "MPESA_CERTIFICATE_FILE" in said.err
    assert "Traceback" not in said.err + said.out


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0, 6.0])
def test_an_interrupt_during_the_start(after_s: float) -> None:
    running = process("ledger", **settings())
    wait_for_handlers(running)
    try:
        running.wait(after_s)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGINT)
    said = ended(running)
    assert "Traceback" not in said.err + said.out, said
    assert "KeyboardInterrupt" not in said.err + said.out, said


class TestMigrate:
    def test_nonsense(self) -> None:
        said = cift_now("migrate", DATABASE_URL="nonsense")
        said.is_one_line(2, "DATABASE_URL", "postgresql://user:password@host")

    def test_not_set(self) -> None:
        cift_now("migrate").is_one_line(2, "DATABASE_URL is not set")

    def test_nobody_answers(self) -> None:
        said = cift_now("migrate", DATABASE_URL=AWAY)
        said.is_one_line(4, "127.0.0.1:9/none", "is it running")
        assert "hidden" not in said.err

    def test_a_wrong_password(self, pg_server: PgServer) -> None:
        address = urlsplit(pg_server.dsn)
        place = f"{address.hostname}:{address.port}"
        wrong = urlunsplit(address._replace(netloc=f"{address.username}:hidden@{place}"))
        said = cift_now("migrate", DATABASE_URL=wrong)
        said.is_one_line(3, place, "password", "DATABASE_URL")
        assert "hidden" not in said.err

    def test_a_role_that_is_missing(self, pg_server: PgServer) -> None:
        address = urlsplit(pg_server.dsn)
        netloc = f"nobody_known:hidden@{address.hostname}:{address.port}"
        said = cift_now("migrate", DATABASE_URL=urlunsplit(address._replace(netloc=netloc)))
        said.is_one_line(3, "refuses")

    def test_a_database_that_is_missing(self, pg_server: PgServer) -> None:
        said = cift_now("migrate", DATABASE_URL=pg_server.address("no_such_database"))
        said.is_one_line(3, "no_such_database", "create it")


async def test_books_before_they_are_migrated(pg_server: PgServer) -> None:
    name = await pg_server.create("cift_empty")
    try:
        said = await cift("stuck", DATABASE_URL=pg_server.address(name))
        said.is_one_line(3, "run `cift migrate`")
        said = await cift("ledger", "review", DATABASE_URL=pg_server.address(name))
        assert said.code == 3
        assert len(said.err.splitlines()) == 1
    finally:
        await pg_server.drop(name)


class TestTopics:
    def test_nonsense(self) -> None:
        said = cift_now("topics", KAFKA_BOOTSTRAP_SERVERS="nonsense")
        said.is_one_line(2, "KAFKA_BOOTSTRAP_SERVERS", "host:port")

    def test_nobody_answers(self) -> None:
        said = cift_now("topics", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
        said.is_one_line(4, "127.0.0.1:9", "is it running")


@pytest.fixture
def folder() -> Iterator[Path]:
    with throw_away_folder("demo") as made:
        yield made


class TestDemo:
    @pytest.mark.parametrize(
        ("setting", "value", "word"),
        [
            ("DATABASE_URL", "nonsense", "not an address of PostgreSQL"),
            ("DATABASE_URL", AWAY, "127.0.0.1:9/none"),
            ("KAFKA_BOOTSTRAP_SERVERS", "nonsense", "host:port"),
        ],
    )
    def test_a_wrong_server(
        self, setting: str, value: str, word: str, folder: Path, broker: Broker
    ) -> None:
        env = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, setting: value}
        said = ended(process("cift_local", "demo", cwd=folder, **env))
        assert said.code == 1, said
        assert len(said.err.splitlines()) == 1, said.err
        assert word in said.err
        assert "Traceback" not in said.out + said.err

    @pytest.mark.parametrize("after_s", [0.0, 0.5, 3.0])
    async def test_an_interrupt_during_the_start(self, after_s: float, folder: Path) -> None:
        running = process("cift_local", "demo", cwd=folder)
        await asyncio.to_thread(wait_for_handlers, running)
        await asyncio.sleep(after_s)
        running.send_signal(signal.SIGINT)
        said = await asyncio.to_thread(ended, running)
        assert said.code in {130, -signal.SIGINT}, said
        assert "Traceback" not in said.out + said.err, said
