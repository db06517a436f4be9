"""The restore drill: `make restore-drill`. A server is lost, and restored from backup and archive.

Payments are taken by M-Pesa, card and PayPal on the whole stack; a part of them after the last
segment of the log that the archive has. Then the server and its disk are gone. The restored
database has forgotten that part: the providers' books and Kafka are ahead of it. The drill follows
docs/operations.md: note the restore, list what is forgotten, accept it again, start the services.
All payments must end as before, the clients' repeats get their first answers, nothing is sent
twice.

Prints one JSON line; ends with 1 when something is lost or sent twice.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from cift_local.accounts import ledger_balances, provider_book, twin_balances
from cift_local.broker import EmbeddedBroker
from cift_local.stack import DATABASE, Options, Stack, running_stack
from tests.support.archived import ArchivingPostgres, RestoredPostgres
from tests.support.books import check_nothing_sent_twice
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder

SPEED = 40
CARD = {"token": "pm_card_visa"}
CUSTOMERS = 3
FORGOTTEN_BY_MPESA = 3
"""M-Pesa payments after the archive's end: the provider's statement must show them as missing."""
_OTHER_KEYS = "k1:" + "A" * 43 + "="


@dataclass(frozen=True, slots=True)
class Order:
    """A request of a client, repeated with the same key as often as it likes."""

    key: str
    body: Mapping[str, Any]
    path: str = "/payments"


@dataclass
class Drill:
    """One drill: what was asked, what was seen before the loss, what was found after it."""

    folder: Path
    broker: str
    orders: dict[str, Order] = field(default_factory=dict)
    """The request of each payment."""
    kept: set[str] = field(default_factory=set)
    """Payments whose end is in the archive."""
    ended: dict[str, str] = field(default_factory=dict)
    """The final status that the clients saw before the loss."""
    statement: bytes = b""
    report: dict[str, Any] = field(default_factory=dict)
    client: MerchantClient | None = None

    def options(self, database: str) -> Options:
        """The stack, on this folder: a second one has the secrets and the twins of the first."""
        return Options(
            self.folder / "stack",
            speed=SPEED,
            prefer_ports=False,
            database_url=database,
            kafka_bootstrap_servers=self.broker,
        )

    async def run(self) -> dict[str, Any]:
        """The whole drill; what it found."""
        archive, backup = self.folder / "archive", self.folder / "backup"
        servers = ArchivingPostgres(self.folder / "lost", archive)
        with servers:
            async with running_stack(self.options(servers.dsn(DATABASE))) as stack:
                await self._before(stack, servers, backup)
                lost_at = datetime.now(UTC)
                servers.lose()
        began = time.monotonic()
        with RestoredPostgres(self.folder / "restored", servers, backup, archive) as restored:
            to = await restored.replayed_to()
            self.report |= {
                "rpo_s": round((lost_at - to).total_seconds(), 3),
                "restore_s": round(time.monotonic() - began, 2),
            }
            await self._recover(stack, to)
            async with running_stack(self.options(restored.dsn(DATABASE))) as again:
                await self._after(again)
        return self.report

    async def _before(self, stack: Stack, servers: ArchivingPostgres, backup: Path) -> None:
        """Payments before the backup, before the archive's end, at it, and after it."""
        self.client = await MerchantClient.of(stack)
        funded = [await self._ask(one) for one in _funding()]
        await asyncio.to_thread(servers.back_up, backup)
        await self._see_ended(funded)
        self.kept = set(funded)
        edge = [await self._ask(one) for one in _at_the_edge()]
        await servers.archive_now()
        after = [await self._ask(one) for one in _forgotten(refundable=funded[1])]
        await self._see_ended([*edge, *after])
        self.statement = await _statement(stack)

    async def _recover(self, stack: Stack, to: datetime) -> None:
        """The steps of docs/operations.md between the restore and the start of the services."""
        known = await _known(stack)
        forgotten = set(self.orders) - known
        await _cift(stack, "restored", "--to", to.isoformat())
        refused = await _cift(stack, "recover", keys=_OTHER_KEYS)
        listed = await _cift(stack, "recover", "--json")
        found = {one["payment_id"] for one in json.loads(listed.stdout)["payments"]}
        receipts = await self._receipts_missing_here(stack)
        accepted = await _cift(stack, "recover", "--yes", "--json")
        self.report |= {
            "payments": len(self.orders),
            "forgotten": len(forgotten),
            "not_listed": sorted(forgotten ^ found),
            "missing_in_reconciliation": receipts,
            "left": json.loads(accepted.stdout)["left"],
            "replayed": json.loads(accepted.stdout)["replayed"],
            "without_the_data_key": refused.stderr.strip(),
        }

    async def _after(self, stack: Stack) -> None:
        """Everything ends as before; the clients' repeats change nothing; the books agree."""
        assert self.client is not None
        self.client.base = stack.url("gateway")
        repeated = {payment: await self._ask(order) for payment, order in self.orders.items()}
        payments = await self.client.all_final(list(self.orders))
        statuses = {payment["id"]: payment["status"] for payment in payments}
        entries = await provider_book(stack)
        await check_nothing_sent_twice(stack)
        reconciled = await _reconcile(stack, await _statement(stack))
        ours, theirs = await ledger_balances(stack), twin_balances(entries)
        verified = [
            (await _cift(stack, *words)).returncode
            for words in (("verify-books",), ("ledger", "verify-chain"))
        ]
        self.report |= {
            "answered_with_another_payment": [one for one, id_ in repeated.items() if one != id_],
            "ended_otherwise": {
                one: [status, statuses[one]]
                for one, status in self.ended.items()
                if statuses[one] != status
            },
            "sent_twice": len(entries) - sum(status == "completed" for status in statuses.values()),
            "differing": reconciled["differing"],
            "books": "agree" if ours == theirs else f"{ours} and {theirs}",
            "verify_books": verified[0],
            "verify_chain": verified[1],
        }

    async def _ask(self, order: Order) -> str:
        assert self.client is not None
        reply = await self.client.post(order.path, dict(order.body), order.key)
        assert reply.status_code == 202, reply.text
        payment: str = reply.json()["id"]
        self.orders.setdefault(payment, order)
        return payment

    async def _see_ended(self, ids: Sequence[str]) -> None:
        assert self.client is not None
        for payment in await self.client.all_final(ids):
            self.ended[payment["id"]] = payment["status"]

    async def _receipts_missing_here(self, stack: Stack) -> list[str]:
        """What the reconciliation with the provider's statement lists before anything is done."""
        report = await _reconcile(stack, self.statement)
        return sorted(
            group["name"] for group in report["differing"] if group["verdict"] == "missing_here"
        )


