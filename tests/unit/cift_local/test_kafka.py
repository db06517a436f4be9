import base64
import secrets
import shutil
from pathlib import Path

import pytest

from cift_local import kafka
from cift_local.errors import LocalStackError
from cift_local.kafka import (
    broker_settings,
    java,
    kafka_version,
    new_cluster_id,
    resolve_jars,
    to_properties,
)


class TestSettings:
    def test_listen_on_the_loopback_address_only(self) -> None:
        settings = broker_settings(Path("/data"), 21001, 21002)
        assert settings["listeners"] == "PLAINTEXT://127.0.0.1:21001,CONTROLLER://127.0.0.1:21002"
        assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:21001"

    def test_need_no_second_broker(self) -> None:
        settings = broker_settings(Path("/data"), 1, 2)
        replicas = {
            value
            for name, value in settings.items()
            if name.endswith(("replication.factor", "min.isr", "min.insync.replicas"))
        }
        assert replicas == {"1"}

    def test_make_no_topic_by_accident(self) -> None:
        assert broker_settings(Path("/data"), 1, 2)["auto.create.topics.enable"] == "false"

    def test_are_written_one_a_line(self) -> None:
        assert to_properties({"a.b": "1", "c": "x=y"}) == "a.b=1\nc=x=y\n"


class TestClusterId:
    def test_is_16_bytes_in_22_characters(self) -> None:
        fresh = new_cluster_id()
        assert len(fresh) == 22
        assert len(base64.urlsafe_b64decode(fresh + "==")) == 16

    def test_differs_each_time(self) -> None:
        assert new_cluster_id() != new_cluster_id()

    def test_is_never_taken_for_an_option(self, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = iter([b"\xf8" * 16, b"\x01" * 16])
        monkeypatch.setattr(secrets, "token_bytes", lambda _: next(drawn))
        assert new_cluster_id() == "AQEBAQEBAQEBAQEBAQEBAQ"


class TestJars:
    def test_the_pom_names_a_release_of_kafka_4(self) -> None:
        assert kafka_version().startswith("4.")

    def test_are_not_fetched_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        jars = tmp_path / kafka_version()
        jars.mkdir()
        (jars / ".complete").touch()
        assert resolve_jars(tmp_path) == jars

    def test_half_fetched_are_fetched_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "")
        (tmp_path / kafka_version()).mkdir()
        with pytest.raises(LocalStackError, match="Maven"):
            resolve_jars(tmp_path)


def fake_java(folder: Path, says: str) -> None:
    """Puts a `java` that says its version into a folder."""
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)


class TestJava:
    def test_absent_is_told(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(LocalStackError, match="Java 17 or newer; there is no `java`"):
            java()

    @pytest.mark.parametrize("says", ['java version "1.8.0_292"', 'openjdk version "11.0.2"', "?"])
    def test_too_old_is_told(
        self, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        fake_java(tmp_path, says)
        with pytest.raises(LocalStackError, match="Java 17 or newer"):
            java()

    @pytest.mark.parametrize("says", ['openjdk version "17.0.15" 2025', 'openjdk version "25"'])
    def test_new_enough_is_used(
        self, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        fake_java(tmp_path, says)
        assert kafka.java() == shutil.which("java")
