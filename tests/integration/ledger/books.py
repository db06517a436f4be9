"""The ledger under test: acceptance in the gateway's role, results in the ledger's own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg

from cift_shared.database.pool import open_pool
from cift_shared.messaging.messages import PaymentResult, ResultKind, Step, WireFailure
from cift_shared.messaging.outcomes import FailureCategory
from cift_shared.money.amount import Money
from ledger.posting.store import LedgerStore
from ledger.verification.invariants import verify

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MERCHANT = "acme"

DECLINE = WireFailure(
    code="payer_balance_insufficient",
    category=FailureCategory.DECLINED,
    message="Not enough money in the wallet.",
    retryable=True,
)


@dataclass(frozen=True)
class Paid:
    """A payment under test."""

    payment_id: UUID
    type: str
    minor: int
    currency: str
    method: str = "mpesa"
    rail: str | None = None

    @property
    def attempt_id(self) -> UUID:
        """Its usual attempt."""
        return uuid5(self.payment_id, "attempt")

    def result(self, kind: ResultKind, seq: int = 1, **fields: Any) -> PaymentResult:
        """What a worker would say of it."""
        attempt_id = fields.pop("attempt_id", self.attempt_id)
        told: dict[str, Any] = {
            "kind": kind,
            "result_id": f"{attempt_id}.{seq}",
            "attempt_id": attempt_id,
            "seq": seq,
            "payment_id": self.payment_id,
            "method": self.method,
            "rail": self.rail,
            "occurred_at": NOON + timedelta(seconds=seq),
            "evidence": [Step(at=NOON, name="mpesa.told", detail={"kind": kind})],
        }
        if kind == "settled":
            told["amount"] = Money(self.minor, self.currency)
            told["provider_reference"] = f"R{self.payment_id.hex[:12]}"
        if kind in ("declined", "expired", "canceled"):
            told["failure"] = DECLINE
        return PaymentResult.model_validate({**told, **fields})


class Books:
    """The books under test."""

    def __init__(self, admin: Any, gateway: Any, ledger: Any) -> None:
        self.admin = admin
        self.gateway = gateway
        self.ledger = ledger
        self.store = LedgerStore(ledger)

    async def deposit(self, minor: int = 10_000, fee: int = 250, **fields: Any) -> Paid:
        """Accept a deposit."""
        return await self._accept("deposit", minor, fee, minor - fee, **fields)

    async def withdrawal(self, minor: int = 4_000, fee: int = 100, **fields: Any) -> Paid:
        """Accept a withdrawal."""
        return await self._accept("withdrawal", minor, fee, minor + fee, **fields)

    async def _accept(self, kind: str, minor: int, fee: int, net: int, **fields: Any) -> Paid:
        row = {**command_row(kind, minor, fee, net), **fields}
        await self.gateway.execute("select ledger.accept_payment($1)", row)
        paid = (kind, minor, row["currency"], row["method"], row.get("rail"))
        return Paid(UUID(row["payment_id"]), *paid)

    async def refund(self, parent: Paid, minor: int, **fields: Any) -> tuple[Paid, dict[str, str]]:
        """Accept a refund, answer it and what the books made of its fee."""
        row = {
            **command_row("refund", minor, 0, minor),
            "currency": parent.currency,
            "parent_payment_id": str(parent.payment_id),
            **fields,
        }
        terms = await self.gateway.fetchval("select ledger.accept_refund($1)", row)
        return Paid(UUID(row["payment_id"]), "refund", minor, parent.currency), terms

    async def apply(self, *results: PaymentResult) -> list[str]:
        """Apply a batch."""
        return [str(outcome) for outcome in await self.store.apply_results(results, [])]

    async def settled_deposit(self, minor: int = 10_000, fee: int = 250, **fields: Any) -> Paid:
        """A deposit whose money has arrived."""
        paid = await self.deposit(minor, fee, **fields)
        assert await self.apply(paid.result("settled", seq=9)) == ["applied"]
        return paid

    async def payment(self, paid: Paid) -> asyncpg.Record:
        """Its row."""
        row = await self.admin.fetchrow(
            "select * from ledger.payment where payment_id = $1", paid.payment_id
        )
        assert row is not None
        return row

    async def status(self, paid: Paid) -> str:
        """Its status."""
        return str((await self.payment(paid))["status"])

    async def balance(self, code: str) -> tuple[int, int]:
        """Posted (debit positive) and held of the accounts with that code, all tenants."""
        row = await self.admin.fetchrow(
            """select coalesce(sum(posted), 0)::numeric as posted,
                      coalesce(sum(held), 0)::numeric as held
               from ledger.balance join ledger.account using (account_id) where code = $1""",
            code,
        )
        return int(row["posted"]), int(row["held"])

    async def customer(self, customer: str = "c1") -> tuple[int, int]:
        """What a customer has and what of it is held, as the customer sees it."""
        posted, held = await self.balance(f"customer:{customer}:KES")
        return -posted, held

    async def journal(self, paid: Paid) -> dict[str, dict[str, int]]:
        """Its transactions by kind: amounts by account code."""
        rows = await self.admin.fetch(
            """select tx.kind, account.code, entry.amount
               from ledger.ledger_tx tx join ledger.entry using (tx_id)
               join ledger.account using (account_id) where tx.payment_id = $1""",
            paid.payment_id,
        )
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["kind"], {})[row["code"]] = int(row["amount"])
        return found

    async def history(self, paid: Paid) -> list[asyncpg.Record]:
        """Its events."""
        rows: list[asyncpg.Record] = await self.admin.fetch(
            "select * from ledger.payment_event where payment_id = $1 order by event_seq",
            paid.payment_id,
        )
        return rows

    async def hold(self, paid: Paid) -> str | None:
        """The state of its hold."""
        state: str | None = await self.admin.fetchval(
            "select state from ledger.hold where payment_id = $1", paid.payment_id
        )
        return state

    async def outbox(self) -> list[asyncpg.Record]:
        """What waits to leave."""
        rows: list[asyncpg.Record] = await self.admin.fetch(
            "select * from ledger.outbox order by id"
        )
        return rows

    async def broken(self) -> set[str]:
        """Names of the invariants that do not hold."""
        async with self.ledger.acquire() as connection:
            findings = await verify(connection)
        return {finding.invariant.name for finding in findings if finding.violations}


def command_row(kind: str, minor: int, fee: int, net: int) -> dict[str, Any]:
    """What the gateway hands to the books for a new payment."""
    payment_id = str(uuid4())
    return {
        "payment_id": payment_id,
        "merchant_id": MERCHANT,
        "livemode": False,
        "customer_id": "c1",
        "type": kind,
        "method": "mpesa",
        "minor": str(minor),
        "currency": "KES",
        "fee_minor": str(fee),
        "net_minor": str(net),
        "parent_payment_id": None,
        "instrument": {
            "kind": "phone",
            "display": "2547****149",
            "sealed": "k1:c2VhbGVk",
            "country": "KE",
        },
        "description": "top up",
        "return_url": None,
        "metadata": {"order": "4711"},
        "command": {
            "headers": {"ce_id": f"{payment_id}.request_{kind}", "ce_source": "/gateway"},
            "body": {"kind": f"request_{kind}", "payment_id": payment_id},
        },
        "estimated_arrival": (NOON + timedelta(seconds=30)).isoformat(),
        "created_at": NOON.isoformat(),
    }


@asynccontextmanager
async def open_books(dsn: str) -> AsyncIterator[Books]:
    """Books over a migrated database."""
    pools: Sequence[Any] = [
        await open_pool(dsn, role=role, size_max=8)
        for role in (None, "cift_gateway", "cift_ledger")
    ]
    try:
        yield Books(*pools)
    finally:
        for pool in pools:
            await pool.close()
