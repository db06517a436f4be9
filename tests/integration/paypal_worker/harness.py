"""The PayPal worker's engine over PostgreSQL, in front of the PayPal twin behind a real socket.

`Deaths` end one task at a named place; its lease stays until the same worker starts again.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from pydantic import BaseModel

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.messages import CancelPayment, PaymentResult
from cift_shared.money.amount import Money
from cift_shared.runtime.service import running
from paypal_worker.client import PayPalClient
from paypal_worker.processor import PayPalProcessor
from paypal_worker.token_store import SharedTokens
from tests.integration.paypal_worker.serving import serving_twin
from tests.support import paypal
from tests.support.clocks import ShiftedClock
from tests.support.commands import VAULT
from tests.support.eventually import eventually


class PayPalHarness:
    """The twin, the database, and one worker that can die and start again."""

    def __init__(self, pool: asyncpg.Pool, http: httpx.AsyncClient) -> None:
        self.pool = pool
        self.http = http
        self.clock = ShiftedClock()
        self._loops = AsyncExitStack()
        self._offset = 0

    async def start(self) -> None:
        """Start the worker, or start it again as the same instance."""
        config = paypal.config(api_base=str(self.http.base_url))
        tokens = SharedTokens(self.pool, VAULT, self.clock, app=config.app)
        client = PayPalClient(config, tokens, self.clock)
        self.processor = PayPalProcessor(
            config, client, vault=VAULT, returns=paypal.RETURNS, clock=self.clock
        )
        store = AttemptStore(
            self.pool,
            schema="paypal",
            rail="paypal",
            owner="paypal-0",
            vault=VAULT,
            cancels_at_provider=True,
        )
        self.engine = AttemptEngine(
            store, self.processor, clock=self.clock, wake_relay=lambda: None
        )
        self.commands = CommandConsumer(
            store,
            rail="paypal",
            clock=self.clock,
            wake_dispatch=self.engine.dispatch.wake,
            wake_relay=lambda: None,
            wake_poll=self.engine.poll.wake,
        )
        self._loops = AsyncExitStack()
        await self._loops.enter_async_context(running([self.engine.dispatch, self.engine.poll]))

    async def stop(self) -> None:
        await self._loops.aclose()
        await self.processor.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def send(self, *commands: BaseModel) -> None:
        """Put commands on the worker's topic."""
        await self.commands.handle([self._record(command) for command in commands])

    async def cancel(self, payment_id: UUID) -> None:
        """The merchant cancels the payment."""
        await self.send(CancelPayment(payment_id=payment_id, requested_at=self.clock.now()))

    async def results(self, payment_id: UUID) -> list[PaymentResult]:
        """What was told of a payment."""
        rows = await self.pool.fetch(
            "select body from paypal.outbox where key = $1 order by id", str(payment_id)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def kinds(self, payment_id: UUID) -> list[str]:
        """The kinds of what was told, notes left out."""
        return [one.kind for one in await self.results(payment_id) if one.kind != "noted"]

    async def reach(self, payment_id: UUID, kind: str, *, count: int = 1) -> PaymentResult:
        """The result of a kind, once it is told so often; every check is due at once."""

        async def found() -> Any:
            await self.make_due()
            told = [one for one in await self.results(payment_id) if one.kind == kind]
            return told[count - 1] if len(told) >= count else None

        return await eventually(found, f"{kind} for {payment_id}")

    async def rest(self, payment_id: UUID, checks: int = 3) -> None:
        """Let a payment be checked a few times more."""
        before = (await self.state(payment_id))["checks"]

        async def later() -> bool:
            await self.make_due()
            return (await self.state(payment_id))["checks"] >= before + checks

        await eventually(later, "more checks")

    async def state(self, payment_id: UUID) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            "select * from paypal.attempt where attempt_id = $1", attempt_id_of(payment_id)
        )
        assert row is not None
        return row

    async def make_due(self) -> None:
        """Let the next check of everything that nobody holds be now."""
        await self.pool.execute(
            "update paypal.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()
        self.engine.dispatch.wake()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        body = {"operation": f"paypal.{operation}", "kind": kind, "times": 1, **more}
        await self.control("POST", "/faults", body)

    async def forget_keys(self) -> None:
        """Let PayPal forget every key of orders at once, as it does after six hours."""
        await self.control("PATCH", "/settings", {"paypal_order_key_s": 0.001})

    async def orders(self, payment_id: UUID) -> list[str]:
        """The ids of every order that the twin has for a payment."""
        made = await self.control("GET", "/paypal/objects/order")
        return [
            name
            for name, order in made.items()
            if order["body"]["purchase_units"][0]["invoice_id"] == str(payment_id)
        ]

    async def approve(self, payment_id: UUID, email: str = "pays@example.com") -> str:
        """The payer approves the payment's only order."""
        await self.reach(payment_id, "action_required")
        (order,) = await self.orders(payment_id)
        decision = {"outcome": "approve", "email": email}
        await self.control("POST", f"/paypal/orders/{order}", decision)
        return order

    async def moved(self, payment_id: UUID) -> list[tuple[str, str]]:
        """What the twin's book shows for a payment, in order: kind and amount."""
        entries = (await self.control("GET", "/book"))["entries"]
        return [
            (entry["kind"], entry["amount"])
            for entry in entries
            if entry["caller_refs"].get("invoice_id") == str(payment_id)
        ]

    async def paid(self, email: str = "pays@example.com", minor: int = 20_00) -> PaymentResult:
        """The settlement of a new deposit."""
        command = paypal.deposit(minor, clock=self.clock)
        await self.send(command)
        await self.approve(command.payment_id, email)
        return await self.reach(command.payment_id, "settled")

    def refund_of(self, settled: PaymentResult, minor: int) -> Any:
        """A refund of a settled deposit."""
        assert isinstance(settled.amount, Money)
        return paypal.refund(settled.provider_reference, minor=minor, of=settled.amount.minor)

    def _record(self, message: BaseModel) -> Record:
        self._offset += 1
        body = message.model_dump_json().encode()
        return Record("payments.commands.paypal", 0, self._offset, None, body)


@asynccontextmanager
async def open_harness(database: str, folder: Path, **over: Any) -> AsyncIterator[PayPalHarness]:
    """A harness with its worker running; its twin is a hundred times faster than PayPal."""
    pool = await open_pool(database, role="cift_paypal")
    async with serving_twin(folder, **{"speed": 100, **over}) as http:
        harness = PayPalHarness(pool, http)
        await harness.start()
        try:
            yield harness
        finally:
            await harness.stop()
            await pool.close()
