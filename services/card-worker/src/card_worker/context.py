"""Shared by deposits, refunds and saved cards: dependencies, check delays, next actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from card_worker import domain, wire
from card_worker.client import StripeApi
from card_worker.customers import Customers
from card_worker.settings import CardConfig
from card_worker.stripe_call import PROVIDER
from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.attempts.processor import Attempt, MethodAttempt, Notice
from cift_shared.clock import Clock
from cift_shared.errors import SealBroken
from cift_shared.messaging.messages import Step
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.security.field_encryption import Vault

REFERENCE_CONTEXT = "provider-request"
"""Key context of the fingerprints of Stripe's ids."""
CARD_CONTEXT = "card"
"""Encryption context of the ids of saved cards and their Stripe customers, and key context of the
fingerprints of cards."""
ACTION_CONTEXT = "next_action"
"""Encryption context of data that only the payer may see."""

REPORTED = "told"
"""Memory field: the last final outcome that was reported. Stored with attempts: never rename it."""
FEE_REPORTED = "fee_told"
"""Memory field: set once Stripe's fee was reported. Stored with attempts: never rename it."""

NO_WAIT = timedelta(0)
"""The next step follows as soon as the answer is stored; also: the payer has no time left."""
RETRY_DELAY_S = 3
"""Wait in seconds after a server error of Stripe; then search first, and only then send again."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Context:
    """The dependencies of deposits, refunds and saved cards, and what they have in common."""

    config: CardConfig
    api: StripeApi
    customers: Customers
    vault: Vault
    clock: Clock

    def step(self, name: str, **detail: object) -> Step:
        """An entry of the payment's timeline; None values are left out, long values are cut."""
        return Step.of(self.clock.now(), f"{PROVIDER}.{name}", detail)

    def fingerprint(self, reference: str) -> str:
        """The keyed hash of a Stripe id; finds the attempt of a notice about that object."""
        return self.vault.fingerprint(reference.encode(), context=REFERENCE_CONTEXT)

    def seal(self, text: str, *, context: str) -> str:
        """The encrypted text, bound to the context."""
        return self.vault.seal(text.encode(), context=context)

    def open(self, sealed: str) -> str | None:
        """The decrypted id of a card or Stripe customer; None when it can't be decrypted."""
        try:
            return self.vault.open(sealed, context=CARD_CONTEXT).decode()
        except SealBroken:
            log.warning("stripe.sealed_data_unreadable")
            return None

    def age(self, attempt: Attempt | MethodAttempt) -> timedelta:
        """How long ago the attempt began."""
        now = self.clock.now()
        return now - (attempt.created_at or now)

    def time_left(self, attempt: Attempt | MethodAttempt) -> timedelta:
        """The rest of the time that the payer has to act; zero or less: the time is over."""
        limit = sped_up(self.config.action_timeout_s, self.config.check_speed)
        return limit - self.age(attempt)

    def check_delay(
        self, attempt: Attempt | MethodAttempt, kind: Literal["payment", "refund"]
    ) -> timedelta | None:
        """The wait before the next query; while a payer may act, at most the rest of that time."""
        speed = self.config.check_speed
        delay = domain.check_delay(attempt.checks, self.age(attempt), kind, speed=speed)
        left = self.time_left(attempt)
        if delay is None or kind == "refund" or left <= NO_WAIT:
            return delay
        return min(delay, left)

    def watch(self, attempt: Attempt, ages_s: Sequence[int]) -> timedelta | None:
        """The wait before a settled payment is read again; None: never again."""
        return domain.watch_delay(ages_s, self.age(attempt), speed=self.config.check_speed)

    def retry_delay(self) -> timedelta:
        """The short wait after a server error of Stripe."""
        return sped_up(RETRY_DELAY_S, self.config.check_speed)

    def count_unknown(self, kind: str, word: str | None) -> None:
        """Count and log a word that no table lists, for the operators."""
        UNKNOWN_WORDS.labels(PROVIDER).inc()
        log.warning("stripe.word.unknown", kind=kind, word=(word or "")[:64])


def next_action(
    context: Context, kind: str, action: wire.NextAction | None, client_secret: str | None
) -> dict[str, str]:
    """The action that the payer must take; data that only the payer may see is encrypted.

    A redirect leads to the bank's page. Any other action is for Stripe's library in the browser,
    which needs the client secret.
    """
    url = action.redirect_to_url.url if action and action.redirect_to_url else None
    if action is not None and action.type == "redirect_to_url" and url:
        return {
            "type": "redirect_to_url",
            "url_sealed": context.seal(url, context=ACTION_CONTEXT),
        }
    browser_action = {"type": action.type if action else kind}
    browser_action["publishable_key"] = context.config.publishable_key
    if client_secret:
        browser_action["client_secret_sealed"] = context.seal(client_secret, context=ACTION_CONTEXT)
    return browser_action


def event_types(notices: Sequence[Notice]) -> set[str]:
    """The event types of notices; "" for a notice that can't be parsed."""
    events = (wire.Event.read(notice.body) for notice in notices)
    return {event.type if event else "" for event in events}
