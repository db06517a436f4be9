"""The twin as a process: faults on real sockets, and ``kill -9`` with callbacks to come."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.daraja_twin import (
    KEY,
    PASSKEY,
    PASSWORD,
    SECRET,
    STK,
    push_body,
)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def receiver() -> Iterator[tuple[str, list[Any]]]:
    """A server that notes callbacks: its address and what it got."""
    got: list[Any] = []

    class Note(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Note)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Process:
    """One run of ``python -m provider_sandbox``."""

    def __init__(self, folder: Path, port: int, **more: str) -> None:
        values = {
            "HTTP_PORT": str(port),
            "STATE": str(folder / "twin.sqlite3"),
            "CONSUMER_KEY": KEY,
            "CONSUMER_SECRET": SECRET,
            "PASSKEY": PASSKEY,
            "INITIATOR_PASSWORD": PASSWORD,
            **more,
        }
        given = {f"CIFT_SANDBOX_{name}": value for name, value in values.items()}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "provider_sandbox"], env={**os.environ, **given}
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5)
        wait_until(self._is_up)

    def sign_in(self) -> None:
        answer = self.http.get(
            "/oauth/v1/generate?grant_type=client_credentials", auth=(KEY, SECRET)
        )
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def end(self, how: signal.Signals) -> int:
        self.http.close()
        self._child.send_signal(how)
        return self._child.wait(10)

    def _is_up(self) -> bool:
        assert self._child.poll() is None
        try:
            return self.http.get("/control/health").status_code == 200
        except httpx.ConnectError:
            return False


def wait_until(condition: Any, timeout_s: float = 30) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def folder(keys: Path, tmp_path: Path) -> Path:
    for file in keys.glob("*.pem"):
        shutil.copy(file, tmp_path)
    return tmp_path


def test_kill_9_loses_no_payment_and_no_callback(folder: Path) -> None:
    with receiver() as (address, got):
        port = free_port()
        first = Process(folder, port)
        first.sign_in()
        body = push_body(CallBackURL=f"{address}/hooks/a")
        answer = first.http.post(STK, json=body).json()
        first.end(signal.SIGKILL)
        assert got == []
        second = Process(folder, port, SPEED="20")
        try:
            assert second.http.get("/control/pending").json()["agenda"]
            second.http.post("/control/clock", json={"advance_s": 20 * 20})
            wait_until(lambda: got)
            told = got[0]["Body"]["stkCallback"]
            assert told["CheckoutRequestID"] == answer["CheckoutRequestID"]
            [entry] = second.http.get("/control/book").json()["entries"]
            assert entry["provider_ids"]["CheckoutRequestID"] == answer["CheckoutRequestID"]
            counts = second.http.get("/control/requests").json()["daraja.stk"]
            assert (counts["received"], counts["accepted"]) == (1, 1)
            assert len(got) == 1
        finally:
            second.end(signal.SIGTERM)


def test_faults_on_real_sockets(folder: Path) -> None:
    with receiver() as (address, got):
        twin = Process(folder, free_port(), SPEED="200", LOCK_S="0", SAME_AMOUNT_S="0")
        twin.sign_in()
        body = push_body(CallBackURL=f"{address}/hooks/a")
        try:
            for kind in ("drop_before", "drop_after_effect", "reset_mid_body"):
                twin.http.post("/control/faults", json={"operation": "daraja.stk", "kind": kind})
                with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                    twin.http.post(STK, json=body)
            wait_until(lambda: len(got) == 2)
            assert len(twin.http.get("/control/book").json()["entries"]) == 2
            assert twin.http.post(STK, json=body).status_code == 200
        finally:
            twin.end(signal.SIGTERM)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "CIFT_SANDBOX_STATE": str(tmp_path / "x")}
    ended = subprocess.run(
        [sys.executable, "-m", "provider_sandbox"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert "CIFT_SANDBOX_CONSUMER_SECRET" in ended.stderr
    assert "Traceback" not in ended.stderr
