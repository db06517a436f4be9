import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cift_local import privilege_drop
from cift_local.privilege_drop import User, reachable_copy, reachable_folder, unprivileged_user
from tests.support.postgres import throw_away_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def nobody() -> User:
    user = unprivileged_user()
    assert user is not None
    return user


@pytest.fixture
def shared_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with throw_away_folder("shared") as folder:
        monkeypatch.setattr(privilege_drop, "SHARED_ROOT", folder / "shared")
        yield folder / "shared"


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that only its owner may enter."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


class TestAsOurselves:
    def test_everything_stays_where_it_is_wanted(self, tmp_path: Path) -> None:
        assert reachable_folder(tmp_path / "data", None) == tmp_path / "data"
        assert reachable_copy([tmp_path / "bin"], "bin-1", None) == tmp_path


@as_root
class TestAsRoot:
    def test_a_folder_others_may_pass_is_kept(self, nobody: User) -> None:
        with throw_away_folder("open") as folder:
            assert reachable_folder(folder / "data", nobody) == folder / "data"

    def test_a_closed_one_gets_a_stand_in_of_its_own(
        self, nobody: User, closed: Path, shared_root: Path
    ) -> None:
        one, other = (reachable_folder(closed / name / "data", nobody) for name in "ab")
        assert one.parent == other.parent == shared_root
        assert one != other
        assert one == reachable_folder(closed / "a" / "data", nobody)
        assert nobody.can_enter(shared_root)

    def test_a_closed_program_is_copied_so_that_it_runs(
        self, nobody: User, closed: Path, shared_root: Path
    ) -> None:
        old_mask = os.umask(0o077)
        try:
            (closed / "tools").mkdir()
            program = closed / "tools" / "program"
            program.write_text("#!/bin/sh\nexit 0\n")
            program.chmod(0o700)
            home = reachable_copy([closed / "tools"], "tools-1", nobody)
        finally:
            os.umask(old_mask)
        assert home == shared_root / "tools-1"
        assert nobody.can_enter(home / "tools" / "program")
        assert [path.name for path in shared_root.iterdir()] == ["tools-1"]

    def test_owning_a_folder_reaches_all_in_it_but_not_what_a_link_names(
        self, nobody: User, tmp_path: Path
    ) -> None:
        outside, inside = tmp_path / "outside", tmp_path / "top" / "inner" / "file"
        inside.parent.mkdir(parents=True)
        outside.touch()
        inside.touch()
        (tmp_path / "top" / "link").symlink_to(outside)
        nobody.chown(tmp_path / "top")
        assert inside.stat().st_uid == nobody.uid
        assert outside.stat().st_uid == os.geteuid()
