"""What the flows (deposits, refunds, saved cards) share: tools, and words for the timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from card_worker import domain, wire
from card_worker.calls import PROVIDER
from card_worker.client import StripeApi
from card_worker.customers import Customers
from card_worker.settings import CardConfig
from cift_shared.check_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.errors import SealBroken
from cift_shared.log import get_logger
from cift_shared.messages import Step
from cift_shared.metrics import UNKNOWN_WORDS
from cift_shared.processor import Attempt, MethodAttempt, Notice
from cift_shared.vault import Vault

REFERENCE_CONTEXT = "provider-request"
"""Of fingerprints of Stripe's ids."""
CARD_CONTEXT = "card"
"""Of sealed ids of saved cards and their owners, and of cards' fingerprints."""
ACTION_CONTEXT = "next_action"
"""Of what only the payer may see."""

AT_ONCE = timedelta(0)
"""What was learned is stored, then the next step is taken."""
AGAIN_S = 3
"""After an error of Stripe's own: first look, then ask again."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything a flow needs."""

    config: CardConfig
    api: StripeApi
    customers: Customers
    vault: Vault
    clock: Clock

    def step(self, name: str, **detail: object) -> Step:
        """A line of the timeline; what is None is left out, what is long is cut."""
        return Step.of(self.clock.now(), f"{PROVIDER}.{name}", detail)

    def fingerprint(self, reference: str) -> str:
        """The keyed hash by which a notice about an object of Stripe's finds its attempt."""
        return self.vault.fingerprint(reference.encode(), context=REFERENCE_CONTEXT)

    def seal(self, text: str, *, context: str) -> str:
        """A text for the owner of the context only."""
        return self.vault.seal(text.encode(), context=context)

    def open(self, sealed: str) -> str | None:
        """A sealed id of a card or its owner; None when it can't be opened."""
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
        """What is left of the time a payer has to act; zero or less: none."""
        limit = sped_up(self.config.action_timeout_s, self.config.check_speed)
        return limit - self.age(attempt)

    def check_delay(
        self, attempt: Attempt | MethodAttempt, kind: Literal["payment", "refund"]
    ) -> timedelta | None:
        """When to ask next; while a payer may act, not later than the end of that time."""
        speed = self.config.check_speed
        delay = domain.check_delay(attempt.checks, self.age(attempt), kind, speed=speed)
        left = self.time_left(attempt)
        if delay is None or kind == "refund" or left <= AT_ONCE:
            return delay
        return min(delay, left)

    def watch(self, attempt: Attempt, moments_s: Sequence[int]) -> timedelta | None:
        """When to look again at what is settled; None: not any more."""
        return domain.watch_delay(moments_s, self.age(attempt), speed=self.config.check_speed)

    def again(self) -> timedelta:
        """A short pause after an error of Stripe's own."""
        return sped_up(AGAIN_S, self.config.check_speed)

    def count_unknown(self, kind: str, word: str | None) -> None:
        """Tell operators of a word that no table lists."""
        UNKNOWN_WORDS.labels(PROVIDER).inc()
        log.warning("stripe.word.unknown", kind=kind, word=(word or "")[:64])


def next_action(
    flow: Flow, kind: str, action: wire.NextAction | None, client_secret: str | None
) -> dict[str, str]:
    """What the payer must do, with what only the payer may see sealed.

    A redirect goes to the bank's page; everything else is for Stripe's library in the browser,
    which takes the client secret.
    """
    url = action.redirect_to_url.url if action and action.redirect_to_url else None
    if action is not None and action.type == "redirect_to_url" and url:
        return {
            "type": "redirect_to_url",
            "url_sealed": flow.seal(url, context=ACTION_CONTEXT),
        }
    shown = {"type": action.type if action else kind}
    shown["publishable_key"] = flow.config.publishable_key
    if client_secret:
        shown["client_secret_sealed"] = flow.seal(client_secret, context=ACTION_CONTEXT)
    return shown


def event_types(notices: Sequence[Notice]) -> set[str]:
    """What notices are about; "" for one that can't be read."""
    events = (wire.Event.read(notice.body) for notice in notices)
    return {event.type if event else "" for event in events}
