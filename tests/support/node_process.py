"""A test node of a chain as a process, with a client of its control routes."""

import os
import subprocess
import sys
import time
from typing import Any, Self

import httpx

from tests.contract.provider_sandbox.test_process import free_port

_START_S = 30


class NodeProcess:
    """One run of a module that serves a node; a context manager."""

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        self.port = free_port()
        variables = {**os.environ, **environment, "CIFT_SANDBOX_HTTP_PORT": str(self.port)}
        self.process = subprocess.Popen([sys.executable, "-m", module], env=variables)
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/control", timeout=30, trust_env=False
        )
        end = time.monotonic() + _START_S
        while not self._is_up():
            assert time.monotonic() < end, "the node does not start"
            time.sleep(0.02)

    def _is_up(self) -> bool:
        assert self.process.poll() is None, "the node ended at its start"
        try:
            return self.http.get("/health").status_code == 200
        except httpx.ConnectError:
            return False

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of a control route that must succeed."""
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def behave(self, **members: Any) -> None:
        """Let the RPC fail in some way; nothing: in none."""
        self.control("PUT", "/behaviour", members)

    def close(self) -> None:
        """End the process, if it has not ended."""
        self.http.close()
        self.process.terminate()
        self.process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
