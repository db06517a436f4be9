"""Build the M-Pesa worker: the attempt engine around the M-Pesa processor.

payments.commands.mpesa -> ingest -> attempt ─┬─ dispatch ─> processor ─> client ─> Daraja
payments.webhooks.mpesa -> notices ───────────┴─ poll ─────> processor ─> client ─> Daraja
Pull Transactions -> rows -> notices ─────────┘    └─> outbox -> payments.results
"""

from collections.abc import Callable, Sequence
from functools import partial

from cift_shared.attempts import AttemptStore, compose_worker
from cift_shared.observability.log import get_logger
from cift_shared.runtime.service import Base, Composition, Part, Unit
from cift_shared.settings import load_if_set
from mpesa_worker.client import DarajaClient
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.pull_job import RECENT, PullJob, coverage_name, read_kinds, registration_of
from mpesa_worker.pulls import PullStore, SharedRecords
from mpesa_worker.pushes import SharedPushReferences
from mpesa_worker.settings import MpesaConfig, WorkerSettings
from mpesa_worker.token_store import SharedTokens
from mpesa_worker.unresolved_pushes import PushStores

SCHEMA = "mpesa"
ROLE = "cift_mpesa"

log = get_logger()


def unit(settings: WorkerSettings) -> Unit | None:
    """The rail as a unit of the process; None if nothing of it is set up.

    Raises:
        SettingsInvalid: a setting is missing or wrong.
    """
    config = load_if_set(MpesaConfig)
    if config is None:
        return None
    composition = partial(compose, settings=settings, config=config)
    return Unit(name="mpesa-worker", schema=SCHEMA, role=ROLE, compose=composition)


def compose(base: Base, settings: WorkerSettings, config: MpesaConfig) -> Composition:
    """Build the worker from its settings."""
    vault = settings.vault()
    tokens = SharedTokens(base.pool, vault, base.clock, app=config.app)
    client = DarajaClient(config, tokens, base.clock)
    pushes = SharedPushReferences(base.pool, vault)
    callback_tokens = settings.callback_tokens()
    processor = MpesaProcessor(
        config,
        client,
        vault=vault,
        callback_tokens=callback_tokens,
        clock=base.clock,
        push_stores=PushStores(pushes, _records(base, config)),
    )

    def beside(store: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        if not config.pulls:
            return ()
        pulls = PullStore(base.pool, store, vault)
        return [
            PullJob(
                kind,
                registration_of(config, callback_tokens),
                client=client,
                store=pulls,
                pushes=pushes,
                on_hints=wake,
            )
            for kind in read_kinds(config)
        ]

    return compose_worker(
        base,
        processor,
        schema=SCHEMA,
        concurrency=settings.concurrency,
        find_attempts=pushes.find_attempts,
        extra_loops=beside,
    )


def _records(base: Base, config: MpesaConfig) -> SharedRecords | None:
    """The stored records; None when they are not read. Logs which functions are then missing."""
    if not config.pulls:
        log.warning(
            "mpesa.pull.off",
            meaning="a push whose answer is lost is settled by its callback, or by an operator",
            needs="MPESA_PULL_NOMINATED_NUMBER",
        )
        return None
    if config.initiator_name is None:
        log.warning(
            "mpesa.pull.no_operator",
            meaning="payments found in the records can't be confirmed, and wait for an operator",
            needs="MPESA_INITIATOR_NAME",
        )
    return SharedRecords(base.pool, name=coverage_name(config, RECENT))
