"""What the M-Pesa worker is made of: the attempt engine around the M-Pesa processor.

payments.commands.mpesa -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> Daraja
payments.webhooks.mpesa -> notices ───────────┴─ poll ─────> processor ─> client ─> Daraja
                                                   └─> outbox -> payments.results
"""

from cift_shared.attempts import compose_worker
from cift_shared.service import Base, Composition
from mpesa_worker.client import DarajaClient
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.settings import MpesaConfig, WorkerSettings
from mpesa_worker.token_store import SharedTokens

SCHEMA = "mpesa"
ROLE = "cift_mpesa"


def compose(base: Base, settings: WorkerSettings, config: MpesaConfig) -> Composition:
    """Put the worker together."""
    vault = settings.vault()
    tokens = SharedTokens(base.pool, vault, base.clock, app=config.app)
    processor = MpesaProcessor(
        config,
        DarajaClient(config, tokens, base.clock),
        vault=vault,
        callback_tokens=settings.callback_tokens(),
        clock=base.clock,
    )
    return compose_worker(base, processor, schema=SCHEMA, concurrency=settings.concurrency)
