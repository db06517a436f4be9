"""Build the card worker: the attempt engine around the card processor.

payments.commands.card    -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> Stripe
payments.webhooks.stripe  -> notices ───────────┴─ poll ─────> processor ─> client ─> Stripe
                                                     └─> outbox -> payments.results
                                                                   payment-methods.results
"""

from card_worker.client import StripeApi
from card_worker.customers import StoredCustomers
from card_worker.processor import CardProcessor
from card_worker.settings import CardConfig, WorkerSettings
from cift_shared.attempts import compose_worker
from cift_shared.runtime.service import Base, Composition

SCHEMA = "card"
ROLE = "cift_card"


def compose(base: Base, settings: WorkerSettings, config: CardConfig) -> Composition:
    """Build the worker from its settings."""
    processor = CardProcessor(
        config,
        StripeApi(config, base.clock),
        customers=StoredCustomers(base.pool),
        vault=settings.vault(),
        clock=base.clock,
    )
    return compose_worker(base, processor, schema=SCHEMA, concurrency=settings.concurrency)
