"""Build the PayPal worker: the attempt engine around the PayPal processor.

payments.commands.paypal -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> PayPal
                                               ├─ poll ─────> processor ─> client ─> PayPal
                                               └─> outbox -> payments.results
"""

from cift_shared.attempts import compose_worker
from cift_shared.runtime.service import Base, Composition
from paypal_worker.client import PayPalClient
from paypal_worker.consents import StoredConsents
from paypal_worker.processor import PayPalProcessor
from paypal_worker.settings import PayPalConfig, WorkerSettings
from paypal_worker.token_store import SharedTokens

SCHEMA = "paypal"
ROLE = "cift_paypal"


def compose(base: Base, settings: WorkerSettings, config: PayPalConfig) -> Composition:
    """Build the worker from its settings."""
    vault = settings.vault()
    tokens = SharedTokens(base.pool, vault, base.clock, app=config.app)
    processor = PayPalProcessor(
        config,
        PayPalClient(config, tokens, base.clock),
        vault=vault,
        returns=settings.return_tokens(),
        clock=base.clock,
        consents=StoredConsents(base.pool),
    )
    return compose_worker(base, processor, schema=SCHEMA, concurrency=settings.concurrency)
