"""Wire the parts of the ledger service.

payments.results ──> ResultsHandler ──> ledger.apply_results ──> outbox ──> payments.events
                     Sweeper        ──> ledger.sweep         ──> outbox ──> commands again
                     Sealer         ──> ledger.seal          ──> outbox ──> ledger.heads
                     Verifier       ──> invariants           ──> metrics
                     Figures        ──> balances, differences ──> metrics
"""

from cift_shared.kafka.broker import Subscription
from cift_shared.messaging import topics
from cift_shared.messaging.messages import LedgerHead, PaymentEvent, PaymentResult
from cift_shared.runtime.service import Base, Composition
from ledger.chain.sealer import Sealer
from ledger.posting.consumer import ResultsHandler
from ledger.posting.store import LedgerStore
from ledger.posting.sweeper import Sweeper
from ledger.reports.figures import Figures
from ledger.settings import LedgerSettings
from ledger.verification.verifier import Verifier

SCHEMA = "ledger"
ROLE = "cift_ledger"
GROUP = "ledger"


def compose(base: Base, settings: LedgerSettings) -> Composition:
    """Build the parts of the service and connect them."""
    store = LedgerStore(base.pool)
    handler = ResultsHandler(store, wake_relay=base.relay.wake)
    sweeper = Sweeper(
        store, base.clock, interval_s=settings.sweep_interval_s, wake_relay=base.relay.wake
    )
    sealer = Sealer(
        base.pool, base.clock, interval_s=settings.seal_interval_s, wake_relay=base.relay.wake
    )
    verifier = Verifier(base.pool, base.clock, interval_s=settings.verify_interval_s)
    return Composition(
        subscriptions=[
            Subscription(topics.RESULTS, PaymentResult, GROUP, handler, topics.ABOUT_RESULTS)
        ],
        publishes=[(topics.EVENTS, PaymentEvent), (topics.HEADS, LedgerHead)],
        parts=[sweeper, sealer, verifier, Figures(base.pool)],
    )
