"""`./cift`: works without an activated environment, on the environment given or the local stack."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "cift"


def cift(*words: str, script: Path = SCRIPT, cwd: Path = ROOT, **env: str) -> tuple[int, str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [script, *words], check=False, capture_output=True, text=True, cwd=cwd, env={**kept, **env}
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like a checkout after `make setup`."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    shutil.copy(SCRIPT, folder / "cift")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def note_of_a_stack(checkout: Path, **more: str) -> None:
    note = {"gateway": "http://127.0.0.1:8099", "CIFT_DATA_KEYS": "of the stack", **more}
    (checkout / ".cift").mkdir()
    (checkout / ".cift" / "stack.json").write_text(json.dumps(note))


def test_the_command_runs_from_any_folder_and_through_a_link(
    tmp_path: Path, checkout: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(checkout / "cift")
    for script in (checkout / "cift", link):
        code, out, err = cift("--version", script=script, cwd=tmp_path)
        assert (code, err) == (0, "")
        assert out.startswith("cift ")


def test_a_module_of_the_current_folder_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise SystemExit('the wrong click')")
    assert cift("--version", cwd=tmp_path)[0] == 0


def test_without_a_set_up_it_says_what_to_run(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path / "cift")
    code, out, err = cift("--version", script=tmp_path / "cift", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert f"make -C {tmp_path} setup" in err


def test_it_works_on_the_local_stack_where_nothing_else_is_named(checkout: Path) -> None:
    note_of_a_stack(checkout)
    code, _, err = cift("keys", "new", "--rotate", script=checkout / "cift")
    assert code == 2
    assert "CIFT_DATA_KEYS: key ids" in err  # the stack's odd keys were taken


def test_a_database_that_is_named_wins(checkout: Path) -> None:
    note_of_a_stack(checkout)
    code, _, err = cift(
        "keys", "new", "--rotate", script=checkout / "cift", DATABASE_URL="postgresql://db/x"
    )
    assert code == 2
    assert "CIFT_DATA_KEYS is not set" in err  # nothing of the stack was taken


def test_a_broken_note_is_one_plain_line(checkout: Path) -> None:
    (checkout / ".cift").mkdir()
    (checkout / ".cift" / "stack.json").write_text("{")
    code, _, err = cift("keys", "new", script=checkout / "cift")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "stack.json" in err
