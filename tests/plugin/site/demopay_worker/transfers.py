"""Payments as transfers: one idempotent transfer for each attempt, read until it is final."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import OutcomeUnknown
from cift_shared.messaging.outcomes import (
    Canceled,
    Declined,
    Failure,
    FailureCategory,
    Pending,
    Reinstated,
    Reversed,
    Settled,
)
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from cift_shared.rails.registry import rails
from cift_shared.security.field_encryption import Vault
from demopay_worker.settings import DemoPayConfig

_DECLINED = Failure("payer_balance_insufficient", FailureCategory.DECLINED,
                    "The wallet has not enough money.", retryable=True)  # fmt: skip
EVERY = timedelta(seconds=1)
REPORTED = "reported"
"""How many reversals and reinstatements of a transfer were reported, in the attempt's memory."""


class Transfers:
    """Moves money by transfers."""

    rail: str
    _path: str
    _patience_s = 5

    def __init__(self, config: DemoPayConfig, vault: Vault) -> None:
        self._http = httpx.AsyncClient(base_url=config.api_base, timeout=self._patience_s)
        self._vault = vault
        self._fees = load_schedule(config.fee_schedule)

    def resend_is_safe(self, operation: Operation) -> bool:
        """The provider acts once for each id."""
        return True

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Take the money."""
        return await self._transfer(attempt, "in")

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Pay the money out."""
        return await self._transfer(attempt, "out")

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Give it back."""
        return await self._transfer(attempt, "out")

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Read the transfer; once it has ended, what was reversed or reinstated since."""
        transfer = await self.call("GET", f"{self._path}/{attempt.attempt_id}")
        return reported(attempt, transfer) if attempt.ended else answer_of(transfer)

    async def _transfer(self, attempt: Attempt, kind: str) -> Answer:
        request = attempt.request
        account = self._vault.open(request.instrument.sealed, context="wallet").decode()
        body = {"id": str(attempt.attempt_id), "kind": kind, "amount": request.amount.minor,
                "currency": request.amount.currency, "account": account}  # fmt: skip
        signed = await self._signed(str(attempt.attempt_id))
        return answer_of(await self.call("POST", self._path, json={**body, **signed}))

    async def _signed(self, _transfer_id: str) -> dict[str, str]:
        """More fields of the request."""
        return {}

    async def call(self, verb: str, path: str, **body: Any) -> Any:
        try:
            reply = await self._http.request(verb, path, **body)
            reply.raise_for_status()
        except httpx.HTTPError as error:
            raise OutcomeUnknown(self.rail, repr(error)) from error
        return reply.json()

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee, from the schedule."""
        method = rails()[self.rail].priced_as
        return self._fees.fee(amount, method=method, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """A second."""
        return EVERY

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def reported(attempt: Attempt, transfer: dict[str, Any]) -> Answer:
    """The first reversal or reinstatement of an ended transfer that was not reported yet."""
    place = int(attempt.memory.get(REPORTED, 0))
    if place >= len(transfer["events"]):
        return Answer(Pending())
    event = transfer["events"][place]
    amount = Money(event["amount"], transfer["currency"])
    receipt, why = f"{event['kind']}-{event['name']}", "DemoPay says so"
    outcome = (
        Reversed(amount, receipt, why, reversal_reference=event["name"])
        if event["kind"] == "reversed"
        else Reinstated(amount, event["name"], why, receipt)
    )
    more = place + 1 < len(transfer["events"])
    memory = {REPORTED: str(place + 1)}
    return Answer(outcome, memory, check_after=timedelta() if more else None)


def answer_of(transfer: dict[str, Any]) -> Answer:
    """What a transfer's state means."""
    if transfer["state"] == "done":
        amount = Money(transfer["amount"], transfer["currency"])
        more = timedelta() if transfer["events"] else None
        return Answer(Settled(amount, transfer["receipt"]), check_after=more)
    if transfer["state"] == "canceled":
        return Answer(Canceled())
    return Answer(Declined(_DECLINED) if transfer["state"] == "declined" else Pending())
