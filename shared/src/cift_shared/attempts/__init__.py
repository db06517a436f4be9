"""The attempt engine: one durable state machine, the same for every worker.

ingest    payments.commands.<rail>   -> insert attempt rows, then commit offsets
dispatch  due attempts                 -> provider call (our key = the attempt's id)
notices   payments.webhooks.<provider> -> insert notice rows, make the attempt due now
poll      due attempts                 -> query the provider

`dispatch` and `poll` store the attempt and an outbox row in one statement; the relay publishes that
row to payments.results.
"""

from cift_shared.attempts.consumers import CommandConsumer, NoticeConsumer
from cift_shared.attempts.engine import AttemptEngine
from cift_shared.attempts.store import AttemptStore
from cift_shared.attempts.worker import compose_worker

__all__ = ["AttemptEngine", "AttemptStore", "CommandConsumer", "NoticeConsumer", "compose_worker"]
