"""What must be true at the end of the drill: by this release's tools and the twin's records."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from cift_local.accounts import Balances, ledger_balances, twin_balances
from cift_shared.kafka.history import records_since
from cift_shared.messaging import topics
from cift_shared.security.kafka import Brokers
from tests.support.books import check_nothing_sent_twice
from tests.upgrade.load import Load
from tests.upgrade.newer_kind import FEE
from tests.upgrade.platform import TWIN, Platform
from tests.upgrade.release import Release

_OUTBOXES = "select schemaname from pg_tables where tablename = 'outbox'"
_PUBLISHED_WITHIN_S = 30.0
_FIRST_TOLD = 2
"""Version of a payment's first event: version 1, its acceptance, is the answer to the request."""
CHECKS = {
    "verify_books": ("verify-books",),
    "verify_chain": ("ledger", "verify-chain"),
    "rebuild_verify": ("ledger", "rebuild-verify"),
}
"""The checks of `cift` that must find nothing."""
MUST_BE_EMPTY = (
    "failed_requests",
    "not_ready",
    "ended_otherwise",
    "answered_with_another_payment",
    "events_missing",
    "dead_letters",
    "waiting_in_outboxes",
    "receipts_twice",
    "earlier_verify_books",
)


def is_good(report: Mapping[str, Any]) -> bool:
    """True if nothing was lost, doubled or refused, and every check holds."""
    return (
        not any(report[name] for name in MUST_BE_EMPTY)
        and not any(report[name] for name in CHECKS)
        and report["restarts"] == 0
        and report["movements"] == report["completed"]
        and report["books"] == "agree"
    )


async def results(platform: Platform, load: Load, new: Release, began: datetime) -> dict[str, Any]:
    """Wait until every payment has ended; the figures of the whole drill."""
    payments = await load.all_final(list(load.orders))
    statuses = {payment: found.get("status") for payment, found in payments.items()}
    found = {
        "payments": len(load.orders),
        "repeated_requests": load.repeated,
        "completed": sum(status == "completed" for status in statuses.values()),
        "ended_otherwise": {
            f"{order.key} {payment}": statuses.get(payment)
            for payment, order in load.orders.items()
            if statuses.get(payment) != order.status
        },
        "answered_with_another_payment": await _answered_otherwise(load),
        "waiting_in_outboxes": await _waiting(platform.database),
        "events_missing": await _events_missing(platform.kafka, load, payments, began),
        **await _movements(platform),
    }
    for name, words in CHECKS.items():
        found[name] = await finding(new, platform, *words)
    found["dead_letters"] = await _open_dead_letters(platform, new)
    return {
        **found,
        "failed_requests": load.failed,
        "logged": _logged(platform.log_folder),
        "not_ready": dict(Counter(platform.not_ready)),
        "restarts": platform.restarts
        + sum(process.status().restarts for process in platform.processes.values()),
    }


async def finding(release: Release, platform: Platform, *words: str) -> str:
    """What a check of a release's `cift` has found; empty if nothing."""
    done = await asyncio.to_thread(release.cift, platform.variables, *words)
    return (done.stdout + done.stderr)[-2000:] if done.returncode else ""


async def _answered_otherwise(load: Load) -> list[str]:
    """Orders whose repeat, under the same key, is not answered with the same payment."""
    first = dict(load.orders)
    return [order.key for payment, order in first.items() if await load.send(order) != payment]


async def _movements(platform: Platform) -> dict[str, Any]:
    """What the twin's records say: how much moved, what was sent twice, whether our books agree."""
    await check_nothing_sent_twice(platform.stack)
    async with httpx.AsyncClient(base_url=platform.stack.url(TWIN)) as http:
        entries = (await http.get("/control/book")).raise_for_status().json()["entries"]
    receipts = Counter((one["provider"], one["receipt"]) for one in entries)
    charged = {f"bitcoin {FEE.currency}": -Decimal(FEE.text)}
    theirs: Balances = {**twin_balances(entries), **charged}
    ours = await ledger_balances(platform.stack)
    return {
        "movements": len(entries),
        "receipts_twice": [name for name, count in receipts.items() if count > 1],
        "books": "agree" if ours == theirs else f"{ours} and {theirs}",
    }


async def _waiting(database: str) -> dict[str, int]:
    """How many messages each outbox still has after a while; empty where all are published."""
    connection = await asyncpg.connect(database)
    try:
        schemas = [row[0] for row in await connection.fetch(_OUTBOXES)]

        async def left() -> dict[str, int]:
            return {
                schema: count
                for schema in schemas
                if (count := await connection.fetchval(f"select count(*) from {schema}.outbox"))
            }

        deadline = asyncio.get_running_loop().time() + _PUBLISHED_WITHIN_S
        while (found := await left()) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        return found
    finally:
        await connection.close()


async def _events_missing(
    kafka: str, load: Load, payments: Mapping[str, Mapping[str, Any]], began: datetime
) -> list[str]:
    """Payments of which `payments.events` lacks a version, or has the one read with another status.

    A payment gets versions after its end, too: for example when the provider's fee becomes known.
    """
    told: dict[str, dict[int, str]] = defaultdict(dict)
    async for batch in records_since(Brokers(kafka), [topics.EVENTS], began):
        for past in batch:
            event = json.loads(past.message.body)
            told[event["payment_id"]][event["version"]] = event["payment"]["status"]
    return [
        f"{load.orders[payment].key} {payment}: {dict(told[payment])}, read {read}"
        for payment, found in payments.items()
        if (read := (found.get("version", 0), found.get("status")))
        and (
            sorted(told[payment]) != list(range(_FIRST_TOLD, len(told[payment]) + _FIRST_TOLD))
            or told[payment].get(read[0]) != read[1]
        )
    ]


def _logged(folder: Path) -> dict[str, int]:
    """How often each warning and error was logged, by release and process."""
    found: Counter[str] = Counter()
    for file in folder.glob("*.log"):
        name, _, release, _ = file.name.split(".")
        for line in file.read_text(errors="replace").splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("level") in {"warning", "error", "critical"}:
                found[f"{release} {name}: {entry['level']} {entry['event']}"] += 1
    return dict(found.most_common())


async def _open_dead_letters(platform: Platform, new: Release) -> Any:
    return json.loads(await platform.cift(new, "dead-letters", "list", "--open", "--json"))
