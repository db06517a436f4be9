"""`make smoke`: the demo's payments once, every figure checked, one JSON line, an exit status."""

import json
import shutil
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from cift_local.accounts import compare, told
from cift_local.customer import Merchant
from cift_local.scenario import play
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_local.step import Step

CUSTOMER = "cus_smoke"
EXPECTED = {"KES": Decimal("565.00"), "USD": Decimal("149.68")}
"""KES: 1000 less 2.5 %, less a withdrawal of 400 and its 2.5 %; what was given back leaves nothing.
USD: 100, 60 and 20 less 2.9 % and 0.30 each, less a refund of 25 whose share of the fee comes back.
"""


async def smoke() -> int:
    """Runs it; answers the exit status."""
    started = time.monotonic()
    folder = _throw_away_folder()
    try:
        async with running_stack(Options(folder, speed=20, prefer_ports=False)) as stack:
            report = await _run(stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps(report) + "\n")
    return 0 if report["ok"] else 1


def _throw_away_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cift-smoke-"))
    folder.chmod(0o755)  # the database may have to run as another user
    return folder


async def _run(stack: Stack) -> dict[str, Any]:
    key = await open_api(stack, "m_smoke")
    steps: list[Step] = []
    async with Merchant(stack.url("gateway"), key) as merchant:
        async for step in play(merchant, CUSTOMER):
            sys.stdout.write(f"{step.name}: {step.status} (expected {step.expected})\n")
            steps.append(step)
        balances = await merchant.get(f"/customers/{CUSTOMER}/balances")
    agreement = await compare(stack, steps, since=0)
    verified = stack.cift("verify-books")
    sys.stdout.write(f"{verified}\n")
    rebuilt = stack.cift("ledger", "rebuild-verify")
    sys.stdout.write(f"{rebuilt}\n")
    available = {line["currency"]: Decimal(line["available"]) for line in balances["balances"]}
    problems = [
        *[f"{step.name}: {step.status}" for step in steps if not step.good],
        *agreement.unexpected,
        *([] if agreement.good else [f"{told(agreement.ours)}, not {told(agreement.theirs)}"]),
        *([] if available == EXPECTED else [f"balance {available}"]),
    ]
    return {
        "ok": not problems,
        "payments": {step.name: step.status for step in steps},
        "balance": {currency: str(amount) for currency, amount in available.items()},
        "provider_books": told(agreement.theirs),
        "problems": problems,
    }
