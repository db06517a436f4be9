"""Payouts that arrive while a batch of their currency is sent travel together in the next one.

The queue never waits to fill a batch: what is there travels.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from cift_shared.attempts.processor import Attempt
from cift_shared.errors import OutcomeUnknown
from cift_shared.ids import AttemptId

T = TypeVar("T")
SendTogether = Callable[[Sequence[Attempt]], Awaitable[Mapping[AttemptId, T]]]
"""Sends some payouts of one currency; what became of each of which that is known."""


class PayoutQueue(Generic[T]):
    """One sender for each currency; each caller waits for what became of its own payout."""

    def __init__(self, most: int, send_together: SendTogether[T]) -> None:
        """`most` is how many payouts travel together."""
        self._most = most
        self._send_together = send_together
        self._waiting: dict[str, list[tuple[Attempt, asyncio.Future[T]]]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}

    async def send(self, attempt: Attempt) -> T:
        """Send a payout with those that wait.

        Raises:
            OutcomeUnknown: nothing is known of this payout.
            Exception: what the sending raised.
        """
        currency = attempt.request.amount.currency
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(currency, []).append((attempt, future))
        sender = self._senders.get(currency)
        if sender is None or sender.done():
            sending = self._send_all(self._waiting[currency])
            self._senders[currency] = asyncio.create_task(sending, name="paypal:payouts")
        return await asyncio.shield(future)

    async def _send_all(self, waiting: list[tuple[Attempt, "asyncio.Future[T]"]]) -> None:
        while waiting:
            group = waiting[: self._most]
            del waiting[: self._most]
            try:
                sent = await self._send_together([attempt for attempt, _ in group])
                for attempt, future in group:
                    _tell(future, sent.get(attempt.attempt_id))
            except BaseException as error:  # `send` raises it for its caller
                _fail([future for _, future in group], error)
                if isinstance(error, asyncio.CancelledError):
                    _fail([future for _, future in waiting], error)
                    raise


def _tell(future: "asyncio.Future[T]", sent: T | None) -> None:
    if future.done():
        return
    if sent is None:
        future.set_exception(
            OutcomeUnknown("payout_claim_lost", "another process has ended this payout")
        )
    else:
        future.set_result(sent)


def _fail(futures: "list[asyncio.Future[T]]", error: BaseException) -> None:
    for future in futures:
        if future.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
