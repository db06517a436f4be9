"""Consume workers' results about saved methods: update the rows and wake the waiting requests.

payment-methods.results -> decode -> apply (by seq) -> pg_notify -> waiting requests
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from prometheus_client import Counter
from pydantic import ValidationError

from cift_shared.clock import Clock
from cift_shared.kafka import Record, RejectedRecord
from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.message import first_problem
from cift_shared.messaging.messages import MethodResult
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.runtime.consuming import consuming
from cift_shared.runtime.service import Base
from gateway.payment_methods.commands import detach_message
from gateway.payment_methods.repository import Applied, MethodRepository

GROUP = "gateway"
SCHEMA = "gateway"
"""Rejected records are stored in the outbox of this schema."""

METHOD_RESULTS = Counter(
    "cift_method_results_total",
    "Workers' results about saved methods, by outcome.",
    ["kind", "outcome"],
)

log = get_logger()


class MethodResultsHandler:
    """Handles `payment-methods.results`."""

    def __init__(
        self, methods: MethodRepository, clock: Clock, *, wake_relay: Callable[[], None]
    ) -> None:
        self._methods = methods
        self._clock = clock
        self._wake_relay = wake_relay

    async def __call__(self, records: Sequence[Record]) -> list[RejectedRecord]:
        """Apply results in order; return as rejected what can't be read and unknown methods."""
        refusals = []
        for record in records:
            try:
                result = MethodResult.model_validate_json(record.body or b"")
            except ValidationError as error:
                refusals.append(RejectedRecord(record, "undecodable", first_problem(error)))
                continue
            applied = await self._apply(result)
            if not applied.known:
                detail = f"no saved method {result.payment_method_id}"
                refusals.append(RejectedRecord(record, "unknown_payment_method", detail))
        return refusals

    async def _apply(self, result: MethodResult) -> Applied:
        applied = await self._methods.apply(result, await self._detach_if_deleted(result))
        if applied.new:
            self._wake_relay()
        elif applied.known:
            metrics.DUPLICATES.labels("gateway").inc()
        outcome = "applied" if applied.new else "duplicate" if applied.known else "unknown"
        METHOD_RESULTS.labels(result.kind, outcome).inc()
        log.info(
            "gateway.method_result",
            payment_method_id=str(result.payment_method_id),
            kind=result.kind,
            seq=result.seq,
            outcome=outcome,
        )
        return applied

    async def _detach_if_deleted(self, result: MethodResult) -> OutgoingMessage | None:
        """The command to remove a saved method; sent only if it was deleted here meanwhile."""
        if result.kind != "saved":
            return None
        row = await self._methods.owner(result.payment_method_id)
        if row is None:
            return None
        saved = {
            **row,
            "sealed": result.instrument_sealed or row["sealed"],
            "customer_sealed": result.customer_reference_sealed or row["customer_sealed"],
        }
        return detach_message(saved, self._clock.now()) if saved["sealed"] else None


def consume_method_results(
    handler: MethodResultsHandler,
    base: Base,
    *,
    topic: str = topics.METHOD_RESULTS,
    group: str = GROUP,
) -> AbstractAsyncContextManager[BatchBroker]:
    """Consume the topic while the block runs."""
    subscription = Subscription(topic, MethodResult, group, handler, topics.ABOUT_METHOD_RESULTS)
    return consuming(base, subscription, schema=SCHEMA)
