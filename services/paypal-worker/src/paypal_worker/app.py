"""Build the PayPal worker: the attempt engine around the PayPal processor.

payments.commands.paypal -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> PayPal
payments.webhooks.paypal -> proof -> notices ──┼─ poll ─────> processor ─> client ─> PayPal
PayPal's list of events ─> notices ────────────┘    └─> outbox -> payments.results
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cift_shared.attempts import AttemptStore, compose_worker
from cift_shared.observability.log import get_logger
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Part
from cift_shared.security.field_encryption import Vault
from paypal_method.rail import RAIL
from paypal_method.transmission import CertificateAddresses
from paypal_worker.certificate_source import CertificateSource
from paypal_worker.certificates import Certificates, Trust
from paypal_worker.client import PayPalClient
from paypal_worker.event_catchup import EventCatchUp
from paypal_worker.event_store import EventStore
from paypal_worker.notices import Delivery, Notices
from paypal_worker.processor import PayPalProcessor
from paypal_worker.records import Records
from paypal_worker.settings import PayPalConfig, WorkerSettings
from paypal_worker.token_store import SharedTokens
from paypal_worker.webhook_verifier import Verifier

SCHEMA = "paypal"
ROLE = "cift_paypal"

log = get_logger()


def compose(base: Base, settings: WorkerSettings, config: PayPalConfig) -> Composition:
    """Build the worker from its settings."""
    vault = settings.vault()
    tokens = SharedTokens(base.pool, vault, base.clock, app=config.app)
    api = PayPalClient(config, tokens, base.clock)
    processor = PayPalProcessor(
        config,
        api,
        vault=vault,
        returns=settings.return_tokens(),
        clock=base.clock,
        records=Records.stored(base.pool),
    )
    source = CertificateSource()
    delivery = _delivery(base, vault, processor.fingerprint)
    verifier = _verifier(base, config, api, source)
    notices = Notices(verifier, delivery, config, base.clock)

    def beside(_: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        if config.webhook_id is None:
            return ()
        catch_up = EventCatchUp(config.webhook_id, api, delivery, config, base.clock)
        jobs = (notices.job(wake), catch_up.job(wake))
        return [JobLoop(job, base.pool, SCHEMA, base.clock) for job in jobs]

    composition = compose_worker(
        base,
        processor,
        schema=SCHEMA,
        concurrency=settings.concurrency,
        find_attempts=notices.find_attempts,
        extra_loops=beside,
    )
    return replace(composition, close=[*composition.close, source.close])


def _delivery(base: Base, vault: Vault, fingerprint: Callable[[str], str]) -> Delivery:
    owner = base.settings.group_instance(f"{RAIL.name}-worker")
    attempts = AttemptStore(base.pool, schema=SCHEMA, rail=RAIL.name, owner=owner, vault=vault)
    return Delivery(EventStore(base.pool, vault, fingerprint), attempts, vault)


def _verifier(
    base: Base, config: PayPalConfig, api: PayPalClient, source: CertificateSource
) -> Verifier | None:
    """What proves webhooks; None when PayPal's id of our webhook is not set."""
    if config.webhook_id is None:
        log.warning(
            "paypal.webhooks.off",
            meaning="payments proceed by our own queries alone",
            needs="PAYPAL_WEBHOOK_ID",
        )
        return None
    trust = Trust.of(config.environment, config.webhook_roots)
    return Verifier(
        config.webhook_id,
        CertificateAddresses.of(config.environment, config.api_base),
        Certificates(trust, source.fetch, base.clock),
        api.verify_webhook,
    )
