"""The PayPal worker's engine over PostgreSQL, in front of the PayPal twin behind a real socket.

Both have a clock that the test moves. Every answer of the twin is checked against PayPal's
description. Webhooks are not delivered: a test makes the next check due instead.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
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
from cift_shared.messaging.messages import (
    CancelPayment,
    MethodResult,
    PaymentResult,
    RequestWithdrawal,
)
from cift_shared.runtime.service import running
from cift_shared.security.return_token import ReturnTokens
from paypal_worker.client import PayPalClient
from paypal_worker.processor import PayPalProcessor
from paypal_worker.records import Records
from paypal_worker.settings import PayPalConfig
from paypal_worker.token_store import MemoryTokens
from tests.integration.paypal_worker.serving import serving_twin
from tests.support.clocks import ShiftedClock
from tests.support.commands import VAULT
from tests.support.eventually import eventually
from tests.support.paypal_twin import CLIENT_ID, CLIENT_SECRET

DAY = timedelta(days=1)
RETURNS = ReturnTokens(b"r" * 32)


def config(base: str = "http://127.0.0.1:9", **over: Any) -> PayPalConfig:
    """Settings as the local stack has them."""
    fields: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "environment": "sandbox",
        "api_base": base,
        "return_base": "https://pay.example",
        "read_timeout_s": 2,
    }
    return PayPalConfig(**{**fields, **over})


class PayoutsHarness:
    """The twin, the database, and one worker that can stop and start again."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        http: httpx.AsyncClient,
        *,
        owner: str = "p-0",
        payout_batch_max: int = 1,
    ) -> None:
        self.pool = pool
        self.http = http
        self._owner = owner
        self._payout_batch_max = payout_batch_max
        self.clock = ShiftedClock()
        self._loops = AsyncExitStack()
        self._offset = 0

    async def start(self) -> None:
        """Start the worker, or start it again as the same instance."""
        base = str(self.http.base_url)
        settings = config(base, payout_batch_max=self._payout_batch_max)
        api = PayPalClient(settings, MemoryTokens(self.clock), self.clock)
        self.processor = PayPalProcessor(
            settings,
            api,
            vault=VAULT,
            returns=RETURNS,
            clock=self.clock,
            records=Records.stored(self.pool),
        )
        self.store = store = AttemptStore(
            self.pool,
            schema="paypal",
            rail="paypal",
            owner=self._owner,
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
        for command in commands:
            self._offset += 1
            body = command.model_dump_json().encode()
            record = Record("payments.commands.paypal", 0, self._offset, None, body)
            await self.commands.handle([record])

    async def queue(self, *requests: RequestWithdrawal) -> None:
        """Let withdrawals wait for a worker that stands, and start it."""
        await self.stop()
        await self.send(*requests)
        await self.start()

    async def cancel(self, payment_id: UUID) -> None:
        """The merchant's request to cancel."""
        await self.send(CancelPayment(payment_id=payment_id, requested_at=self.clock.now()))

    async def results(self, subject: UUID) -> list[Any]:
        """What was told of a payment, or of a saved method."""
        rows = await self.pool.fetch(
            "select topic, body from paypal.outbox where key = $1 order by id", str(subject)
        )
        kinds: dict[str, type[BaseModel]] = {
            "payments.results": PaymentResult,
            "payment-methods.results": MethodResult,
        }
        return [kinds[row["topic"]].model_validate_json(row["body"]) for row in rows]

    async def kinds(self, subject: UUID) -> list[str]:
        """The kinds of what was told, notes and repeats left out."""
        told = {one.result_id: one.kind for one in await self.results(subject)}
        return [kind for kind in told.values() if kind != "noted"]

    async def reach(self, subject: UUID, kind: str) -> Any:
        """The first result of a kind, with every check made due at once until it is there."""

        async def found() -> Any:
            await self.make_due()
            return next((one for one in await self.results(subject) if one.kind == kind), None)

        return await eventually(found, f"{kind} for {subject}")

    async def step(self, subject: UUID, name: str) -> Any:
        """The first step of a name in the timeline, with every check made due."""

        async def found() -> Any:
            await self.make_due()
            steps = [step for one in await self.results(subject) for step in one.evidence]
            return next((step for step in steps if step.name == name), None)

        return await eventually(found, f"{name} for {subject}")

    async def checked(self, subject: UUID, times: int = 2) -> None:
        """Wait until the payment was checked so many times more."""
        before = (await self.state(subject))["checks"]

        async def found() -> bool:
            await self.make_due()
            return bool((await self.state(subject))["checks"] >= before + times)

        await eventually(found, f"{times} checks of {subject}")

    async def state(self, subject: UUID) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            "select * from paypal.attempt where attempt_id = $1", attempt_id_of(subject)
        )
        assert row is not None
        return row

    async def make_due(self) -> None:
        """Let the next step of everything that nobody holds be now."""
        await self.pool.execute(
            "update paypal.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()
        self.engine.dispatch.wake()

    async def pass_time(self, by: timedelta) -> None:
        """Let time pass for the worker and for PayPal, and everything at PayPal that falls due."""
        self.clock.advance(by)
        await self.pass_at_paypal(by)

    async def pass_at_paypal(self, by: timedelta) -> None:
        await self.control("POST", "/clock", {"advance_s": by.total_seconds()})
        for _ in range(5000):
            if not (await self.control("GET", "/pending"))["overdue"]:
                return
            await asyncio.sleep(0.002)
        raise AssertionError("the twin does not come to rest")

    async def sign_in(self) -> dict[str, str]:
        """Headers of a request to PayPal beside the worker."""
        form = {"grant_type": "client_credentials"}
        answer = await self.http.post(
            "/v1/oauth2/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET)
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def notice(self, subject: UUID) -> None:
        """Make an ended attempt due, as a notice about it does."""
        await self.pool.execute(
            "update paypal.attempt set next_check_at = now() where attempt_id = $1",
            attempt_id_of(subject),
        )
        self.engine.poll.wake()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    async def book(self) -> list[tuple[str, str]]:
        """What moved at PayPal: kinds and amounts."""
        entries = (await self.control("GET", "/book"))["entries"]
        return [(entry["kind"], entry["amount"]) for entry in entries]

    async def balance(self, currency: str = "USD") -> str:
        return str((await self.control("GET", "/paypal/balances"))[currency])

    async def set_balance(self, amount: str, currency: str = "USD") -> None:
        await self.control("PUT", f"/paypal/balances/{currency}", {"amount": amount})

    async def objects(self, kind: str) -> dict[str, Any]:
        """Every object of a kind at PayPal."""
        found: dict[str, Any] = await self.control("GET", f"/paypal/objects/{kind}")
        return found

    async def batches(self) -> list[int]:
        """How many items each batch at PayPal has, the largest first."""
        items = (await self.objects("item")).values()
        counts = Counter(item["parent"] for item in items)
        return sorted(counts.values(), reverse=True)

    async def paid(self) -> Counter[str]:
        """How often PayPal has paid each withdrawal and not got the money back, by attempt."""
        out = ("SUCCESS", "UNCLAIMED", "ONHOLD")
        items = (await self.objects("item")).values()
        return Counter(
            item["body"]["payout_item"]["sender_item_id"] for item in items if item["status"] in out
        )

    async def move_item(self, status: str, *, of: UUID | None = None) -> None:
        """Give an item at PayPal its next status; without a payment, the only one."""
        items = await self.objects("item")
        key = of and str(attempt_id_of(of))
        [name] = [
            name
            for name, item in items.items()
            if key in (None, item["body"]["payout_item"]["sender_item_id"])
        ]
        await self.control("POST", f"/paypal/items/{name}", {"status": status})


@asynccontextmanager
async def open_harness(
    database: str, folder: Path, *, payout_batch_max: int = 1, **over: Any
) -> AsyncIterator[PayoutsHarness]:
    """A harness with its worker running; `over` are settings of the twin."""
    pool = await open_pool(database, role="cift_paypal")
    async with serving_twin(folder, **over) as http:
        harness = PayoutsHarness(pool, http, payout_batch_max=payout_batch_max)
        await harness.start()
        try:
            yield harness
        finally:
            await harness.stop()
            await pool.close()
