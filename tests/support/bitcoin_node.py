"""A Bitcoin node as a process, and a client of the RPC of any bitcoind."""

import itertools
import json
from decimal import Decimal
from typing import Any

import httpx

from tests.support.node_process import NodeProcess

USER, PASSWORD = "cift", "node-password"


class RpcFailed(Exception):
    """The node answered with an error."""

    def __init__(self, code: int, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        """Of HTTP."""


class Rpc:
    """A client of the RPC at an address with user and password."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._ids = itertools.count()

    def __call__(self, method: str, *params: Any) -> Any:
        request = {"id": next(self._ids), "method": method, "params": list(params)}
        answer = self.http.post("/", content=json.dumps(request))
        reply = json.loads(answer.content, parse_float=Decimal)
        assert reply["id"] == request["id"]
        if reply["error"] is not None:
            raise RpcFailed(reply["error"]["code"], reply["error"]["message"], answer.status_code)
        assert answer.status_code == 200
        return reply["result"]

    def close(self) -> None:
        self.http.close()


class BitcoinNode(NodeProcess):
    """One run of `python -m provider_sandbox.bitcoin`."""

    def __init__(self, **environment: str) -> None:
        password = {"CIFT_SANDBOX_BITCOIN_RPC_PASSWORD": PASSWORD}
        super().__init__("provider_sandbox.bitcoin", {**password, **environment})
        self.url = f"http://{USER}:{PASSWORD}@127.0.0.1:{self.port}"
        self.rpc = Rpc(self.url)

    def pay(self, address: str, sats: int, **more: Any) -> str:
        """The transaction id of a payment by the faucet."""
        order = {"outputs": [{"address": address, "sats": sats}], **more}
        return str(self.control("POST", "/pay", order)["txid"])

    def mine(self, blocks: int = 1, **more: Any) -> list[str]:
        """The hashes of new blocks."""
        return list(self.control("POST", "/mine", {"blocks": blocks, **more})["blocks"])

    def reorg(self, depth: int, **more: Any) -> list[str]:
        """The hashes of the new branch."""
        return list(self.control("POST", "/reorg", {"depth": depth, **more})["blocks"])

    def close(self) -> None:
        self.rpc.close()
        super().close()
