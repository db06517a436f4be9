"""`make smoke`: make the demo's payments once, check all results, print one JSON line."""

import json
import shutil
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from cift_local.accounts import balances_text, compare
from cift_local.customer import Merchant
from cift_local.scenario import play
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_shared.rails.local import Step, local_rails

CUSTOMER = "cus_smoke"


async def smoke() -> int:
    """Run the smoke test; return the exit status: 0 if everything agrees, else 1."""
    started = time.monotonic()
    folder = _temporary_folder()
    try:
        async with running_stack(Options(folder, speed=20, prefer_ports=False)) as stack:
            report = await _run(stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps(report) + "\n")
    return 0 if report["ok"] else 1


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cift-smoke-"))
    folder.chmod(0o755)  # the database may run as another user, who must enter it
    return folder


def _expected() -> dict[str, Decimal]:
    """The customer's expected final balance, by currency."""
    total: dict[str, Decimal] = {}
    for rail in local_rails().values():
        for currency, amount in rail.final_balance.items():
            total[currency] = total.get(currency, Decimal(0)) + amount
    return total


async def _run(stack: Stack) -> dict[str, Any]:
    key = await open_api(stack, "m_smoke")
    steps: list[Step] = []
    async with Merchant(stack.url("gateway"), key) as merchant:
        async for step in play(merchant, CUSTOMER):
            sys.stdout.write(f"{step.name}: {step.status} (expected {step.expected})\n")
            steps.append(step)
        balances = await merchant.get(f"/customers/{CUSTOMER}/balances")
    agreement = await compare(stack, steps)
    verified = stack.cift("verify-books")
    sys.stdout.write(f"{verified}\n")
    for words in dict.fromkeys(one for rail in local_rails().values() for one in rail.checks):
        sys.stdout.write(f"{stack.cift(*words)}\n")
    rebuilt = stack.cift("ledger", "rebuild-verify")
    sys.stdout.write(f"{rebuilt}\n")
    available = {line["currency"]: Decimal(line["available"]) for line in balances["balances"]}
    ours, theirs = balances_text(agreement.ours), balances_text(agreement.theirs)
    problems = [
        *[f"{step.name}: {step.status}" for step in steps if not step.good],
        *agreement.unexpected,
        *([] if agreement.good else [f"{ours}, not {theirs}"]),
        *([] if available == _expected() else [f"balance {available}"]),
    ]
    return {
        "ok": not problems,
        "payments": {step.name: step.status for step in steps},
        "balance": {currency: str(amount) for currency, amount in available.items()},
        "provider_books": theirs,
        "problems": problems,
    }
