"""Make the demo's payments of every rail through the gateway.

Prints a JSON line for each step. The arguments: an API key, a customer.
"""

import asyncio
import collections
import json
import os
import sys
from pathlib import Path

from cift_local.customer import Merchant
from cift_local.scenario import play
from cift_shared.rails.local import StackContext, local_rails

GATEWAY = "http://127.0.0.1:8080"
NODES = {
    "bitcoin": os.environ.get("BITCOIN_NODE", "http://bitcoin-node.cift-stand-ins.svc:8332"),
    "ethereum": os.environ.get("ETHEREUM_NODE", "http://ethereum-node.cift-stand-ins.svc:8545"),
}
PROGRAMS = Path(__file__).parent
ENDS_WITHIN_S = 180
"""A payment waits while the pod of its worker is replaced."""


def introduce_nodes() -> None:
    """Tell the demo's payers of coins where the nodes are, as the local stack does."""
    nothing = collections.defaultdict[str, str](str)
    for name, node in NODES.items():
        place = StackContext(PROGRAMS, GATEWAY, node, 1, nothing, nothing)
        local_rails()[name].environment(place)


async def pay(api_key: str, customer: str) -> None:
    """Make every payment in turn."""
    introduce_nodes()
    async with Merchant(GATEWAY, api_key, within_s=ENDS_WITHIN_S) as merchant:
        async for step in play(merchant, customer):
            found = {"name": step.name, "status": step.status, "expected": step.expected}
            print(json.dumps({**found, "moved": step.moved}), flush=True)
        balances = await merchant.get(f"/customers/{customer}/balances")
    available = {line["currency"]: line["available"] for line in balances["balances"]}
    print(json.dumps({"available": available}))


if __name__ == "__main__":
    asyncio.run(pay(os.environ["CIFT_API_KEY"], *sys.argv[1:]))
