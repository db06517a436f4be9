"""The PayPal worker over PostgreSQL, in front of the PayPal twin, in one process.

The twin's webhooks reach the worker as the gateway hands them on: through the gateway's reader,
sealed, as a message. Every answer and event of the twin is checked against PayPal's descriptions.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from cryptography import x509
from pydantic import BaseModel

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer, NoticeConsumer
from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import (
    MethodResult,
    PaymentResult,
    ProviderNotice,
    RequestDeposit,
)
from cift_shared.money.amount import Money
from cift_shared.rails.webhooks import WebhookContext, WebhookHead, WebhookRefused
from cift_shared.runtime.service import running
from cift_shared.security.return_token import ReturnTokens
from paypal_method.settings import PayPalSettings
from paypal_method.transmission import HEADERS, CertificateAddresses
from paypal_method.webhooks import EVENTS
from paypal_worker.certificate_source import CertificateSource
from paypal_worker.certificates import Certificates, Trust
from paypal_worker.client import PayPalClient
from paypal_worker.event_catchup import EventCatchUp
from paypal_worker.event_store import EventStore
from paypal_worker.notices import Delivery, Notices
from paypal_worker.processor import PayPalProcessor
from paypal_worker.settings import PayPalConfig
from paypal_worker.token_store import MemoryTokens
from paypal_worker.webhook_verifier import Verifier
from provider_sandbox.paypal.certificates import CERTIFICATE, load_or_create
from tests.support.clocks import ShiftedClock
from tests.support.commands import IDS, TOKENS, VAULT
from tests.support.eventually import eventually
from tests.support.paypal_signing import Issued, signed
from tests.support.paypal_twin import (
    CLIENT_ID,
    CLIENT_SECRET,
    WEBHOOK_ID,
    PayPalTwin,
    Post,
    open_twin,
)

BASE = "http://127.0.0.1:8090"


class BreakableTransport(httpx.AsyncBaseTransport):
    """The way into the twin, which a test can break by path."""

    def __init__(self, inside: httpx.AsyncBaseTransport) -> None:
        self._inside = inside
        self.broken: set[str] = set()
        """Beginnings of paths that get no answer."""
        self.answers: dict[str, httpx.Response] = {}
        """Answers by the beginning of a path, instead of the twin's."""
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if any(path.startswith(part) for part in self.broken):
            raise httpx.ConnectError("broken")
        for part, answer in self.answers.items():
            if path.startswith(part):
                return httpx.Response(
                    answer.status_code, headers=answer.headers, content=answer.content
                )
        return await self._inside.handle_async_request(request)

    def count(self, part: str) -> int:
        return sum(path.startswith(part) for path in self.asked)


