"""`cift completion`: what a real bash completes with the code it prints."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cift import cift_now

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")

SCRIPT = """
eval "$(cift completion bash)"
COMP_WORDS=({words}); COMP_CWORD={place}
_cift_completion cift
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(words: str) -> list[str]:
    """What bash offers for the last word."""
    place = len(words.split(" ")) - 1
    script = SCRIPT.format(words=words, place=place)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    argv = ["bash", "--norc", "-c", script]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env={"PATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_bash_completes_commands_options_and_values() -> None:
    assert completed("cift led") == ["ledger"]
    assert completed("cift dead-letters re") == ["replay"]
    assert completed("cift ledger trial-balance --js") == ["--json"]
    assert completed("cift completion b") == ["bash"]
    assert "in_review" in completed("cift payments list --status in")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_code(shell: str) -> None:
    said = cift_now("completion", shell)
    assert said.code == 0
    assert "_CIFT_COMPLETE" in said.out
    assert cift_now("completion", shell, "--json").json == {"shell": shell, "code": said.out[:-1]}
