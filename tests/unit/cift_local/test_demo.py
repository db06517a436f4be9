"""What the demo says: commands that can be copied whole, and ports that are not the usual ones."""

import io
import json
import os
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from cift_local import demo
from cift_local.stack import PREFERRED_OPS_PORTS, PREFERRED_PORTS, Options, Stack

KEY = "cift_test_" + "k" * 60
GATEWAY = "http://127.0.0.1:8080"


def stack(folder: Path, *, prefer_ports: bool = True, **ports: int) -> Stack:
    taken = {**PREFERRED_PORTS, **{name.replace("_", "-"): port for name, port in ports.items()}}
    return Stack(Options(folder, prefer_ports=prefer_ports), "", "", taken, PREFERRED_OPS_PORTS, {})


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What comes out of the demo on a terminal of 80 columns."""
    out = io.StringIO()
    monkeypatch.setattr(demo, "console", Console(file=out, width=80, highlight=False))
    return out


def test_the_first_payment_can_be_copied_whole(
    tmp_path: Path, printed: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo._print_addresses(stack(tmp_path), KEY, "cus_jane_1")
    lines = printed.getvalue().splitlines()
    first = lines.index(f"export CIFT_API_KEY={KEY}")
    last = next(n for n in range(first, len(lines)) if not lines[n])
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n')
    curl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    script = "\n".join(lines[first:last])
    done = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, check=True)
    words = done.stdout.splitlines()
    assert f"{GATEWAY}/api/v1/payments" in words
    assert f"Authorization: Bearer {KEY}" in words
    assert json.loads(words[-1])["customer_id"] == "cus_jane_1"


def test_a_port_in_use_is_named(tmp_path: Path, printed: io.StringIO) -> None:
    demo._print_moved_ports(stack(tmp_path, gateway=23_456))
    text = " ".join(printed.getvalue().split())
    assert text == "port 8080 is in use by another program: gateway listens on port 23456 instead"


def test_usual_ports_are_not_worth_a_word(tmp_path: Path, printed: io.StringIO) -> None:
    demo._print_moved_ports(stack(tmp_path))
    demo._print_moved_ports(stack(tmp_path, prefer_ports=False, gateway=23_456))
    assert printed.getvalue() == ""
