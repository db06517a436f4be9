"""Shared by deposits, refunds and payouts: dependencies, check delays, timeline, alarms.

Memory fields are stored with attempts, so their names (`order`, `capture`, ...) never change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.attempts.processor import Attempt, MethodAttempt
from cift_shared.clock import Clock
from cift_shared.errors import ProviderThrottled, SealBroken
from cift_shared.messaging.messages import Step
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.security.field_encryption import Vault
from cift_shared.security.return_token import ReturnTokens
from paypal_method.instruments import KIND
from paypal_worker import domain
from paypal_worker.client import PayPalClient
from paypal_worker.settings import PayPalConfig
from paypal_worker.transport import PROVIDER

REFERENCE_CONTEXT = "provider-request"
"""Key context of the fingerprints of PayPal's ids."""
ACCOUNT_CONTEXT = KIND
"""Encryption context of PayPal accounts."""
ACTION_CONTEXT = "next_action"
"""Encryption context of data that only the payer may see."""

REPORTED = "told"
"""Memory field: the last final outcome that was reported."""

NO_WAIT = timedelta(0)
"""The next step follows as soon as the answer is stored; also: the payer has no time left."""
RETRY_DELAY_S = 3
"""Wait in seconds before PayPal is queried again after an answer that decides nothing."""
ACCOUNT_PAUSE_S = 300
"""How long no order is created after PayPal refused our own account."""
ACCOUNT_RESTRICTED = "provider_account_restricted"

log = get_logger()


@dataclass(slots=True)
class AccountWatch:
    """Stops new orders for a while after PayPal refused our own account."""

    clock: Clock
    _until: float | None = None

    def refused(self, issue: str) -> None:
        """Record a refusal of our account, for which an operator must act."""
        self._until = self.clock.monotonic() + ACCOUNT_PAUSE_S
        log.error("paypal.account.refused", issue=issue[:64], pause_s=ACCOUNT_PAUSE_S)

    @property
    def is_paused(self) -> bool:
        """True while no order is created."""
        return self._left_s > 0

    def check(self) -> None:
        """Refuse a new order during the pause.

        Raises:
            ProviderThrottled: nothing was sent.
        """
        if self.is_paused:
            raise ProviderThrottled(
                ACCOUNT_RESTRICTED,
                "PayPal refused our account; an operator must act",
                retry_after_s=int(self._left_s) + 1,
            )

    @property
    def _left_s(self) -> float:
        return 0.0 if self._until is None else self._until - self.clock.monotonic()


@dataclass(frozen=True, slots=True)
class Context:
    """The dependencies of deposits, refunds and payouts, and what they have in common."""

    config: PayPalConfig
    api: PayPalClient
    vault: Vault
    returns: ReturnTokens
    clock: Clock
    account: AccountWatch = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "account", AccountWatch(self.clock))

    def step(self, name: str, **detail: object) -> Step:
        """An entry of the payment's timeline; None values are left out, long values are cut."""
        return Step.of(self.clock.now(), f"{PROVIDER}.{name}", detail)

    def fingerprint(self, reference: str) -> str:
        """The keyed hash of a PayPal id; finds the attempt of a notice about that object."""
        return self.vault.fingerprint(reference.encode(), context=REFERENCE_CONTEXT)

    def open(self, sealed: str) -> str | None:
        """The decrypted text of an account; None when it can't be decrypted."""
        try:
            return self.vault.open(sealed, context=ACCOUNT_CONTEXT).decode()
        except SealBroken:
            log.warning("paypal.sealed_data_unreadable")
            return None

    def age(self, attempt: Attempt | MethodAttempt) -> timedelta:
        """How long ago the attempt began."""
        now = self.clock.now()
        return now - (attempt.created_at or now)

    def time_left(self, attempt: Attempt) -> timedelta:
        """The rest of the time that the payer has to approve; zero or less: the time is over."""
        limit = sped_up(self.config.action_timeout_s, self.config.check_speed)
        return limit - self.age(attempt)

    def check_delay(self, attempt: Attempt, pace: domain.Pace) -> timedelta | None:
        """The wait before the next query; while a payer may act, at most the rest of that time."""
        speed = self.config.check_speed
        delay = domain.check_delay(attempt.checks, self.age(attempt), pace, speed=speed)
        left = self.time_left(attempt)
        if delay is None or pace == "slow" or left <= NO_WAIT:
            return delay
        return min(delay, left)

    def watch(self, attempt: Attempt, ages_s: Sequence[int]) -> timedelta | None:
        """The wait before a settled payment is read again; None: never again."""
        return domain.watch_delay(ages_s, self.age(attempt), speed=self.config.check_speed)

    def retry_delay(self) -> timedelta:
        """The short wait after an answer that decides nothing."""
        return sped_up(RETRY_DELAY_S, self.config.check_speed)

    def next_action(self, page: str) -> dict[str, str]:
        """The action of the payer: to open PayPal's page, whose address only the payer sees."""
        sealed = self.vault.seal(page.encode(), context=ACTION_CONTEXT)
        return {"type": "redirect_to_url", "url_sealed": sealed}

    def is_page(self, address: str | None) -> bool:
        """True for an address that a payer may be sent to: https, or http like the twin's own."""
        try:
            scheme = urlsplit(address or "").scheme
        except ValueError:
            return False
        return scheme == "https" or scheme == urlsplit(self.config.base).scheme == "http"

    def count_unknown(self, kind: str, word: str | None) -> None:
        """Count and log a word that no table lists, for the operators."""
        UNKNOWN_WORDS.labels(PROVIDER).inc()
        log.warning("paypal.word.unknown", kind=kind, word=(word or "")[:64])
