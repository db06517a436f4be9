"""Vault's transit engine for tests: as a process, or behind a client in this one."""

import json
from typing import Any

import httpx

from provider_sandbox.vault.engine import Engine, Refused
from tests.support.node_process import NodeProcess
from wallet_keys.vault_transit import VaultTransit

TOKEN = "hvs.CAESIJ5UP3R53CR37"
KEY = "cift-wallet"


def vault(engine: Engine, **over: Any) -> VaultTransit:
    """A lock in front of an engine in this process."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers.get("x-vault-token") != engine.token:
            return httpx.Response(403, json={"errors": ["permission denied"]})
        _, _, mount, action, name = request.url.path.split("/")
        assert mount == "transit"
        try:
            order = json.loads(request.content)
            data = (engine.encrypt if action == "encrypt" else engine.decrypt)(name, order)
        except Refused as refused:
            return httpx.Response(refused.status, json={"errors": [str(refused)]})
        return httpx.Response(200, json={"data": data})

    fields: dict[str, Any] = {
        "address": "https://vault.example:8200",
        "key": KEY,
        "token": TOKEN,
        "transport": httpx.MockTransport(answer),
    }
    return VaultTransit(**{**fields, **over})


class VaultProcess(NodeProcess):
    """One run of `python -m provider_sandbox.vault`."""

    def __init__(self) -> None:
        super().__init__("provider_sandbox.vault", {"CIFT_SANDBOX_VAULT_TOKEN": TOKEN})
        self.url = f"http://127.0.0.1:{self.port}"

    def lock(self, **over: Any) -> VaultTransit:
        """A lock in front of it."""
        fields: dict[str, Any] = {"address": self.url, "key": KEY, "token": TOKEN}
        return VaultTransit(**{**fields, **over})
