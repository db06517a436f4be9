"""The M-Pesa processor in front of the Daraja twin, with both clocks in one hand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import PaymentProcessorError
from cift_shared.messaging.messages import PaymentRequest
from cift_shared.messaging.outcomes import Outcome, Pending
from cift_shared.testing import FakeClock
from mpesa_worker.processor import MpesaProcessor
from provider_sandbox.daraja.credential import load_or_create
from tests.support import daraja_twin, mpesa
from tests.support.twin_transport import TwinTransport

OpenHarness = Callable[..., Any]


@dataclass
class MpesaProcessorHarness:
    """A processor and its Daraja; keeps attempts and hands in notices as the engine does."""

    twin: daraja_twin.DarajaTwin
    processor: MpesaProcessor
    clock: FakeClock
    seen: int = 0
    answers: list[Answer] = field(default_factory=list)

    async def submit(self, request: PaymentRequest) -> tuple[Attempt, Answer]:
        """Send a new attempt."""
        return await self.send(mpesa.attempt(request, self.clock))

    async def send(self, attempt: Attempt) -> tuple[Attempt, Answer]:
        """Send an attempt, perhaps again."""
        submits = {
            "deposit": self.processor.process_deposit,
            "withdrawal": self.processor.process_withdrawal,
            "refund": self.processor.process_refund,
        }
        answer = await submits[attempt.operation](attempt)
        self.answers.append(answer)
        return mpesa.learned(attempt, answer), answer

    async def settle(self, attempt: Attempt, *, within_s: int = 400) -> tuple[Attempt, Outcome]:
        """Let time pass and check by schedule and notice until there is a final answer."""
        passed_s = 0
        while passed_s < within_s:
            await self.pass_time(4)
            passed_s += 4
            notices = self.notices(attempt)
            if notices or passed_s % 12 == 0:
                attempt, outcome = await self.check(attempt, *notices)
                if not isinstance(outcome, Pending):
                    return attempt, outcome
        return attempt, Pending()

    async def check(self, attempt: Attempt, *notices: Notice) -> tuple[Attempt, Outcome]:
        """Ask once."""
        try:
            answer = await self.processor.get_transaction_status(attempt, notices)
        except PaymentProcessorError:
            return attempt, Pending()
        self.answers.append(answer)
        return mpesa.learned(attempt, answer, checked=True), answer.outcome

    async def pass_time(self, seconds: int) -> None:
        """Move both clocks."""
        self.clock.advance(timedelta(seconds=seconds))
        await self.twin.advance(seconds)

    def notices(self, attempt: Attempt) -> list[Notice]:
        """What came for an attempt since the last look, found by its path as the gateway does."""
        posts, self.seen = self.twin.posts[self.seen :], len(self.twin.posts)
        found = []
        for post in posts:
            address = mpesa.TOKENS.read(post.path.removeprefix("/api/v1/callbacks/"))
            assert address is not None, post.path
            if address.attempt_id == attempt.attempt_id:
                found.append(mpesa.notice(post.raw.encode(), address.purpose))
        return found

    async def moved(self, kind: str) -> list[dict[str, Any]]:
        """The twin's book of one kind of movement."""
        return [entry for entry in await self.twin.book() if entry["kind"] == kind]

    async def received(self, operation: str) -> int:
        """How many requests of an operation reached the twin."""
        requests = await self.twin.control("GET", "/requests")
        return int(requests[operation]["received"])


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    load_or_create(folder)
    return folder


@pytest.fixture
def open_harness(keys: Path, tmp_path: Path) -> OpenHarness:
    open_twin = daraja_twin.opener(keys, tmp_path)

    @asynccontextmanager
    async def opened(
        over: dict[str, Any] | None = None, **settings: Any
    ) -> AsyncIterator[MpesaProcessorHarness]:
        async with open_twin(**settings) as twin:
            clock = FakeClock()
            fields = {
                "consumer_key": daraja_twin.KEY,
                "consumer_secret": daraja_twin.SECRET,
                "passkey": daraja_twin.PASSKEY,
                "business_short_code": daraja_twin.SHORT_CODE,
                "b2c_short_code": daraja_twin.B2C_SHORT_CODE,
                "api_base": "http://twin",
                "callback_url": "http://127.0.0.1:9/api/v1/webhooks/mpesa",
                "initiator_name": "testapi",
                "initiator_password": daraja_twin.PASSWORD,
                "certificate_file": keys / "daraja-certificate.pem",
            }
            config = mpesa.config(**{**fields, **(over or {})})
            inside = TwinTransport(twin.http._transport)
            processor = mpesa.processor(config, inside, clock)
            yield MpesaProcessorHarness(twin, processor, clock)
            await processor.close()

    return opened


@pytest.fixture
async def harness(open_harness: OpenHarness) -> AsyncIterator[MpesaProcessorHarness]:
    async with open_harness() as opened:
        yield opened
