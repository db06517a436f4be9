"""Use DemoPay in a running stack, as a merchant and as an operator; prints what was seen as JSON.

It runs in a process of its own, with `site` on the path: installed rails are read once per process.
"""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from typing import Any

import httpx

from cift_local.accounts import Agreement, compare, provider_book
from cift_local.customer import Merchant
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_shared.rails.local import Step, local_rails
from tests.plugin.polled import seen_of_polled
from tests.support.postgres import throw_away_folder

RAIL = "demopay"
CUSTOMER = "c_plugin"
WRONG = {"type": "deposit", "method": RAIL, "amount": "10.00", "currency": "ZAR",
         "customer_id": CUSTOMER, "payment_method": {"phone": "0712345678"}}  # fmt: skip


async def scenario() -> dict[str, Any]:
    """Everything that was seen."""
    with throw_away_folder("plugin") as folder:
        async with running_stack(Options(folder, speed=20, prefer_ports=False)) as stack:
            key = await open_api(stack, "m_plugin")
            async with Merchant(stack.url("gateway"), key) as merchant:
                steps = [step async for step in local_rails()[RAIL].play(merchant, CUSTOMER)]
                seen = {
                    "steps": {step.name: (step.status, step.expected) for step in steps},
                    **await seen_by_merchant(merchant, steps),
                }
                more, seen["polled"] = await seen_of_polled(stack, merchant)
                steps += more
            seen |= await seen_outside(stack)
            seen["books"] = shown(await compare(stack, steps))
            seen |= await seen_by_operator(stack)
    return seen


def shown(agreement: Agreement) -> dict[str, Any]:
    return {
        "good": agreement.good,
        "ours": {name: str(amount) for name, amount in agreement.ours.items()},
    }


async def seen_by_merchant(merchant: Merchant, steps: list[Step]) -> dict[str, Any]:
    """What the API shows of the rail."""
    first = steps[0].payment["id"]
    wrong = await merchant.pay(WRONG)
    return {
        "payment": await merchant.get(f"/payments/{first}"),
        "timeline": await merchant.get(f"/payments/{first}/timeline"),
        "statement": await merchant.get(f"/customers/{CUSTOMER}/statement"),
        "balances": await merchant.get(f"/customers/{CUSTOMER}/balances"),
        "saved": await merchant.get(f"/payment-methods?method={RAIL}"),
        "quote": await merchant.get(
            f"/fees/quote?type=deposit&method={RAIL}&amount=100.00&currency=ZAR"
        ),
        "options": await merchant.get("/payment-options?country=ZA&currency=ZAR&amount=100.00"),
        "elsewhere": await merchant.get("/payment-options?country=KE&currency=ZAR"),
        "wrong_instrument": (wrong.status_code, wrong.json()["code"]),
    }


async def seen_outside(stack: Stack) -> dict[str, Any]:
    """The documents, the worker's metrics, and what a forged notice is answered."""
    gateway = stack.url("gateway")
    async with httpx.AsyncClient() as http:
        document = (await http.get(f"{gateway}/openapi.json")).json()
        topics = (await http.get(f"{stack.ops_url('demopay-worker')}/asyncapi.json")).json()
        metrics = (await http.get(f"{stack.ops_url('demopay-worker')}/metrics")).text
        forged = await http.post(
            f"{gateway}/api/v1/webhooks/demopay",
            content=b'{"id": "t", "state": "done"}',
            headers={"X-DemoPay-Signature": "00", "Content-Type": "application/json"},
        )
    return {
        "schemas": sorted(document["components"]["schemas"]),
        "paths": sorted(document["paths"]),
        "channels": sorted(topics["channels"]),
        "metrics": [line for line in metrics.splitlines() if "demop" in line],
        "forged": (forged.status_code, forged.json()["code"]),
    }


async def seen_by_operator(stack: Stack) -> dict[str, Any]:
    """The reconciliation of the provider's statement, the invariants, the rebuilt ledger."""
    status, report, told = await asyncio.to_thread(reconciled, stack, await statement(stack))
    return {
        "reconciliation": (status, json.loads(report or "null"), told),
        "invariants": stack.cift("verify-books", "--quiet"),
        "own_command": stack.cift("demopay", "moved", "--json"),
        "processes": {status.name: str(status.state) for status in stack.status()},
        "rebuilt": stack.cift("ledger", "rebuild-verify", "--quiet"),
    }


async def statement(stack: Stack) -> str:
    """The provider's statement of everything that it moved."""
    fields = ["receipt", "kind", "amount", "currency", "at"]
    text = io.StringIO()
    rows = csv.DictWriter(text, fields, extrasaction="ignore")
    rows.writeheader()
    rows.writerows(entry for entry in await provider_book(stack) if entry["provider"] == RAIL)
    return text.getvalue()


def reconciled(stack: Stack, given: str) -> tuple[int, str, str]:
    """The reconciliation of a statement: exit status, output, errors."""
    argv = [sys.executable, "-m", "cift_shared", "reconcile", RAIL, "--statement", "-"]
    done = subprocess.run(
        [*argv, "--in-transit-minutes", "0", "--json"],
        check=False,
        input=given,
        capture_output=True,
        text=True,
        env={**os.environ, **stack.env},
    )
    return done.returncode, done.stdout, done.stderr


if __name__ == "__main__":
    json.dump(asyncio.run(scenario()), sys.stdout)
