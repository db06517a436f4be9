"""The attempt engine: one durable state machine, the same for every worker.

ingest    payments.commands.<method>   -> attempt rows, then offsets
dispatch  due attempts                 -> provider call (our key = the attempt's id)
notices   payments.webhooks.<provider> -> notice rows, the attempt is due at once
poll      due attempts                 -> ask the provider
each ends in: attempt + outbox row, one statement -> payments.results
"""

from cift_shared.attempts.engine import AttemptEngine
from cift_shared.attempts.intake import CommandIntake, NoticeIntake
from cift_shared.attempts.store import AttemptStore
from cift_shared.attempts.worker import compose_worker

__all__ = ["AttemptEngine", "AttemptStore", "CommandIntake", "NoticeIntake", "compose_worker"]
