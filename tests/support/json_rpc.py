"""A client of JSON-RPC 2.0."""

import itertools
from typing import Any

import httpx


class CallFailed(Exception):
    """The node answered with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.data = data


class JsonRpc:
    """Calls a node at an address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(timeout=30, trust_env=False)
        self._ids = itertools.count(1)

    def __call__(self, method: str, *params: Any) -> Any:
        name = next(self._ids)
        body = {"jsonrpc": "2.0", "id": name, "method": method, "params": list(params)}
        answer = self.http.post(self.url, json=body)
        assert answer.status_code == 200, answer.text
        reply = answer.json()
        assert reply["id"] == name
        if "error" in reply:
            error = reply["error"]
            raise CallFailed(error["code"], error["message"], error.get("data"))
        return reply["result"]

    def close(self) -> None:
        self.http.close()
