import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cift_local.postgres import Postgres, reports_ready

PID_FILE = "123\n/data\n1795393147\n21001\n/data\n127.0.0.1\n  5432001    32769\n{status}\n"


class TestSaysReady:
    @pytest.mark.parametrize(
        ("status", "ready"), [("ready   ", True), ("starting", False), ("stopping", False)]
    )
    def test_follows_the_status_line(self, status: str, ready: bool, tmp_path: Path) -> None:
        (tmp_path / "postmaster.pid").write_text(PID_FILE.format(status=status))
        assert reports_ready(tmp_path) is ready

    def test_no_to_half_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "postmaster.pid").write_text("123\n/data\n")
        assert not reports_ready(tmp_path)

    def test_no_without_the_file(self, tmp_path: Path) -> None:
        assert not reports_ready(tmp_path)


class TestPassword:
    def test_stays_the_same_for_a_folder_and_is_ours_alone(self, tmp_path: Path) -> None:
        first, second = Postgres(tmp_path / "a", port=21001), Postgres(tmp_path / "a", port=21001)
        assert first.dsn() == second.dsn()
        assert stat.S_IMODE((tmp_path / "a" / "password").stat().st_mode) == 0o600

    def test_differs_between_folders(self, tmp_path: Path) -> None:
        passwords = {
            urlsplit(Postgres(tmp_path / name, port=21001).dsn()).password for name in "ab"
        }
        assert len(passwords) == 2