class NoticesHarness:
    """The twin, the database and one worker."""

    def __init__(self, twin: PayPalTwin, pool: asyncpg.Pool, root: Path) -> None:
        self.twin = twin
        self.pool = pool
        self.clock = ShiftedClock()
        self.wire = BreakableTransport(twin.http._transport)
        self.config = PayPalConfig(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            environment="sandbox",
            api_base=BASE,
            return_base="http://127.0.0.1:9",
            webhook_id=WEBHOOK_ID,
            webhook_roots=root,
        )
        self.api = PayPalClient(
            self.config, MemoryTokens(self.clock), self.clock, transport=self.wire
        )
        self.processor = PayPalProcessor(
            self.config,
            self.api,
            vault=VAULT,
            returns=ReturnTokens(b"c" * 32),
            clock=self.clock,
        )
        self.signer = load_or_create(root.parent)
        self.store = AttemptStore(pool, schema="paypal", rail="paypal", owner="p-0", vault=VAULT)
        events = EventStore(pool, VAULT, self.processor.fingerprint)
        self.delivery = Delivery(events, self.store, VAULT)
        self.notices = self.make_notices()
        self.catch_up = EventCatchUp(WEBHOOK_ID, self.api, self.delivery, self.config, self.clock)
        self.engine = AttemptEngine(
            self.store, self.processor, clock=self.clock, wake_relay=lambda: None
        )
        self.commands = CommandConsumer(
            self.store,
            rail="paypal",
            clock=self.clock,
            wake_dispatch=self.engine.dispatch.wake,
            wake_relay=lambda: None,
            wake_poll=self.engine.poll.wake,
        )
        self._offset = 0

    def make_notices(self, trust: Trust | None = None) -> Notices:
        """The part that proves webhooks; `trust` replaces the roots."""
        trust = trust or Trust.of("sandbox", self.config.webhook_roots)
        source = CertificateSource(self.wire)
        return Notices(
            Verifier(
                WEBHOOK_ID,
                CertificateAddresses.of("sandbox", BASE),
                Certificates(trust, source.fetch, self.clock),
                self.api.verify_webhook,
            ),
            self.delivery,
            self.config,
            self.clock,
        )

    async def send(self, command: BaseModel) -> None:
        await self.commands.handle([self._record(command.model_dump_json().encode())])

    async def hear(self, post: Post, *, body: bytes | None = None, **headers: str) -> bool:
        """A webhook as gateway and worker take it; False when the gateway refuses it."""
        raw = post.raw if body is None else body
        values = {name: post.headers[name] for name in HEADERS} | headers
        settings = PayPalSettings(
            client_id=CLIENT_ID, environment="sandbox", api_base=BASE, webhook_id=WEBHOOK_ID
        )
        reader = EVENTS.open(settings, WebhookContext(False, self.clock, TOKENS))
        try:
            evidence = reader.admit(_head(values))(raw)
        except WebhookRefused:
            return False
        assert evidence.content is not None
        await self.hand_on(VAULT.fingerprint(evidence.dedupe, context="notice"), evidence.content)
        return True

    async def hear_signed(self, body: bytes) -> bool:
        """Any body as a webhook that PayPal's own key has signed."""
        by = Issued(
            x509.load_pem_x509_certificate(self.signer.pems[CERTIFICATE]),
            self.signer.keys[CERTIFICATE],
        )
        at = self.clock.now().replace(microsecond=0)
        address = f"{BASE}/v1/notifications/certs/{CERTIFICATE}"
        sent = signed(body, by=by, webhook_id=WEBHOOK_ID, at=at, cert_url=address)
        values = dict(zip(HEADERS, sent.head.values(), strict=True))
        return await self.hear(Post(body, httpx.Headers(values), {}))

    async def hand_on(self, notice_id: str, content: bytes) -> None:
        """A stored notice, as it comes to the worker."""
        notice = ProviderNotice(
            notice_id=notice_id,
            provider="paypal",
            sealed_body=VAULT.seal(content, context="notice"),
            source_listed=False,
            received_at=self.clock.now(),
        )
        consumer = NoticeConsumer(
            self.store,
            vault=VAULT,
            read_fingerprint=self.processor.read_fingerprint,
            wake_poll=self.engine.poll.wake,
            find_attempts=self.notices.find_attempts,
        )
        rejected = await consumer.handle([self._record(notice.model_dump_json().encode())])
        assert rejected == []

    async def hear_all(self) -> None:
        """Every webhook that the twin has posted and that was not taken yet."""
        await self.twin.settle()
        posts, self.twin.posts[:] = list(self.twin.posts), []
        for post in posts:
            assert await self.hear(post)

    async def deposit(self, minor: int = 50_00) -> UUID:
        """A deposit whose order is at PayPal and waits for its payer."""
        command = RequestDeposit(
            payment_id=IDS.new_id(),
            merchant_id="m_test",
            livemode=False,
            customer_id="cus_1",
            method="paypal",
            amount=Money(minor, "USD"),
            instrument=Instrument(
                kind="paypal", display="PayPal", sealed=VAULT.seal(b"", context="paypal")
            ),
            accepted_at=self.clock.now(),
        )
        await self.send(command)
        await self.told(command.payment_id, "action_required")
        return command.payment_id

    async def paid(self, minor: int = 50_00) -> UUID:
        """A deposit that its payer has approved, and that has settled."""
        payment = await self.deposit(minor)
        await self.approve(payment)
        await self.hear_all()
        await self.told(payment, "settled")
        await self.hear_all()
        return payment

    async def approve(self, payment: UUID, email: str = "pays@example.com") -> None:
        await self.twin.decide(await self.memory(payment, "order"), "approve", email=email)
        await self.twin.settle()

    async def memory(self, payment: UUID, name: str) -> str:
        """What the attempt remembers."""
        row = await self.attempt(payment)
        return str(row["memory"][name])

    async def attempt(self, payment: UUID) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            "select * from paypal.attempt where attempt_id = $1", attempt_id_of(payment)
        )
        assert row is not None
        return row

    async def results(self, payment: UUID) -> list[PaymentResult]:
        rows = await self.pool.fetch(
            "select body from paypal.outbox where key = $1 order by id", str(payment)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def kinds(self, payment: UUID) -> list[str]:
        """The kinds of what was told, without notes and acceptances."""
        return [
            one.kind
            for one in await self.results(payment)
            if one.kind not in ("noted", "submitted")
        ]

    async def told(self, payment: UUID, kind: str, *, count: int = 1) -> PaymentResult:
        """The last of so many results of a kind, once they are there."""

        async def found() -> PaymentResult | None:
            made = [one for one in await self.results(payment) if one.kind == kind]
            return made[count - 1] if len(made) >= count else None

        result: PaymentResult = await eventually(found, f"{count} {kind} for {payment}")
        return result

    async def method_told(self, method: UUID, kind: str) -> MethodResult:
        """The result of a kind about a saved account, once it is there."""

        async def found() -> MethodResult | None:
            rows = await self.pool.fetch(
                "select body from paypal.outbox where key = $1 order by id", str(method)
            )
            made = [MethodResult.model_validate_json(row["body"]) for row in rows]
            return next((one for one in made if one.kind == kind), None)

        result: MethodResult = await eventually(found, f"{kind} for {method}")
        return result

    async def idle(self) -> None:
        """Wait until nothing is due."""

        async def quiet() -> bool:
            return not await self.pool.fetchval(
                "select exists (select from paypal.attempt where lease_owner is not null"
                " or next_check_at <= now())"
            )

        await eventually(quiet, "nothing is due")

    async def only_by_notice(self) -> None:
        """Let only a notice, and no schedule, cause the next query of what is there."""
        await self.idle()
        await self.pool.execute(
            "update paypal.attempt set next_check_at = now() + interval '1 day'"
            " where next_check_at is not null"
        )

    async def make_due(self) -> None:
        """Let every scheduled query be now."""
        await self.pool.execute(
            "update paypal.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()

    async def matched(self, payment: UUID) -> int:
        """How many notices were stored for the payment."""
        found: int = await self.pool.fetchval(
            "select count(*) from paypal.notice where attempt_id = $1", attempt_id_of(payment)
        )
        return found

    def _record(self, body: bytes) -> Record:
        self._offset += 1
        return Record("t", 0, self._offset, None, body)


def event_of(post: Post) -> dict[str, Any]:
    """The event of a posting."""
    return dict(json.loads(post.raw))


def _head(values: Mapping[str, str]) -> WebhookHead:
    found = {name.lower(): value for name, value in values.items()}

    def header(name: str) -> list[str]:
        return [found[name.lower()]] if name.lower() in found else []

    return WebhookHead(header, None)


@asynccontextmanager
async def open_harness(database: str, folder: Path, **over: Any) -> AsyncIterator[NoticesHarness]:
    """A harness with its worker running."""
    pool = await open_pool(database, role="cift_paypal")
    fast = {"paypal_public_url": BASE, "paypal_pending_s": 0.1, **over}
    async with open_twin(folder, **fast) as twin:
        root = folder / "paypal-root.pem"
        harness = NoticesHarness(twin, pool, root)
        try:
            async with running([harness.engine.dispatch, harness.engine.poll]):
                yield harness
        finally:
            await harness.processor.close()
            await pool.close()