def is_good(report: Mapping[str, Any]) -> bool:
    """True if the drill has lost nothing, and sent nothing twice."""
    nothing = (
        "not_listed", "left", "answered_with_another_payment", "ended_otherwise", "sent_twice",
        "differing", "verify_books", "verify_chain",
    )  # fmt: skip
    return not any(report[name] for name in nothing) and report["books"] == "agree"


def _mpesa(kind: str, amount: str, number: int, key: str) -> Order:
    phone = {"phone": phones(CUSTOMERS)[number], "country": "KE"}
    return Order(key, _body(kind, "mpesa", amount, "KES", number, phone))


def _dollars(kind: str, method: str, amount: str, number: int, key: str) -> Order:
    instrument = CARD if method == "card" else {"paypal_account": "receives@example.com"}
    return Order(key, _body(kind, method, amount, "USD", number, instrument))


def _body(
    kind: str, method: str, amount: str, currency: str, number: int, instrument: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "type": kind,
        "method": method,
        "amount": amount,
        "currency": currency,
        "customer_id": f"cus_{number}",
        "payment_method": dict(instrument),
        "metadata": {"order": f"{method} {amount}"},
    }


def _funding() -> list[Order]:
    """Deposits from which the later withdrawals are paid."""
    return [
        _mpesa("deposit", "1000.00", 0, "fund-0"),
        _dollars("deposit", "card", "100.00", 1, "fund-1"),
        _dollars("deposit", "card", "100.00", 2, "fund-2"),
    ]


def _at_the_edge() -> list[Order]:
    """Accepted in the last archived segment, most of them sent after it."""
    return [
        _mpesa("deposit", "210.00", 1, "edge-0"),
        _mpesa("withdrawal", "120.00", 0, "edge-1"),
        _dollars("deposit", "card", "31.00", 2, "edge-2"),
        _dollars("withdrawal", "paypal", "12.00", 1, "edge-3"),
    ]


def _forgotten(refundable: str) -> list[Order]:
    """Accepted and ended after the last archived segment."""
    return [
        _mpesa("deposit", "330.00", 2, "lost-0"),
        _mpesa("withdrawal", "150.00", 0, "lost-1"),
        _mpesa("withdrawal", "160.00", 0, "lost-2"),
        _dollars("deposit", "card", "42.00", 0, "lost-3"),
        _dollars("withdrawal", "paypal", "15.00", 2, "lost-4"),
        Order("lost-5", {"amount": "25.00"}, f"/payments/{refundable}/refunds"),
    ]


async def _known(stack: Stack) -> set[str]:
    connection = await asyncpg.connect(stack.database_url)
    try:
        return {
            str(row[0]) for row in await connection.fetch("select payment_id from ledger.payment")
        }
    finally:
        await connection.close()


async def _statement(stack: Stack) -> bytes:
    async with httpx.AsyncClient(base_url=stack.url("provider-sandbox")) as http:
        return (await http.get("/control/daraja/statement.csv")).raise_for_status().content


async def _reconcile(stack: Stack, statement: bytes) -> dict[str, Any]:
    done = await _cift(
        stack, "reconcile", "mpesa", "--statement", "-", "--in-transit-minutes", "0", "--json",
        "--dry-run", given=statement,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return report


async def _cift(
    stack: Stack, *words: str, keys: str = "", given: bytes = b""
) -> "subprocess.CompletedProcess[str]":
    """A `cift` command; its exit status may be any."""
    env = {**os.environ, **stack.env, **({"CIFT_DATA_KEYS": keys} if keys else {})}
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cift_shared", *words],
        input=given.decode(),
        capture_output=True,
        text=True,
        env=env,
    )


async def drill(folder: Path, broker: str) -> dict[str, Any]:
    """Run the drill on a broker; the report."""
    return await Drill(folder, broker).run()


def main() -> int:
    """Run the drill on the embedded broker, print its report."""
    with throw_away_folder("restore") as folder, EmbeddedBroker(folder / "broker") as broker:
        report = asyncio.run(drill(folder, broker.bootstrap))
    good = is_good(report)
    sys.stdout.write(json.dumps({"ok": good, **report}) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
