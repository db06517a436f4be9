"""The embedded broker as our child: what it was given is there after a clean stop."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cift_local.broker import EmbeddedBroker, broker_binary
from cift_local.errors import FolderInUseError
from tests.support.postgres import throw_away_folder
from tests.support.records import count_records, create_topic, produce

pytestmark = pytest.mark.integration


@pytest.fixture
def folder() -> Iterator[Path]:
    with throw_away_folder("broker") as made:
        yield made


class TestEmbeddedBroker:
    async def test_keeps_records_over_a_clean_stop(self, folder: Path) -> None:
        server = EmbeddedBroker(folder).start()
        await create_topic(server.bootstrap, "orders", partitions=3)
        await produce(server.bootstrap, "orders", 60)
        server.stop()
        server.start()
        assert await count_records(server.bootstrap, "orders") == 60
        server.stop()

    async def test_starts_again_after_kill(self, folder: Path) -> None:
        server = EmbeddedBroker(folder).start()
        server.kill()
        server.start()
        await create_topic(server.bootstrap, "orders", partitions=1)
        await produce(server.bootstrap, "orders", 1)
        server.stop()

    def test_listens_on_the_loopback_address_for_kafka_only(self, folder: Path) -> None:
        with EmbeddedBroker(folder) as server:
            places = {
                (connection.laddr.ip, connection.laddr.port)
                for connection in psutil.Process(server.pid).net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
        assert ("127.0.0.1", server.port) in places
        assert {ip for ip, _ in places} == {"127.0.0.1"}
        assert len(places) == 2  # the other one is its own control port, which asks for a token

    def test_a_second_owner_is_refused(self, folder: Path) -> None:
        with EmbeddedBroker(folder), pytest.raises(FolderInUseError):
            EmbeddedBroker(folder).start()

    def test_one_that_a_dead_owner_left_is_ended_first(self, folder: Path) -> None:
        argv = [str(broker_binary()), "start", "--only", "kafka", "--kafka-port", "0"]
        argv += ["--data-dir", str(folder / "data")]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as left:
            assert left.stdout is not None
            while b"Ctrl-C" not in left.stdout.readline():
                pass
            with EmbeddedBroker(folder):
                assert left.wait(10) == 0
