"""Ethereum nodes as processes: ours, and anvil; each can pay, mine and reorganise."""

import subprocess
from typing import Any, Protocol

import httpx

from tests.contract.provider_sandbox.test_process import free_port, wait_until
from tests.support.anvil import anvil_program
from tests.support.json_rpc import JsonRpc
from tests.support.node_process import NodeProcess

CHAIN_ID = 31337


class EthereumNode(Protocol):
    """What the suite needs of a node."""

    rpc: JsonRpc

    def fund(self, address: str, wei: int) -> None:
        """Give an address ether, in a block."""

    def mine(self, blocks: int = 1) -> None:
        """Add blocks."""

    def reorg(self, depth: int) -> None:
        """Replace the highest blocks by empty ones."""

    def close(self) -> None:
        """End the process."""


class OurNode(NodeProcess):
    """One run of `python -m provider_sandbox.ethereum`."""

    def __init__(self, **environment: str) -> None:
        super().__init__("provider_sandbox.ethereum", environment)
        key = environment.get("CIFT_SANDBOX_ETHEREUM_RPC_KEY")
        self.url = f"http://127.0.0.1:{self.port}/" + (f"v3/{key}" if key else "")
        self.rpc = JsonRpc(self.url)

    def pay(self, address: str, amount: int, **more: Any) -> str:
        """The hash of a payment by the faucet."""
        order = {"address": address, "amount": str(amount), **more}
        return str(self.control("POST", "/pay", order)["txid"])

    def fund(self, address: str, wei: int) -> None:
        self.pay(address, wei, confirm=1)

    def mine(self, blocks: int = 1, **more: Any) -> None:
        self.control("POST", "/mine", {"blocks": blocks, **more})

    def reorg(self, depth: int, **more: Any) -> None:
        order = more or {"drop_all": True, "forget": True}
        self.control("POST", "/reorg", {"depth": depth, **order})

    def close(self) -> None:
        self.rpc.close()
        super().close()


class OtherAnvil:
    """A node that somebody else runs, with anvil's methods and without mining of its own."""

    def __init__(self, url: str) -> None:
        self.rpc = JsonRpc(url)
        self.mine(12)

    def fund(self, address: str, wei: int) -> None:
        [sender, *_] = self.rpc("eth_accounts")
        self.rpc("eth_sendTransaction", {"from": sender, "to": address, "value": hex(wei)})
        self.mine()

    def mine(self, blocks: int = 1) -> None:
        self.rpc("anvil_mine", hex(blocks))

    def reorg(self, depth: int) -> None:
        self.rpc("anvil_reorg", depth, [])

    def close(self) -> None:
        self.rpc.close()


class Anvil(OtherAnvil):
    """One run of anvil, which mines on command."""

    def __init__(self) -> None:
        port = free_port()
        options = ["--silent", "--no-mining", "--slots-in-an-epoch", "4"]
        argv = [str(anvil_program()), "--host", "127.0.0.1", "--port", str(port), *options]
        self.process = subprocess.Popen(argv)
        address = f"http://127.0.0.1:{port}/"
        wait_until(lambda: self._answers(address))
        super().__init__(address)

    def _answers(self, address: str) -> bool:
        assert self.process.poll() is None, "anvil ended at its start"
        try:
            httpx.post(address, json={}, trust_env=False)
        except httpx.ConnectError:
            return False
        return True

    def close(self) -> None:
        super().close()
        self.process.terminate()
        self.process.wait(10)
